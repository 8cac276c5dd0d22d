"""Private folders for the bundles of one worker, removed with it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

_PREFIX = "worker-"
_LOCK = ".lock"


class Scratch:
    """A folder of this process, readable by its user alone and locked while the process lives."""

    def __init__(self, within: Path) -> None:
        within.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(within)
        self.folder, self._lock = _private_folder(within)

    def of(self, run_id: str) -> Path:
        """Where the bundle of a run goes."""
        return self.folder / run_id

    def drop(self, run_id: str) -> None:
        """Remove the bundle of a run."""
        shutil.rmtree(self.of(run_id), ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def sweep(within: Path) -> int:
    """Remove the folders of processes that died without doing so; return how many there were."""
    removed = 0
    for folder in within.glob(f"{_PREFIX}*"):
        if folder.is_dir() and folder.stat().st_uid == os.getuid() and (lock := _locked(folder)):
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _private_folder(within: Path) -> tuple[Path, IO[str]]:
    while True:  # another worker's sweep may take a folder away before it is locked
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        lock = _locked(folder)
        if lock and folder.exists():
            return folder, lock


def _locked(folder: Path) -> IO[str] | None:
    """The folder's lock, or None while another process holds it."""
    try:
        lock = (folder / _LOCK).open("w", encoding="ascii")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
