"""What one workflow of a study has to do, written by its plan step and read by the others.

It travels as a bundle: the pods that compute may read prices and nothing else in the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from backtest.studies.chunk import Chunk
from backtest.studies.plan import Plan
from backtest.studies.request import StudyLimits, StudyRequest
from backtest.studies.statistics.deflated import Tried
from store import packing
from workflows.steps import bundle

_STUDY: Final = "study.json"
_NUMBERS: Final = "numbers.bin"
_KNOWN: Final = "known.bin"
_ACCEPTED: Final = StudyLimits(trials=2**62, simulations=2**62)
_LENGTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """The chunks that one workflow executes.

    Parameters
    ----------
    data_hashes : the prices that the study is pinned to, by symbol
    chunks : N, among how many chunks all trials of the study are shared
    numbers : those that this workflow executes
    pods : K, among how many pods
    windows : W of the walk-forward, 0 of a sweep
    is_last : nothing is left behind this workflow: it judges the study
    before : by the symbols of an account, what the ledger holds; of the last workflow
    known : the chunks that were stored before; of the last workflow
    """

    study_id: str
    planned: Plan
    data_hashes: Mapping[str, str]
    chunks: int
    numbers: tuple[int, ...]
    pods: int
    windows: int
    is_last: bool
    before: Mapping[tuple[str, ...], Tried] = field(default_factory=dict)
    known: Sequence[Chunk] = ()

    @property
    def fans_out(self) -> bool:
        """Whether there are pods for chunks; a single one is the pod that judges as well."""
        return self.pods > 1

    def share(self, pod: int) -> tuple[int, ...]:
        """The chunks of pod `pod` of K: every one in one share, neighbours together."""
        if not 0 <= pod < self.pods:
            raise ValueError(f"pod must be from 0 on and below {self.pods}, got {pod}")
        count = len(self.numbers)
        return self.numbers[pod * count // self.pods : (pod + 1) * count // self.pods]

    def write(self, folder: Path) -> None:
        """Write it as a bundle."""
        steps = np.diff(self.planned.numbers, prepend=np.int64(0)).astype("<i8")
        files = {
            _STUDY: json.dumps(self._as_json()).encode(),
            _NUMBERS: packing.pack(steps.tobytes()),
            _KNOWN: b"".join(_framed(chunk.encode()) for chunk in self.known),
        }
        bundle.write(folder, self.study_id, files)

    def _as_json(self) -> dict[str, Any]:
        return {
            "request": self.planned.request.as_json(),
            "refused": self.planned.refused,
            "data_hashes": dict(self.data_hashes),
            "chunks": self.chunks,
            "numbers": list(self.numbers),
            "pods": self.pods,
            "windows": self.windows,
            "is_last": self.is_last,
            "before": [
                {"symbols": list(symbols), "trials": tried.trials, "mean": tried.mean, "variance": tried.variance}
                for symbols, tried in self.before.items()
            ],
        }  # fmt: skip


def read(folder: Path, study_id: str) -> Assignment:
    """The assignment in a bundle; `BundleError` where it is not what `write` wrote for this study."""
    files = bundle.read(folder, study_id)
    asked = bundle.read_json(files, _STUDY)
    steps = np.frombuffer(packing.unpack(bundle.file(files, _NUMBERS)), "<i8")
    request = StudyRequest.parse(asked["request"], limits=_ACCEPTED)
    return Assignment(
        study_id=study_id,
        planned=Plan(request, np.cumsum(steps), asked["refused"]),
        data_hashes=asked["data_hashes"],
        chunks=asked["chunks"],
        numbers=tuple(asked["numbers"]),
        pods=asked["pods"],
        windows=asked["windows"],
        is_last=asked["is_last"],
        before={
            tuple(each["symbols"]): Tried(each["trials"], each["mean"], each["variance"])
            for each in asked["before"]
        },
        known=[Chunk.decode(content) for content in _unframed(bundle.file(files, _KNOWN))],
    )


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(_LENGTH, "little") + content


def _unframed(content: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + _LENGTH], "little")
        found.append(content[place + _LENGTH : place + _LENGTH + size])
        place += _LENGTH + size
    return found
