"""The operations guide: the same commands in both languages, and they do what it says."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from argocd import release
from qa.harness import processes
from qa.harness.http_client import is_ok
from tests.argocd.servers import application, serve
from tests.docs import guide
from tests.docs.guide import ENGLISH, EXECUTED_BY, KOREAN, ROOT

DIGEST = "sha256:" + "a" * 64
MENTIONED = {"make test", "make e2e"}
"""Commands in the text that are how the guide itself is tested."""


def test_every_block_of_commands_says_who_executes_it_and_that_one_does():
    kinds = {kind for kind, _text in guide.blocks()}

    assert kinds == {*EXECUTED_BY, "cloud"}
    for kind, path in EXECUTED_BY.items():
        assert re.search(rf'guide\.\w+\((.*, )?"{kind}"\)', (ROOT / path).read_text(encoding="utf-8"))


def test_no_command_hides_in_the_text_where_no_test_executes_it():
    text = re.sub(
        r"^(```.*?^```|\|.*?)$", "", ENGLISH.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )

    found = set(re.findall(r"`((?:kubectl|argo|git|docker|gh|make|curl|python) [^`]+)`", text))

    assert found == MENTIONED


def collection():
    """The commands of the chapter that lists all."""
    return [row[1].strip("`") for row in guide.rows(ENGLISH) if len(row) == 3 and row[2].isdigit()]


def test_the_collection_lists_only_commands_that_stand_in_a_block():
    lines = {line.strip() for _kind, text in guide.blocks() for line in text.splitlines()}

    assert [command for command in collection() if command not in lines] == []


def test_every_file_that_it_names_is_there():
    named = set(
        re.findall(r"`((?:k8s|argocd|docs|tests|\.github)/[^`]+)`", ENGLISH.read_text(encoding="utf-8"))
    )
    linked = set(re.findall(r"\]\(([^)#]+)\)", ENGLISH.read_text(encoding="utf-8")))

    assert [name for name in named if not list(ROOT.glob(name))] == []
    assert [name for name in linked if not (ENGLISH.parent / name).exists()] == []


def test_the_korean_guide_has_the_very_same_commands():
    assert guide.blocks(KOREAN) == guide.blocks(ENGLISH)


def test_a_command_that_must_fail_is_noticed_when_it_does_not():
    script = guide.checked("! false\n! \\\n  true\necho reached\n")

    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")


def test_on_one_machine_the_page_is_there_and_ends_when_asked(tmp_path):
    command, _backup = guide.commands("machine")
    port = processes.free_port()
    environment = os.environ | {
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{tmp_path}/backtest.sqlite3",
        "LIBRARY_DIR": str(tmp_path / "library"),
        "BUNDLE_DIR": str(tmp_path / "bundles"),
    }

    running = subprocess.Popen(["bash", "-ec", command], cwd=ROOT, env=environment, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        is_healthy = processes.wait_until(lambda: is_ok(port, "/health") or running.poll() is not None)
        is_healthy = is_healthy and running.poll() is None
    finally:
        os.killpg(running.pid, signal.SIGINT)
        running.wait(processes.LAST_RESORT_SECONDS)

    assert is_healthy
    assert not is_ok(port, "/health")


def test_on_one_machine_a_backup_brings_back_what_was_lost(sqlite_url, tmp_path, monkeypatch):
    _run, both = guide.commands("machine")
    backup, restore = both.splitlines()
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("FILE", str(tmp_path / "backup.sqlite3"))
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    bash(".venv/bin/python -m store upgrade")
    bash(".venv/bin/python -m store import backtest/samples/GOOG.csv --symbol GOOG")

    bash(backup)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM datasets")
    bash(restore)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT symbol FROM datasets").fetchall() == [("GOOG",)]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a release in dev."""
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock"):
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("argocd", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / ".gitignore").write_text(".venv\n")
    monkeypatch.chdir(tmp_path)
    bash("git init --quiet && git config user.name operator && git config user.email operator@example.org")
    bash("git add . && git commit --quiet --message start")
    bash(f'.venv/bin/python -m argocd.promote release --revision "$(git rev-parse HEAD)" --digest {DIGEST}')
    return tmp_path


def bash(script):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_promotion_and_rollback_move_staging_there_and_back_and_nothing_else(repository, monkeypatch):
    adoption, promotion, rollback = guide.commands("git")
    bash(adoption)
    before = {env: release.read(env) for env in release.ORDER}

    with serve(
        {"/api/v1/applications/stock-backtest-dev": application(before["dev"].revision, DIGEST)}
    ) as server:
        monkeypatch.setenv("ARGOCD_SERVER", server.address)
        said = bash(promotion)
    promoted = {env: release.read(env) for env in release.ORDER}
    bash(rollback)

    assert "argocd/releases/staging.yaml" in said
    assert promoted == before | {"staging": before["dev"]}
    assert {env: release.read(env) for env in release.ORDER} == before
