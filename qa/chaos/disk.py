"""A small file system of its own, which can be filled to the last byte and emptied again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECES = (1 << 20, 1 << 12, 1)


class Disk:
    """A file system in memory, mounted at a folder until it is closed; only root may mount one."""

    def __init__(self, folder: Path, *, mebibytes: int) -> None:
        if os.getuid() != 0:
            raise PermissionError("a disk that can be filled is mounted, which needs root: run as root")
        folder.mkdir(parents=True)
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not one byte is free, until the end of the block."""
        ballast = self.folder / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                for piece in _PIECES:
                    with suppress(OSError):
                        while file.write(b"\0" * piece):
                            pass
            yield
        finally:
            ballast.unlink()

    def close(self) -> None:
        """Unmount it, at once or as soon as the last file in it is closed."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
