"""The exit codes of a step: what the process that started it has to do next."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a step ended; everything but OK and BAD_INPUT is a fault of the machinery."""

    OK = 0
    """The step did its work, or found it already done."""
    CRASHED = 1
    """An unexpected error of ours or of a rule; trying again would give the same."""
    BAD_INPUT = 2
    """The request, the prices or the bundle are wrong; never tried again."""
    OUT_OF_MEMORY = 12
    """The step needed more memory than it was given."""
    TRY_AGAIN = 75
    """Something outside was away, as the database; the same step may succeed later."""
