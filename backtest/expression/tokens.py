"""Cut the text of a formula into numbers, names and operators."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from backtest.expression.errors import InvalidExpression, Problem

MAX_LENGTH = 2_000

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator><=|>=|==|!=|[-+*/^<>(),])"
)
WORDS = frozenset({"and", "or", "not"})
_HINTS = {
    "=": "to compare, write ==",
    "!": "write not, or != to compare",
    "&": "write and",
    "|": "write or",
    "[": "for the value of an earlier bar write shift(close, 1)",
    ".": "names do not contain dots",
    "%": "there is no modulo operator; for percent divide by 100",
    ";": "a formula is a single condition",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the source; `text` is in lower case, `offset` counts characters from 0."""

    kind: Literal["number", "name", "operator", "end"]
    text: str
    offset: int


def tokenize(source: str) -> list[Token]:
    """The pieces of a formula, closed by an `end`, or `InvalidExpression` at the first wrong character."""
    if len(source) > MAX_LENGTH:
        message = f"is too long: {len(source)} characters, at most {MAX_LENGTH} are allowed"
        raise InvalidExpression(source, [Problem.at(source, MAX_LENGTH, message)])
    tokens: list[Token] = []
    offset = 0
    while offset < len(source):
        match = _TOKEN.match(source, offset)
        if match is None:
            raise _refused(source, offset)
        if match.lastgroup != "space":
            tokens.append(_token(source, match))
        offset = match.end()
    return [*tokens, Token("end", "", len(source))]


def _token(source: str, match: re.Match[str]) -> Token:
    text, offset = match.group().lower(), match.start()
    if match.lastgroup == "number":
        follower = source[match.end() : match.end() + 1]
        if follower == "." or follower == "_" or follower.isalnum():
            raise _problem(source, offset, f"unexpected {follower!r} after a number")
        if not math.isfinite(float(text)):
            raise _problem(source, offset, "the number is too large")
        return Token("number", text, offset)
    is_operator = match.lastgroup == "operator" or text in WORDS
    return Token("operator" if is_operator else "name", text, offset)


def _refused(source: str, offset: int) -> InvalidExpression:
    character = source[offset]
    hint = _HINTS.get(character, "formulas consist of names, numbers and + - * / ^ < <= > >= == != ( ) ,")
    return _problem(source, offset, f"{character!r} is not allowed here; {hint}")


def _problem(source: str, offset: int, message: str) -> InvalidExpression:
    return InvalidExpression(source, [Problem.at(source, offset, message)])
