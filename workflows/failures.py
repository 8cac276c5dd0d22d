"""Why a run failed, as it is stored and shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a code for machines and a sentence for people."""

    code: str
    message: str
