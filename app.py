"""The whole product on one machine: the web tier and a local worker. `python app.py`, Ctrl-C ends both."""

from __future__ import annotations

import os
import signal
import socket
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from typing import NoReturn

from backtest import precompile
from backtest.console.printable import printable
from config import logs
from config.errors import SettingsError
from config.settings import Settings
from web.__main__ import arguments
from workflows import process

_FAULT, _BAD_INPUT = 1, 2
_READY_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.2
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_STEADY_SECONDS = 60.0

log = logs.get(__name__)


class ManagedProcess:
    """A child process that is restarted when it dies, after growing pauses if it dies soon."""

    def __init__(self, name: str, command: list[str], *, keep_open: tuple[int, ...] = ()) -> None:
        self._name, self._command, self._keep_open = name, command, keep_open
        self._deaths, self._start_at = 0, 0.0
        self._started_at = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> None:
        """Start the process, or restart it once its pause is over."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._deaths = 0 if now - self._started_at > _STEADY_SECONDS else self._deaths
            pause = _PAUSES_SECONDS[min(self._deaths, len(_PAUSES_SECONDS) - 1)]
            log.error("process died, restarting", child=self._name, code=self._process.returncode)
            self._deaths, self._start_at, self._process = self._deaths + 1, now + pause, None
        if self._process is None and now >= self._start_at:
            self._started_at = now
            self._process = subprocess.Popen(  # noqa: S603 our own modules # nosec B603
                [sys.executable, "-m", *self._command],
                pass_fds=self._keep_open,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )

    def stop(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for its end; kill it after the deadline."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process killed, it did not stop in time", child=self._name)
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Run the web tier and, in LOCAL mode, a worker until SIGTERM or Ctrl-C; 2 is a mistake in the environment."""
    try:
        settings = Settings.from_env(os.environ)
        settings.require_guarded()
        logs.configure_from(settings, process="app")
        if code := _in_child(_prepare, settings):
            return code
        listening = _listen(settings)
    except (SettingsError, _PortTakenError) as error:
        return _print(f"error: {error}", _BAD_INPUT)
    with listening:
        _supervise(settings, listening)
    return 0


class _PortTakenError(Exception):
    """Another process listens on our port."""


def _in_child(work: Callable[[Settings], int], settings: Settings) -> int:
    """Have a process of its own do it, whose libraries this one then need not hold; its exit code, 1 after a signal."""
    child = get_context("fork").Process(target=_exit_with, args=(work, settings, os.getpid()))
    child.start()
    child.join()
    return _FAULT if child.exitcode is None or child.exitcode < 0 else child.exitcode


def _exit_with(work: Callable[[Settings], int], settings: Settings, parent: int) -> NoReturn:
    process.die_with_parent(parent, signal.SIGTERM)
    sys.exit(work(settings))


def _prepare(settings: Settings) -> int:
    """Migrate and fill the database; the exit code, where it cannot be used with what is wrong on the screen."""
    from sqlalchemy.exc import SQLAlchemyError

    from backtest.errors import BacktestError
    from store.admin.preparation import prepare
    from store.errors import StoreError, reason

    try:
        prepare(settings)
    except (SettingsError, StoreError, BacktestError) as error:
        return _print(f"error: {error}", _BAD_INPUT)
    except SQLAlchemyError as error:
        driver_message = logs.redacted(reason(error))
        return _print(f"error: the database cannot be used: {driver_message}", _FAULT)
    return 0


def _listen(settings: Settings) -> socket.socket:
    """An open socket: no other process can take the port between the check and the start."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise _PortTakenError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
            f"Choose another port, for example: PORT={settings.port + 1} make run"
        ) from error
    return listening


def _supervise(settings: Settings, listening: socket.socket) -> None:
    processes = _processes(settings, listening)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    port, is_announced = listening.getsockname()[1], False
    announce_at = time.monotonic() + _READY_TIMEOUT_SECONDS
    while not stopping.is_set():
        for managed in processes:
            managed.ensure_running()
        if not is_announced and (_answers(settings.host, port) or time.monotonic() > announce_at):
            is_announced = _announce(settings.host, port)
            _compile_ahead(settings)
        # not stopping.wait(): setting an event from a signal handler while it is waited for can deadlock
        time.sleep(_POLL_SECONDS)
    for managed in processes:
        managed.stop()
    for managed in processes:
        managed.wait(time.monotonic() + _STOP_TIMEOUT_SECONDS)
    _print("Stopped.", 0)


def _compile_ahead(settings: Settings) -> None:
    """Compile what studies need in the background, where it was not compiled before."""
    if settings.launcher_mode == "LOCAL" and not precompile.is_done():
        subprocess.Popen(  # noqa: S603 our own module # nosec B603
            [sys.executable, "-m", "backtest.precompile", precompile.IN_BACKGROUND],
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )


def _processes(settings: Settings, listening: socket.socket) -> list[ManagedProcess]:
    number = listening.fileno()
    serve = ["gunicorn", *arguments(settings, bind=f"fd://{number}")]
    processes = [ManagedProcess("web", serve, keep_open=(number,))]
    if settings.launcher_mode == "LOCAL":
        processes.append(ManagedProcess("worker", ["workflows.worker"]))
    return processes


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(_reachable(host), port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _announce(host: str, port: int) -> bool:
    shown = _reachable(host)
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    _print(f"\nStock Backtest is ready: open {address} (Ctrl-C stops it)\n", 0)
    return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound # nosec B104


def _print(text: str, code: int) -> int:
    print(printable(text), file=sys.stderr if code else sys.stdout, flush=True)
    return code


def _die_with(parent: int) -> Callable[[], None]:
    """The function that a child calls first, so that no child outlives a killed parent."""

    def die_with_parent() -> None:
        process.die_with_parent(parent, signal.SIGTERM)

    return die_with_parent


if __name__ == "__main__":
    sys.exit(main())
