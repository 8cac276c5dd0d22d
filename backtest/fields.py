"""One typed, bounded input, described once for every entry point: JSON, form, command line, workflow, OpenAPI."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, Final, Literal

from backtest.errors import FieldError
from backtest.prices.symbols import ALPHABET, MAX_SYMBOL_LENGTH, is_symbol
from backtest.written_numbers import Unclear, plain

Kind = Literal["int", "float", "bool", "choice", "text", "date", "symbol", "symbols", "object", "numbers"]
Value = int | float | bool | str | date | tuple[str, ...] | dict[str, Any] | None

EXPANDED = ("{{", "$(")
"""Argo Workflows and Kubernetes expand what follows these in an argument: no text of a request may hold them."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
_BETWEEN_SYMBOLS: Final = re.compile(r"\s*,\s*|\s+")
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


class ValidationError(ValueError):
    """A value that does not fit its field; the message says what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A named input with its type, bounds, default and help.

    `low` and `high` are inclusive unless `above` says that `low` itself is not allowed.
    A field without `required` takes its `default` when it is absent, and only then: a wrong value that is
    present is always an error, null too unless it is the default. Numbers in texts may be written as people
    do (`backtest.written_numbers`).
    """

    name: str
    kind: Kind
    label: str
    help: str
    default: Value = None
    required: bool = False
    low: float | None = None
    above: bool = False
    high: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int = 2_000
    unit: str = ""

    def parse(self, raw: object) -> Value:
        """Convert a received value to the field's type, or raise `ValidationError`."""
        return _PARSERS[self.kind](self, raw)

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.kind == "date":
            return "a date (YYYY-MM-DD)"
        if self.kind == "symbol":
            return f"a symbol of 1 to {MAX_SYMBOL_LENGTH} {ALPHABET}"
        if self.kind == "symbols":
            return "a list of symbols"
        if self.kind == "object":
            return "an object of names and values"
        if self.kind == "numbers":
            return "an object of names and numbers, or text such as n=20, k=1.5"
        if self.kind == "text":
            return f"text of at most {self.max_length} characters"
        noun = "a whole number" if self.kind == "int" else "a number"
        return f"{noun}{self._bounds()}"

    def _bounds(self) -> str:
        floor = "" if self.low is None else f" {'above' if self.above else 'from'} {self.low:g}"
        ceiling = "" if self.high is None else f" up to {self.high:g}"
        return floor + ceiling

    def schema(self) -> dict[str, Any]:
        """The field as JSON Schema (draft 2020-12)."""
        kinds = {
            "int": "integer",
            "float": "number",
            "bool": "boolean",
            "symbols": "array",
            "object": "object",
            "numbers": "object",
        }
        schema: dict[str, Any] = {"type": kinds.get(self.kind, "string"), "description": self.help}
        if self.kind == "choice":
            schema["enum"] = list(self.choices)
        if self.kind == "date":
            schema["format"] = "date"
        if self.kind in ("text", "symbol"):
            schema["maxLength"] = MAX_SYMBOL_LENGTH if self.kind == "symbol" else self.max_length
        if self.kind == "symbols":
            schema |= {"items": {"type": "string", "minLength": 1, "maxLength": 32}, "minItems": 1}
        if self.kind == "numbers":
            schema |= {"type": ["object", "string"], "additionalProperties": {"type": "number"}}
        if self.low is not None:
            schema["exclusiveMinimum" if self.above else "minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        if not self.required:
            if self.default is None:
                kinds_of = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
                schema["type"] = [*kinds_of, "null"]
            schema["default"] = self.default
        return schema


def parse_fields(
    fields: tuple[Field, ...], raw: Mapping[str, Any], *, prefix: str = ""
) -> tuple[dict[str, Value], list[FieldError]]:
    """Parse every field of `raw`; return the values and all errors, unknown names included."""
    values: dict[str, Value] = {}
    errors: list[FieldError] = []
    names = [field.name for field in fields]
    for field in fields:
        received = raw.get(field.name)
        if received is None:
            values[field.name] = field.default
            if field.required:
                errors.append(FieldError(prefix + field.name, f"is required: {field.allowed}"))
            elif field.name in raw and field.default is not None:
                errors.append(refused_null(field, prefix))
            continue
        try:
            values[field.name] = field.parse(received)
        except ValidationError as error:
            errors.append(FieldError(prefix + field.name, str(error), received))
    errors += [unknown(prefix + name, names, prefix) for name in raw if name not in names]
    return values, errors


def refused_null(field: Field, prefix: str = "") -> FieldError:
    """The error for a null that is not the field's default."""
    reason = f"must be {field.allowed}, got null; leave it out for the default, {field.default!r}"
    return FieldError(prefix + field.name, reason)


def unknown(name: str, known: list[str], prefix: str = "") -> FieldError:
    """The error for a name that no field has, with the nearest one that exists."""
    near = get_close_matches(name.removeprefix(prefix), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return FieldError(name, f"is not a known field{hint or '.'} Allowed: {', '.join(known) or 'none'}")


def _number(field: Field, raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValidationError(f"must be {field.allowed}, got {raw!r}")
    try:
        number = float(plain(raw, field.unit) if isinstance(raw, str) else raw)
    except Unclear as unclear:
        raise ValidationError(f"must be {field.allowed}, got {raw!r}: {unclear}") from None
    except (ValueError, OverflowError):
        raise ValidationError(f"must be {field.allowed}, got {raw!r}") from None
    if not math.isfinite(number):
        raise ValidationError(f"must be {field.allowed}, got {raw!r}")
    too_low = field.low is not None and (number <= field.low if field.above else number < field.low)
    if too_low or (field.high is not None and number > field.high):
        raise ValidationError(f"must be {field.allowed}, got {raw!r}")
    return number


def _whole(field: Field, raw: object) -> int:
    number = _number(field, raw)
    if number != int(number):
        raise ValidationError(f"must be {field.allowed}, got {raw!r}")
    return int(number)


def _flag(field: Field, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValidationError(f"must be true or false, got {raw!r}")


def _choice(field: Field, raw: object) -> str:
    if isinstance(raw, str) and raw in field.choices:
        return raw
    near = get_close_matches(str(raw), field.choices, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValidationError(f"must be {field.allowed}, got {raw!r}{hint}")


def _text(field: Field, raw: object) -> str:
    if not isinstance(raw, str) or len(raw) > field.max_length or "\x00" in raw:
        raise ValidationError(f"must be {field.allowed}, got {_shown(raw)}")
    if marks := [mark for mark in EXPANDED if mark in raw]:
        raise ValidationError(f"must not contain {' or '.join(marks)}, got {_shown(raw)}")
    return raw


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 80 else text[:77] + "…"


def _symbol(field: Field, raw: object) -> str:
    if raw == "" or is_symbol(raw):
        return str(raw)
    raise ValidationError(f"must be {field.allowed}, got {_shown(raw)}")


def _date(field: Field, raw: object) -> date:
    if isinstance(raw, str) and len(raw) == 10:
        try:
            return date.fromisoformat(raw)
        except ValueError:
            pass
    raise ValidationError(f"must be a date (YYYY-MM-DD), got {raw!r}")


def _symbols(field: Field, raw: object) -> tuple[str, ...]:
    names = _BETWEEN_SYMBOLS.split(raw.strip()) if isinstance(raw, str) else raw
    if not isinstance(names, list | tuple) or not names:
        raise ValidationError(f"must be a list of symbols, got {raw!r}")
    for name in names:
        if not is_symbol(name):
            raise ValidationError(
                f"must be a list of symbols (1 to {MAX_SYMBOL_LENGTH} {ALPHABET}), got {name!r}"
            )
    if len(set(names)) != len(names):
        raise ValidationError("must not contain a symbol more than once")
    return tuple(names)


def _object(field: Field, raw: object) -> dict[str, Any]:
    if isinstance(raw, Mapping) and all(isinstance(name, str) for name in raw):
        return dict(raw)
    raise ValidationError(f"must be {field.allowed}, got {raw!r}")


def _numbers(field: Field, raw: object) -> dict[str, Any]:
    """Named numbers from an object, or from text as a form and a command line have it: ``n=20, k=1.5``."""
    pairs = _pairs(field, raw) if isinstance(raw, str) else raw
    if not isinstance(pairs, Mapping):
        raise ValidationError(f"must be {field.allowed}, got {_shown(raw)}")
    number = Field(name="", kind="float", label="", help="")
    found: dict[str, Any] = {}
    for name, value in pairs.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValidationError(
                f"must have names of letters, digits and _ that begin with a letter, got {name!r}"
            )
        try:
            found[name.lower()] = number.parse(value)
        except ValidationError as wrong:
            raise ValidationError(f"{name} {wrong}") from None
    if len(found) < len(pairs):
        raise ValidationError(
            f"must not contain a name twice, upper and lower case being one, got {_shown(raw)}"
        )
    return found


def _pairs(field: Field, raw: str) -> dict[str, str]:
    if marks := [mark for mark in EXPANDED if mark in raw]:
        raise ValidationError(f"must not contain {' or '.join(marks)}, got {_shown(raw)}")
    pairs = [part.partition("=") for part in raw.replace(";", ",").split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValidationError(f"must be {field.allowed}, got {_shown(raw)}")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise ValidationError(f"must not contain a name twice, got {_shown(raw)}")
    return {name: value.strip() for name, (_, _, value) in zip(names, pairs, strict=True)}


_PARSERS: dict[str, Callable[[Field, object], Value]] = {
    "int": _whole, "float": _number, "bool": _flag, "choice": _choice,
    "text": _text, "date": _date, "symbol": _symbol, "symbols": _symbols, "object": _object, "numbers": _numbers,
}  # fmt: skip
