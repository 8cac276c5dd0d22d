"""A warm, single-threaded process that forks the steps of the worker.

Everything a step imports is loaded here once, so a step starts in milliseconds. The process of the next
step is forked ahead of time and waits for its order. The server holds no
database connection and no thread, so that a fork inherits none. It obeys the worker over a
socket, one JSON object a line, and ends when the worker does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess  # nosec B404
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NoReturn

from config.exit_codes import Exit
from workflows import failpoints, process
from workflows.errors import ForkServerDied

_GC_THRESHOLD = 50_000
"""Objects between collections: each touches every object, and the pages that it touches are copied."""
_READY = {"ready": True}
_INBOX = 3
"""The descriptor on which a forked process gets its step and says its exit code."""
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""One thread a step: a fork copies the calling thread alone, and slots are the unit of parallelism."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that is over: by an exit code, or by a signal."""

    key: str
    exit_code: int | None
    signal: int | None


class ForkServer:
    """The worker's end: starts and kills steps, and returns how they ended."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 our own interpreter and module # nosec B603
                [
                    sys.executable,
                    "-m",
                    "workflows.local.fork_server",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    *modules,
                ],
                pass_fds=(theirs.fileno(),),
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,
            )
        ours.setblocking(False)
        self._socket, self._lines = ours, _Lines()
        self.is_ready = False
        """Whether every module is loaded, so that a step starts at once."""

    def fileno(self) -> int:
        """The socket to wait on for `ended`."""
        return self._socket.fileno()

    def start(self, key: str, module: str, arguments: list[str], *, memory_mib: int) -> None:
        """Run `module.main(arguments)` in a new process that is known by `key`."""
        self._send({"start": key, "module": module, "arguments": arguments, "memory_mib": memory_mib})

    def kill(self, key: str) -> None:
        """Kill the step and everything that it started; `ended` still reports it."""
        self._send({"kill": key})

    def ended(self) -> list[Ended]:
        """The steps that ended since the last call; raise `ForkServerDied` when the server is gone."""
        try:
            received = self._socket.recv(65_536)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ForkServerDied(str(error)) from error
        if not received:
            raise ForkServerDied(f"the fork server (pid {self._process.pid}) ended")
        messages = self._lines.split(received)
        self.is_ready |= _READY in messages
        return [Ended(**message) for message in messages if message != _READY]

    def close(self) -> None:
        """End the server and every step that it runs; one that is still loading would not listen."""
        self._socket.close()
        if not self.is_ready:
            self._process.kill()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ForkServerDied(str(error)) from error


class _Lines:
    """Bytes in any portions, JSON objects out."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, received: bytes) -> list[Any]:
        *whole, self._rest = (self._rest + received).split(b"\n")
        return [json.loads(line) for line in whole]


class _Child:
    """A process that is forked ahead of time and waits for the one step that it runs: no step waits for a fork.

    It says with which code it exits before it does: the kernel takes 5 ms to clear its memory away.
    """

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.key: str | None = None
        """The step that it runs, until its end is reported."""
        server = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _await_step(server, theirs.detach())
        theirs.close()

    def run(self, message: dict[str, Any]) -> None:
        """Give it its step. Of one that is dead already the server reports the end, as of any step."""
        self.key = message["start"]
        with suppress(OSError):
            self.socket.sendall(json.dumps(message).encode())
            self.socket.shutdown(socket.SHUT_WR)

    def exit_code(self) -> int | None:
        """What it says; None where it died without a word."""
        with suppress(ConnectionError):
            said = self.socket.recv(1)
            return said[0] if said else None
        return None


