"""Bad requests of every kind: each field wrong, each parameter wrong, and malformed bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from qa.compare.corpus.catalogue import Catalogue, edge_values
from qa.compare.corpus.submissions import FORMULA, Body, request, run_id
from qa.compare.steps import Step, send, send_json

_ANYTHING: tuple[Any, ...] = (
    *(None, "", " ", "abc", "5", " 5 ", "0x10", "1e3", "nan", "inf", "-0", "true", "maybe", "ＡＢＣ"),
    *(0, 1, -1, 5, 2.5, -0.0, 1e300, 10**30, True, False),
    *([], [5], ["SP500"], ["a b"], [""], ["SP500", "SP500"], ["sp500"], ["NOPE"], ["x" * 33], [None]),
    *({}, {"a": 1}, "x" * 2001, "\u0000", "a\u0000b", "=1+1", "<b>", "2020-01-01"),
)
"""Values that are valid for some fields and invalid for others."""
_SENT: tuple[Any, ...] = (None, "abc", [], {}, -1)
"""Values that are also submitted; submissions are validated by the same code as checks."""
_FORMULAS = (
    *(
        "",
        "close >",
        "close",
        "1 +",
        "foo(close)",
        "sma(close)",
        "sma(close, -5)",
        "sma(close, 1e9)",
        "sma(5, 5)",
    ),
    *("close > 'x'", "close > open > low", "close[1] > 0", "close = 5", "closes > 1", "and", "((close > 1)"),
    *(
        "close > 1)",
        "sma(close, close) > 1",
        "close > 1 and",
        "not",
        "close > nan",
        "close ** 2 > 1",
        "π > 1",
    ),
    *(
        "a.b > 1",
        "close > 1; open > 1",
        "__import__('os') > 1",
        "sma(close, 2.5) > 1",
        "true",
        "1 > 0",
        "rsi > 1",
    ),
    *("(" * 200 + "close > 1" + ")" * 200, " and ".join(["close > 1"] * 190), "# close > 1", "close >\n> 1"),
)
_BODIES = (
    *(b"", b"{", b"nope", b"[1]", b'"x"', b"5", b"null", b"{}", b"\xff\xfe{", b'{"fee_rate": NaN}'),
    *(b'{"fee_rate": 1e400}', b'{"symbols": ["\\ud800"]}', b'{"rule_type": "RSI", "rule_type": "MACD"}'),
    *(b"[" * 5_000, b'{"a": ' * 5_000, b'{"symbols": ["SP500"],}', b"\xef\xbb\xbf{}", b"{} {}", b"{'a': 1}"),
)
_TYPES = (
    "",
    "text/plain",
    "application/xml",
    "application/json; charset=latin-1",
    "application/problem+json",
)
_TAKING_JSON = (("POST", "/run_backtest"), ("POST", "/api/check"), ("POST", "/api/strategies"))
_IMPORTS: tuple[Any, ...] = (
    {},
    {"symbol": ""},
    {"symbol": "a b"},
    {"symbol": 5},
    {"symbol": "x" * 33},
    {"other": 1},
    [],
)
"""Imports that are refused without any network access."""


def steps(catalogue: Catalogue, *, most_kib: int) -> Iterator[Step]:
    """Every bad request; `most_kib` is the limit of a request's size."""
    yield from _fields(catalogue)
    yield from _params(catalogue)
    yield from _combinations()
    yield from _bodies()
    yield from _too_much(most_kib)
    yield from (send_json("/api/datasets/yahoo", body, note=_shown(body)) for body in _IMPORTS)


def _fields(catalogue: Catalogue) -> Iterator[Step]:
    base = request("MACD", "SP500")
    for name, schema in catalogue.fields.items():
        for value in (*_ANYTHING, *edge_values(schema)):
            yield _check(base | {name: value}, f"{name}={_shown(value)}")
        for value in _SENT:
            if (name, value) != (
                "run_id",
                None,
            ):  # a valid request, for which each product would generate a random id
                yield _submit(base | {name: value}, f"{name}={_shown(value)}")
    for name in catalogue.required:
        yield _check({key: value for key, value in base.items() if key != name}, f"no {name}")


