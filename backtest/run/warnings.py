"""Warnings about the result of a run, as codes with a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtest.metrics.returns import SHORTEST_CAGR_DAYS
from backtest.metrics.trade_statistics import FEW_TRADES
from backtest.plural import counted
from backtest.run.lookahead import LookaheadCheck

MANY_OPEN_AT_END = 0.2
"""Share of trades closed by the end of data from which on that end decides the result."""

_WHY_REJECTED = {
    "direction": "ignored by the direction setting",
    "no_next_bar": "on the last bar, after which there is no open to fill at",
    "too_small": "below one share (allow fractional shares, or raise size or capital)",
    "no_cash": "without cash left",
    "ruined": "after the account was ruined",
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
        text = (
            f"The run spans {counted(round(facts.days), 'day')}, too few for annual rates; CAGR and annual return "
            "are left out."
        )
        warnings.append(RunWarning("short_run", text))
    return warnings


def no_trades(signals: int, rejected: Mapping[str, int]) -> str:
    """Why nothing was traded, from the order statistics."""
    if signals == 0:
        return "No trades: the rule gave no signal in this range."
    reasons = [f"{count:,} {_WHY_REJECTED[name]}" for name, count in rejected.items() if count]
    if not reasons:
        return f"No trades: {counted(signals, 'signal')}, none with a position to enter."
    return f"No trades. Of {counted(signals, 'signal')}: {'; '.join(reasons)}."


def _of_truth(facts: RunFacts) -> list[RunWarning]:
    warnings = []
    if found := facts.lookahead.difference:
        text = (
            f"The rule looks ahead: its target for {found.symbol} on {found.date} changes when later bars "
            "are removed. Its results cannot be achieved in real trading."
        )
        warnings.append(RunWarning("lookahead", text))
    if facts.ruined_on is not None:
        text = f"The account was ruined on {facts.ruined_on}: equity fell to zero or below; all positions were closed."
        warnings.append(RunWarning("ruined", text))
    if facts.same_bar_fill:
        text = (
            "Orders fill at the close that gave the signal, which cannot be traded in practice. Use next_open "
            "for realistic results."
        )
        warnings.append(RunWarning("same_bar_fill", text))
    if count := facts.touching["count"]:
        text = f"{counted(count, 'trade touches', 'trades touch')} suspect bars; see the data-quality report."
        warnings.append(RunWarning("suspect_bars", text))
    return warnings


def _of_trades(facts: RunFacts) -> list[RunWarning]:
    if facts.trades == 0:
        return [RunWarning("no_trades", no_trades(facts.signals, facts.rejected))]
    warnings = []
    if facts.trades < FEW_TRADES:
        text = (
            f"{counted(facts.trades, 'trade is', 'trades are')} too few to tell skill from luck; trade "
            f"statistics are unreliable below {FEW_TRADES} trades."
        )
        warnings.append(RunWarning("few_trades", text))
    if facts.open_at_end > MANY_OPEN_AT_END * facts.trades:
        text = (
            f"Of {counted(facts.trades, 'trade')}, {counted(facts.open_at_end, 'was', 'were')} still open at the "
            "end and closed at the last close, which determines the result."
        )
        warnings.append(RunWarning("open_at_end", text))
    if count := facts.ambiguous_bars:
        text = (
            f"In {counted(count, 'bar')}, both stop and target lay within the bar; the stop is assumed to be "
            "hit first."
        )
        warnings.append(RunWarning("ambiguous_bars", text))
    return warnings
