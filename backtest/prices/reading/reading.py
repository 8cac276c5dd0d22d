"""What was understood of a price file, in the form in which pages, commands and the API show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backtest.errors import InvalidFile
from backtest.prices.dataset import Dataset
from backtest.prices.origin import Repair
from backtest.prices.reading.options import Question
from backtest.prices.reading.repairs import shown


class NeedsAnswer(InvalidFile):
    """The file can be read in several ways; carries what is understood so far with its questions."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        words = "; ".join(f"{question.text} (option {question.option})" for question in reading.questions)
        super().__init__(words, file=reading.file)


@dataclass(frozen=True, slots=True)
class SymbolPrices:
    """The prices of one symbol of a file, repaired and adjusted; `order` is that of its rows in the file.

    The order is "oldest first", "newest first" or "unsorted".
    """

    dataset: Dataset
    order: str

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """Rows left out or repaired, by rule."""
        return self.dataset.origin.repairs

    @property
    def unknown_volume(self) -> int:
        """Bars whose volume the file does not give."""
        return int(np.count_nonzero(np.isnan(self.dataset.bars.volume)))

    @property
    def volume(self) -> str:
        """What is to be said of the volume; empty where it is known on every bar."""
        unknown = self.unknown_volume
        return f"volume is unknown on {unknown:,} of {len(self.dataset):,} bars" if unknown else ""

    def as_json(self) -> dict[str, Any]:
        """What became of the symbol, ready for JSON."""
        times = self.dataset.bars.times
        return {
            "symbol": self.dataset.symbol,
            "timeframe": self.dataset.timeframe,
            "bars": len(self.dataset),
            "first_bar": shown(times[0]),
            "last_bar": shown(times[-1]),
            "order": self.order,
            "volume_known": not self.unknown_volume,
            "unknown_volume": self.unknown_volume,
            "repairs": [repair.as_json() for repair in self.repairs],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was understood of a file.

    Parameters
    ----------
    source : the export that it looks like, or None
    columns : name of the column of each field; `ignored` are the others
    dates : how dates are written; `zone` is what the stamps became
    adjusted : in words, None where the prices are those that were paid
    preview : the header and the first rows as the file has them
    """

    file: str
    format: str
    encoding: str = ""
    separator: str = ""
    decimal: str = "."
    header_lines: tuple[int, ...] = ()
    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    dates: str = ""
    zone: str = ""
    adjusted: str | None = None
    remarks: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()
    rows: int = 0
    symbols: tuple[SymbolPrices, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The reading without the prices themselves, ready for JSON."""
        same = ("file", "format", "encoding", "decimal", "source", "dates", "zone", "adjusted", "rows")
        return {
            **{name: getattr(self, name) for name in same},
            "separator": "tab" if self.separator == "\t" else self.separator,
            "header_lines": list(self.header_lines),
            "columns": dict(self.columns),
            "ignored": list(self.ignored),
            "remarks": list(self.remarks),
            "questions": [question.as_json() for question in self.questions],
            "preview": [list(row) for row in self.preview],
            "symbols": [prices.as_json() for prices in self.symbols],
        }
