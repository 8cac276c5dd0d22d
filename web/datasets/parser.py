"""Reads uploaded price files in a process of its own, with limits of memory and time.

The parsers of CSV and Parquet meet bytes of strangers. What they do wrong ends a child without secrets:
it has an empty environment and no open file but its pipes. What it sends back is a description in JSON
and datasets in their own encoding, which is decoded with bounds and compared with its hash.
"""

from __future__ import annotations

import json
import struct
import subprocess  # nosec B404
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from backtest.errors import InvalidFile
from backtest.prices.dataset import Dataset, InvalidPayload

_LENGTH = struct.Struct("<Q")
_AT_ONCE = 2
_ROOT = Path(__file__).parents[2]


class ParserBusy(Exception):
    """As many files are being read as this process may read at once."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What was understood of a file, ready for JSON, and the datasets in it."""

    reading: Mapping[str, Any]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True)
class FileParser:
    """Starts one child for each file; two at once, so that uploads leave room for everything else."""

    memory_mib: int = 1_024
    limit_seconds: float = 60.0
    command: tuple[str, ...] = (sys.executable, "-E", "-s", "-m", "backtest.prices.reading")
    places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE))

    def parse(self, data: bytes, *, preview: bool = False, **about: Any) -> ParsedFile:
        """Read a file.

        Parameters
        ----------
        data : its bytes
        preview : whether questions are answered with their likeliest answers, and no dataset is sent back
        about : `file`, `symbol` and `options` as `read_prices` takes them, options as a mapping of strings

        Raises
        ------
        InvalidFile
            With what is wrong with the file, or that it took more memory or time than a price file may.
        ParserBusy
            Where too many files are being read already.
        """
        if not self.places.acquire(timeout=self.limit_seconds / 2):
            raise ParserBusy("too many files are being read; try again in a moment")
        try:
            answer = self._answer(data, {**about, "preview": preview, "memory_mib": self.memory_mib})
        finally:
            self.places.release()
        return _parsed(answer, str(about["file"]))

    def _answer(self, data: bytes, about: Mapping[str, Any]) -> bytes:
        head = json.dumps(about).encode()
        file = str(about["file"])
        try:
            done = subprocess.run(  # noqa: S603 our own interpreter and module # nosec B603
                self.command,
                input=_LENGTH.pack(len(head)) + head + data,
                capture_output=True,
                timeout=self.limit_seconds,
                env={},
                cwd=_ROOT,
            )
        except subprocess.TimeoutExpired:
            raise InvalidFile(
                f"took longer than {self.limit_seconds:g} seconds to read; split the file", file=file
            ) from None
        if done.returncode != 0 or len(done.stdout) < _LENGTH.size:
            raise InvalidFile(
                f"cannot be read within {self.memory_mib:,} MiB of memory; it is no usual file of prices",
                file=file,
            )
        return done.stdout


def _parsed(answer: bytes, file: str) -> ParsedFile:
    (length,) = _LENGTH.unpack_from(answer)
    head = json.loads(answer[_LENGTH.size : _LENGTH.size + length])
    if "errors" in head:
        raise _refusal(head["errors"], file)
    start, datasets = _LENGTH.size + length, []
    for about in head["payloads"]:
        payload = answer[start : start + about["bytes"]]
        start += about["bytes"]
        try:
            dataset = Dataset.decode(payload)
        except InvalidPayload as error:
            raise InvalidFile(f"was read wrongly: {error}", file=file) from error
        datasets.append(dataset)
    return ParsedFile(head["reading"], tuple(datasets))


def _refusal(errors: list[dict[str, Any]], file: str) -> InvalidFile:
    first, *others = (
        InvalidFile(error["message"], file=file, line=error["line"], date=error["date"], field=error["field"])
        for error in errors
    )
    return InvalidFile(
        first.message, file=file, line=first.line, date=first.date, field=first.field, others=others
    )
