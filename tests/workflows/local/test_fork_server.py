"""The process that steps are forked from: warm, alone, and connected to nothing."""

import select
import signal
import time

import psutil
import pytest

from config.exit_codes import Exit
from qa.harness.processes import LAST_RESORT_SECONDS
from workflows.errors import ForkServerDied
from workflows.local.fork_server import ForkServer

STEPS = ("workflows.steps.engine", "workflows.steps.persist")


@pytest.fixture
def server(environment, monkeypatch):
    for name, value in environment.environment().items():
        monkeypatch.setenv(name, value)
    server = ForkServer(STEPS)
    wait_for(server, lambda ended: server.is_ready)
    yield server
    server.close()


def wait_for(server, condition):
    """Everything that ended until the condition holds."""
    ended, give_up_at = [], time.monotonic() + LAST_RESORT_SECONDS
    while not condition(ended):
        assert time.monotonic() < give_up_at
        select.select([server], [], [], 0.5)
        ended += server.ended()
    return ended


def test_once_warm_it_has_one_thread_and_holds_no_connection_and_no_record(server):
    process = psutil.Process(server._process.pid)

    held = [file.path for file in process.open_files() if "record" in file.path or file.path.endswith(".db")]

    assert (process.num_threads(), process.net_connections(), held) == (1, [], [])


def test_it_and_its_steps_have_a_lower_priority_than_the_worker(server):
    assert psutil.Process(server._process.pid).nice() == min(19, psutil.Process().nice() + 10)


def test_a_step_ends_with_its_own_exit_code(server):
    server.start("a", STEPS[0], ["--run-id", "no-such-run", "--bundle", "/nowhere"], memory_mib=512)

    ended = wait_for(server, len)

    assert [(step.key, step.exit_code, step.signal) for step in ended] == [("a", Exit.BAD_INPUT, None)]


def test_each_step_runs_in_a_process_of_its_own_that_was_forked_before_it_was_due(server):
    [waiting] = children_of(server)
    server.start("a", STEPS[0], ["--run-id", "no-such-run", "--bundle", "/nowhere"], memory_mib=512)
    wait_for(server, lambda ended: ended and not psutil.pid_exists(waiting))
    [next_waiting] = children_of(server)

    assert next_waiting != waiting


def test_a_waiting_process_that_was_killed_is_replaced_when_a_step_is_due(server):
    [waiting] = children_of(server)
    psutil.Process(waiting).kill()
    wait_for(server, lambda ended: not psutil.pid_exists(waiting))
    server.start("a", STEPS[0], ["--run-id", "no-such-run", "--bundle", "/nowhere"], memory_mib=512)

    ended = wait_for(server, len)

    assert [(step.key, step.exit_code, step.signal) for step in ended] == [("a", Exit.BAD_INPUT, None)]


def children_of(server):
    """The processes that the server forked, once it waits for orders."""
    process, give_up_at = psutil.Process(server._process.pid), time.monotonic() + LAST_RESORT_SECONDS
    while not (children := process.children()):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    return [child.pid for child in children]


def test_a_step_that_says_its_end_and_goes_on_is_killed_at_once(environment, monkeypatch, tmp_path):
    (tmp_path / "early.py").write_text(
        "import os, time\ndef main(arguments):\n    os.write(3, bytes([0]))\n    time.sleep(3600)\n"
    )
    for name, value in environment.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = ForkServer(STEPS)
    wait_for(server, lambda ended: server.is_ready)
    [waiting] = children_of(server)

    server.start("early", "early", [], memory_mib=512)
    ended = wait_for(server, lambda ended: ended and not psutil.pid_exists(waiting))

    server.close()
    assert [(step.key, step.exit_code, step.signal) for step in ended] == [("early", Exit.OK, None)]


def test_a_module_that_cannot_be_loaded_is_a_crash_of_that_step_alone(server):
    server.start("broken", "workflows.steps.nothing", [], memory_mib=512)
    first = wait_for(server, len)
    server.start("next", STEPS[0], ["--run-id", "no-such-run", "--bundle", "/nowhere"], memory_mib=512)
    second = wait_for(server, len)

    assert [(step.key, step.exit_code) for step in first + second] == [
        ("broken", Exit.CRASHED),
        ("next", Exit.BAD_INPUT),
    ]


def test_when_it_is_gone_the_worker_gets_an_error(server):
    psutil.Process(server._process.pid).send_signal(signal.SIGKILL)
    server._process.wait()

    with pytest.raises(ForkServerDied, match="ended"):
        wait_for(server, lambda ended: False)


def test_one_that_still_loads_its_modules_is_ended_at_once(environment, monkeypatch, tmp_path):
    loading = tmp_path / "loading"
    (tmp_path / "endless.py").write_text(
        f"import pathlib, time; pathlib.Path({str(loading)!r}).touch(); time.sleep(3_600)"
    )
    for name, value in (environment.environment() | {"PYTHONPATH": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    server = ForkServer(("endless",))
    wait_for(server, lambda _: loading.exists())

    waited, wait = [], server._process.wait
    monkeypatch.setattr(server._process, "wait", lambda timeout=None: (waited.append(timeout), wait(timeout)))

    server.close()

    assert server._process.returncode == -signal.SIGKILL
    assert len(waited) == 1  # not first for an end of its own
