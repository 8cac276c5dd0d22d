"""Warnings about the result of a run, as codes with a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtest.metrics.returns import SHORTEST_CAGR_DAYS
from backtest.metrics.trade_statistics import FEW_TRADES
from backtest.run.lookahead import LookaheadCheck

MANY_OPEN_AT_END = 0.2
"""Share of trades closed by the end of data from which on that end decides the result."""

_WHY_REJECTED = {
    "direction": "went against the permitted direction",
    "no_next_bar": "came on the last bar, after which there is no open to fill at",
    "too_small": "did not reach one share; allow fractional shares or raise size or capital",
    "no_cash": "found no cash left",
    "ruined": "came after the account was ruined",
}


@dataclass(frozen=True, slots=True)
class RunWarning:
    """One warning: a stable code for programs, a sentence for people."""

    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Code and message."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Facts about a run from which its warnings follow."""

    trades: int
    open_at_end: int
    signals: int
    rejected: Mapping[str, int]
    ambiguous_bars: int
    same_bar_fill: bool
    ruined_on: str | None
    days: float
    lookahead: LookaheadCheck
    touching: Mapping[str, Any]


def warnings_of(facts: RunFacts) -> list[RunWarning]:
    """Every warning that applies, the most severe first."""
    warnings = [*_of_truth(facts), *_of_trades(facts)]
    if facts.days < SHORTEST_CAGR_DAYS:
        text = f"The run spans {facts.days:.0f} days; yearly rates of so few say nothing, CAGR is left out."
        warnings.append(RunWarning("short_run", text))
    return warnings


def no_trades(signals: int, rejected: Mapping[str, int]) -> str:
    """Why nothing was traded, from the order statistics."""
    if signals == 0:
        return "No trades: the rule gave no signal in this range."
    reasons = [f"{count} {_WHY_REJECTED[name]}" for name, count in rejected.items() if count]
    if not reasons:
        return f"No trades: {_plural(signals, 'signal')}, none of which asked for a position."
    return f"No trades: of {_plural(signals, 'signal')}, {'; '.join(reasons)}."


def _of_truth(facts: RunFacts) -> list[RunWarning]:
    warnings = []
    check = facts.lookahead
    if check.peeks:
        text = (
            f"The rule looks ahead: its target for {check.symbol} on {check.date} changes when later bars "
            "are taken away. Its figures cannot be had in real trading."
        )
        warnings.append(RunWarning("lookahead", text))
    if facts.ruined_on is not None:
        text = f"The account was ruined on {facts.ruined_on}: equity fell to zero or less, all was closed."
        warnings.append(RunWarning("ruined", text))
    if facts.same_bar_fill:
        text = (
            "Orders fill at the close that gave the signal, which nobody could have traded. Use next_open "
            "for figures to believe."
        )
        warnings.append(RunWarning("same_bar_fill", text))
    if count := facts.touching["count"]:
        text = f"{_plural(count, 'trade')} touch bars whose prices look wrong; see the data certificate."
        warnings.append(RunWarning("suspect_bars", text))
    return warnings


def _of_trades(facts: RunFacts) -> list[RunWarning]:
    if facts.trades == 0:
        return [RunWarning("no_trades", no_trades(facts.signals, facts.rejected))]
    warnings = []
    if facts.trades < FEW_TRADES:
        text = (
            f"{_plural(facts.trades, 'trade')} are too few to tell skill from luck; trade statistics mean "
            f"little below {FEW_TRADES}."
        )
        warnings.append(RunWarning("few_trades", text))
    if facts.open_at_end > MANY_OPEN_AT_END * facts.trades:
        text = (
            f"{facts.open_at_end} of {_plural(facts.trades, 'trade')} were still open at the end and closed "
            "at the last close; that day decides their result."
        )
        warnings.append(RunWarning("open_at_end", text))
    if count := facts.ambiguous_bars:
        text = (
            f"In {_plural(count, 'bar')} both stop and target lay within the bar; the stop was taken as hit "
            "first."
        )
        warnings.append(RunWarning("ambiguous_bars", text))
    return warnings


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
