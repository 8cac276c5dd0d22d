"""What a bundle states about its tables, compared with what they say: rule packages run where it is written.

Every comparison is of values whose types and bounds are known by then, so that an error of another class than
`BundleContradicted` is a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import numpy as np

from backtest.engine import ENGINE_VERSION
from backtest.run import recomputed
from backtest.run.facts import facts_of
from backtest.run.request import RunRequest
from backtest.run.result_tables import HASH_VERSION, ResultTables, result_hash
from backtest.run.span import Span
from workflows.errors import BundleContradicted

_MOST_NAMED: Final = 3


def check(request: RunRequest, span: Span, summary: Mapping[str, Any], tables: ResultTables) -> None:
    """Raise `BundleContradicted` where the summary is not that of these tables, of the run or of its prices.

    `span` is what the run trades, found from its prices without the step that wrote the bundle.
    """
    if not np.array_equal(tables.times, span.times):
        raise BundleContradicted("the curves are not on the bars that the run trades")
    if others := set(tables.trades["symbol"]) - set(request.symbols):
        raise BundleContradicted(f"a trade is of {min(others)[:40]!r}, which the run does not trade")
    account = recomputed.account(tables, span, request)
    if not np.allclose(tables.curves["drawdown"], account.drawdown, rtol=0, atol=recomputed.TOLERANCE):
        raise BundleContradicted("the drawdown is not that of the equity")
    facts = {
        "engine_version": ENGINE_VERSION,
        "result_hash_version": HASH_VERSION,
        **facts_of(span, request, account),
    }
    _refuse(recomputed.differences(summary["conventions"], facts.pop("conventions")))
    _refuse(recomputed.differences(summary, facts | recomputed.derived(account)))
    _check_flags(request, summary, tables)
    if summary["result_hash"] != result_hash(tables, summary):
        raise BundleContradicted("result_hash is not that of the tables and metrics")


def _check_flags(request: RunRequest, summary: Mapping[str, Any], tables: ResultTables) -> None:
    flags = {
        "same_bar_fill": request.config.fill == "close",
        "ruined": bool((tables.curves["equity"] <= 0).any()),
        "open_at_end": list(tables.trades["exit_reason"]).count("end_of_data"),
        "lookahead": summary["lookahead"]["peeks"],
    }
    _refuse(recomputed.differences(summary["flags"], flags))


def _refuse(wrong: Iterable[str]) -> None:
    if named := list(islice(wrong, _MOST_NAMED)):
        raise BundleContradicted("; ".join(named))
