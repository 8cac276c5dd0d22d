"""What every launcher promises, wherever it has runs executed."""

from __future__ import annotations

from typing import Protocol


class Launcher(Protocol):
    """Has PENDING runs executed. The row is committed before, and stays the truth about the run."""

    def launch(self, run_id: str) -> None:
        """See to it that the run is executed; doing so twice is the same as once.

        Raise `LaunchRefused` only where it is certain that the run will not be executed. Where the
        outcome is unknown or the way is blocked for a while, return: the run waits as PENDING.
        """

    def cancel(self, run_id: str) -> None:
        """Stop what executes the run, if anything does; the row is CANCELLED already."""
