"""What a study found, in words: what was tried, what is best, and what of it may be luck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from backtest.plural import counted
from web.presentation.formatting import number, percent, probability
from web.studies.pictures.heatmap_picture import shown
from web.studies.pictures.names import settings

_SURE: Final = 0.95
_DOUBT: Final = 0.5

Tone = Literal["good", "warn", "bad"]


def headline(account: Mapping[str, Any]) -> tuple[Tone, str]:
    """One sentence on top, and how it is to be seen."""
    found = account["statistics"]
    if account["best"] is None:
        return "bad", "No trial may be chosen: none has enough trades, or every one is ruined."
    deflated, overfitting = found["deflated"], found["overfitting"]
    if deflated is None:
        return "warn", "There is a best trial, and too little is known to tell it from luck."
    held_up = overfitting is None or overfitting["probability"] < _DOUBT
    if deflated["probability"] > _SURE and held_up:
        return "good", "The best trial is better than what luck would show among so many trials."
    if deflated["probability"] < _DOUBT or not held_up:
        return "bad", "The best trial is not better than what luck would show among so many trials."
    return "warn", "The best trial may be luck: with so many trials, one as good is not unlikely."


def sentences(summary: Mapping[str, Any], account: Mapping[str, Any]) -> Iterator[str]:
    """What the statistics say, one sentence each."""
    refused = (
        f", {counted(summary['refused'], 'combination')} refused by the rule" if summary["refused"] else ""
    )
    profitable = percent(account["profitable"], 0)
    yield f"{counted(summary['trials'], 'trial')}{refused}; {profitable} of them made money."
    if (best := account["best"]) is not None:
        yield _best(best, summary["objective"])
    yield from _luck(account["statistics"])
    if held := account["holdout"]:
        metrics = held["metrics"]
        yield (
            f"On the hold-out from {held['first_bar'][:10]}, which no selection saw, it returned "
            f"{percent(metrics['total_return'], 1)} with a Sharpe ratio of {number(metrics['sharpe_ratio'])}."
        )
    missing = summary["rows"]["missing"]
    if missing:
        yield f"{counted(missing, 'trial')} missing: finish the study to execute them."


def _best(best: Mapping[str, Any], objective: str) -> str:
    figures = best["figures"]
    text = f"Best: {settings(best['values'])}, with a return of {percent(figures['total_return'], 1)}, "
    text += (
        f"a Sharpe ratio of {number(figures['sharpe_ratio'])} and {counted(figures['num_trades'], 'trade')}"
    )
    ranked = figures.get(objective)
    if objective in ("sharpe_ratio", "total_return") or ranked is None:
        return text + "."
    return f"{text}; {objective.replace('_', ' ')} {shown(ranked, objective)}."


def _luck(found: Mapping[str, Any]) -> Iterator[str]:
    if deflated := found["deflated"]:
        yield (
            f"Deflated Sharpe ratio {probability(deflated['probability'])}, with all "
            f"{deflated['trials']:,} trials ever made on this rule and data; "
            f"{probability(deflated['effective_probability'])} with the {deflated['effective']:,.1f} that are "
            "independent of each other."
        )
    if overfitting := found["overfitting"]:
        yield (
            f"Probability of backtest overfitting {probability(overfitting['probability'])}: so often the best "
            "half-sample choice is below the median on the other half."
        )
    if lead := found["beats_benchmark"]:
        yield (
            f"p = {lead['spa']:.3f} (SPA), {lead['reality_check']:.3f} (Reality Check) that no trial beats the "
            "benchmark."
        )
