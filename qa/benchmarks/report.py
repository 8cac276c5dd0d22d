"""The page of results, in Markdown."""

from __future__ import annotations

from datetime import date
from typing import Any

from qa import machine
from qa.benchmarks.agreement import Check
from qa.benchmarks.plan import FAST, INTERPRETED, LIMIT, OURS, RULES, SLOW
from qa.benchmarks.run import FLOOR, Results
from qa.benchmarks.work import WORKS

ABOUT = f"""\
# Benchmarks

Written by `make bench` (`python -m qa.benchmarks`); every figure is of one run on one machine.

The rule is the same for all: hold the whole account from the open after the average of {FAST} closes
crosses above that of {SLOW} to the open after it crosses below; whole shares, 1,000,000 at the start,
a fee of 0.1 % of each order (0.0001 % in the million bars, which hold some 19,000 trades). Every engine
computes averages and trades and delivers total return, Sharpe ratio, maximum drawdown and number of
trades by its own means. Prices: the bundled S&P 500 (5,000 days) and seeded random walks. Each
measurement has a process of its own; warm ones exclude loading, compiling and building the engine's own
data frame; cold ones are the whole process, with byte code and compiled code left behind by an earlier
one. Peak memory is that process's, interpreter and imports included.

"Ours" runs the whole kernel: costs, sizing, funds, stops, the order statistics. A single run gives the
list of trades and the equity at each close as well; a sweep is a study, which keeps the statistics of each
trial and the maxima of a bootstrap over all, where raptorbt and vectorbt keep curves and trades; its figures
are those of the ordinary run to the last bit. The bare loop knows this one rule only and keeps no list: it
is the practical limit. It and our studies use all cores, a study in processes that are started anew.
How soon a heatmap is there after the click is in [studies-speed.md](studies-speed.md).
~ marks what is extrapolated from a sample of the work; a sample of the million bars is not compared.
"""

PEERS = ("raptorbt", "vectorbt")
EVERY_RULE = """\
## The sweep of every rule, 5,000 bars

Medians. The peers have no such rules: entries and exits are arrays of TA-Lib's lines, each computed once, and NumPy
(`qa/benchmarks/engines/array_rules.py`), which is a part of their time. BUY_AND_HOLD is left out: it has stops alone to
search, which each engine fills in a way of its own. Ours is a study on all cores, as above; with so few trials a good part
of it is the start of its processes.

"""

AGREE = """\
## Do they agree?

Speed counts only among engines that trade alike: the same trades on the same bars and the same final
equity to the cent; in the tables of many runs the same number of trades and the same return in every run,
but for the fee of selling what is open at the end, which we charge and peers do not. The command fails
otherwise. [agreement.md](agreement.md) says where engines differ and why.

"""


def page(results: Results, checks: list[Check]) -> str:
    """Everything that a run measured, as the page docs/benchmarks.md."""
    facts = f"{machine.facts()}.\n{machine.versions()}.\nLoad average at the end {machine.load():.1f}."
    measured = {work for work, _ in results}
    works = [work for work in WORKS if work in measured and work not in RULES]
    tables = [_rules(results)] if measured & set(RULES) else []
    head = f"{ABOUT}\nMeasured {date.today().isoformat()} on {facts}\n"  # noqa: DTZ011
    return "\n".join(
        [head, *(_section(work, results) for work in works), *tables, AGREE + _agreement(checks)]
    )


def _section(work: str, results: Results) -> str:
    rows = {engine: result for (kind, engine), result in results.items() if kind == work}
    limit = FLOOR if work == "cold" else LIMIT
    base = INTERPRETED if work == "cold" else OURS  # the backend that such a run takes by itself
    bases = [engine for engine in (base, limit) if engine in rows]
    lines = [
        f"## {WORKS[work].title[0].upper()}{WORKS[work].title[1:]}\n",
        f"| engine | shortest | median | {' | '.join(f'x {engine}' for engine in bases)} | peak MiB |",
        "|---|---|---|" + "---|" * len(bases) + "---|",
    ]
    ranked = sorted(rows.items(), key=lambda row: row[1]["median"])
    lines += [_row(engine, result, [rows[other]["median"] for other in bases]) for engine, result in ranked]
    return "\n".join(lines) + "\n"


def _rules(results: Results) -> str:
    """One line for each rule: ours, and the peers with how many times longer they take."""
    rules = [rule for rule in RULES if (rule, OURS) in results]
    lines = [f"| rule | trials | ours | {' | '.join(PEERS)} |", "|---|---:|---:|" + "---:|" * len(PEERS)]
    for rule in rules:
        ours = results[rule, OURS]
        taken = [_against(results.get((rule, peer)), ours["median"]) for peer in PEERS]
        lines.append(f"| {rule} | {ours['rows']} | {_duration(ours['median'])} | {' | '.join(taken)} |")
    return EVERY_RULE + "\n".join(lines) + "\n"


def _against(result: dict[str, Any] | None, ours: float) -> str:
    if result is None:
        return "-"
    return f"{_duration(result['median'])}, x {_ratio(result['median'] / ours)}"


def _row(engine: str, result: dict[str, Any], bases: list[float]) -> str:
    mark = "~" if result.get("sample") else ""
    shortest, usual = (f"{mark}{_duration(result[name])}" for name in ("shortest", "median"))
    ratios = " | ".join(_ratio(result["median"] / base) for base in bases)
    name = f"**{engine}**" if engine.startswith("ours") else engine
    return f"| {name} | {shortest} | {usual} | {ratios} | {result['peak_mib']:,.0f} |"


def _duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{_three(seconds * 1e3)} ms"
    return f"{_three(seconds)} s"


def _three(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 1 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def _agreement(checks: list[Check]) -> str:
    lines = ["| work | engine | agrees | |", "|---|---|---|---|"]
    lines += [f"| {c.work} | {c.engine} | {'yes' if c.holds else '**no**'} | {c.detail} |" for c in checks]
    return "\n".join(lines) + "\n"
