"""The verdict on a result in plain words: against holding, before and after costs, without its stops, and luck."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backtest.metrics.trade_statistics import FEW_TRADES
from backtest.plural import counted
from web.presentation.formatting import apart, money, number, percent, probability

Tone = Literal["better", "worse", "mixed", "void"]
Figures = Mapping[str, float | int | None]

LIKELY_SKILL = 0.95
"""From this probabilistic Sharpe ratio on, luck alone is called an unlikely cause."""
SIGNIFICANT = 2.0
"""From this t statistic on, a lead over holding is called more than chance."""
_SAME = 5e-5
_WIPED_OUT = 0.9
_STOPS = (
    ("stop_loss_pct", "stop-loss"),
    ("take_profit_pct", "take-profit"),
    ("trailing_stop_pct", "trailing stop"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence that answers whether the rule beat holding, and those that say how far to trust it."""

    tone: Tone
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a verdict is made from.

    Parameters
    ----------
    own, held : metrics of the run and of its benchmark by the same names
    benchmark : the benchmark's name
    is_own_symbols : whether it is holding the symbols of the run
    alternatives : figures at other costs and without stops; empty where an older release stored none
    flags : of the result
    stops : percent of each stop and target that is set, by the name of its field
    initial_capital : currency
    periods : number of returns
    periods_per_year : how many of them make a year
    """

    own: Figures
    held: Figures
    benchmark: str
    is_own_symbols: bool
    alternatives: Mapping[str, Figures]
    flags: Mapping[str, Any]
    stops: Mapping[str, float]
    initial_capital: float
    periods: int
    periods_per_year: float

    @property
    def holding(self) -> str:
        """The benchmark as a phrase."""
        return f"holding {self.benchmark}" if self.is_own_symbols else self.benchmark


def verdict_of(facts: Facts) -> Verdict:
    """The verdict; it claims nothing that the figures do not carry."""
    tone, headline = _headline(facts)
    if not facts.own["num_trades"]:
        return Verdict(tone, headline, ())
    sentences = [*_of_costs(facts), *_of_stops(facts), *_of_luck(facts)]
    return Verdict(tone, headline, tuple(sentences))


def _headline(facts: Facts) -> tuple[Tone, str]:
    own, held = facts.own["total_return"], facts.held.get("total_return")
    if own is None or held is None:
        return "void", "Not compared with holding: the benchmark has no return."
    if facts.flags.get("ruined"):
        return (
            "worse",
            f"Ruined: the account lost all it had, while {facts.holding} returned {_signed(held)}.",
        )
    if not facts.own["num_trades"]:
        return (
            "void",
            f"No trades: the account stayed in cash, while {facts.holding} returned {_signed(held)}.",
        )
    if own <= -_WIPED_OUT:
        lost = percent(-own, 1)
        return (
            "worse",
            f"Wiped out: {lost} of the account was lost, while {facts.holding} returned {_signed(held)}.",
        )
    if abs(own - held) < _SAME * max(1.0, abs(1.0 + held)):
        return "mixed", f"Did as well as {facts.holding}: {_signed(own)} against {_signed(held)}."
    return _compared(facts, own, held)


_COMPARED: Mapping[tuple[bool, bool | None], tuple[Tone, str, str]] = {
    (True, True): ("better", "Beat", ", and with more return for the risk"),
    (True, False): ("mixed", "Earned more than", ", but with less return for the risk"),
    (False, True): ("mixed", "Earned less than", ", but with more return for the risk"),
    (False, False): ("worse", "Lost to", ", and with less return for the risk"),
    (True, None): ("better", "Beat", ""),
    (False, None): ("worse", "Lost to", ""),
}
"""By whether it earned more, and more for its risk; None where that is unknown."""


def _compared(facts: Facts, own: float, held: float) -> tuple[Tone, str]:
    ratios = facts.own.get("sharpe_ratio"), facts.held.get("sharpe_ratio")
    shown = number(ratios[0]), number(ratios[1])
    known = ratios[0] is not None and ratios[1] is not None and shown[0] != shown[1]
    tone, verb, risk = _COMPARED[own > held, _number(ratios[0]) > _number(ratios[1]) if known else None]
    sharpe = f" (Sharpe {shown[0]} against {shown[1]})" if known else ""
    if ratios[0] is not None and not known and shown[0] == shown[1]:
        risk = f", at the same return for the risk (Sharpe {shown[0]})"
    returns = f"{_signed(own)} against {_signed(held)}"
    return tone, f"{verb} {facts.holding}{_untradable(facts)}: {returns}{risk}{sharpe}."


def _untradable(facts: Facts) -> str:
    if facts.flags.get("lookahead"):
        return " by looking ahead"
    return " on fills that cannot be traded" if facts.flags.get("same_bar_fill") else ""


def _of_costs(facts: Facts) -> Iterator[str]:
    costs = costs_of(facts.own)
    after = facts.own["total_return"]
    before, double = (
        facts.alternatives.get(name, {}).get("total_return") for name in ("without_costs", "double_costs")
    )
    if after is None:
        return
    if not costs:
        yield "No costs are charged, so the result is what a broker without fees and spread would have given."
    elif before is None:
        yield _booked_costs(facts, costs)
    else:
        twice = "" if double is None else f", at twice the costs {_signed(double)}"
        yield f"Before costs {_signed(before)}, after costs {_signed(after)}{twice}.{_turned(facts, before, after)}"


def _booked_costs(facts: Facts, costs: float) -> str:
    """From what the trades booked: exact in currency, without what the money paid would have earned."""
    gross = _number(facts.own["final_equity"]) - facts.initial_capital + costs
    share = f", {percent(costs / gross, 0)} of the gross profit" if gross > 0 else ""
    before = _signed(gross / facts.initial_capital)
    return f"Costs were {money(costs)}{share}; before costs about {before}, re-investment left out."


def _turned(facts: Facts, before: float, after: float) -> str:
    held = facts.held.get("total_return")
    if held is not None and before > held > after:
        return f" Costs turn a win over {facts.holding} into a loss."
    if before > 0 > after:
        return " Costs turn a profit into a loss."
    return ""


def _of_stops(facts: Facts) -> Iterator[str]:
    without = facts.alternatives.get("without_stops", {})
    own, other = facts.own["total_return"], without.get("total_return")
    if own is None or other is None:
        return
    names = [f"{facts.stops[field]:g}% {name}" for field, name in _STOPS if field in facts.stops]
    named = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    if abs(own - other) < _SAME:
        yield f"The {named} changed the return by nothing."
        return
    effect, size = "added" if own > other else "cost", apart(abs(own - other), "percent").lstrip("+")
    yield f"The {named} {effect} {size}: without, {_signed(other)}{_fall(facts.own, without)}."


def _fall(own: Figures, other: Figures) -> str:
    falls = other.get("max_drawdown"), own.get("max_drawdown")
    if falls[0] is None or falls[1] is None:
        return ""
    return f" and a worst drawdown of {percent(falls[0], 1)} instead of {percent(falls[1], 1)}"


def _of_luck(facts: Facts) -> Iterator[str]:
    trades, psr = facts.own["num_trades"], facts.own.get("psr")
    known = "" if psr is None else f" (PSR {probability(psr)})"
    if _number(trades) < FEW_TRADES:
        count = counted(int(_number(trades)), "trade is", "trades are")
        yield f"{count} too few to tell skill from luck{known}."
        return
    if psr is None:
        return
    if psr < 0.5:
        yield f"Nothing points to an edge: the probability of a true Sharpe ratio above zero is {probability(psr)}."
    elif psr < LIKELY_SKILL:
        yield f"Luck may explain the return: the probability of a true Sharpe ratio above zero is {probability(psr)}."
    else:
        yield f"Luck alone is an unlikely cause of the return (PSR {probability(psr)}) if no other rule was tried before."
    yield from _of_the_lead(facts)


def _of_the_lead(facts: Facts) -> Iterator[str]:
    """Whether the lead over holding is more than chance: t = IR · √years of the differences of returns."""
    ratio = facts.own.get("information_ratio")
    if ratio is None or not ratio > 0:
        return
    t = ratio * math.sqrt(facts.periods / facts.periods_per_year)
    if t < SIGNIFICANT:
        yield f"The lead over {facts.holding} is within chance (t = {number(t, 1)})."


def costs_of(metrics: Figures) -> float:
    """Fees, slippage and borrow cost together, in currency."""
    return sum(_number(metrics.get(name)) for name in ("total_fees", "total_slippage", "total_borrow"))


def _number(value: float | None) -> float:
    return 0.0 if value is None else float(value)


def _signed(fraction: float) -> str:
    return percent(fraction, 1, sign=True)
