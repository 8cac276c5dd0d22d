"""The prices of one symbol as an immutable, content-addressed whole."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from backtest.arrays import Floats, Ints, Times
from backtest.errors import BacktestError
from backtest.prices.bars import PRICES, Bars
from backtest.prices.origin import PLAIN, InvalidOrigin, Origin
from backtest.prices.symbols import ALPHABET, MAX_SYMBOL_LENGTH, is_symbol

MAX_BARS = 5_000_000

_MAGIC = b"SBD1"
_LENGTH = struct.Struct("<I")
LONGEST_HEADER = 4_096
"""Bytes that symbol, timeframe and source may take in front of the bars."""
_COLUMNS = (*PRICES, "volume")
_BYTES_PER_BAR = 8 * (1 + len(_COLUMNS))


class InvalidPayload(BacktestError):
    """Bytes that are no encoded dataset, or one that was cut off or altered."""


@dataclass(frozen=True)
class Dataset:
    """Bars of one symbol with the name that their content gives them.

    Parameters
    ----------
    symbol : 1 to 32 printable characters without spaces: wider than `is_symbol`, as older releases stored it
    timeframe : length of a bar, as "1d" or "5m"
    source : where the prices come from, in words; not part of the content
    bars : Bars of this one symbol, arrays of shape (T, 1)
    origin : what was done to the prices before; not part of the content

    Raises
    ------
    ValueError
        If symbol and timeframe are not those of the bars, or the symbol cannot be a name.
    """

    symbol: str
    timeframe: str
    source: str
    bars: Bars
    origin: Origin = PLAIN

    def __post_init__(self) -> None:
        if not _was_symbol(self.symbol):
            raise ValueError(
                f"a symbol must have 1 to {MAX_SYMBOL_LENGTH} printable characters and no spaces, got {self.symbol!r}"
            )
        if self.bars.symbols != (self.symbol,) or self.bars.timeframe != self.timeframe:
            held = f"{', '.join(self.bars.symbols)} {self.bars.timeframe}"
            raise ValueError(f"the bars are of {held}, not of {self.symbol} {self.timeframe}")

    def __len__(self) -> int:
        return len(self.bars)

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 over symbol, timeframe and every bar, 64 hexadecimal digits; the source does not count."""
        digest = hashlib.sha256(f"{self.symbol}\n{self.timeframe}\n{len(self)}\n".encode())
        for column in _little_endian(self.bars):
            digest.update(column)
        return digest.hexdigest()

    def encode(self, *, level: int = 1) -> bytes:
        """The dataset as bytes, from which `decode` makes the same one again; level 0 takes no time to compress."""
        about = {"symbol": self.symbol, "timeframe": self.timeframe, "source": self.source, "bars": len(self)}
        origin = b"" if self.origin.is_plain else self.origin.encode()
        about |= {"origin": len(origin)} if origin else {}
        header = json.dumps(about, ensure_ascii=False).encode()
        if len(header) > LONGEST_HEADER:
            raise ValueError(f"source is too long: the header is at most {LONGEST_HEADER} bytes")
        packer = zlib.compressobj(level)
        body = [packer.compress(column) for column in _little_endian(self.bars)]  # a column at a time
        return b"".join((_MAGIC, _LENGTH.pack(len(header)), header, *body, packer.flush(), origin))

    @classmethod
    def decode(cls, payload: bytes) -> Dataset:
        """Read what `encode` wrote, or raise `InvalidPayload`; never takes more memory than the bars need."""
        header, rest = _split(payload)
        body, origin = _without_origin(header, rest)
        count = header["bars"]
        times, columns = _columns(_inflate(body, count * _BYTES_PER_BAR), count)
        try:
            bars = Bars((header["symbol"],), times, **columns, timeframe=header["timeframe"])
            return cls(header["symbol"], header["timeframe"], header["source"], bars, origin)
        except (ValueError, BacktestError) as error:
            raise InvalidPayload(f"the payload contains invalid prices: {error}") from error


def _was_symbol(name: str) -> bool:
    return 1 <= len(name) <= MAX_SYMBOL_LENGTH and name.isprintable() and " " not in name


def make_dataset(
    symbol: str,
    times: Times,
    prices: Mapping[str, Floats],
    *,
    source: str,
    adj_close: Floats | None = None,
    timeframe: str | None = None,
    origin: Origin | None = None,
) -> Dataset:
    """Build a dataset from 1-D columns, adjusted where an adjusted close is given.

    Parameters
    ----------
    times : (T,) datetime64[s], strictly increasing
    prices : open, high, low, close and volume, each (T,)
    adj_close : (T,) closes after splits and dividends, or None
    timeframe : length of a bar; None finds it from the usual distance of two bars
    origin : what was done to the columns before

    Raises
    ------
    ValueError
        If the symbol holds a character outside the alphabet of symbols.
    InvalidBars
        If the prices cannot be; names symbol, date and field.
    """
    if not is_symbol(symbol):
        raise ValueError(f"a symbol must have 1 to {MAX_SYMBOL_LENGTH} {ALPHABET}, got {symbol!r}")
    columns = dict(prices) if adj_close is None else adjust(prices, adj_close)
    length = timeframe or infer_timeframe(times)
    shaped = {name: np.ascontiguousarray(columns[name], np.float64).reshape(-1, 1) for name in _COLUMNS}
    bars = Bars((symbol,), times, **shaped, timeframe=length)
    return Dataset(symbol, length, source, bars, origin or PLAIN)


