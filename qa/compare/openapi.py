"""Differences between two OpenAPI descriptions, however their schemas are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qa.compare import json_diff
from qa.compare.report import Difference, Kind

ROOT = "openapi"
_NULL = {"type": "null"}


def is_description(text: str) -> bool:
    """Whether a JSON text is an OpenAPI description."""
    return text.lstrip("{ \n").startswith('"openapi"')


def differences(old: str, new: str) -> Iterator[Difference]:
    """Differences in meaning; added or removed titles and descriptions are differences of text."""
    left, right = (canonical(json_diff.parsed(text)) for text in (old, new))
    for found in json_diff.differences(left, right, ROOT):
        is_text = found.path.rpartition(".")[2] in json_diff.TEXT_KEYS
        is_absent = json_diff.ABSENT in (found.old, found.new)
        yield replace(found, kind=Kind.TEXT) if is_text and is_absent else found


def canonical(value: Any) -> Any:
    """The same description in one form: sorted names, required names as a set, nullable types as a list."""
    if isinstance(value, list):
        return [canonical(each) for each in value]
    if not isinstance(value, dict):
        return value
    merged = _nullable(value)
    if merged.get("additionalProperties") is True:
        del merged["additionalProperties"]
    if isinstance(required := merged.get("required"), list):
        merged["required"] = dict.fromkeys(required, True)
    return {name: canonical(merged[name]) for name in sorted(merged)}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """`anyOf` of one type and null is that type or null."""
    match schema.get("anyOf"):
        case [{"type": str(kind)} as other, dict(null)] if null == _NULL:
            rest = {name: value for name, value in schema.items() if name != "anyOf"}
            return {**other, **rest, "type": [kind, "null"]}
    return dict(schema)
