"""Differences between two JSON documents by path; human-readable texts are classified separately."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from qa.compare.report import Difference, structure, text_differences

TEXT_KEYS = frozenset(
    {
        *("detail", "title", "message", "label", "help", "description", "summary"),
        *("allowed", "error_message", "first_difference", "formula", "conventions", "source", "peers"),
    }
)
"""Keys whose strings are human-readable texts; values of other types are compared structurally."""
TEXT_OBJECTS = frozenset({"metric_reasons", "annotations"})
"""Keys of objects whose values are human-readable texts."""
ABSENT = "(absent)"


class _Literal(str):
    """A non-integer number as written, since 1.0 and 1.00 are different bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def parsed(text: str) -> Any:
    """The document with numbers kept as written; ValueError if it is not JSON."""
    return json.loads(text, parse_float=_Literal)


def document_differences(old: str, new: str) -> Iterator[Difference]:
    """Differences between two documents as text; equal documents with different bytes differ too."""
    if old == new:
        return
    try:
        found = list(differences(parsed(old), parsed(new)))
    except ValueError:
        found = [structure("(not JSON)", old, new)]
    yield from found or [structure("(bytes of equal JSON)", *_first_bytes(old, new))]


def differences(old: Any, new: Any, path: str = "$", key: str = "") -> Iterator[Difference]:
    """Every place where the values differ; `key` is the nearest enclosing object key."""
    if type(old) is not type(new):
        yield structure(path, old, new)
    elif isinstance(old, dict):
        yield from _of_objects(old, new, path, key)
    elif isinstance(old, list):
        yield from _of_lists(old, new, path, key)
    elif old != new:
        yield from _of_values(old, new, path, key)


def _of_objects(old: dict[str, Any], new: dict[str, Any], path: str, key: str) -> Iterator[Difference]:
    for name in [*old, *(name for name in new if name not in old)]:
        place = f"{path}.{name}"
        if name in old and name in new:
            inner = key if key in TEXT_OBJECTS and isinstance(old[name], str) else name
            yield from differences(old[name], new[name], place, inner)
        else:
            yield structure(place, old.get(name, ABSENT), new.get(name, ABSENT))
    if old.keys() == new.keys() and list(old) != list(new):
        yield structure(f"{path} (order of names)", ", ".join(old), ", ".join(new))


def _of_lists(old: list[Any], new: list[Any], path: str, key: str) -> Iterator[Difference]:
    if len(old) != len(new):
        yield structure(f"{path} (length)", len(old), len(new))
    for place, (left, right) in enumerate(zip(old, new, strict=False)):
        yield from differences(left, right, f"{path}[{place}]", key)


def _of_values(old: Any, new: Any, path: str, key: str) -> Iterator[Difference]:
    is_text = type(old) is str and (key in TEXT_KEYS or key in TEXT_OBJECTS)
    yield from text_differences(path, old, new) if is_text else [structure(path, old, new)]


def _first_bytes(old: str, new: str) -> tuple[str, str]:
    place = next((at for at, (left, right) in enumerate(zip(old, new, strict=False)) if left != right), 0)
    begin = max(0, place - 20)
    return repr(old[begin : place + 40]), repr(new[begin : place + 40])
