"""The image alone: it starts without privileges, on a read-only file system, and brings what it needs."""

import json
import re
import subprocess
import time

import pytest
import requests

from tests.docs import guide
from tests.e2e.harness.cluster import run, until
from tests.e2e.harness.guide_installation import IMAGE, Shell

MARK = "mark-of-a-secret-7f3a9c"
SECRET_FILES = (".env", "secret.yaml", "k8s/base/secret.yaml", "tls.key", "web/.env", "var/record.sqlite3")
"""Files with secrets on a developer's machine; git ignores them, so the build must not take them either."""
LOCKED = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of this repository, with marked secrets in untracked files."""
    folder = tmp_path_factory.mktemp("image") / "clone"
    run("git", "clone", "--quiet", str(guide.ROOT), str(folder))
    for name in SECRET_FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"DB_PASSWORD={MARK}\n")
    return folder


@pytest.fixture(scope="module")
def image(clone) -> dict:
    """What docker knows about the image that the guide's command builds there."""
    with Shell(clone, DB_PASSWORD=MARK, ARGO_TOKEN=MARK, SECRET_KEY=MARK) as shell:
        shell.run(*guide.chapter(5, "docker"))
    (found,) = json.loads(run("docker", "image", "inspect", IMAGE))
    return found


@pytest.fixture
def container(image):
    """The web, with nothing but what the image brings; docker's own health check is asked twice a second."""
    name = run(
        "docker", "run", "--detach", "--rm", *LOCKED, "--publish=127.0.0.1::5000", "--health-interval=500ms",
        "--env=SIGN_IN=off", "--env=DATABASE_URL=sqlite:////tmp/record.sqlite3", IMAGE,
    ).strip()  # fmt: skip
    yield name
    subprocess.run(["docker", "kill", name], check=False, capture_output=True)


def test_it_starts_read_only_and_without_root_and_answers(container, record_property):
    begun = time.monotonic()
    address = "http://" + run("docker", "port", container, "5000").split()[0]

    def answers():
        try:
            return requests.get(f"{address}/health", timeout=2).json()
        except requests.RequestException:
            return None

    assert until(answers, 180, "the web answers") == {"status": "ok"}
    record_property("seen", f"/health after {time.monotonic() - begun:.1f} s")
    assert run("docker", "exec", container, "id", "-u").strip() == "10001"
    state = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    until(lambda: run(*state).strip() == "healthy", 180, "docker calls it healthy", pause=0.5)


def test_it_ends_soon_when_it_is_asked_to(container, record_property):
    address = "http://" + run("docker", "port", container, "5000").split()[0]
    until(
        lambda: subprocess.run(["curl", "-fs", f"{address}/health"], capture_output=True).returncode == 0,
        60,
        "up",
    )
    begun = time.monotonic()

    run("docker", "stop", "--time=30", container)

    took = time.monotonic() - begun
    assert took < 10
    record_property("seen", f"{took:.1f} s")


def test_it_says_which_commit_it_is_and_runs_as_nobody(clone, image):
    commit = run("git", "-C", str(clone), "rev-parse", "--short=7", "HEAD").strip()

    assert image["Config"]["Labels"]["org.opencontainers.image.revision"] == commit
    assert f"IMAGE_TAG={commit}" in image["Config"]["Env"]
    assert image["Config"]["User"] == "10001:10001"


def test_it_holds_the_packages_and_the_pages_of_docs_and_neither_tests_nor_git_nor_secrets(
    image, record_property
):
    listed = run(
        "docker",
        "run",
        "--rm",
        *LOCKED,
        IMAGE,
        "sh",
        "-c",
        "ls -A /app; ls -A /app/docs; find / -xdev -name '.env*' 2> /dev/null || true",
    )

    assert {"app.py", "backtest", "store", "workflows", "web"} <= set(listed.split())
    assert not {"tests", ".git", "k8s", ".env", "qa", "ops-guide.md"} & set(listed.split())
    assert not [each for each in image["Config"]["Env"] if re.search("PASSWORD|TOKEN|SECRET", each)]
    record_property("seen", f"{image['Size'] / 1e6:.0f} MB")


def found_in_layers(*texts):
    """Which of the texts are anywhere in the image: in a file of any layer, in its history, in its settings."""
    wanted, found, rest = {text.encode() for text in texts}, set(), b""
    with subprocess.Popen(["docker", "save", IMAGE], stdout=subprocess.PIPE) as saving:
        while piece := saving.stdout.read(1 << 22):
            found |= {text for text in wanted if text in rest + piece}
            rest = piece[-max(map(len, wanted)) :]
    assert saving.returncode == 0
    return {text.decode() for text in found}


def test_no_secret_of_whoever_builds_it_is_in_any_layer(image):
    assert found_in_layers(MARK, "def create_app(", "IMAGE_TAG=") == {"def create_app(", "IMAGE_TAG="}


def test_nothing_in_it_can_be_written_by_the_one_who_runs(image):
    found = run(
        "docker",
        "run",
        "--rm",
        "--network=none",
        IMAGE,
        "find",
        "/app",
        "/opt/venv",
        "-writable",
        "-not",
        "-type",
        "l",
    )

    assert found == ""


COMPILED = """
from backtest import jit, precompile
precompile.warm_up()
modules = jit._loaded
stats = [each.stats for module in modules for each in vars(module).values() if hasattr(each, "stats")]
print(sum(sum(each.cache_misses.values()) for each in stats), sum(sum(each.cache_hits.values()) for each in stats))
"""


def test_the_engine_in_it_is_compiled_already(image, record_property):
    begun = time.monotonic()

    misses, hits = run(
        "docker", "run", "--rm", "--network=none", *LOCKED, IMAGE, "python", "-c", COMPILED
    ).split()

    assert misses == "0"
    assert int(hits) > 0
    record_property(
        "seen", f"{hits} compiled functions found, none compiled anew, {time.monotonic() - begun:.1f} s"
    )
