"""Rules that only the fault suite installs: one pauses, one crashes its step, one corrupts its result."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from backtest.fields import Field
from backtest.rules import Prices, Rule
from qa.chaos.corruptions import CORRUPTIONS
from workflows.steps import bundle

_PAUSED, _CORRUPTED = [], []


@dataclass(frozen=True, slots=True)
class Pausing(Rule):
    """Always long, after a pause."""

    name = "PAUSING"
    label = "Pausing"
    help = "Takes its time, so that something can happen meanwhile."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="seconds", kind="float", label="Pause", default=1.0, low=0.0, high=60.0, help="How long."),
    )

    seconds: float = 1.0

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        if not _PAUSED:  # the look-ahead check asks again
            _PAUSED.append(True)
            time.sleep(self.seconds)
        return np.ones(len(prices))


@dataclass(frozen=True, slots=True)
class Aborting(Rule):
    """Crashes the step that asks it."""

    name = "ABORTING"
    label = "Aborting"
    help = "Crashes its step."

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        os.abort()


@dataclass(frozen=True, slots=True)
class Corrupting(Rule):
    """Always long; corrupts the bundle of its step as soon as it is written."""

    name = "CORRUPTING"
    label = "Corrupting"
    help = "Corrupts the result before the persist step reads it."
    params: ClassVar[tuple[Field, ...]] = (
        Field(
            name="corruption",
            kind="choice",
            label="Corruption",
            default="file cut",
            choices=tuple(CORRUPTIONS),
            help="How.",
        ),
    )

    corruption: str = "file cut"

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        if not _CORRUPTED:
            _CORRUPTED.append(True)

            def write_and_corrupt(folder: Path, run_id: str, files: dict[str, bytes]) -> None:
                _write(folder, run_id, files)
                _CORRUPT[self.corruption](folder, run_id, files)

            bundle.write = write_and_corrupt
        return np.ones(len(prices))


_write = bundle.write
_Files = dict[str, bytes]


def _with_manifest(**changes: object) -> Callable[[Path, str, _Files], None]:
    """Change entries of the manifest."""

    def corrupt(folder: Path, _run_id: str, _files: _Files) -> None:
        path = folder / bundle.MANIFEST
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return corrupt


def _with_file(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path, str, _Files], None]:
    """Change the content of a file, so that the manifest contradicts it."""

    def corrupt(folder: Path, _run_id: str, _files: _Files) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return corrupt


def _forged(name: str, content: bytes) -> Callable[[Path, str, _Files], None]:
    """Write other content with a manifest that confirms it."""

    def corrupt(folder: Path, run_id: str, files: _Files) -> None:
        _write(folder, run_id, files | {name: content})

    return corrupt


_CORRUPT = {
    "manifest missing": lambda folder, *_: (folder / bundle.MANIFEST).unlink(),
    "manifest cut": _with_file(bundle.MANIFEST, lambda content: content[:-20]),
    "manifest empty": _with_file(bundle.MANIFEST, lambda _: b"{}"),
    "manifest of another format": _with_manifest(format=99),
    "manifest of another run": _with_manifest(run_id="00000000-0000-4000-8000-000000000000"),
    "manifest lists no files": _with_manifest(files={}),
    "file missing": lambda folder, *_: (folder / bundle.TRADES).unlink(),
    "file cut": _with_file(bundle.CURVES, lambda content: content[:-1]),
    "file altered": _with_file(bundle.SUMMARY, lambda content: content.replace(b"1", b"2", 1)),
    "file not a table": _forged(bundle.TRADES, b"PAR1 and nothing else PAR1"),
    "summary not JSON": _forged(bundle.SUMMARY, b"{"),
    "summary without its figures": _forged(bundle.SUMMARY, b"{}"),
    "folder missing": lambda folder, *_: shutil.rmtree(folder),
}
