"""The launcher of a laptop: the table of runs is the queue, and workers take from it."""

from __future__ import annotations


class LocalLauncher:
    """Nothing to do: a worker sees the PENDING row within milliseconds, and a cancelled one likewise."""

    def launch(self, run_id: str) -> None:
        """The row is in the queue already."""

    def cancel(self, run_id: str) -> None:
        """The worker stops the step of a run that is no longer open."""
