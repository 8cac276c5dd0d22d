"""The targets of trials on the bars of one account, with what they share computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any, cast

import numpy as np

from backtest import rules
from backtest.arrays import Floats, Indices, Sides
from backtest.fields import Value, parse_fields
from backtest.prices.bars import PRICES, Bars
from backtest.rules.names import BUILT_IN
from backtest.rules.rule import PREFIX, Prices, Rule
from backtest.run.alignment import check_volume
from backtest.run.targets import on_common_calendar, own_targets
from backtest.signals.sweeping import Memory, sweeping
from backtest.studies.request import StudyRequest
from backtest.studies.segments import AccountRange
from backtest.studies.space import parent_of


class HeldPrices(Prices):
    """Prices that are the same arrays whenever they are asked for."""

    __slots__ = ("_held",)

    def __init__(self, bars: Bars) -> None:
        super().__init__(bars, 0)
        self._held = {name: np.ascontiguousarray(getattr(bars, name)[:, 0]) for name in (*PRICES, "volume")}

    @property
    def open(self) -> Floats:
        """Opening prices."""
        return self._held["open"]

    @property
    def high(self) -> Floats:
        """Highest prices."""
        return self._held["high"]

    @property
    def low(self) -> Floats:
        """Lowest prices."""
        return self._held["low"]

    @property
    def close(self) -> Floats:
        """Closing prices."""
        return self._held["close"]

    @property
    def volume(self) -> Floats:
        """Shares traded."""
        return self._held["volume"]


class Targets:
    """What the rule of a study wants on the traded bars of one account, by the parameters of a trial.

    A built-in rule changes no series that it is given and wants nothing outside -1…1, so its indicators are
    kept and its targets are not checked again; a rule of a package is executed as in a run.
    """

    def __init__(self, request: StudyRequest, own: AccountRange) -> None:
        self._own = own
        self._rule = rules.get(request.run.rule_type)
        self._fixed, _ = parse_fields(self._rule.params, request.run.params)
        names = [axis.name for axis in request.axes if axis.name.startswith(PREFIX)]
        self._searched = [parent_of(name) for name in names]
        self._prices = [HeldPrices(history) for history in own.selection.histories]
        self._memory = Memory()
        self._is_built_in = self._rule.name in BUILT_IN
        self._traded = _slice_of(own.selection.span.rows) if self._is_built_in else None
        self._volume_known = not any(np.isnan(prices.volume).any() for prices in self._prices)

    @contextmanager
    def _session(self) -> Iterator[None]:
        """Keep indicators and use compiled kernels within the block, where the rule is a built-in one."""
        if not self._is_built_in:
            yield
            return
        with sweeping(self._memory), np.errstate(all="ignore"):
            yield

    def room(self, rows: int) -> Sides:
        """Room for the targets of so many trials: of a built-in rule whole numbers where they need no calendar."""
        count = self._own.selection.bars.close.size
        return np.empty((rows, count)) if self._traded is None else np.empty((rows, count), np.int8)

    def write(self, combinations: Sequence[tuple[Value, ...]], rows: Sides) -> None:
        """Write the targets of trials, T * M each, to as many rows.

        A combination has a value of each axis that is a parameter, in their order, as a plan allows it.
        """
        rules = self._rules(combinations)
        with self._session():
            if self._is_built_in:
                for prices in self._prices:
                    self._rule.prepare(rules, prices)
            for rule, row in zip(rules, rows, strict=False):
                self._write_one(rule, row)
            self._memory.forget()

    def _write_one(self, rule: Rule, row: Sides) -> None:
        selection = self._own.selection
        if not self._volume_known:
            check_volume(rule, selection)
        if self._traded is not None:
            row[:] = rule.exposure(self._prices[0])[self._traded]
            return
        if self._is_built_in:
            own = [np.asarray(rule.exposure(prices), np.float64).reshape(-1, 1) for prices in self._prices]
        else:
            own = own_targets(rule, selection.histories)
        places = selection.span.rows
        row.reshape(len(places[0]), -1)[:] = on_common_calendar(own, places)

    def _rules(self, combinations: Sequence[tuple[Value, ...]]) -> list[Rule]:
        """The rules of trials; their values were parsed with the request, and its plan asked for their mistakes."""
        columns: dict[str, Iterable[Value]] = {
            name: repeat(value, len(combinations)) for name, value in self._fixed.items()
        }
        for (parameter, key), values in zip(self._searched, zip(*combinations, strict=True), strict=True):
            columns[parameter] = map(_with(key), columns[parameter], values) if key else values
        if not columns:
            return [self._rule()] * len(combinations)
        if self._is_built_in:
            return list(map(self._rule, *columns.values()))
        return [
            self._rule(**dict(zip(columns, values, strict=True)))
            for values in zip(*columns.values(), strict=True)
        ]


def _with(key: str) -> Callable[[Value, Value], Value]:
    """Numbers by name with another value of one of them."""
    return lambda numbers, value: {**cast("dict[str, Any]", numbers), key: value}


def _slice_of(rows: Sequence[Indices]) -> slice | None:
    """The traded bars of a single symbol among its own, where none between them is left out; else None."""
    first, last = rows[0][0], rows[0][-1]
    return slice(first, last + 1) if len(rows) == 1 and last - first + 1 == len(rows[0]) else None
