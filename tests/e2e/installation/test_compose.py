"""MySQL, migration, page and worker in containers, by the guide's commands; the data outlives them."""

import os
import shutil
import socket
import subprocess
import uuid

import pytest
import requests

from tests.docs import guide
from tests.e2e.harness.cluster import run, until
from tests.e2e.harness.guide_installation import Shell
from tests.e2e.harness.product import REQUEST


class Containers:
    """The commands of the guide in a clone of this repository, on a port of the test's own."""

    def __init__(self, folder) -> None:
        self.folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._environment = {"PORT": str(port), "COMPOSE_PROJECT_NAME": f"stock-backtest-{os.getpid()}"}
        self._shell = Shell(folder, **self._environment)
        start_and_stop, _image = guide.commands("docker")
        self._up, self._down = start_and_stop.splitlines(keepends=True)

    def up(self) -> None:
        """Start, and wait until the page can serve."""
        self._shell.run(self._up)
        until(self._ready, 120, "the page is ready", pause=0.5)

    def down(self) -> None:
        """Stop; no container is left."""
        self._shell.run(self._down)

    def remove(self) -> None:
        """Take away what `down` keeps."""
        self._shell.run("if docker compose version > /dev/null 2>&1; then c='docker compose'; else c=docker-compose; fi\n"
                        "$c down --volumes\n")  # fmt: skip
        self._shell.close()

    def call(self, method: str, path: str, **more) -> dict:
        """What the page answers."""
        answer = requests.request(method, f"{self.address}{path}", timeout=60, **more)
        assert answer.ok, answer.text
        return answer.json()

    def ended(self, run_id: str) -> dict:
        """The run once the worker has ended it."""
        until(
            lambda: self.call("GET", f"/api/runs/{run_id}")["completed_at"],
            120,
            "the run has ended",
            pause=0.2,
        )
        return self.call("GET", f"/api/runs/{run_id}")

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.address}/ready", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture
def containers(tmp_path):
    folder = tmp_path / "clone"
    run("git", "clone", "--quiet", str(guide.ROOT), str(folder))
    containers = Containers(folder)
    yield containers
    containers.remove()
    shutil.rmtree(folder)


def names(containers):
    """The running containers of the project."""
    project = containers._environment["COMPOSE_PROJECT_NAME"]
    label = f"label=com.docker.compose.project={project}"
    return run("docker", "ps", "--filter", label, "--format", "{{.Names}}").split()


def test_a_run_of_before_is_there_after_down_and_up_and_the_next_one_succeeds(containers, record_property):
    containers.up()
    first = containers.call("POST", "/run_backtest", json=REQUEST | {"run_id": str(uuid.uuid4())})["run_id"]
    before = containers.ended(first)
    running = len(names(containers))

    containers.down()
    stopped = len(names(containers))
    containers.up()

    assert before["status"] == "SUCCEEDED"
    assert (running, stopped) == (3, 0)
    assert containers.call("GET", f"/api/runs/{first}") == before
    second = containers.call("POST", "/run_backtest", json=REQUEST | {"run_id": str(uuid.uuid4())})["run_id"]
    assert containers.ended(second)["status"] == "SUCCEEDED"
    record_property("seen", f"result hash {before['result_hash'][:12]} before and after")


def test_every_container_of_ours_is_read_only_and_without_root(containers):
    containers.up()

    ours = [name for name in names(containers) if "mysql" not in name]
    seen = [
        run(
            "docker",
            "inspect",
            "--format",
            "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.HostConfig.CapDrop}}",
            name,
        )
        for name in ours
    ]

    assert [each.split() for each in seen] == [["true", "10001:10001", "[ALL]"]] * 2


def test_the_passwords_are_random_and_nobody_elses_to_read(containers):
    subprocess.run(["make", ".env"], cwd=containers.folder, check=True, capture_output=True)

    kept = (containers.folder / ".env").read_text()
    passwords = [line.partition("=")[2] for line in kept.splitlines()]

    assert len(set(passwords)) == 2
    assert all(len(each) == 32 for each in passwords)
    assert (containers.folder / ".env").stat().st_mode & 0o077 == 0
    assert ".env" not in run("git", "-C", str(containers.folder), "status", "--porcelain")
