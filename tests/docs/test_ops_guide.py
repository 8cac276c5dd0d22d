"""The operations guide: complete, the same in both languages, and its commands do what it says."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests

from argocd import promote
from tests.docs import guide
from tests.docs.guide import ENGLISH, EXECUTED_BY, KOREAN, ROOT

CHAPTERS = [
    "What you need",
    "Configuration",
    "On one machine",
    "In containers",
    "Kubernetes, step by step",
    "Schema",
    "Who may do what",
    "Does it work?",
    "The story of one run",
    "Git is what runs",
    "Promotion",
    "Rollback",
    "Backup and restore",
    "Something is wrong",
    "Promises and alerts",
    "Sign-in",
    "All commands",
    "Security checklist",
]
MENTIONED = {"make test", "make e2e"}
"""Commands in the text that are how the guide itself is tested."""


def test_it_has_a_chapter_for_every_question_in_order():
    titles = [title for level, title in guide.headings(ENGLISH) if level == 2]

    assert titles == [f"{number}. {title}" for number, title in enumerate(CHAPTERS, start=1)]


def test_every_block_of_commands_says_who_executes_it_and_that_one_does():
    kinds = {kind for kind, _text in guide.blocks()}

    assert kinds == {*EXECUTED_BY, "cloud"}
    for kind, path in EXECUTED_BY.items():
        assert re.search(rf'guide\.\w+\((.*, )?"{kind}"\)', (ROOT / path).read_text(encoding="utf-8"))


def test_no_command_hides_in_the_text_where_nobody_executes_it():
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

    assert len(collection()) == 20
    assert [command for command in collection() if command not in lines] == []


def test_the_collection_has_every_command_of_make_that_an_operator_needs():
    targets = {command.split()[1] for command in collection() if command.startswith("make ")}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert targets == {"run", "compose-up", "compose-down", "image", "promote", "backup", "restore"}
    assert targets <= set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))


def test_every_file_that_it_names_is_there():
    named = set(
        re.findall(r"`((?:k8s|argocd|docs|tests|\.github)/[^`]+)`", ENGLISH.read_text(encoding="utf-8"))
    )
    linked = set(re.findall(r"\]\(([^)#]+)\)", ENGLISH.read_text(encoding="utf-8")))

    assert [name for name in named if not list(ROOT.glob(name))] == []
    assert [name for name in linked if not (ENGLISH.parent / name).exists()] == []


def test_the_korean_guide_has_the_same_chapters_in_korean():
    english, korean = guide.headings(ENGLISH), guide.headings(KOREAN)

    assert [level for level, _title in korean] == [level for level, _title in english]
    numbers = [[re.match(r"\d+\.|", title)[0] for _level, title in each] for each in (english, korean)]
    assert numbers[0] == numbers[1]
    assert [title for _level, title in korean if not re.search("[가-힣]", title)] == []


def test_the_korean_guide_has_the_very_same_commands_and_as_many_rows_and_points():
    points = [
        len(re.findall(r"^(?:\* |\d+\. )", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in (ENGLISH, KOREAN)
    ]

    assert guide.blocks(KOREAN) == guide.blocks(ENGLISH)
    assert [len(row) for row in guide.rows(KOREAN)] == [len(row) for row in guide.rows(ENGLISH)]
    assert points[0] == points[1]


def test_a_command_that_must_fail_is_noticed_when_it_does_not():
    script = guide.checked("! false\n! \\\n  true\necho reached\n")

    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def answer(port, process):
    """The first answer of /health."""
    give_up_at = time.monotonic() + 120
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            return requests.get(f"http://127.0.0.1:{port}/health", timeout=2).json()
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError("no answer")


def test_on_one_machine_the_page_is_there_and_ends_when_asked(tmp_path):
    command, _backup = guide.commands("machine")
    port = free_port()
    environment = os.environ | {
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{tmp_path}/record.sqlite3",
        "LIBRARY_DIR": str(tmp_path / "library"),
        "BUNDLE_DIR": str(tmp_path / "bundles"),
    }

    running = subprocess.Popen(["bash", "-ec", command], cwd=ROOT, env=environment, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        said = answer(port, running)
    finally:
        os.killpg(running.pid, signal.SIGINT)
        running.wait(60)

    assert said == {"status": "ok"}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/health", timeout=2)


def test_on_one_machine_a_backup_brings_back_what_was_lost(sqlite_url, tmp_path, monkeypatch):
    _run, both = guide.commands("machine")
    backup, restore = both.splitlines()
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("FILE", str(tmp_path / "backup.sqlite3"))
    record = Path(sqlite_url.removeprefix("sqlite:///"))
    bash(".venv/bin/python -m store upgrade")
    bash(".venv/bin/python -m store import backtest/samples/GOOG.csv --symbol GOOG")

    bash(backup)
    with closing(sqlite3.connect(record)) as connection, connection:
        connection.execute("DELETE FROM datasets")
    bash(restore)

    with closing(sqlite3.connect(record)) as connection:
        assert connection.execute("SELECT symbol FROM datasets").fetchall() == [("GOOG",)]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of somebody who has released to dev."""
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock"):
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("argocd", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / ".gitignore").write_text(".venv\n")
    monkeypatch.chdir(tmp_path)
    bash("git init --quiet && git config user.name somebody && git config user.email somebody@example.org")
    bash("git add . && git commit --quiet --message start")
    bash(f".venv/bin/python -m argocd.promote set --tag abcdef0 --digest sha256:{'a' * 64}")
    return tmp_path


def bash(script):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_promotion_and_rollback_move_staging_there_and_back_and_nothing_else(repository):
    promotion, rollback = guide.commands("git")
    before = {env: promote.read(promote.overlay(env)) for env in promote.ORDER}

    said = bash(promotion)
    promoted = {env: promote.read(promote.overlay(env)) for env in promote.ORDER}
    bash(rollback)

    assert "k8s/overlays/staging/kustomization.yaml" in said
    assert promoted == before | {"staging": before["dev"]}
    assert {env: promote.read(promote.overlay(env)) for env in promote.ORDER} == before
