"""Retries of a step inside its pod: a short outage of the database costs less than a new pod."""

from __future__ import annotations

import time
from collections.abc import Callable

from config.exit_codes import Exit

TIMEOUT_SECONDS = 300.0
_PAUSE_SECONDS = 2.0


def while_unavailable(
    step: Callable[[], int],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    pause_seconds: float = _PAUSE_SECONDS,
) -> int:
    """Repeat the step while it returns TRY_AGAIN and the timeout has not passed; return its last exit code."""
    give_up_at = time.monotonic() + timeout_seconds
    while (code := step()) == Exit.TRY_AGAIN and time.monotonic() < give_up_at:
        time.sleep(pause_seconds)
    return code
