"""Rows that are wrong by rounding or by their source: repaired or left out by a stated rule, and counted.

Prices are float64 arrays of shape (T,), in the file's currency; a NaN is a missing value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Times
from backtest.prices.bars import PRICES
from backtest.prices.origin import LISTED, Repair
from backtest.prices.problems import MAX_LISTED, Problems

ROUNDING: Final = 1e-6
"""Share of a price up to which a high or low beside open or close is rounding: float32 has 24 bits."""
WIDEST: Final = 0.2
"""Share of a price up to which high and low are widened; beyond it something else is wrong."""


@dataclass(slots=True)
class Rows:
    """The rows of one symbol: their lines in the file, times, columns, and the repairs so far."""

    lines: NDArray[np.int64]
    times: Times
    columns: dict[str, Floats]
    repairs: list[Repair] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def keep(self, kept: Flags | NDArray[np.intp]) -> None:
        """Keep these rows alone, or put them into this order."""
        self.lines, self.times = self.lines[kept], self.times[kept]
        self.columns = {name: values[kept] for name, values in self.columns.items()}

    def leave_out(self, wrong: Flags, rule: str) -> None:
        """Leave out rows by a rule, and note them."""
        if wrong.any():
            self._note(wrong, rule)
            self.keep(~wrong)

    def repair(self, wrong: Flags, rule: str, **columns: Floats) -> None:
        """Take the new columns, which differ in the rows of `wrong`, and note them."""
        if wrong.any():
            self._note(wrong, rule)
            self.columns |= columns

    def _note(self, rows: Flags, rule: str) -> None:
        examples = tuple(
            {"line": int(self.lines[row]), "date": shown(self.times[row])}
            for row in np.flatnonzero(rows)[:LISTED]
        )
        self.repairs.append(Repair(rule, np.sort(self.times[rows]), examples))


def clean(rows: Rows, problems: Problems) -> None:
    """Leave out and repair what a rule covers; what no rule covers becomes problems.

    The rows come back in the order of time. An adjusted close is left to the caller.
    """
    _leave_out_rows_without_prices(rows)
    _in_order(rows, problems)
    _move_rounding(rows)
    _widen(rows)
    _check(rows, problems)


def _leave_out_rows_without_prices(rows: Rows) -> None:
    unknown = {name: np.isnan(rows.columns[name]) for name in PRICES}
    rows.leave_out(_all(unknown), "empty")
    rows.leave_out(~_all({name: ~np.isnan(rows.columns[name]) for name in PRICES}), "incomplete")
    rows.leave_out(_all({name: rows.columns[name] == 0 for name in PRICES}), "zeros")
    halted = _all({name: rows.columns[name] == 0 for name in ("open", "high", "low")})
    rows.leave_out(halted & (rows.columns["close"] > 0), "halted")
    adjusted = rows.columns.get("adj_close")
    if adjusted is not None and not np.isnan(adjusted).all():
        rows.leave_out(np.isnan(adjusted), "no adjusted close")


def _all(conditions: Mapping[str, Flags]) -> Flags:
    return np.asarray(np.logical_and.reduce(list(conditions.values())), np.bool_)


def _in_order(rows: Rows, problems: Problems) -> None:
    if len(rows) > 1 and (np.diff(rows.times.view(np.int64)) <= 0).any():
        rows.keep(np.argsort(rows.times, kind="stable"))
    same = np.concatenate(([False], np.diff(rows.times.view(np.int64)) == 0))
    if not same.any():
        return
    equal = same.copy()
    for name in PRICES:
        values = rows.columns[name]
        equal[1:] &= values[1:] == values[:-1]
    different = np.flatnonzero(same & ~equal)
    problems.note_more(max(0, len(different) - MAX_LISTED))
    for row in different[:MAX_LISTED]:
        date = shown(rows.times[row])
        problems.add(
            f"{date} occurs twice with different prices, in lines {rows.lines[row - 1]} and {rows.lines[row]}; "
            "remove one of them",
            line=int(rows.lines[row]), date=date, field="date",
        )  # fmt: skip
    rows.leave_out(same & equal, "repeated")


def _move_rounding(rows: Rows) -> None:
    high, low, highest, lowest = _range(rows)
    above = (high < highest) & (high >= highest * (1 - ROUNDING))
    below = (low > lowest) & (low <= lowest * (1 + ROUNDING))
    rows.repair(
        above | below, "rounding", high=np.where(above, highest, high), low=np.where(below, lowest, low)
    )


def _widen(rows: Rows) -> None:
    high, low, highest, lowest = _range(rows)
    above = (high < highest) & (high >= highest * (1 - WIDEST)) & (high >= low)
    below = (low > lowest) & (low <= lowest * (1 + WIDEST)) & (high >= low)
    rows.repair(
        above | below, "widened", high=np.where(above, highest, high), low=np.where(below, lowest, low)
    )


def _range(rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
    opened, close = rows.columns["open"], rows.columns["close"]
    return rows.columns["high"], rows.columns["low"], np.maximum(opened, close), np.minimum(opened, close)


def _check(rows: Rows, problems: Problems) -> None:
    for name in (name for name in rows.columns if name != "volume"):
        values = rows.columns[name]
        _refuse(rows, (values <= 0), name, "must be a price above 0; remove the row or correct it", problems)
    _refuse(rows, rows.columns["volume"] < 0, "volume", "must be at least 0", problems)
    high, low, highest, lowest = _range(rows)
    upside_down = high < low
    _refuse(rows, upside_down, "high", "must not be below low; correct the row", problems)
    far = f"by more than {WIDEST:.0%}; correct the row"
    _refuse(rows, ~upside_down & (high < highest), "high", f"is below open or close {far}", problems)
    _refuse(rows, ~upside_down & (low > lowest), "low", f"is above open or close {far}", problems)


def _refuse(rows: Rows, wrong: Flags, name: str, rule: str, problems: Problems) -> None:
    refused = np.flatnonzero(wrong)
    problems.note_more(max(0, len(refused) - MAX_LISTED))
    for row in refused[:MAX_LISTED]:
        value = rows.columns[name][row]
        date = shown(rows.times[row])
        problems.add(f"{rule}, got {value:.17g}", line=int(rows.lines[row]), date=date, field=name)


def shown(moment: np.datetime64) -> str:
    """The moment as people write it: without a clock where that says midnight."""
    text = str(moment)
    return text[:10] if text.endswith("T00:00:00") else text.replace("T", " ")
