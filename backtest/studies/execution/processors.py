"""How many processors this process may use: those of its affinity, or fewer where its control group has a quota."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")


def available(*, root: Path = _ROOT, own: Path = _OWN) -> int:
    """At least 1. A container counts the cores of its host, but runs on its quota alone."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders(root, own) if (quota := _quota(folder)) is not None]
    return max(1, min([allowed, *(math.ceil(quota) for quota in quotas)]))


def _folders(root: Path, own: Path) -> list[Path]:
    """The control group of this process and those around it: each of their quotas holds."""
    folders = {root, root / "cpu"}
    lines = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        inner = (root / "cpu" if controllers else root) / path.lstrip("/")
        folders |= {folder for folder in (inner, *inner.parents) if folder.is_relative_to(root)}
    return sorted(folders)


def _quota(folder: Path) -> float | None:
    """Processors that a control group may use, of version 2 or 1; None where it has no quota."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip()
                for name in ("quota", "period")
            )
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
