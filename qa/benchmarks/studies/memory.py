"""The memory of a process and all that it started, sampled while it works."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

_SAMPLED_SECONDS: Final = 0.2
_KIB_PER_MIB: Final = 1_024


class Memory:
    """Samples what the processes hold together: pages that several share are counted once."""

    def __init__(self, pid: int) -> None:
        self._root, self._stopping = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak_mib = 0.0
        self._at_peak: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def parts(self) -> str:
        """What each kind of process held at that moment."""
        parts = sorted(self._at_peak.items(), key=lambda part: -part[1])
        return ", ".join(f"{name} {mib:,.0f}" for name, mib in parts)

    def _sample(self) -> None:
        while not self._stopping.wait(_SAMPLED_SECONDS):
            held: dict[str, float] = {}
            for process in (self._root, *self._root.children(recursive=True)):
                with suppress(psutil.Error, OSError):
                    name = _name(process)
                    held[name] = held.get(name, 0.0) + _mib(process.pid)
            if sum(held.values()) > self.peak_mib:
                self.peak_mib, self._at_peak = sum(held.values()), held


def _name(process: psutil.Process) -> str:
    words = process.cmdline() or ["ended"]
    module = words[words.index("-m") + 1] if "-m" in words else words[-1]
    return "studies" if "workflows.studies.chunk_step" in words else module.rsplit(".", 1)[-1]


def _mib(pid: int) -> float:
    """The proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / _KIB_PER_MIB
    return 0.0
