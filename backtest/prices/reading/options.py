"""What a person may say about a file where its own words are not enough, and the questions that it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.reading.decoding import ENCODINGS

DateOrder = Literal["ymd", "dmy", "mdy", "excel"]
CHOICES: Mapping[str, tuple[str, ...]] = {
    "encoding": ENCODINGS,
    "separator": (",", ";", "tab", "|"),
    "decimal": (".", ","),
    "dates": ("ymd", "dmy", "mdy", "excel"),
    "adjusted": ("auto", "no"),
    "header": ("auto", "none"),
    "close_only": ("refuse", "allow"),
}

HELP: Mapping[str, str] = {
    "encoding": "of the text",
    "separator": "between the columns",
    "decimal": "sign of decimals",
    "header": "none: the first line already holds prices",
    "columns": "fields in the order of the columns (date,open,high,low,close,volume), or the column of a field (close=Last)",
    "dates": "order of day, month and year; excel: numbers of days as Excel counts them",
    "adjusted": "no: leave an adjusted close unused",
    "divide_by": "divide every price, as 10000 for the files of LEAN",
    "keep_timeframe": "part to keep where the timeframe changes, as 1d",
    "symbols": "tickers to import from a file of several, separated by commas",
    "close_only": "allow: open, high and low become the close of files that have closes alone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read a file; what is None or "auto" is found out from the file itself.

    Parameters
    ----------
    encoding, separator, decimal : of the text
    header : "none" where the first line already holds prices
    columns : name of the column of each field, as ``{"close": "Last"}``; where there is no header the
        fields in the order of the columns, as ``("date", "open", "high", "low", "close", "volume")``
    dates : order of day, month and year in dates such as 03/04/2024; "excel" for day numbers
    adjusted : "no" leaves the prices as they are although the file has an adjusted close
    divide_by : what every price is divided by: 10,000 for the files of LEAN
    keep_timeframe : the part to keep of a file whose timeframe changes: "1d"
    symbols : the tickers to import from a file of several; empty means all
    close_only : "allow" takes a file that has closes alone, with open, high and low equal to the close
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    header: str = "auto"
    columns: Mapping[str, str] | tuple[str, ...] = field(default_factory=dict)
    dates: DateOrder | None = None
    adjusted: str = "auto"
    divide_by: float | None = None
    keep_timeframe: str | None = None
    symbols: tuple[str, ...] = ()
    close_only: str = "refuse"

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Options from the strings of a form, a command line or JSON; empty strings count as not given.

        Raises
        ------
        InvalidRequest
            With every wrong option as ``options.<name>``.
        """
        values = {name: value for name, value in given.items() if value not in (None, "", [], {}, ())}
        errors = [
            FieldError(
                f"options.{name}", f"is unknown; known are {', '.join(f.name for f in fields(cls))}", value
            )
            for name, value in values.items()
            if name not in {f.name for f in fields(cls)}
        ]
        parsed: dict[str, Any] = {}
        for name, value in values.items():
            try:
                parsed[name] = _parsed(name, value)
            except ValueError as wrong:
                errors.append(FieldError(f"options.{name}", str(wrong), value))
        if errors:
            raise InvalidRequest(errors)
        return cls(**parsed)


@dataclass(frozen=True, slots=True)
class Question:
    """What the file leaves open: the option that answers it, the choices, and the most likely one."""

    option: str
    text: str
    choices: tuple[str, ...] = ()
    guess: str = ""

    def as_json(self) -> dict[str, Any]:
        """The question, ready for JSON."""
        return {"option": self.option, "text": self.text, "choices": list(self.choices), "guess": self.guess}


def _parsed(name: str, value: Any) -> Any:
    if name in CHOICES:
        text = "tab" if value == "\t" else str(value)
        if text not in CHOICES[name]:
            raise ValueError(f"must be one of {', '.join(CHOICES[name])}, got {text[:40]!r}")
        return "\t" if text == "tab" else text
    if name == "columns":
        return _columns(value)
    if name == "symbols":
        return (
            tuple(part.strip() for part in value.split(","))
            if isinstance(value, str)
            else tuple(map(str, value))
        )
    if name == "divide_by":
        return _divisor(value)
    return str(value)[:16]


def _columns(value: Any) -> Mapping[str, str] | tuple[str, ...]:
    if isinstance(value, Mapping):
        return {str(field)[:20]: str(column)[:80] for field, column in list(value.items())[:20]}
    parts = (
        [part.strip() for part in value.split(",")]
        if isinstance(value, str)
        else [str(part) for part in value]
    )
    if any("=" in part for part in parts):
        return dict(part.split("=", 1) for part in parts if "=" in part)
    return tuple(parts[:64])


def _divisor(value: Any) -> float:
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        number = 0.0
    if not 0 < number < 1e12:
        raise ValueError(f"must be a number above 0, got {str(value)[:40]!r}")
    return number
