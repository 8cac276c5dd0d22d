"""The program on one machine: what it refuses to start with, and what its first process holds."""

import os
import signal
import socket
import subprocess
import sys

import app
from qa.harness.processes import free_port
from tests.fresh_python import ROOT, loaded_by


def started(tmp_path, **variables):
    """The program, which ends by itself."""
    environment = os.environ | {
        "HOST": "127.0.0.1", "PORT": str(free_port()), "LIBRARY_DIR": str(tmp_path / "library"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/backtest.sqlite3", **variables,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )


def test_a_database_that_cannot_be_read_is_said_and_nothing_is_started(tmp_path):
    (tmp_path / "backtest.sqlite3").write_bytes(b"this is no database" * 100)

    ended = started(tmp_path)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: the database cannot be used: ")
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = started(tmp_path, PORT=str(port))

    assert ended.returncode == 2
    assert f"Choose another port, for example: PORT={port + 1} make run" in ended.stderr


def test_the_process_that_starts_the_others_holds_none_of_their_libraries():
    heavy = ("numpy", "pandas", "numba", "flask", "alembic", "backtest.rules", "store.models")

    assert loaded_by("import app", *heavy) == set()


def test_a_preparation_that_is_killed_is_no_success():
    assert app._in_child(lambda _: os.kill(os.getpid(), signal.SIGKILL), None) == 1
    assert app._in_child(lambda _: 0, None) == 0
    assert app._in_child(lambda _: 2, None) == 2
