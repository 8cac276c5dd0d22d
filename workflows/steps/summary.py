"""The summary of a result, read as what a stranger wrote: types and bounds of everything that is stored and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final

from backtest.simulation.simulate import REJECTIONS
from workflows.errors import BundleContradicted
from workflows.steps import bundle

_DEEPEST: Final = 8
_LONGEST_TEXT: Final = 4_000
_MOST_ITEMS: Final = 100_000
"""Of one list or object: monthly returns of two hundred years are 2,400."""
_LARGEST: Final = 2**53


def is_text(value: object) -> bool:
    """Whether a database of ours stores it: UTF-8 without NUL."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        return False
    return value.encode("utf-8", "ignore").decode() == value


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_day(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_text, value.values()))


def is_object(value: object) -> bool:
    return isinstance(value, dict)


Shape = Callable[[object], bool] | list["Shape"] | Mapping[str, "Shape"]
_SHAPE: Final[Mapping[str, Shape]] = {
    "result_hash": is_text,
    "conventions": {"adjusted": is_texts},
    "warnings": [{"code": is_text, "message": is_text}],
    "lookahead": {
        "checked": is_flag, "cuts": [is_day], "at_random": is_count, "at_changes": is_count, "peeks": is_flag,
    },
    "certificate": [is_object],
    "suspect_trades": {"count": is_count, "listed": [is_object]},
    "funnel": {
        "signals": is_count, "unchanged": is_count, "orders": is_count, "cut": is_count, "fills": is_count,
        "rejected": dict.fromkeys(REJECTIONS, is_count),
    },
    "flags": {"ambiguous_bars": is_count},
}  # fmt: skip
"""What follows neither from the tables nor from the run's prices; the rest is compared with what does."""


def read(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The summary in a bundle's files; `BundleError` where it is not made of what a summary is made of."""
    summary = bundle.read_json(files, bundle.SUMMARY)
    check_plain("summary", summary, _DEEPEST)
    check_shape("summary", summary, _SHAPE)
    return summary


def check_plain(path: str, value: object, depth: int) -> None:
    """Raise `BundleContradicted` where something in it could not be stored or answered as JSON."""
    if isinstance(value, dict | list):
        if not depth or len(value) > _MOST_ITEMS:
            raise BundleContradicted(f"{path} is too deep or too long")
        if isinstance(value, dict) and not all(map(is_text, value)):
            raise BundleContradicted(f"a name in {path} is not plain text")
        for item in value.values() if isinstance(value, dict) else value:
            check_plain(path, item, depth - 1)
    elif not (value is None or isinstance(value, bool) or is_text(value) or is_number(value)):
        raise BundleContradicted(f"{path} holds a text or number out of bounds")


def is_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) < _LARGEST
    return isinstance(value, float) and isfinite(value)


def check_shape(path: str, value: object, shape: Shape) -> None:
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise BundleContradicted(f"{path} is not a list")
        for item in value:
            check_shape(path, item, shape[0])
    elif isinstance(shape, Mapping):
        if not isinstance(value, dict) or not shape.keys() <= value.keys():
            raise BundleContradicted(f"{path} has no {', '.join(shape)}"[:200])
        for name, part in shape.items():
            check_shape(name, value[name], part)
    elif not shape(value):
        raise BundleContradicted(f"{path} is not what it should be")
