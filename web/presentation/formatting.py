"""Numbers, times and words as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from backtest.plural import counted

_MINUS = "\u2212"
_NONE = "–"
_SCIENTIFIC = 1e15
_RATIO_SCIENTIFIC = 1e6
_MULTIPLE_FROM = 1e6
"""Percent; what is more reads better as a multiple."""


def register(app: Flask) -> None:
    """Offer every format to the templates."""
    app.jinja_env.filters.update(
        figure=figure, percent=percent, money=money, number=number, points=points, moment=moment, day=day,
        words=words, seconds=seconds, tone=tone, apart=apart, counted=counted, probability=probability,
        sentence=sentence, rejection=rejection, detail=detail, price=price,
    )  # fmt: skip
    app.jinja_env.globals["interval"] = interval


def number(value: float | int | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number with thousands separated; a dash where there is none."""
    if value is None:
        return _NONE
    if abs(value) >= _SCIENTIFIC:
        return _scientific(value, sign=sign)
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


def _scientific(value: float, *, sign: bool) -> str:
    """A number too long to be read, by its first digits and its power of ten: 3.1e22."""
    digits, _, power = f"{value:{'+' if sign else ''}.1e}".partition("e")
    return f"{digits}e{int(power)}".replace("-", _MINUS)


def percent(fraction: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A fraction as percent; as a multiple from a million percent on."""
    return _NONE if fraction is None else points(100 * fraction, digits, sign=sign)


def points(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number that is percent already; as a multiple from a million percent on."""
    if value is not None and abs(value) >= _MULTIPLE_FROM:
        return number(value / 100, 0, sign=sign) + "×"
    return _NONE if value is None else number(value, digits, sign=sign) + "%"


def money(value: float | None, *, sign: bool = False) -> str:
    """An amount with two decimals, without them from a million on."""
    return number(value, 0 if value is not None and abs(value) >= 1e6 else 2, sign=sign)


def price(value: float | None) -> str:
    """A price with at least two decimals, and with as many as tell small ones apart."""
    if value is None:
        return _NONE
    size = abs(value)
    digits = 2 if size >= 10 or size == 0 else 4 if size >= 1 else 4 - math.floor(math.log10(size))
    whole, _, decimals = number(value, min(digits, 15)).partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def probability(fraction: float | None) -> str:
    """A probability as percent, never rounded up to certainty or down to impossibility."""
    if fraction is None or 0.01 <= fraction <= 0.99:
        return percent(fraction, 0)
    return "> 99%" if fraction > 0.5 else "< 1%"


def apart(value: float, style: str) -> str:
    """A difference of two metrics with its sign; percentages differ by percentage points."""
    if style in ("percent", "points"):
        difference = 100 * value if style == "percent" else value
        if abs(difference) >= _MULTIPLE_FROM:
            return points(difference, sign=True)
        return f"{number(difference, 1 if abs(difference) >= 10 else 2, sign=True)} pp"
    return str(_STYLES[style](value, sign=True))


def figure(value: float | int | None, style: str) -> str:
    """A metric in the format of its catalogue entry."""
    return str(_STYLES[style](value))


_STYLES: dict[str, Any] = {
    "percent": percent,
    "points": points,
    "ratio": lambda value, sign=False: _ratio(value, sign=sign),
    "currency": money,
    "days": lambda value, sign=False: _measured(value, "day", sign=sign),
    "bars": lambda value, sign=False: _measured(value, "bar", sign=sign),
    "count": lambda value, sign=False: number(value, 0, sign=sign),
}


def _ratio(value: float | None, *, sign: bool = False) -> str:
    """A ratio; of one over next to nothing the first digits say enough."""
    if value is not None and abs(value) >= _RATIO_SCIENTIFIC:
        return _scientific(value, sign=sign)
    return number(value, sign=sign)


def _measured(value: float | None, unit: str, *, sign: bool) -> str:
    if value is None:
        return _NONE
    text = number(value, 0 if float(value).is_integer() else 1, sign=sign)
    return f"{text} {unit if abs(value) == 1 else unit + 's'}"


def tone(value: float | None) -> str:
    """The class that colours a gain or a loss."""
    return "" if not value else "gain" if value > 0 else "loss"


def moment(value: datetime | None) -> str:
    """A moment in UTC to the second."""
    return _NONE if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def day(value: datetime | str | None) -> str:
    """The date of a bar, with its time where it has one."""
    if value is None:
        return _NONE
    text = value if isinstance(value, str) else value.isoformat()
    date, _, clock = text.replace(" ", "T").partition("T")
    clock = clock.split("+")[0].removesuffix("Z")[:5]
    return date if clock in ("", "00:00") else f"{date} {clock}"


def detail(value: object) -> str:
    """A value of the audit trail in a few words."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _NONE if value is None or value == "" else str(value)


def seconds(value: float | None) -> str:
    """A duration as people say it."""
    if value is None:
        return _NONE
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def words(name: str) -> str:
    """An identifier as words: next_open → Next open."""
    text = name.replace("_", " ").lower()
    return _WORDS.get(name, text[:1].upper() + text[1:])


_WORDS = {"end_of_data": "Open at end"}


def sentence(text: str) -> str:
    """A message as a sentence: a capital first, a full stop last unless it has its own end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", "…")) else ".")


def rejection(reason: str, direction: str) -> str:
    """The label of a reason for which the engine rejects orders; `direction` is that of the run."""
    if reason == "direction":
        return f"Ignored: {words(direction).lower()}"
    return f"Rejected: {_REJECTIONS[reason]}"


_REJECTIONS = {
    "no_next_bar": "no bar after the signal",
    "too_small": "less than one share",
    "no_cash": "no cash left",
    "ruined": "account ruined",
}


def interval(timeframe: str) -> str:
    """The length of a bar as an adjective: 1d → daily, 5m → 5-minute."""
    return _INTERVALS.get(timeframe) or f"{timeframe[:-1]}-{_UNITS[timeframe[-1]]}"


_INTERVALS = {
    "1d": "daily",
    "1w": "weekly",
    "1mo": "monthly",
    "3mo": "quarterly",
    "1y": "yearly",
    "1h": "hourly",
}
_UNITS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
