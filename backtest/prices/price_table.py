"""The table of a price file, whatever its format: finds columns by name, checks rows, reports all errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backtest.arrays import Flags, Floats, Ints, Times
from backtest.errors import InvalidFile
from backtest.prices.bars import PRICES
from backtest.prices.dataset import MAX_BARS, Dataset, make_dataset
from backtest.prices.symbols import ALPHABET, MAX_SYMBOL_LENGTH, is_symbol

MAX_ERRORS = 20
MAX_COLUMNS = 64
NUMBERS = (*PRICES, "volume")

_ALIASES = {
    "date": ("date", "datetime", "timestamp", "time", "day"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume", "vol"),
    "adj_close": ("adj close", "adj_close", "adjclose", "adjusted close", "adjusted_close"),
}
_NAMES = {alias: field for field, aliases in _ALIASES.items() for alias in aliases}


@dataclass(slots=True)
class FileErrors:
    """The errors of one file, at most `MAX_ERRORS` of them."""

    file: str
    found: list[InvalidFile]

    @property
    def full(self) -> bool:
        """Whether `MAX_ERRORS` are reached; then parsing may stop."""
        return len(self.found) >= MAX_ERRORS

    def add(self, message: str, *, line: int | None = None, date: str = "", field: str = "") -> None:
        """Add one error."""
        if not self.full:
            self.found.append(InvalidFile(message, file=self.file, line=line, date=date, field=field))

    def raise_if_any(self) -> None:
        """Raise `InvalidFile` with all of them, in the order of the file, if there are any."""
        if not self.found:
            return
        first, *others = sorted(self.found, key=lambda mistake: mistake.line or 0)
        raise InvalidFile(
            first.message, file=first.file, line=first.line, date=first.date, field=first.field, others=others
        )


def find_columns(names: Sequence[str], file: str) -> dict[str, int]:
    """Where each field stands among the columns; raises `InvalidFile` for what is missing or double."""
    if len(names) > MAX_COLUMNS:
        raise InvalidFile(f"has {len(names)} columns, at most {MAX_COLUMNS} are allowed", file=file, line=1)
    errors = FileErrors(file, [])
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        field = _NAMES.get(" ".join(name.strip().lower().split()))
        if field in places:
            errors.add(f"is in two columns: {names[places[field]]!r} and {name!r}", line=1, field=field)
        elif field:
            places[field] = place
    if "date" not in places and names and names[0].strip() in ("", "index", "Index", "__index_level_0__"):
        places["date"] = 0
    seen = ", ".join(name.strip()[:40] or "(no name)" for name in names)
    for field in ("date", *NUMBERS):
        if field not in places:
            errors.add(f"column is missing; the file has the columns {seen}", line=1, field=field)
    errors.raise_if_any()
    return places


def check_symbol(symbol: str, file: str) -> None:
    """Raise `InvalidFile` where `symbol` cannot name a dataset."""
    if not is_symbol(symbol):
        shown = repr(symbol[:40])
        raise InvalidFile(
            f"must have 1 to {MAX_SYMBOL_LENGTH} {ALPHABET}, got {shown}", file=file, field="symbol"
        )


def build_dataset(
    times: Times,
    columns: Mapping[str, Floats],
    lines: Ints,
    *,
    symbol: str,
    source: str,
    errors: FileErrors,
) -> Dataset:
    """Check every row and build the dataset; raises `InvalidFile` with each wrong row's line, date, field."""
    if len(times) > MAX_BARS:
        raise InvalidFile(f"has {len(times)} rows, at most {MAX_BARS} are allowed", file=errors.file)
    _check_times(times, lines, errors)
    _check_prices(times, columns, lines, errors)
    errors.raise_if_any()
    if len(times) == 0:
        raise InvalidFile("contains no rows of prices", file=errors.file)
    prices = {name: columns[name] for name in NUMBERS}
    return make_dataset(symbol, times, prices, source=source, adj_close=columns.get("adj_close"))


def _check_times(times: Times, lines: Ints, errors: FileErrors) -> None:
    steps = np.diff(times.view(np.int64))
    for row in np.flatnonzero(steps <= 0)[:MAX_ERRORS] + 1:
        before = f"{shown_date(times[row - 1])} in line {lines[row - 1]}"
        reason = "is the same date as" if steps[row - 1] == 0 else "is earlier than"
        rule = (
            "each date must occur only once" if steps[row - 1] == 0 else "rows must be sorted, oldest first"
        )
        date = shown_date(times[row])
        errors.add(f"{date} {reason} {before}; {rule}", line=int(lines[row]), date=date, field="date")


def _check_prices(times: Times, columns: Mapping[str, Floats], lines: Ints, errors: FileErrors) -> None:
    def refuse(wrong: Flags, field: str, rule: str) -> None:
        for row in np.flatnonzero(wrong)[:MAX_ERRORS]:
            errors.add(
                f"{rule}, got {columns[field][row]:.17g}",
                line=int(lines[row]), date=shown_date(times[row]), field=field,
            )  # fmt: skip

    for field in (name for name in columns if name != "volume"):
        refuse(~(columns[field] > 0), field, "must be a price above 0")
    refuse(~(columns["volume"] >= 0), "volume", "must be at least 0")
    low, high = columns["low"], columns["high"]
    upside_down = high < low
    refuse(upside_down, "high", "must not be below low")
    refuse(~upside_down & (high < np.maximum(columns["open"], columns["close"])), "high",
           "must not be below open or close")  # fmt: skip
    refuse(~upside_down & (low > np.minimum(columns["open"], columns["close"])), "low",
           "must not be above open or close")  # fmt: skip


def shown_date(timestamp: np.datetime64) -> str:
    """A timestamp for messages: without the time of day where that is midnight."""
    text = str(timestamp)
    return text[:10] if text.endswith("T00:00:00") else text.replace("T", " ")
