"""What can be wrong with the environment."""

from __future__ import annotations

from collections.abc import Sequence


class SettingsError(Exception):
    """Environment variables that are missing or wrong; names every one of them at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("invalid environment:\n" + "\n".join(f"  {line}" for line in problems))
