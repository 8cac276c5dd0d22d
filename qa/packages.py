"""Programs of the operating system that tests need: found on PATH, or installed where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
"""Debian keeps servers out of an ordinary user's PATH."""
_LOCK_SECONDS = 300
_APT = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}"]


def find(*names: str) -> str | None:
    """Where the first of these programs is."""
    return next(filter(None, (shutil.which(name, path=_PATH) for name in names)), None)


def find_or_install(*names: str, packages: tuple[str, ...]) -> str:
    """Where the first of these programs is, after an installation if need be; otherwise says what to install."""
    if not find(*names) and os.getuid() == 0 and shutil.which("apt-get"):
        _install(packages)
    if program := find(*names):
        return program
    raise RuntimeError(f"none of {', '.join(names)} is installed: apt-get install {' '.join(packages)}")


def _install(packages: tuple[str, ...]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    give_up_at = time.monotonic() + _LOCK_SECONDS
    # unlike dpkg's lock, apt-get does not wait for that of the package lists
    while subprocess.run([*_APT, "update"], env=environment, check=False).returncode:
        if time.monotonic() > give_up_at:
            break
        time.sleep(5)
    install = [*_APT, "install", "-y", "--no-install-recommends", *packages]
    subprocess.run(install, env=environment, check=True, stdout=subprocess.DEVNULL)
