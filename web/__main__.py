"""The web tier alone, as a container runs it: `python -m web` becomes gunicorn."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from config.errors import SettingsError
from config.settings import Settings
from web.server import PATIENT_THREADS

_MEMORY = "/dev/shm"  # noqa: S108 gunicorn's heartbeat must not wait for a disk # nosec B108
_SPARE_THREADS = 16
"""They refuse requests and answer probes while the concurrency limit is reached and its queue is full."""
_WORKER = "web.server.worker.Worker"
DRAIN_SECONDS = 25
"""Requests that have begun are finished within this time after SIGTERM."""


def main() -> int:  # noqa: RET503
    """Serve until SIGTERM; 2 is a mistake in the environment."""
    try:
        settings = Settings.from_env(os.environ)
        settings.require_guarded()
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _become_gunicorn(settings)


def _become_gunicorn(settings: Settings) -> NoReturn:
    os.execvp(sys.executable, [sys.executable, "-m", "gunicorn", *arguments(settings)])  # noqa: S606 # nosec B606


def arguments(settings: Settings, *, bind: str = "") -> list[str]:
    """Gunicorn's command line; WEB_CONCURRENCY, which it reads itself, is the number of processes."""
    limits = settings.limits
    threads = limits.requests_at_once + limits.requests_waiting + PATIENT_THREADS + _SPARE_THREADS
    return [
        *("--bind", bind or f"{settings.host}:{settings.port}"),
        *("--worker-class", _WORKER),
        *("--threads", str(threads)),
        *(("--worker-tmp-dir", _MEMORY) if Path(_MEMORY).is_dir() else ()),
        *("--graceful-timeout", str(DRAIN_SECONDS)),
        *("--keep-alive", "5"),
        "--no-control-socket",
        "--preload",
        "web.serving:application()",
    ]


if __name__ == "__main__":
    sys.exit(main())
