"""Everything on one machine: the page, and a worker beside it. `python app.py`, Ctrl-C ends both."""

from __future__ import annotations

import os
import signal
import socket
import subprocess  # nosec B404
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException

from sqlalchemy.exc import SQLAlchemyError

from backtest.errors import BacktestError
from backtest.prices.library import Library
from config import logs
from config.errors import SettingsError
from config.settings import Settings
from store import schema
from store.errors import StoreError
from store.queries import datasets
from store.session import Database
from web.__main__ import arguments
from workflows import process

_FAULT, _BAD_INPUT = 1, 2
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_STEADY_SECONDS = 60.0

log = logs.get(__name__)


class Part:
    """A process that is started again when it dies; with growing pauses if it dies at once."""

    def __init__(self, name: str, command: list[str], *, keep_open: tuple[int, ...] = ()) -> None:
        self._name, self._command, self._keep_open = name, command, keep_open
        self._deaths, self._start_at = 0, 0.0
        self._started_at = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start the process, or start it again once its pause is over."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._deaths = 0 if now - self._started_at > _STEADY_SECONDS else self._deaths
            pause = _PAUSES_SECONDS[min(self._deaths, len(_PAUSES_SECONDS) - 1)]
            log.error("a part died and is started again", part=self._name, code=self._process.returncode)
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

    def wait(self, until: float) -> None:
        """Wait for its end; kill it when the time is over."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("a part did not stop in time and was killed", part=self._name)
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Run the page and, in LOCAL mode, a worker until told to stop; 2 is a mistake in the environment."""
    try:
        settings = Settings.from_env(os.environ)
        settings.require_guarded()
        logs.configure_from(settings, process="app")
        _prepare(settings)
        listening = _listen(settings)
    except (SettingsError, StoreError, BacktestError, _PortTakenError) as error:
        return _say(f"error: {error}", _BAD_INPUT)
    except SQLAlchemyError as error:
        reason = logs.redacted(str(getattr(error, "orig", None) or error))
        return _say(f"error: the database cannot be used: {reason}", _FAULT)
    with listening:
        _supervise(settings, listening)
    return 0


class _PortTakenError(Exception):
    """Somebody else listens where we should."""


def _prepare(settings: Settings) -> None:
    """The embedded database migrates itself; any other must be at head. Prices of the library are taken over."""
    database = Database.open(settings.database_url)
    if settings.embedded:
        schema.upgrade(database.engine)
    else:
        schema.require_head(database.engine)
    with database.write() as session:
        datasets.sync(session, Library(settings.library_dir), now=datetime.now(UTC))
    database.close()


def _listen(settings: Settings) -> socket.socket:
    """An open socket, so that nobody can take the port between the check and the start."""
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
    number = listening.fileno()
    serve = ["gunicorn", *arguments(settings, bind=f"fd://{number}")]
    parts = [Part("web", serve, keep_open=(number,))]
    if settings.launcher_mode == "LOCAL":
        parts.append(Part("worker", ["workflows.worker"]))
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, stop)
    port, greeted = listening.getsockname()[1], False
    give_up_at = time.monotonic() + _READY_SECONDS
    while not stopping:
        for part in parts:
            part.keep()
        if not greeted and (_answers(settings.host, port) or time.monotonic() > give_up_at):
            greeted = _greet(settings.host, port)
        time.sleep(_LOOK_SECONDS)
    for part in parts:
        part.stop()
    for part in parts:
        part.wait(time.monotonic() + _STOP_SECONDS)
    _say("Stopped.", 0)


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(_reachable(host), port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _greet(host: str, port: int) -> bool:
    shown = _reachable(host)
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    _say(f"\nStock Backtest is ready: open {address} (Ctrl-C stops it)\n", 0)
    return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound # nosec B104


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr if code else sys.stdout, flush=True)
    return code


def _die_with(parent: int) -> Callable[[], None]:
    """What a new process does before anything else, so that no part outlives a killed parent."""

    def die_with_parent() -> None:
        process.die_with_parent(parent, signal.SIGTERM)

    return die_with_parent


if __name__ == "__main__":
    sys.exit(main())