def adjust(prices: Mapping[str, Floats], adj_close: Floats) -> dict[str, Floats]:
    """Scale all four prices by adj_close / close; volume stays as it is.

    The close becomes `adj_close` itself. The scaled high and low move outwards by the last bit where
    rounding would have let the close pass them, so low <= open, close <= high holds exactly. Where
    adj_close equals close, nothing changes by a single bit.
    """
    factor = adj_close / prices["close"]
    opened = prices["open"] * factor
    return {
        "open": opened,
        "high": np.maximum(prices["high"] * factor, adj_close),
        "low": np.minimum(prices["low"] * factor, adj_close),
        "close": adj_close.copy(),
        "volume": prices["volume"],
    }


def infer_timeframe(times: Times) -> str:
    """The length of a bar from the median distance of two bars: "5m", "1h", "1d", "3d", "1w", "2w", "1mo", "1y"."""
    if len(times) < 2:
        return "1d"
    steps = np.diff(times.view(np.int64))
    seconds = int(
        np.quantile(steps, 0.5, method="lower")
    )  # between two lengths the shorter: the other holds a gap
    for unit, name in ((86_400 * 300, "1y"), (86_400 * 80, "3mo"), (86_400 * 25, "1mo")):
        if seconds >= unit:
            return name
    if seconds >= 86_400 * 6:
        return f"{round(seconds / 86_400 / 7)}w"
    if seconds >= 86_400:
        return f"{round(seconds / 86_400)}d"
    for unit, letter in ((3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _little_endian(bars: Bars) -> Iterator[bytes]:
    yield bars.times.astype("<i8").tobytes()
    for name in _COLUMNS:
        yield _canonical(np.ascontiguousarray(getattr(bars, name), "<f8")).tobytes()


def _canonical(values: Floats) -> Floats:
    """The same numbers in one form each: zero has no sign, and an unknown volume is one NaN of the many."""
    unknown = np.isnan(values)
    return np.where(unknown, np.nan, values) if unknown.any() else values + 0.0


def _split(payload: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(_MAGIC) + _LENGTH.size
    if payload[: len(_MAGIC)] != _MAGIC or len(payload) < start:
        raise InvalidPayload("the payload is not an encoded dataset")
    (length,) = _LENGTH.unpack_from(payload, len(_MAGIC))
    if length > LONGEST_HEADER or len(payload) < start + length:
        raise InvalidPayload("the header of the payload is truncated")
    try:
        header = json.loads(payload[start : start + length])
    except ValueError as error:
        raise InvalidPayload("the header of the payload is not readable") from error
    return _checked(header), payload[start + length :]


def _without_origin(header: Mapping[str, Any], rest: bytes) -> tuple[bytes, Origin]:
    """The compressed bars, and the origin behind them where the header announces one."""
    length = header.get("origin", 0)
    if length == 0:
        return rest, PLAIN
    if type(length) is not int or not 0 < length < len(rest):
        raise InvalidPayload("the payload ends before what its header announces")
    try:
        return rest[:-length], Origin.decode(rest[-length:])
    except InvalidOrigin as error:
        raise InvalidPayload(str(error)) from error


def _checked(header: object) -> dict[str, Any]:
    kinds = {"symbol": str, "timeframe": str, "source": str, "bars": int}
    fits = isinstance(header, dict) and all(type(header.get(name)) is kind for name, kind in kinds.items())
    if not isinstance(header, dict) or not fits or not 0 < header["bars"] <= MAX_BARS:
        raise InvalidPayload("the header of the payload does not describe a dataset")
    return header


def _inflate(body: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(body, size + 1)
    except zlib.error as error:
        raise InvalidPayload("the payload cannot be decompressed") from error
    if len(content) != size or not stream.eof or stream.unused_data:
        raise InvalidPayload(f"the payload must hold {size} bytes of prices")
    return content


def decode_times(payload: bytes) -> Times:
    """The times of an encoded dataset, of which the beginning is enough; prices are not inflated.

    Raises
    ------
    InvalidPayload
        Where the bytes hold no times, end before the last one, or times do not increase.
    """
    header, body = _split(payload)
    size = 8 * header["bars"]
    try:
        content = zlib.decompressobj().decompress(body, size)
    except zlib.error as error:
        raise InvalidPayload("the payload cannot be decompressed") from error
    if len(content) != size:
        raise InvalidPayload("the payload ends before the last time of its bars")
    times: Ints = np.frombuffer(content, "<i8").astype(np.int64)
    if (np.diff(times) <= 0).any():
        raise InvalidPayload("the times of the payload do not increase")
    return times.view("datetime64[s]")


def _columns(content: bytes, count: int) -> tuple[Times, dict[str, Floats]]:
    times: Ints = np.frombuffer(content, "<i8", count).astype(np.int64)
    columns = {
        name: np.frombuffer(content, "<f8", count, offset=8 * count * place).astype(np.float64).reshape(-1, 1)
        for place, name in enumerate(_COLUMNS, start=1)
    }
    return times.view("datetime64[s]"), columns
