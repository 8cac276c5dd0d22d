"""Who holds a run: the name of a process, from which others on the same machine can tell that it is dead."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def owner() -> str:
    """The name under which this process holds runs: `place:pid:start`."""
    return f"{place()}:{os.getpid()}:{_started(os.getpid())}"


def place() -> str:
    """The host, the boot and the process-number space; two containers of one host differ."""
    marks = [socket.gethostname(), _read("sys/kernel/random/boot_id")]
    try:
        marks.append(os.readlink(_PROC / "self/ns/pid"))
    except OSError:
        marks.append("")
    digest = hashlib.sha256("\n".join(marks).encode()).hexdigest()[:12]
    return f"{marks[0].replace(':', '-')[:24]}.{digest}"


def is_dead(name: str) -> bool:
    """Tell whether the named process is surely gone; of another place nothing is sure."""
    where, _, process = name.partition(":")
    pid, _, started = process.partition(":")
    if where != place() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """The moment a process began, in clock ticks, since numbers are used again; "dead" for a zombie."""
    fields = _read(f"{pid}/stat").rpartition(")")[2].split()
    if not fields:
        return "0"
    return "dead" if fields[0] in "ZX" else fields[19]


def _read(name: str) -> str:
    try:
        return (_PROC / name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
