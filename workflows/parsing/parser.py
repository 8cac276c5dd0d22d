"""Reads uploaded price files in processes without secrets, with limits of memory and time.

What the parsers of CSV and Parquet do wrong ends a child of `workflows.parsing.server`. What comes back is a
description in JSON and datasets in their own encoding, both of bounded length and checked here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backtest.errors import InvalidFile
from backtest.prices.dataset import MAX_BARS, Dataset, InvalidPayload
from workflows.errors import ParserBusy
from workflows.parsing import children
from workflows.parsing.children import Limits, OutOfMemory, TookTooLong

AT_ONCE: Final = 1
_LEAST_MEMORY_MIB: Final = 512
_WAIT_SECONDS: Final = 10.0
_MOST_PAYLOAD: Final = MAX_BARS * 48 + (8 << 20)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What was understood of a file, ready for JSON, and the datasets in it."""

    reading: Mapping[str, Any]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuestion:
    """Which file is read, and how: as `read_prices` takes it, options as a mapping of strings."""

    file: str
    symbol: str | None = None
    default_symbol: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileParser:
    """Reads one file at a time, so that uploads leave memory for everything else."""

    largest_mib: int = 64
    limit_seconds: int = 20
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))

    @property
    def memory_mib(self) -> int:
        """What a file may take: texts of numbers take several times their size while they become numbers."""
        return max(_LEAST_MEMORY_MIB, 16 * self.largest_mib)

    def parse(self, data: bytes, about: FileQuestion) -> ParsedFile:
        """Read a file and every dataset in it.

        Raises
        ------
        InvalidFile
            With what is wrong with the file, or that it took more memory or time than a price file may.
        ParserBusy
            Where other files are being read already.
        """
        answer, payloads = self._answer(data, about, preview=False)
        datasets, start = [], 0
        for length in answer["payloads"]:
            try:
                datasets.append(Dataset.decode(bytes(payloads[start : start + length])))
            except InvalidPayload as error:
                raise InvalidFile(f"was read wrongly: {error}", file=about.file) from error
            start += length
        return ParsedFile(answer["reading"], tuple(datasets))

    def preview(self, data: bytes, about: FileQuestion) -> Mapping[str, Any]:
        """What a file holds, ready for JSON; questions get their likeliest answers. Raises as `parse` does."""
        preview: Mapping[str, Any] = self._answer(data, about, preview=True)[0]["preview"]
        return preview

    def _answer(self, data: bytes, about: FileQuestion, *, preview: bool) -> tuple[dict[str, Any], bytearray]:
        if not self.places.acquire(timeout=_WAIT_SECONDS):
            raise ParserBusy("other files are being read; try again in a moment")
        try:
            answer, payloads = self._asked(data, about, preview)
        finally:
            self.places.release()
        if "errors" in answer:
            raise _refusal(answer["errors"], about.file)
        return answer, payloads

    def _asked(self, data: bytes, about: FileQuestion, preview: bool) -> tuple[dict[str, Any], bytearray]:
        asked = {
            "task": "read",
            "file": about.file,
            "symbol": about.symbol,
            "default_symbol": about.default_symbol,
            "options": dict(about.options),
            "preview": preview,
        }
        limits = Limits(memory_mib=self.memory_mib, seconds=self.limit_seconds, data_mib=self.largest_mib)
        try:
            return children.ask(asked, data, limits, most_bytes=_MOST_PAYLOAD)
        except OutOfMemory:
            raise self._too_much(about) from None
        except TookTooLong:
            text = f"took longer than {self.limit_seconds} seconds to read; split the file"
            raise InvalidFile(text, file=about.file) from None

    def _too_much(self, about: FileQuestion) -> InvalidFile:
        return InvalidFile(
            f"cannot be read within {self.memory_mib:,} MiB of memory; it is no usual file of prices, or must be split",
            file=about.file,
        )


def _refusal(errors: list[dict[str, Any]], file: str) -> InvalidFile:
    first, *others = (
        InvalidFile(error["message"], file=file, line=error["line"], date=error["date"], field=error["field"])
        for error in errors
    )
    return InvalidFile(
        first.message, file=file, line=first.line, date=first.date, field=first.field, others=others
    )
