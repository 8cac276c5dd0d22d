"""The launcher of a laptop: the table of runs is the queue, and workers take from it."""

from __future__ import annotations


class LocalLauncher:
    """Nothing to do: a worker sees the PENDING row within milliseconds."""

    def launch(self, run_id: str) -> None:
        """The row is in the queue already."""
