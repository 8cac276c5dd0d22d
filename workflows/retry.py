"""A step in a pod outlasts a short absence of the database by itself: a new pod would cost more."""

from __future__ import annotations

import time
from collections.abc import Callable

from config import logs
from config.exit_codes import Exit

PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 2.0
log = logs.get(__name__)


def outlast(
    step: Callable[[], int],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    pause_seconds: float = _PAUSE_SECONDS,
) -> int:
    """Do the step again while it says `TRY_AGAIN`, but not for longer than the patience; its last code."""
    give_up_at = time.monotonic() + patience_seconds
    while (code := step()) == Exit.TRY_AGAIN and time.monotonic() < give_up_at:
        time.sleep(pause_seconds)
    return code
