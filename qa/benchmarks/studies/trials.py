"""The processor time of a trial of every built-in rule, and of a formula."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats, Ints
from backtest.prices.dataset import Dataset, make_dataset
from backtest.studies.execution.trials import Trials
from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest
from backtest.studies.segments import account_range
from qa.benchmarks.market import walk

BARS: Final = 2_520
_TRIALS: Final = 1_200
_REPETITIONS: Final = 12
_ROUNDS: Final = 3


def _range(first: float, last: float, step: float) -> dict[str, float]:
    return {"from": first, "to": last, "step": step}


SPACES: Final[dict[str, dict[str, Any]]] = {
    "MOVING_AVERAGE_CROSS": {"params.fast": _range(2, 40, 1), "params.slow": _range(45, 200, 5)},
    "RSI": {"params.period": _range(2, 30, 1), "params.oversold": _range(10, 40, 5),
            "params.overbought": _range(60, 90, 5)},
    "MACD": {"params.fast": _range(2, 16, 1), "params.slow": _range(20, 40, 2), "params.signal": _range(5, 14, 1)},
    "RSI_MACD": {"params.period": [7, 14, 21], "params.oversold": [30, 40, 45], "params.fast": _range(8, 14, 2),
                 "params.slow": _range(20, 30, 2), "params.signal": [7, 8, 9], "params.window": [5, 10]},
    "BOLLINGER_BANDS": {"params.period": _range(5, 60, 1), "params.deviations": _range(0.5, 3, 0.1)},
    "DONCHIAN_BREAKOUT": {"params.period": _range(5, 60, 1), "params.exit_period": _range(3, 30, 1)},
    "VOLUME_BREAKOUT": {"params.period": _range(5, 40, 1), "params.multiple": _range(0.5, 2, 0.25),
                        "params.exit_period": _range(3, 15, 3)},
    "ATR_VOLATILITY": {"params.period": _range(5, 20, 3), "params.entry_multiple": _range(0.5, 2, 0.25),
                       "params.exit_period": _range(5, 30, 5), "params.exit_multiple": [1, 2, 3, 4]},
    "TREND_FOLLOWING": {"params.period": _range(10, 100, 5), "params.adx_period": _range(5, 20, 3),
                        "params.adx_threshold": _range(0, 30, 3)},
    "MOMENTUM": {"params.period": _range(2, 100, 2), "params.threshold_pct": _range(0, 10, 0.5)},
    "BUY_AND_HOLD": {"stop_loss_pct": _range(1, 50, 1), "trailing_stop_pct": _range(1, 25, 1)},
    "EXPRESSION": {"params.constants.n": _range(5, 60, 1), "params.constants.k": _range(20, 40, 1)},
}  # fmt: skip
FORMULAS: Final = {
    "entry": "close > sma(close, n) and rsi(close, 14) < 50 + k",
    "exit": "close < ema(close, n) - k / 20",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one rule: how many trials were executed, microseconds and trades of each.

    `parts` are the microseconds of targets, simulation, bootstrap and figures, of trials whose lines are known.
    """

    rule: str
    trials: int
    microseconds: float
    trades: float
    parts: tuple[float, ...]

    def least(self, other: Cost) -> Cost:
        """Of two measurements of a rule the lower ones."""
        parts = tuple(map(min, self.parts, other.parts))
        return replace(self, microseconds=min(self.microseconds, other.microseconds), parts=parts)


def measured() -> Iterator[Cost]:
    """Every rule, one after the other, and all of them again: what disturbs one round is over in the next."""
    prices = _prices()
    rounds = [[_cost(_request(rule), prices) for rule in SPACES] for _ in range(_ROUNDS)]
    for costs in zip(*rounds, strict=True):
        yield reduce(Cost.least, costs)


def _request(rule: str) -> dict[str, Any]:
    days = {"start_date": "2000-01-03", "end_date": "2100-01-01"}
    raw = {"symbols": ["AAA"], "rule_type": rule, "space": SPACES[rule]} | days
    return raw | ({"params": FORMULAS} if rule == "EXPRESSION" else {})


def _cost(raw: dict[str, Any], prices: dict[str, Dataset]) -> Cost:
    request = StudyRequest.parse(raw)
    planned = plan(request)
    own = account_range(request, ("AAA",), prices)
    chosen = np.arange(min(planned.trials, _TRIALS))
    least, trades = _least(lambda: Trials(planned, own), chosen)
    parts = _parts(Trials(planned, own), chosen)
    return Cost(raw["rule_type"], len(chosen), least / len(chosen) * 1e6, trades, parts)


def _least(account: Any, trials: Any) -> tuple[float, float]:
    """Seconds of all trials: of each part the least of all repetitions, and the mean number of trades."""
    first = account()
    first.execute(trials[: first.at_once])  # the compiler is not measured
    parts = [trials[place : place + first.at_once] for place in range(0, len(trials), first.at_once)]
    seconds: Floats = np.full(len(parts), np.inf)
    for _ in range(_REPETITIONS):
        fresh, trades = account(), 0
        for place, part in enumerate(parts):
            began = time.process_time()
            columns = fresh.execute(part)
            seconds[place] = min(seconds[place], time.process_time() - began)
            trades += int(columns["num_trades"].sum())
    return float(seconds.sum()), trades / len(trials)


def _parts(account: Trials, trials: Ints) -> tuple[float, ...]:
    """Microseconds a trial of what `Trials` does one after the other, the least of all repetitions."""
    account.execute(trials)
    seconds: Floats = np.full((-(-len(trials) // account.at_once), 4), np.inf)
    for _ in range(_REPETITIONS):
        for place, least in enumerate(seconds):
            part = trials[place * account.at_once : (place + 1) * account.at_once]
            np.minimum(least, np.diff(_moments(account, part)), out=least)
    return tuple((seconds.sum(axis=0) / len(trials) * 1e6).tolist())


def _moments(account: Trials, trials: Ints) -> list[float]:
    """The processor time before, between and behind the steps of these trials."""
    moments, segment = [time.process_time()], account._segments[0]
    prepared = account._prepared(trials)
    moments.append(time.process_time())
    returns, facts = segment.simulate(*prepared)
    moments.append(time.process_time())
    account.maxima.add(returns, account._eligible(facts))
    moments.append(time.process_time())
    segment.figures(returns, facts)
    return [*moments, time.process_time()]


def _prices() -> dict[str, Dataset]:
    market = walk(BARS, 1, drift=3e-4, spread=0.012, seconds=86_400, seed=5)
    names = ("open", "high", "low", "close", "volume")
    columns = {name: getattr(market, name)[:, 0] for name in names}
    return {"AAA": make_dataset("AAA", market.times, columns, source="")}
