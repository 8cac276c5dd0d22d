"""The interface of the launchers."""

from __future__ import annotations

from typing import Protocol


class Launcher(Protocol):
    """Has PENDING runs executed. The row is committed before, and stays the truth about the run."""

    def launch(self, run_id: str) -> None:
        """Make sure that the run is executed; twice is the same as once.

        Raise `LaunchRefused` only where it is certain that the run will not be executed. Where the
        outcome is unknown or the run cannot start for a while, return: the run waits as PENDING.
        """
