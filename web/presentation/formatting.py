"""Numbers, times and words as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask

_MINUS = "\u2212"
_NONE = "–"


def register(app: Flask) -> None:
    """Offer every format to the templates."""
    app.jinja_env.filters.update(
        figure=figure, percent=percent, money=money, number=number, points=points, moment=moment, day=day,
        words=words, seconds=seconds, tone=tone, signed=signed, apart=apart,
    )  # fmt: skip


def number(value: float | int | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number with thousands separated; a dash where there is none."""
    if value is None:
        return _NONE
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


def percent(fraction: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A fraction as percent."""
    return _NONE if fraction is None else number(100 * fraction, digits, sign=sign) + "\u2009%"


def points(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number that is percent already."""
    return _NONE if value is None else number(value, digits, sign=sign) + "\u2009%"


def money(value: float | None, *, sign: bool = False) -> str:
    """An amount with two decimals, without them from a million on."""
    return number(value, 0 if value is not None and abs(value) >= 1e6 else 2, sign=sign)


def signed(value: float | None, style: str) -> str:
    """A difference in the style of its metric, with its sign."""
    return str(_STYLES[style](value, sign=True))


def apart(value: float, style: str) -> str:
    """A difference to a benchmark: percent part by percentage points, never by percent."""
    if style == "percent":
        return f"{number(100 * value, 2, sign=True)} points"
    return signed(value, style)


def figure(value: float | int | None, style: str) -> str:
    """A metric in the format of its catalogue entry."""
    return str(_STYLES[style](value))


_STYLES: dict[str, Any] = {
    "percent": percent,
    "points": points,
    "ratio": number,
    "currency": money,
    "days": lambda value, sign=False: _counted(value, "days", sign=sign),
    "bars": lambda value, sign=False: _counted(value, "bars", sign=sign),
    "count": lambda value, sign=False: number(value, 0, sign=sign),
}


def _counted(value: float | None, unit: str, *, sign: bool) -> str:
    if value is None:
        return _NONE
    return f"{number(value, 0 if float(value).is_integer() else 1, sign=sign)} {unit}"


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
    return text[:1].upper() + text[1:]
