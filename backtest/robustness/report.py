"""Everything that is asked of one run, and one sentence that says what of its edge survives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from backtest.metrics.account import Account, Undefined
from backtest.prices.dataset import Dataset
from backtest.robustness import chance, costs, variations
from backtest.robustness.basis import Basis
from backtest.run.request import RunRequest
from backtest.studies.statistics.deflated import Tried, deflated

CERTAIN: Final = 0.95


def robustness(
    request: RunRequest, datasets: Mapping[str, Dataset], *, tried: Tried | None = None, seed: int = 0
) -> dict[str, Any]:
    """How much of a run's result survives, ready for JSON; equal input gives the same answer.

    Parameters
    ----------
    tried : everything tried on this rule and these prices, this run included; None is this run alone
    seed : of the bootstrap, the orders of trades and the random entries

    Returns
    -------
    figures (of the run), costs, break_even, fills, starts, bands, order_of_trades, luck, deflated; each of the
    last four is None where it is undefined, and then `reasons` says why; checks and verdict in words

    Raises
    ------
    InvalidRequest, InvalidTarget
        As the run does.
    """
    basis = Basis.of(request, datasets)
    done = basis.simulated()
    account = basis.account(done)
    found: dict[str, Any] = {
        "figures": basis.figures(done),
        "costs": costs.multiples(basis),
        "break_even": costs.break_even(basis),
        "fills": variations.fills(basis),
        "starts": variations.starts(basis),
    }
    reasons: dict[str, str] = {}
    statistics: dict[str, Callable[[], dict[str, Any]]] = {
        "bands": lambda: chance.bands(account, seed=seed),
        "order_of_trades": lambda: chance.order_of_trades(account, seed=seed),
        "luck": lambda: chance.luck(basis, done, seed=seed),
        "deflated": lambda: _deflated(account, tried),
    }
    for name, statistic in statistics.items():
        try:
            found[name] = statistic()
        except Undefined as undefined:
            found[name], reasons[name] = None, str(undefined)
    return {**found, "reasons": reasons, **judged(found)}


def judged(found: Mapping[str, Any]) -> dict[str, Any]:
    """The checks and the verdict of everything that was computed."""
    checks = _checks(found)
    return {"checks": checks, "verdict": _verdict(checks)}


def _deflated(account: Account, tried: Tried | None) -> dict[str, Any]:
    known = tried or Tried(1, 0.0, 0.0)
    return deflated(account.excess, known, known.trials).as_json()


def _checks(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked, whether the run passed, and a word for it; what is undefined is not asked."""
    begun = [start["figures"]["total_return"] for start in found["starts"]]
    by_fill = {part["fill"]: part["figures"]["total_return"] for part in found["fills"]}
    twice = next(part["figures"] for part in found["costs"] if part["multiple"] == 2)
    asked = {
        "twice the costs": None if twice is None else _positive(twice["total_return"]),
        "the worst fill": _positive(by_fill["worst"]),
        "every start": all(_positive(value) for value in begun),
        "resampled returns": found["bands"] and found["bands"]["annual_return"]["p5"] > 0,
        "random entries": found["luck"] and found["luck"]["share_below"] >= CERTAIN,
        "the number of trials": found["deflated"] and found["deflated"]["probability"] >= CERTAIN,
    }
    return [{"name": name, "passed": bool(passed)} for name, passed in asked.items() if passed is not None]


def _positive(value: float | None) -> bool:
    return value is not None and value > 0


def _verdict(checks: list[dict[str, Any]]) -> str:
    survived = [check["name"] for check in checks if check["passed"]]
    failed = [check["name"] for check in checks if not check["passed"]]
    if not failed:
        return f"The gain survives everything asked: {_listed(survived)}."
    if not survived:
        return f"The gain survives nothing asked: {_listed(failed)}."
    return f"The gain survives {_listed(survived)}; it does not survive {_listed(failed)}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
