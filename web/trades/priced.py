"""The prices of a run's symbol with the lines of its rule, decoded once a process for what is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition
from typing import Final

import numpy as np
from cachetools import LRUCache, cached

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.prices.bars import Bars
from backtest.rules.lines import Line
from store.models import Run
from store.queries import datasets
from web.presentation.decimation import Floats, Times
from web.results.stored_curves import Curves
from web.services import database

MOST_LINES: Final = 12
_NOT_BUILT_IN: Final = (
    "The lines of {rule} are not drawn: it comes from an installed package, whose code no page executes."
)
_LEFT_OUT: Final = "{count} more lines of the formula are not drawn; at most {most} are."
_CACHED_BYTES: Final = 96 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """One symbol's own bars within a run, (T,) each, and the rule's lines on them.

    `note` says what is not drawn; each line is (T,) or one number.
    """

    symbol: str
    timeframe: str
    times: Times
    ohlc: Mapping[str, Floats]
    volume: Floats
    lines: tuple[Line, ...]
    note: str

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        series = sum(line.values.nbytes for line in self.lines if not isinstance(line.values, float))
        return self.times.nbytes + self.volume.nbytes + sum(map(_bytes, self.ohlc.values())) + series


def _bytes(values: Floats) -> int:
    return values.nbytes


def symbol_of(run: Run, symbol: str) -> str:
    """The symbol that is asked for, the first of the run by default, or `InvalidRequest`."""
    if symbol and symbol not in run.symbols:
        message = f"must be one of {', '.join(run.symbols)}, got {symbol[:32]!r}"
        raise InvalidRequest([FieldError("symbol", message, symbol[:32])])
    return symbol or str(run.symbols[0])


def priced(run: Run, curves: Curves, symbol: str) -> Priced:
    """Prices and lines of one symbol of a finished run; a result never changes under its hash."""
    return _priced(run, curves, symbol)


def _key(run: Run, _curves: Curves, symbol: str) -> tuple[str, str, str]:
    return run.run_id, str(run.result_hash), symbol


_CACHE: Final = LRUCache[tuple[str, str, str], Priced](_CACHED_BYTES, getsizeof=lambda found: found.nbytes)
_CONDITION: Final = Condition()


@cached(_CACHE, key=lambda data_hash: ("", data_hash, ""), condition=_CONDITION)
def priced_dataset(data_hash: str) -> Priced:
    """All prices of a dataset, without lines; prices never change under their hash."""
    with database().read() as session:
        bars = datasets.load(session, data_hash).bars
    return _cut(bars.symbols[0], bars, 0, (), "")


@cached(_CACHE, key=_key, condition=_CONDITION)
def _priced(run: Run, curves: Curves, symbol: str) -> Priced:
    with database().read() as session:
        bars = datasets.load(session, (run.data_hashes or {})[symbol]).bars
    first, last = np.searchsorted(bars.times, curves.times[[0, -1]])
    history = bars.cut(0, int(last) + 1)
    lines, note = _lines(run, history)
    return _cut(symbol, history, int(first), lines, note)


def _lines(run: Run, history: Bars) -> tuple[tuple[Line, ...], str]:
    """The lines of the rule on all bars up to the last traded one, and what is missing among them."""
    if run.rule_type not in rules.BUILT_IN:
        return (), _NOT_BUILT_IN.format(rule=run.rule_type)
    with np.errstate(all="ignore"):
        lines = rules.build(run.rule_type, run.params).lines(rules.Prices(history, 0))
    left_out = len(lines) - MOST_LINES
    return lines[:MOST_LINES], _LEFT_OUT.format(count=left_out, most=MOST_LINES) if left_out > 0 else ""


def _cut(symbol: str, history: Bars, first: int, lines: tuple[Line, ...], note: str) -> Priced:
    """The bars from `first` on; copies, so that what came before is not kept in memory."""

    def part(values: Floats) -> Floats:
        return values[first:].copy()

    return Priced(
        symbol=symbol,
        timeframe=history.timeframe,
        times=history.times[first:].copy(),
        ohlc={name: part(getattr(history, name)[:, 0]) for name in ("open", "high", "low", "close")},
        volume=part(history.volume[:, 0]),
        lines=tuple(
            line if isinstance(line.values, float | int) else Line(line.label, part(line.values), line.pane)
            for line in lines
        ),
        note=note,
    )