class _Server:
    """The forking end: one socket to the worker, and its children by their process ids."""

    def __init__(self, worker: socket.socket) -> None:
        self._worker, self._lines = worker, _Lines()
        self._selector = selectors.DefaultSelector()
        self._spare: _Child | None = None
        self._steps: dict[int, _Child] = {}

    def serve(self) -> None:
        """Obey the worker until it closes the socket, then kill every child."""
        wakeup, signalled = socket.socketpair()
        for end in (wakeup, signalled):
            end.setblocking(False)
        signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        with self._selector as selector:
            selector.register(self._worker, selectors.EVENT_READ, self._obey)
            selector.register(wakeup, selectors.EVENT_READ, lambda: bool(wakeup.recv(4_096)))
            try:
                self._spare = _Child()
                while self._handle(selector.select()):
                    self._reap()
            finally:
                for pid in self._children():
                    _kill_group(pid)

    def _handle(self, ready: list[tuple[selectors.SelectorKey, int]]) -> bool:
        """Handle every socket that is ready; false when the worker closed its own."""
        is_open = [key.data() for key, _ in ready]  # each of them, whatever the first returns
        return all(is_open)

    def _obey(self) -> bool:
        received = self._worker.recv(65_536)
        for message in self._lines.split(received):
            if "start" in message:
                self._start(message)
            else:
                self._kill(message["kill"])
        return bool(received)

    def _kill(self, key: str) -> None:
        for pid in [pid for pid, child in self._steps.items() if child.key == key]:
            _kill_group(pid)

    def _start(self, message: dict[str, Any]) -> None:
        failpoints.hit("step-ordered")
        child, self._spare = self._spare or _Child(), None
        self._steps[child.pid] = child
        self._selector.register(child.socket, selectors.EVENT_READ, partial(self._hear, child))
        child.run(message)
        failpoints.hit("step-forked")
        self._spare = _Child()

    def _hear(self, child: _Child) -> bool:
        """Report the end of a step that says its exit code; nothing that it runs is left from then on."""
        code = child.exit_code()
        self._selector.unregister(child.socket)
        child.socket.close()
        if code is not None:
            _kill_group(child.pid)
            self._report(child, code)
        return True

    def _children(self) -> set[int]:
        return self._steps.keys() | ({self._spare.pid} if self._spare else set())

    def _reap(self) -> None:
        while self._children():
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None:
                return
            _kill_group(dead.si_pid)  # what the step itself started; its PID is not free before wait
            pid, status = os.waitpid(dead.si_pid, 0)
            if pid in self._steps:
                self._bury(self._steps.pop(pid), os.waitstatus_to_exitcode(status))
            elif self._spare is not None:  # the next step is forked when it is due
                self._spare.socket.close()
                self._spare = None

    def _bury(self, child: _Child, code: int) -> None:
        """Report the end of a step that said nothing, or was killed before it was heard."""
        if child.socket.fileno() >= 0:
            self._selector.unregister(child.socket)
            child.socket.close()
        if child.key is not None:
            self._report(child, code)

    def _report(self, child: _Child, code: int) -> None:
        failpoints.hit("step-reaped")
        assert child.key is not None
        ended = Ended(child.key, exit_code=code if code >= 0 else None, signal=-code if code < 0 else None)
        child.key = None
        self._worker.sendall(json.dumps(asdict(ended)).encode() + b"\n")
        failpoints.hit("step-reported")


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _await_step(server: int, inbox: int) -> NoReturn:
    code: int = Exit.CRASHED
    try:
        os.dup2(inbox, _INBOX, inheritable=False)
        process.forget_parent(keep_open=_INBOX)
        process.die_with_parent(server)
        gc.set_threshold(_GC_THRESHOLD)
        with os.fdopen(_INBOX, "rb", closefd=False) as messages:
            message = json.load(messages)
        process.limit_memory(message["memory_mib"])
        code = importlib.import_module(message["module"]).main(message["arguments"])
    except MemoryError:
        process.lift_memory_limit()
        code = Exit.OUT_OF_MEMORY
    except SystemExit as exited:
        code = exited.code if isinstance(exited.code, int) else Exit.CRASHED
    except BaseException:  # a forked process must never return into the server's code
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with suppress(OSError):
            os.write(_INBOX, bytes([code & 0xFF]))
        os._exit(code)


def _no_warm_up() -> None:
    """Most modules need no more than their import."""


def main() -> None:
    """Load what the steps need, then serve the worker at the other end of the given socket."""
    descriptor, worker_pid, *modules = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.die_with_parent(int(worker_pid))
    process.lower_priority()
    for module in modules:
        loaded = importlib.import_module(module)
        getattr(loaded, "warm_up", _no_warm_up)()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as worker, suppress(BrokenPipeError):  # the worker left
        worker.sendall(json.dumps(_READY).encode() + b"\n")
        _Server(worker).serve()


if __name__ == "__main__":
    main()
