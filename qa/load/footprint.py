"""What a family of processes takes of the machine at a moment: memory, files, processes, connections."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import psutil

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of a process and everything that it started and that is still there."""

    memory_mib: float
    """Shared pages are divided among those who share them (PSS), so that nothing is counted twice."""
    processes: int
    files: int
    connections: int

    def __str__(self) -> str:
        return (
            f"{self.memory_mib:.0f} MiB, {self.processes} processes, {self.files} open files, "
            f"{self.connections} connections"
        )


def of(pid: int) -> Footprint:
    """The footprint of this process and its descendants."""
    memory, files, connections, count = 0.0, 0, 0, 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            memory += process.memory_full_info().pss / _MIB
            files += process.num_fds()
            connections += len(process.net_connections("tcp"))
            count += 1
    return Footprint(memory, count, files, connections)


def processor_seconds(pid: int) -> float:
    """Processor time of this process, its children and theirs, those that have ended included."""
    total = 0.0
    root = psutil.Process(pid)
    for process in [root, *root.children()]:
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total
