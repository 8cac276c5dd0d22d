"""What a bundle states about its tables, compared with what they say: rule packages run where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backtest.engine import ENGINE_VERSION
from backtest.run import recomputed
from backtest.run.result_tables import HASH_VERSION, ResultTables, result_hash
from backtest.run.span import Span
from store.models import Run


def check(run: Run, span: Span, summary: Mapping[str, Any], tables: ResultTables) -> None:
    """Raise `ValueError` where the summary is not that of these tables, of the run or of its prices.

    `span` is what the run trades, found from its prices without the step that wrote the bundle.
    """
    _check_prices(run, span, summary, tables)
    if others := set(tables.trades["symbol"]) - set(run.symbols):
        raise ValueError(f"a trade is of {min(others)[:40]!r}, which the run does not trade")
    _check_conventions(run, span, summary)
    if wrong := recomputed.differences(tables, summary, run.initial_capital):
        raise ValueError("; ".join(wrong[:3]))
    if summary["result_hash_version"] != HASH_VERSION or summary["result_hash"] != result_hash(
        tables, summary
    ):
        raise ValueError("result_hash is not that of the tables and metrics")


def _check_prices(run: Run, span: Span, summary: Mapping[str, Any], tables: ResultTables) -> None:
    if run.data_hashes and summary["data_hashes"] != run.data_hashes:
        raise ValueError("it was computed on other prices than those that the run is pinned to")
    if summary["data_hashes"] != span.hashes or summary["data_hash"] != span.data_hash:
        raise ValueError("data_hash is not that of the run's prices")
    if not np.array_equal(tables.times, span.times):
        raise ValueError("the curves are not on the bars that the run trades")


def _check_conventions(run: Run, span: Span, summary: Mapping[str, Any]) -> None:
    """What metrics are computed with: a wrong number of periods a year makes any Sharpe ratio."""
    year, conventions = span.year, summary["conventions"]
    sessions = year.sessions.as_json() if year.sessions else None
    expected = {
        "periods_per_year": year.periods,
        "sessions": sessions,
        "risk_free_rate": run.risk_free_rate,
    }
    for name, value in expected.items():
        if conventions[name] != value:
            raise ValueError(f"{name} is {str(conventions[name])[:80]}, the run's is {value}")
    if summary["timeframe"] != span.calendars[0].timeframe:
        raise ValueError(f"timeframe is {str(summary['timeframe'])[:16]!r}")
    if summary["flags"]["same_bar_fill"] is not (run.fill == "close"):
        raise ValueError("same_bar_fill is not that of the run's fill")
    if summary["engine_version"] != ENGINE_VERSION:
        raise ValueError(
            f"engine_version is {str(summary['engine_version'])[:16]}, this release has {ENGINE_VERSION}"
        )
