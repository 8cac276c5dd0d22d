"""Rules that only tests install: one pauses, one corrupts the result of its step."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from hostile_rules import Hostile

from backtest.fields import Field
from backtest.run.result_tables import result_hash
from qa.chaos.corruptions import CORRUPTIONS
from workflows.steps import bundle, tables

_DONE: set[str] = set()
"""The harm that this process has done; the look-ahead check asks a rule more than once."""


@dataclass(frozen=True, slots=True)
class Pausing(Hostile):
    """Always long, after a pause."""

    name = "PAUSING"
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="seconds", kind="float", label="Pause", default=1.0, low=0.0, high=60.0, help="How long."),
    )

    seconds: float = 1.0

    def harm(self) -> None:
        if self.name not in _DONE:
            _DONE.add(self.name)
            time.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Corrupting(Hostile):
    """Always long; corrupts the bundle of its step as soon as it is written."""

    name = "CORRUPTING"
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

    def harm(self) -> None:
        if self.name not in _DONE:
            _DONE.add(self.name)

            def write_and_corrupt(folder: Path, run_id: str, files: dict[str, bytes]) -> None:
                _write(folder, run_id, files)
                _CORRUPT[self.corruption](folder, run_id, files)

            bundle.write = write_and_corrupt


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


def _linked(folder: Path, _run_id: str, _files: _Files) -> None:
    (folder / bundle.SUMMARY).unlink()
    (folder / bundle.SUMMARY).symlink_to("/etc/hostname")


def _with_summary(
    folder: Path, run_id: str, files: _Files, *, rehash: bool = False, **metrics: object
) -> None:
    """Forge metrics, and with `rehash` the hash that belongs to them."""
    summary = json.loads(files[bundle.SUMMARY])
    summary["metrics"] |= metrics
    if rehash:
        read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
        summary["result_hash"] = result_hash(read, summary)
    _forged(bundle.SUMMARY, json.dumps(summary).encode())(folder, run_id, files)


def _with_hash(folder: Path, run_id: str, files: _Files) -> None:
    summary = json.loads(files[bundle.SUMMARY]) | {"result_hash": "0" * 64}
    _forged(bundle.SUMMARY, json.dumps(summary).encode())(folder, run_id, files)


def _with_richer_end(folder: Path, run_id: str, files: _Files) -> None:
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    equity = read.curves["equity"].copy()
    equity[-1] *= 2
    richer = replace(read, curves={**read.curves, "equity": equity})
    _forged(bundle.CURVES, tables.curves_to_parquet(richer))(folder, run_id, files)


def _with_run_id(folder: Path, run_id: str, files: _Files) -> None:
    trades = pq.read_table(pa.BufferReader(files[bundle.TRADES]))
    sink = pa.BufferOutputStream()
    pq.write_table(trades.append_column("run_id", pa.array(["another"] * len(trades))), sink)
    _forged(bundle.TRADES, sink.getvalue().to_pybytes())(folder, run_id, files)


def _with_other_months(folder: Path, run_id: str, files: _Files) -> None:
    summary = json.loads(files[bundle.SUMMARY])
    summary["monthly"][0]["return"] = 9.99
    _forged(bundle.SUMMARY, json.dumps(summary).encode())(folder, run_id, files)


def _with_other_warnings(folder: Path, run_id: str, files: _Files) -> None:
    summary = json.loads(files[bundle.SUMMARY]) | {"warnings": 5}
    _forged(bundle.SUMMARY, json.dumps(summary).encode())(folder, run_id, files)


def _with_other_drawdown(folder: Path, run_id: str, files: _Files) -> None:
    read = tables.from_parquet(files[bundle.TRADES], files[bundle.CURVES])
    deeper = replace(read, curves={**read.curves, "drawdown": read.curves["drawdown"] - 0.5})
    _forged(bundle.CURVES, tables.curves_to_parquet(deeper))(folder, run_id, files)


def _with_dictionary(folder: Path, run_id: str, files: _Files) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(pa.BufferReader(files[bundle.CURVES])), sink)
    _forged(bundle.CURVES, sink.getvalue().to_pybytes())(folder, run_id, files)


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
    "link in place of a file": _linked,
    "forged metrics": lambda *bundled: _with_summary(*bundled, total_return=9.99),
    "forged metrics with their hash": lambda *bundled: _with_summary(
        *bundled, rehash=True, sharpe_ratio=9.99
    ),
    "forged curve": _with_richer_end,
    "forged hash": _with_hash,
    "columns of another run": _with_run_id,
    "forged months": _with_other_months,
    "forged drawdown": _with_other_drawdown,
    "warnings of another kind": _with_other_warnings,
    "dictionary in place of numbers": _with_dictionary,
    "folder missing": lambda folder, *_: shutil.rmtree(folder),
}
