"""What a pod of a study leaves: the chunks that it executed in one file, read again as what a stranger wrote.

The file is a ZIP without compression: `<number>.chunk` is an encoded chunk, `<number>.json` why there is none.
"""

from __future__ import annotations

import errno
import json
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from backtest.studies.chunk import BLOCKS, COLUMNS, MAXIMA, ROWS, Chunk, InvalidChunk
from backtest.studies.plan import Plan
from backtest.studies.statistics.reality import PATHS
from workflows.errors import BundleError
from workflows.failures import Failure

_NAME: Final = re.compile(r"(\d{1,9})\.(chunk|json)")
_SAME_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""So that a part that is computed again has the same bytes."""
_ENCRYPTED: Final = 1
_UNREADABLE: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, ValueError, struct.error
)  # fmt: skip
"""What `zipfile` raises of a file that was not written as it is read."""
_MOST_FAILURE_BYTES: Final = 64 * 1024
_MOST_AROUND_BYTES: Final = 8 * 1024
"""Of a chunk's header and digest, and of its entry in the file."""
_MAXIMA: Final = 4 * (PATHS + 1)
"""What `reality.Maxima` keeps of an account: of each path, and of what was observed."""


class PartError(BundleError):
    """A part, or a chunk of it, that must not be stored; says what is wrong with it."""


class PartWriter:
    """Writes the part of a pod chunk by chunk, so that only one of them is in memory."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def add(self, number: int, found: Chunk | Failure) -> None:
        """Write a chunk, or why it cannot be computed."""
        if isinstance(found, Chunk):
            self._write(f"{number}.chunk", found.encode())
        else:
            failure = {"error_code": found.code, "error_message": found.message}
            self._write(f"{number}.json", json.dumps(failure).encode())

    def _write(self, name: str, content: bytes) -> None:
        self._file.writestr(zipfile.ZipInfo(name, _SAME_TIME), content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def most_bytes(planned: Plan, chunks: int, *, windows: int) -> int:
    """The most that an encoded chunk of the study takes; N chunks and W windows."""
    rows = -(-planned.rows // chunks)
    widths = dict.fromkeys(COLUMNS, 1 + windows) | dict.fromkeys(("sums", "squares"), BLOCKS)
    row = sum(np.dtype(kind).itemsize * widths[name] for name, kind in ROWS.items())
    return (
        rows * row + len(planned.accounts) * _MAXIMA * np.dtype(COLUMNS[MAXIMA]).itemsize + _MOST_AROUND_BYTES
    )


def read(path: Path, expected: Sequence[int], *, most: int) -> Iterator[tuple[int, bytes | Failure]]:
    """The encoded chunks and failures of a pod that was to execute these numbers, one at a time.

    Raises `PartError` where it is no part, holds anything else, or a chunk of more than `most` bytes: before it is
    in memory.
    """
    if path.stat().st_size > len(expected) * max(most, _MOST_FAILURE_BYTES) + _MOST_AROUND_BYTES:
        raise PartError(f"{path.name} is larger than its chunks can be")
    try:
        with zipfile.ZipFile(path) as file:
            yield from _entries(file, set(expected), most)
    except _UNREADABLE as error:
        raise PartError(f"{path.name} is not a readable part: {error}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning; others are of the disk
            raise
        raise PartError(f"{path.name} is not a readable part: {error}") from error


def _entries(file: zipfile.ZipFile, expected: set[int], most: int) -> Iterator[tuple[int, bytes | Failure]]:
    left = set(expected)
    for entry in file.infolist():
        named = _NAME.fullmatch(entry.filename)
        if named is None or int(named[1]) not in left:
            raise PartError(f"the part holds {entry.filename[:40]!r}, which it is not to hold")
        is_plain = entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & _ENCRYPTED
        if not is_plain or entry.file_size != entry.compress_size:
            raise PartError("the part is packed otherwise than parts are")
        if entry.file_size > most and named[2] == "chunk":
            raise PartError(f"{entry.filename} is longer than a chunk of this study can be")
        left.discard(int(named[1]))
        yield int(named[1]), _failure(file, entry) if named[2] == "json" else file.read(entry)


def _failure(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Failure:
    if entry.file_size > _MOST_FAILURE_BYTES:
        raise PartError(f"{entry.filename} is longer than a reason is")
    try:
        return Failure.from_json(json.loads(file.read(entry)))
    except (ValueError, RecursionError) as error:
        raise PartError(f"{entry.filename} is not readable: {error}") from error


def checked(content: bytes, planned: Plan, number: int, chunks: int, *, windows: int) -> Chunk:
    """The chunk in these bytes, exactly of this share of the study; `PartError` where it is not.

    Parameters
    ----------
    windows : W of the walk-forward, 0 of a sweep
    """
    try:
        chunk = Chunk.decode(content)
    except InvalidChunk as invalid:
        raise PartError(f"chunk {number}: {invalid}") from invalid
    share = planned.share(number, chunks)
    if (chunk.number, chunk.chunks, chunk.first, len(chunk)) != (number, chunks, share.start, len(share)):
        raise PartError(f"chunk {number} is of another share than {share.start} to {share.stop}")
    if wrong := _wrong_shapes(chunk, planned, share, windows):
        raise PartError(f"chunk {number} has another shape than its study: {', '.join(wrong)}")
    _check_values(chunk, planned)
    return chunk


def _wrong_shapes(chunk: Chunk, planned: Plan, share: range, windows: int) -> list[str]:
    rows = len(share)
    accounts = (share.stop - 1) // planned.trials - share.start // planned.trials + 1
    expected = dict.fromkeys(COLUMNS, (rows, 1 + windows))
    expected |= dict.fromkeys(("sums", "squares"), (rows, BLOCKS))
    expected[MAXIMA] = (accounts, _MAXIMA)
    return [name for name in COLUMNS if chunk.columns[name].shape != expected[name]]


def _check_values(chunk: Chunk, planned: Plan) -> None:
    """What no simulation gives: infinite figures, a ruin that is neither true nor false, trades below 0."""
    columns = chunk.columns
    figures = [part for name, part in columns.items() if part.dtype.kind == "f" and name != MAXIMA]
    is_wrong = (
        any(np.isinf(part).any() for part in figures)
        or (columns["ruined"].view(np.uint8) > 1).any()
        or (columns["num_trades"] < 0).any()
        or np.isnan(columns[MAXIMA]).any()
    )
    if is_wrong:
        raise PartError(f"chunk {chunk.number} holds a figure that no simulation has")
    capital = float(planned.request.run.config.initial_capital)
    made = columns["final_equity"] / capital - 1.0
    if not np.array_equal(columns["total_return"], made, equal_nan=True):
        raise PartError(f"chunk {chunk.number} states another return than its final equity gives")