def _params(catalogue: Catalogue) -> Iterator[Step]:
    for rule, params in catalogue.rules.items():
        base = request(rule, "SP500")
        needed = dict(FORMULA) if rule == "EXPRESSION" else {}
        for name, schema in params.items():
            for value in (None, "", "abc", "7", 2.5, True, [], *edge_values(schema)):
                yield _check(base | {"params": needed | {name: value}}, f"{rule}.{name}={_shown(value)}")
        yield _check(base | {"params": needed | {"perod": 5}}, f"{rule}, unknown parameter")
        if {"fast", "slow"} <= set(params):
            yield _check(base | {"params": {"fast": 50, "slow": 20}}, f"{rule}, fast above slow")
    for formula in _FORMULAS:
        for name in ("entry", "exit", "short_exit"):
            body = request("EXPRESSION", "SP500", params=FORMULA | {name: formula})
            yield _check(body, f"{name}: {_shown(formula)}")


def _combinations() -> Iterator[Step]:
    """Fields that are valid alone and invalid together, and unknown fields."""
    base = request("MACD", "SP500")
    for changes in (
        {"start_date": "2010-01-01", "end_date": "2009-01-01"},
        {"start_date": "2010-01-01", "end_date": "2010-01-01"},
        {"start_date": "2010-01-02", "end_date": "2010-01-03"},
        {"start_date": "2030-01-01", "end_date": "2031-01-01"},
        {"symbols": ["SP500", "NOPE", "GOGO"]},
        {"symbols": ["GOOG"], "start_date": "2001-01-01", "end_date": "2002-01-01"},
        {"symbols": ["SP500", "FIVE"]},
        {"benchmark": "NOPE"},
        {"benchmark": "FIVE"},
        {"rule_type": "MACDD"},
        {"rule_type": "macd"},
        {"rule_type": "MACD", "params": {"fast": 26, "slow": 26}},
        {"fee": 0.1, "slipage_bps": 1, "Symbols": []},
        {"symbols": [], "rule_type": 5, "start_date": "x", "end_date": None, "fee_rate": "much"},
        {"run_id": "123e4567-e89b-12d3-a456-426614174000"},
        {"run_id": run_id("upper case").upper()},
    ):
        yield _check(base | changes, _shown(changes))
        yield _submit(base | changes, _shown(changes))


def _bodies() -> Iterator[Step]:
    for method, path in _TAKING_JSON:
        for body in _BODIES:
            yield send(path, body, "application/json", method=method, note=_shown(body))
        for kind in _TYPES:
            yield send(path, b"{}", kind, method=method, note=f"as {kind or 'nothing'}")


def _too_much(most_kib: int) -> Iterator[Step]:
    """Requests that exceed a limit."""
    base = request("MACD", "SP500")
    large = json.dumps(base | {"benchmark": "x" * (most_kib << 10)}).encode()
    for method, path in (*_TAKING_JSON, ("PATCH", f"/api/runs/{run_id('none')}")):
        yield send(path, large, "application/json", method=method, note="too large")
    yield send("/run_backtest", large, "application/x-www-form-urlencoded", note="too large form")
    many = {f"unknown_{number}": 1 for number in range(60)}
    for changes in (
        {"symbols": [f"S{number}" for number in range(30)]},
        {"symbols": ["LONG", "SP500", "NASDAQ"], "start_date": "2000-01-03", "end_date": "2018-12-31"},
        {"params": many},
        many,
    ):
        yield _check(base | changes, f"too many: {', '.join(changes)[:40]}")
        yield _submit(base | changes, f"too many: {', '.join(changes)[:40]}")


def _check(body: Body, note: str) -> Step:
    return send_json("/api/check", body, note=note)


def _submit(body: Body, note: str) -> Step:
    """Submit with a fixed run id, so that an accepted request is the same run in both products."""
    return send_json("/run_backtest", {"run_id": run_id(note)} | body, note=note)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
