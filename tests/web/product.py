"""The real product for browser tests and screenshots: `python app.py` on a free port with a database of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SWITCHES = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
)
_INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[str]:
    """Start the product with everything it keeps in `folder`, and these settings; its address."""
    port = settings.get("PORT") or _free_port()
    environment = os.environ | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder / 'record.sqlite3'}",
        "LIBRARY_DIR": str(folder / "library"),
        "BUNDLE_DIR": str(folder / "bundles"),
        **settings,
    }
    log = (folder / "log.txt").open("wb")
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, folder)
        yield address
    finally:
        process.terminate()
        process.wait(40)
        log.close()


def chromium() -> str:
    """Debian's Chromium; installed where it is missing and we may, else a sentence that says how."""
    if not shutil.which("chromium") and os.getuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        subprocess.run(_INSTALL, check=True, env=quiet, stdout=subprocess.DEVNULL)
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise RuntimeError("The browser tests need Chromium on PATH: apt-get install chromium.")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(address: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"the product did not start:\n{(folder / 'log.txt').read_text()[-3000:]}")
