"""What a process does to itself before it runs a step: die with its parent, keep to its memory, give way."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_NICENESS = 10
_PR_SET_PDEATHSIG = 1
_REPORTING_MIB = 64
"""Memory kept aside behind the limit, so that a step that ran out can still say so."""

on_linux = sys.platform == "linux"


def die_with_parent(parent_pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Have the kernel end this process when its parent ends, however that happens."""
    if not on_linux:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        os._exit(0)


def lower_priority() -> None:
    """Lower the priority of this process and its children, below the web tier and the database.

    On a desktop's kernel a session has a share of its own (autogroup), and only its own niceness counts.
    """
    os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS), encoding="ascii")


def limit_memory(limit_mib: int) -> None:
    """Allow this process `limit_mib` of its own data beyond what it inherited from its parent.

    Past it an allocation fails with `MemoryError` here, before the whole machine runs out.
    Inherited pages are shared, and address space alone costs nothing: neither is counted.
    """
    if not on_linux:
        return
    soft = (_data_mib() + limit_mib) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft + (_REPORTING_MIB << 20)))


def lift_memory_limit() -> None:
    """Give a process that ran out the reserve that it needs to report it."""
    if on_linux:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def forget_parent(keep_open: int = 2) -> None:
    """Leave the parent's process group, files and signal handlers behind."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(keep_open + 1, os.sysconf("SC_OPEN_MAX"))


def _data_mib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) >> 10
    raise OSError("/proc/self/status has no VmData")
