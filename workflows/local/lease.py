"""The owner of a lease: the name of a process, from which others on the same host can tell that it is dead."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def owner() -> str:
    """The name under which this process holds leases: `host_id:pid:start`."""
    return f"{host_id()}:{os.getpid()}:{_started(os.getpid())}"


def host_id() -> str:
    """The host name with a hash of its boot and its PID namespace; two containers of one host differ."""
    parts = [socket.gethostname(), _read("sys/kernel/random/boot_id")]
    try:
        parts.append(os.readlink(_PROC / "self/ns/pid"))
    except OSError:
        parts.append("")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return f"{parts[0].replace(':', '-')[:24]}.{digest}"


def is_dead(name: str) -> bool:
    """Whether the named process is surely gone; of another host nothing is sure."""
    host, _, process = name.partition(":")
    pid, _, started = process.partition(":")
    if host != host_id() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in clock ticks, since PIDs are used again; "dead" for a zombie."""
    fields = _read(f"{pid}/stat").rpartition(")")[2].split()
    if not fields:
        return "0"
    return "dead" if fields[0] in "ZX" else fields[19]


def _read(name: str) -> str:
    try:
        return (_PROC / name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
