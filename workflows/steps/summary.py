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


def _is_text(value: object) -> bool:
    """Whether a database of ours stores it: UTF-8 without NUL."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        return False
    return value.encode("utf-8", "ignore").decode() == value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_day(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


_Shape = Callable[[object], bool] | list["_Shape"] | Mapping[str, "_Shape"]
_SHAPE: Final[Mapping[str, _Shape]] = {
    "result_hash": _is_text,
    "conventions": {"adjusted": _is_texts},
    "warnings": [{"code": _is_text, "message": _is_text}],
    "lookahead": {
        "checked": _is_flag, "cuts": [_is_day], "at_random": _is_count, "at_changes": _is_count, "peeks": _is_flag,
    },
    "certificate": [_is_object],
    "suspect_trades": {"count": _is_count, "listed": [_is_object]},
    "funnel": {
        "signals": _is_count, "unchanged": _is_count, "orders": _is_count, "cut": _is_count, "fills": _is_count,
        "rejected": dict.fromkeys(REJECTIONS, _is_count),
    },
    "flags": {"ambiguous_bars": _is_count},
}  # fmt: skip
"""What follows neither from the tables nor from the run's prices; the rest is compared with what does."""


def read(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The summary in a bundle's files; `BundleError` where it is not made of what a summary is made of."""
    summary = bundle.read_json(files, bundle.SUMMARY)
    _check_plain("summary", summary, _DEEPEST)
    _check_shape("summary", summary, _SHAPE)
    return summary


def _check_plain(path: str, value: object, depth: int) -> None:
    """Raise `BundleContradicted` where something in it could not be stored or answered as JSON."""
    if isinstance(value, dict | list):
        if not depth or len(value) > _MOST_ITEMS:
            raise BundleContradicted(f"{path} is too deep or too long")
        if isinstance(value, dict) and not all(map(_is_text, value)):
            raise BundleContradicted(f"a name in {path} is not plain text")
        for item in value.values() if isinstance(value, dict) else value:
            _check_plain(path, item, depth - 1)
    elif not (value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)):
        raise BundleContradicted(f"{path} holds a text or number out of bounds")


def _is_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) < _LARGEST
    return isinstance(value, float) and isfinite(value)


def _check_shape(path: str, value: object, shape: _Shape) -> None:
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise BundleContradicted(f"{path} is not a list")
        for item in value:
            _check_shape(path, item, shape[0])
    elif isinstance(shape, Mapping):
        if not isinstance(value, dict) or not shape.keys() <= value.keys():
            raise BundleContradicted(f"{path} has no {', '.join(shape)}"[:200])
        for name, part in shape.items():
            _check_shape(name, value[name], part)
    elif not shape(value):
        raise BundleContradicted(f"{path} is not what it should be")
