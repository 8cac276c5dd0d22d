"""Where a process that loads no code of packages has its catalogue of their rules from.

The file that `RULE_CATALOGUE` names; where it names none, a child process with an empty environment, and only if an
installed package announces a rule at all. A file that is missing is no leave to execute the packages: their rules
cannot be used and say how to write it. The answer is kept for the life of the process.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backtest import dumpable
from backtest.rules.packages import catalogue, installed
from backtest.rules.packages.catalogue import MOST_BYTES, BrokenRule, Catalogue, InvalidCatalogue

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

VARIABLE: Final = "RULE_CATALOGUE"
LIMIT_SECONDS: Final = 30.0
_ROOT: Final = Path(__file__).parents[3]
_lock = threading.Lock()
_known: list[Catalogue] = []


class NotDescribed(Exception):
    """The child gave no catalogue; the message says why."""


def obtain() -> Catalogue:
    """The rules of installed packages as they are described; asked for once."""
    with _lock:
        if not _known:
            _known.append(_obtain())
        return _known[0]


def _obtain() -> Catalogue:
    file = os.environ.get(VARIABLE)
    if file and Path(file).is_file():
        return _read(Path(file))
    entries, refused = installed.announced()
    if not entries:
        return Catalogue({}, refused)
    if file:
        reason = f"{VARIABLE} names {file}, which is missing; write it with python -m backtest.rules.describe > {file}"
        return Catalogue({}, refused + _undescribed(entries, reason))
    try:
        described = catalogue.from_json(_ask())
    except (NotDescribed, InvalidCatalogue, OSError) as error:
        return Catalogue({}, refused + _undescribed(entries, f"it could not be described: {error}"))
    missing = [
        entry
        for entry in entries
        if entry.name not in {*described.rules, *(each.name for each in described.broken)}
    ]
    names = {entry.name for entry in entries}
    rules = {name: rule for name, rule in described.rules.items() if name in names}
    return Catalogue(rules, described.broken + _undescribed(missing, "its description is missing"))


def _undescribed(entries: Iterable[EntryPoint], reason: str) -> tuple[BrokenRule, ...]:
    return tuple(BrokenRule(entry.name, installed.package_of(entry), reason) for entry in entries)


def _read(file: Path) -> Catalogue:
    try:
        with file.open("rb") as stream:
            return catalogue.from_json(stream.read(MOST_BYTES + 1))
    except (OSError, InvalidCatalogue) as error:
        return Catalogue({}, (BrokenRule("(any)", str(file), f"its catalogue cannot be read: {error}"),))


def _environment() -> dict[str, str]:
    """All that the child knows of its surroundings: where Python finds this project and the packages."""
    paths = [str(_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(paths),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _ask() -> bytes:
    """What the child prints; `NotDescribed` where it crashes, takes too long or prints too much."""
    dumpable.hide()
    with subprocess.Popen(  # our own interpreter and module # nosec B603
        [sys.executable, "-m", "backtest.rules.describe"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd=_ROOT,
        start_new_session=True,
    ) as child:
        try:
            content = _output(child)
        finally:
            with suppress(ProcessLookupError):  # also what a package started; its PID is not free before wait
                os.killpg(child.pid, signal.SIGKILL)
        if not content:
            raise NotDescribed(f"the process that describes rules {_ended(child.wait())}")
        return content


def _output(child: subprocess.Popen[bytes]) -> bytes:
    """Everything that it prints until it closes its output."""
    assert child.stdout is not None
    content, until = bytearray(), time.monotonic() + LIMIT_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while len(content) <= MOST_BYTES:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise NotDescribed(f"describing rules took longer than {LIMIT_SECONDS:g} seconds")
            portion = os.read(child.stdout.fileno(), 65_536)
            if not portion:
                return bytes(content)
            content += portion
    raise NotDescribed(f"the description is longer than {MOST_BYTES:,} bytes")


def _ended(code: int) -> str:
    how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
    return f"ended with {how} and described nothing"
