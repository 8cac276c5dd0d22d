"""The freeze of the engine: its version and the SHA-256 of its source, in `engine.lock`.

``python -m backtest.lock`` tells whether both still agree. ``python -m backtest.lock --write`` locks a
new version; it refuses a changed source under a version that was locked before.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from backtest.engine import ENGINE_VERSION

SOURCE = Path(__file__).with_name("engine.py")
LOCK = Path(__file__).with_name("engine.lock")


def current(version: int = ENGINE_VERSION, source: bytes | None = None) -> dict[str, int | str]:
    """What the lock must hold for this version and this source."""
    text = SOURCE.read_bytes() if source is None else source
    return {"engine_version": version, "sha256": hashlib.sha256(text).hexdigest()}


def complaint(locked: dict[str, int | str], found: dict[str, int | str]) -> str:
    """Why the engine is not the one that was locked; empty when it is."""
    same_version = locked["engine_version"] == found["engine_version"]
    same_source = locked["sha256"] == found["sha256"]
    if same_version and not same_source:
        version = found["engine_version"]
        return f"engine.py has changed under version {version}: raise ENGINE_VERSION and lock it"
    if same_source and not same_version:
        return f"ENGINE_VERSION says {found['engine_version']}, but the lock holds {locked['engine_version']}"
    return "" if same_version else f"version {found['engine_version']} is not locked yet"


def main() -> int:
    """Check the lock, or write it; 0 when engine and lock agree."""
    locked = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else None
    if "--write" in sys.argv[1:]:
        if locked and locked["engine_version"] == ENGINE_VERSION and locked != current():
            sys.stderr.write(complaint(locked, current()) + "\n")
            return 1
        LOCK.write_text(json.dumps(current(), indent=2) + "\n", encoding="utf-8")
        return 0
    wrong = complaint(locked, current()) if locked else "engine.lock is missing"
    sys.stderr.write(wrong + "\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
