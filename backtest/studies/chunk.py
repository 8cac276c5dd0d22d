"""A chunk of a study: the figures of its trials as compact columns, and the same as bytes."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.errors import BacktestError

BLOCKS: Final = 16
"""Parts into which the returns of a trial are summed, for the probability of backtest overfitting."""

ROWS: Final[Mapping[str, str]] = {
    "final_equity": "<f8",
    "total_return": "<f8",
    "volatility": "<f8",
    "sharpe_ratio": "<f8",
    "max_drawdown": "<f8",
    "num_trades": "<i4",
    "ruined": "|b1",
    "sums": "<f8",
    "squares": "<f8",
}
"""Names and types of what is kept of each row."""
MAXIMA: Final = "maxima"
COLUMNS: Final = {**ROWS, MAXIMA: "<f8"}
LARGEST: Final = 2**31
_MAGIC: Final = b"SBC1"
_LENGTH: Final = struct.Struct("<I")
_LONGEST_HEADER: Final = 4_096
_HASHED_AT_ONCE: Final = 65_536
"""Rows: so that no second copy of a column is made."""


class InvalidChunk(BacktestError):
    """Bytes that are no encoded chunk, or one that was cut off or altered."""


@dataclass(frozen=True)
class Chunk:
    """The rows `first` up to but not including `first + len(chunk)` of a plan.

    Row r is trial r % N of account r // N, where N is the plan's number of trials.

    Parameters
    ----------
    number, chunks : which share of how many
    columns : by the names of `ROWS`, R rows each: final_equity … ruined of shape (R, 1 + W), the whole
        range first, then the training bars of each of W windows; undefined figures are NaN; `sums` and
        `squares`, (R, 16), the sums of returns and of squared returns of the whole range in 16 blocks.
        `maxima`: of each account that has a row, the bootstrapped maxima of `statistics.reality`, flat
    """

    number: int
    chunks: int
    first: int
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.columns["final_equity"])

    @property
    def stop(self) -> int:
        """The row behind the last one."""
        return self.first + len(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.encode()).hexdigest()

    def encode(self) -> bytes:
        """The chunk as bytes: equal chunks give equal bytes on any machine."""
        parts = [np.ascontiguousarray(self.columns[name], kind) for name, kind in COLUMNS.items()]
        header = {
            "number": self.number, "chunks": self.chunks, "first": self.first,
            "shapes": {name: list(part.shape) for name, part in zip(COLUMNS, parts, strict=True)},
        }  # fmt: skip
        written = json.dumps(header, separators=(",", ":")).encode()
        body = b"".join(_same_nan(part).tobytes() for part in parts)
        whole = b"".join((_MAGIC, _LENGTH.pack(len(written)), written, body))
        return whole + hashlib.sha256(whole).digest()

    @classmethod
    def decode(cls, payload: bytes) -> Chunk:
        """Read what `encode` wrote, or raise `InvalidChunk`; never takes more memory than the payload."""
        whole, digest = payload[:-32], payload[-32:]
        start = len(_MAGIC) + _LENGTH.size
        is_whole = len(whole) >= start and hashlib.sha256(whole).digest() == digest
        if not is_whole or whole[: len(_MAGIC)] != _MAGIC:
            raise InvalidChunk("the payload is not an encoded chunk, or was altered")
        (length,) = _LENGTH.unpack_from(whole, len(_MAGIC))
        header = _header(whole[start : start + min(length, _LONGEST_HEADER)])
        columns = _columns(header["shapes"], whole[start + length :])
        return cls(header["number"], header["chunks"], header["first"], columns)


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """All rows of a plan, from the chunks that there are.

    Parameters
    ----------
    columns : by the names of `ROWS`; rows of missing chunks are NaN or 0
    known : (rows,) whether the chunk of a row is there
    maxima : of each account (4, 1 + B); -inf where no chunk has a row of it
    """

    columns: dict[str, NDArray[Any]]
    known: NDArray[np.bool_]
    maxima: list[NDArray[Any]]

    @property
    def digest(self) -> str:
        """SHA-256 over the columns of all rows: the same in whatever shares they were computed."""
        digest = hashlib.sha256(np.packbits(self.known).tobytes())
        for name in sorted(self.columns):
            for first in range(0, len(self.known), _HASHED_AT_ONCE):
                digest.update(self.columns[name][first : first + _HASHED_AT_ONCE].tobytes())
        return digest.hexdigest()


def join(chunks: Iterable[Chunk], rows: int, trials: int) -> Joined:
    """Put chunks together, one after the other: an iterator of them need never be in memory as a whole.

    A row that is in several chunks is the same in each: a study may be computed in other shares again.

    Parameters
    ----------
    rows, trials : of the plan: of all accounts, and of each

    Raises
    ------
    ValueError
        If there is no chunk.
    """
    known = np.zeros(rows, np.bool_)
    columns: dict[str, NDArray[Any]] = {}
    maxima: list[NDArray[Any]] = []
    for chunk in chunks:
        if not columns:
            columns = {name: _unknown(chunk.columns[name], rows) for name in ROWS}
            maxima = [np.full(chunk.columns[MAXIMA].shape[1], -np.inf) for _ in range(rows // trials)]
        known[chunk.first : chunk.stop] = True
        for name, values in columns.items():
            values[chunk.first : chunk.stop] = chunk.columns[name]
        for account, own in enumerate(chunk.columns[MAXIMA], chunk.first // trials):
            np.maximum(maxima[account], own, out=maxima[account])
    if not columns:
        raise ValueError("there is no chunk")
    return Joined(columns, known, [own.reshape(4, -1) for own in maxima])


def _unknown(part: NDArray[Any], rows: int) -> NDArray[Any]:
    """Room for a column, each block of which lies together: statistics read all rows of a block."""
    fill = np.nan if part.dtype.kind == "f" else 0
    return np.full((rows, part.shape[1]), fill, part.dtype, order="F")


def _same_nan(part: NDArray[Any]) -> NDArray[Any]:
    """The same values with one pattern of bits for every NaN."""
    return np.where(np.isnan(part), np.nan, part).astype(part.dtype) if part.dtype.kind == "f" else part


def _header(written: bytes) -> dict[str, Any]:
    try:
        header = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise InvalidChunk("the header of the chunk is not readable") from error
    numbers = ("number", "chunks", "first")
    fits = isinstance(header, dict) and all(type(header.get(name)) is int for name in numbers)
    if not fits or not 0 <= header["number"] < header["chunks"] or header["first"] < 0:
        raise InvalidChunk("the header does not describe a chunk")
    shapes = header.get("shapes")
    if (
        not isinstance(shapes, dict)
        or set(shapes) != set(COLUMNS)
        or not all(map(_is_shape, shapes.values()))
    ):
        raise InvalidChunk("the header does not describe the columns of a chunk")
    if len({shapes[name][0] for name in ROWS}) != 1:
        raise InvalidChunk("the columns of the chunk differ in length")
    checked: dict[str, Any] = header
    return checked


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) == 2
        and all(type(n) is int and 0 <= n < LARGEST for n in shape)
    )


def _columns(shapes: Mapping[str, list[int]], body: bytes) -> dict[str, NDArray[Any]]:
    columns, place = {}, 0
    for name, kind in COLUMNS.items():
        rows, width = shapes[name]
        size = rows * width * np.dtype(kind).itemsize
        if place + size > len(body):
            raise InvalidChunk("the chunk ends before its last row")
        columns[name] = np.frombuffer(body, kind, rows * width, place).reshape(rows, width)
        place += size
    if place != len(body):
        raise InvalidChunk("the chunk is longer than its rows")
    return columns
