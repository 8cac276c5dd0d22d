"""How many trials were made on the rule and the prices of a result, and what its Sharpe ratio is worth among them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from backtest.metrics.account import Undefined
from backtest.studies.statistics.deflated import Tried, deflated
from store.models import Result, Run
from store.queries.studies import ledger
from web.ledger import schemas
from web.results.curves import account_of
from web.results.stored_curves import curves_of


def of_result(session: Session, run: Run, result: Result) -> schemas.Tried | None:
    """The figure of a result; None where an older release stored it without its timeframe."""
    timeframe = result.summary.get("timeframe")
    if timeframe is None:
        return None
    tried = ledger.tried(session, run.rule_type, run.symbols, timeframe)
    if not tried.trials:  # a result of a release without a ledger
        tried = Tried(1, 0.0, 0.0)
    probability, reason = _deflated(run, result, tried)
    return {
        "fingerprint": ledger.fingerprint(run.rule_type, run.symbols, timeframe),
        "trials": tried.trials,
        "mean": tried.mean,
        "variance": tried.variance,
        "deflated_sharpe_ratio": probability,
        "reason": reason,
    }


def _deflated(run: Run, result: Result, tried: Tried) -> tuple[float | None, str | None]:
    """The probability, or why it is undefined."""
    curves = curves_of(run.run_id, str(run.result_hash))
    account = account_of(curves, result.summary, run.initial_capital)
    try:
        found = deflated(account.excess, tried, tried.trials)
    except Undefined as undefined:
        return None, str(undefined)
    return found.probability, None
