"""Submissions: every rule on every symbol, every parameter and option varied, and edge cases of dates."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from qa.compare.corpus.catalogue import Catalogue, right_values
from qa.compare.steps import Step, get, send_form, send_json

Body = dict[str, Any]
WINDOWS = {
    "SP500": ("2006-01-03", "2010-12-31"),
    "NASDAQ": ("1999-06-01", "2003-12-31"),
    "GOOG": ("2004-08-19", "2009-12-31"),
}
FORMULA = {"entry": "close > sma(close, 50) and rsi(close, 14) < 60"}
FORMULAS: Mapping[str, Mapping[str, str]] = {
    "entry alone": FORMULA,
    "entry and exit": {
        "entry": "close > ema(close, 20)",
        "exit": "close < ema(close, 40) or rsi(close, 14) > 75",
    },
    "four sides": {
        "entry": "sma(close, 10) > sma(close, 30)",
        "exit": "sma(close, 10) < sma(close, 30)",
        "short_entry": "sma(close, 10) < sma(close, 30) and volume > 0",
        "short_exit": "sma(close, 10) > sma(close, 30)",
    },
    "never": {"entry": "close < 0"},
    "always, exit false": {"entry": "close > 0", "exit": "false"},
    "arithmetic": {"entry": "(high - low) / close > 0.02 and not (open >= close)"},
    "several lines": {"entry": "close > open\n  and volume > sma(volume, 20)"},
}
OPTIONS: Mapping[str, Body] = {
    "no fee": {"fee_rate": 0},
    "high fee": {"fee_rate": 0.01},
    "fee per share": {"fee_per_share": 0.02, "fee_rate": 0},
    "least fee": {"fee_min": 25},
    "no slippage": {"slippage_bps": 0},
    "high slippage": {"slippage_bps": 75.5},
    "small capital": {"initial_capital": 3000},
    "large capital": {"initial_capital": 1e9},
    "half of the equity": {"size": 50},
    "twice the equity": {"size": 200},
    "value": {"size_type": "value", "size": 25_000},
    "shares": {"size_type": "shares", "size": 17},
    "fractional": {"fractional": True},
    "fractional value": {"fractional": True, "size_type": "value", "size": 1234.5},
    "long and short": {"direction": "long_short"},
    "short only": {"direction": "short_only"},
    "borrow": {"direction": "long_short", "borrow_rate": 0.08},
    "fill at the close": {"fill": "close"},
    "fill at the close, fractional": {"fill": "close", "fractional": True, "direction": "long_short"},
    "stop-loss": {"stop_loss_pct": 3},
    "take-profit": {"take_profit_pct": 4.5},
    "trailing stop": {"trailing_stop_pct": 5},
    "all stops": {"stop_loss_pct": 4, "take_profit_pct": 9, "trailing_stop_pct": 6},
    "all stops, both sides": {
        "stop_loss_pct": 4,
        "take_profit_pct": 9,
        "trailing_stop_pct": 6,
        "direction": "long_short",
        "borrow_rate": 0.03,
    },
    "risk-free rate": {"risk_free_rate": 0.025},
    "benchmark": {"benchmark": "NASDAQ"},
    "own benchmark": {"benchmark": "SP500"},
    "two symbols": {"symbols": ["SP500", "NASDAQ"]},
    "two symbols, other order": {"symbols": ["NASDAQ", "SP500"]},
    "symbols as a text": {"symbols": "SP500, NASDAQ"},
    "three symbols": {"symbols": ["SP500", "NASDAQ", "GOOG"], "start_date": "2003-01-02"},
    "three symbols, everything": {
        "symbols": ["SP500", "NASDAQ", "GOOG"],
        "start_date": "2005-01-03",
        "direction": "long_short",
        "fractional": True,
        "stop_loss_pct": 8,
        "borrow_rate": 0.02,
        "benchmark": "SP500",
        "fee_min": 1,
        "fee_per_share": 0.001,
        "risk_free_rate": 0.01,
    },
    "numbers as texts": {"fee_rate": "0.002", "slippage_bps": "7", "fractional": "yes", "size": " 80 "},
    "ruin": {
        "symbols": ["GOOG"],
        "direction": "short_only",
        "size": 900,
        "rule_type": "BUY_AND_HOLD",
        "params": {},
    },
    "ruin of a short": {
        "symbols": ["GOOG"],
        "direction": "short_only",
        "size": 1000,
        "rule_type": "EXPRESSION",
        "params": {"entry": "close < 0", "short_entry": "close > 0"},
    },
    "before the first price": {"start_date": "1990-01-01", "end_date": "2001-12-31"},
    "after the last price": {"start_date": "2017-01-03", "end_date": "2025-12-31"},
    "two bars": {"start_date": "2010-06-01", "end_date": "2010-06-03"},
    "two months": {"start_date": "2010-06-01", "end_date": "2010-07-30"},
    "a weekend at both ends": {"start_date": "2010-01-02", "end_date": "2010-12-26"},
    "uploaded bars of five minutes": {
        "symbols": ["FIVE"],
        "start_date": "2024-01-01",
        "end_date": "2024-12-31",
    },
    "uploaded weeks": {"symbols": ["WEEKS"], "start_date": "2015-01-01", "end_date": "2023-12-31"},
    "uploaded with gaps": {"symbols": ["GAPS"], "start_date": "2020-01-01", "end_date": "2023-12-31"},
    "result too large": {"symbols": ["LONG"], "start_date": "2000-01-01", "end_date": "2024-12-31"},
}
CANCELLED, DELETED, KEYED = "cancelled while pending", "deleted", "with an idempotency key"
SHOWN = (
    "MACD on SP500",
    "EXPRESSION four sides",
    "long and short",
    "three symbols, everything",
    "ruin of a short",
)
"""Runs whose every page, export, chart and curve is compared."""
NOT_SUCCEEDED = (CANCELLED, "result too large")


def run_id(label: str) -> str:
    """The fixed run id of this label, the same in both products."""
    return str(uuid.UUID(int=random.Random(label).getrandbits(128), version=4))


def request(rule: str, symbol: str, **changes: Any) -> Body:
    """A request for the symbol and its date range."""
    start, end = WINDOWS[symbol]
    body = {"symbols": [symbol], "rule_type": rule, "start_date": start, "end_date": end}
    return body | changes


def submissions(catalogue: Catalogue) -> Iterator[tuple[str, Body]]:
    """Every run with its label."""
    yield from _by_rule(catalogue)
    yield from _by_param(catalogue)
    for name, params in FORMULAS.items():
        yield (
            f"EXPRESSION {name}",
            request("EXPRESSION", "SP500", params=dict(params), direction="long_short"),
        )
    for name, changes in OPTIONS.items():
        yield name, request("MACD", "SP500") | changes
    for name in (CANCELLED, DELETED, KEYED):
        yield name, request("MOMENTUM", "GOOG", params={"period": 20})


def labels(catalogue: Catalogue) -> Iterator[str]:
    """The label of every run."""
    yield from (label for label, _ in submissions(catalogue))


def _by_rule(catalogue: Catalogue) -> Iterator[tuple[str, Body]]:
    for rule in catalogue.rules:
        for symbol in WINDOWS:
            params = dict(FORMULA) if rule == "EXPRESSION" else {}
            yield f"{rule} on {symbol}", request(rule, symbol, params=params)


def _by_param(catalogue: Catalogue) -> Iterator[tuple[str, Body]]:
    for rule, params in catalogue.rules.items():
        for name, schema in params.items():
            for value in right_values(schema):
                yield f"{rule} with {name} {value}", request(rule, "SP500", params={name: value})


def steps(catalogue: Catalogue) -> Iterator[Step]:
    """Submit every run, then repeat some and submit others by form."""
    for label, body in submissions(catalogue):
        yield send_json("/run_backtest", body | {"run_id": run_id(label)}, note=label)
    yield from _again()
    yield from _by_form()
    anonymous = {"anonymous": r'"run_id": ?"([^"]+)"'}
    yield send_json("/run_backtest", request("RSI", "SP500"), note="without run_id", keep=anonymous)
    yield Step("DELETE", "/api/runs/{anonymous}", note="pending")
    yield Step("POST", "/runs/{anonymous}/cancel", b"")
    yield Step("DELETE", "/api/runs/{anonymous}")


def _again() -> Iterator[Step]:
    """Repeated run ids and idempotency keys, with equal and with different requests."""
    body = request("MOMENTUM", "GOOG", params={"period": 20})
    same = body | {"run_id": run_id(DELETED)}
    yield send_json("/run_backtest", same, note="repeated")
    yield send_json("/run_backtest", same | {"fee_rate": 0.2}, note="the same id, another request")
    for key, note in (
        ("key-1", "a key"),
        ("key-1", "the same key"),
        ("k" * 129, "a long key"),
        ("ä", "no ASCII"),
    ):
        named = {"anonymous_keyed": r'"run_id": ?"([^"]+)"'} if note == "a key" else {}
        yield _keyed(body, key, note, named)
    yield _keyed(body | {"size": 10}, "key-1", "the same key, another request", {})
    yield Step("POST", "/runs/{anonymous_keyed}/cancel", b"")
    yield Step("DELETE", "/api/runs/{anonymous_keyed}")


def _keyed(body: Body, key: str, note: str, keep: Mapping[str, str]) -> Step:
    sent = send_json("/run_backtest", body, note=note, keep=keep)
    return Step(sent.method, sent.path, sent.body, {**sent.headers, "Idempotency-Key": key}, note, keep)


def _by_form() -> Iterator[Step]:
    """Valid and invalid submissions by HTML form."""
    fields = {
        "symbols": ["SP500", "NASDAQ"],
        "rule_type": "MOVING_AVERAGE_CROSS",
        "params.fast": "5",
        "params.slow": "25",
        "start_date": "2008-01-02",
        "end_date": "2010-12-31",
        "fee_rate": "0.002",
        "stop_loss_pct": "",
        "fractional": "on",
        "run_id": run_id("by form"),
    }
    yield send_form("/run_backtest", fields, note="form")
    yield send_form("/run_backtest", fields, page=False, note="form, by a program")
    wrong = fields | {"fee_rate": "much", "params.fast": "0", "end_date": "2001-01-01", "unknown": "1"}
    yield send_form("/run_backtest", wrong, note="wrong form")
    yield send_form("/run_backtest", wrong, page=False, note="wrong form, by a program")
    yield send_form("/run_backtest", {}, note="empty form")
    yield send_form("/api/check", fields, page=False, note="form")


def waiting_steps(catalogue: Catalogue) -> Iterator[Step]:
    """Everything that can be requested about pending runs."""
    first, last = run_id(next(labels(catalogue))), run_id(CANCELLED)
    for run in (first, last):
        yield get(f"/status/{run}")
        yield get(f"/api/runs/{run}")
        yield get(f"/runs/{run}", page=True)
    for name in ("trades.csv", "equity.csv", "equity.parquet", "result.json", "report.html"):
        yield get(f"/runs/{first}/{name}")
    yield from (get(f"/api/runs/{first}/{name}") for name in ("curves", "markers", "charts/equity.png"))
    yield Step("POST", f"/runs/{first}/verify", b"")
    yield Step("DELETE", f"/api/runs/{last}", note="pending")
    yield send_form(f"/runs/{last}/delete", {}, note="pending")
    yield get("/api/runs?status=PENDING&limit=3")
    yield get(f"/compare?run={first}&run={last}", page=True)
    yield Step("POST", f"/runs/{last}/cancel", b"")
    yield Step("POST", f"/runs/{last}/cancel", b"", note="again")
    yield send_form(f"/runs/{last}/cancel", {}, note="again")
    yield from (get(f"/{path}/{last}") for path in ("status", "api/runs"))
    yield get(f"/runs/{last}", page=True)
