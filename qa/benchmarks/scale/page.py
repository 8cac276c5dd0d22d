"""The page of results, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from qa import machine
from qa.benchmarks.scale.plans import Plan
from qa.benchmarks.scale.pollers import Latencies

_ABOUT = """\
# At scale

Written by `make bench-scale` (`python -m qa.benchmarks.scale`): a private database server is filled with
{runs:,} runs and {trades:,} trades, then the questions of the pages are asked, first one by one, then by
{pollers} pollers at once through the real web server. Years of use are imitated: 97 % of the runs
SUCCEEDED, 200 symbols of which a few are asked for most, seven rules, 1 % starred, 10 % tagged; one run
has {heavy:,} trades. {results:,} runs have a whole result (ten years of daily bars, copies of a real one
under a hash of each its own, so that no cache answers for another).

Measured {day} on {facts}, {server}, buffer pool {pool} MiB, load average at the end {load:.1f}.
Filling took {fill_seconds:.0f} s; tables and indexes have {size_mib:,.0f} MiB.
"""

_POLLERS = """\
## Under {pollers} pollers

`gunicorn` as `app.py` and the container start it, {processes} process(es) of 8 threads, on the same
machine as the database and the pollers. With a pause, each poller waits that long between its questions,
as a page does that watches a run; without one, each asks again at once, which shows what the server can
do at most. One that is turned away by a full server (503) waits as long as the answer says and asks again.
Every answer of `/status` is a finished run with its curves (2,516 bars) and trades, of a run
chosen anew each time; the lists are chosen among filters and sorts. Milliseconds.

| what | pause | answers/s | p50 | p95 | p99 | longest | answers | turned away | failures |
|---|---|---|---|---|---|---|---|---|---|
"""

_PLANS = """\
## Query plans

Each question as the code asks it, seven times on one connection: median and slowest in milliseconds,
reading the rows into Python included. Below it the way that `EXPLAIN` tells: table, kind of access, index,
rows it expects to look at.

| question | median | slowest | way |
|---|---|---|---|
"""


def page(
    plans: Sequence[Plan], latencies: Sequence[Latencies], *, pollers: int, processes: int, **facts: object
) -> str:
    """Everything that was found, as docs/scale.md."""
    about = _ABOUT.format(
        pollers=pollers,
        day=date.today().isoformat(),  # noqa: DTZ011
        facts=machine.facts(),
        load=machine.load(),
        **facts,
    )
    answers = "".join(_latencies(row) for row in latencies)
    table = "".join(_plan(plan) for plan in plans)
    return f"{about}\n{_POLLERS.format(pollers=pollers, processes=processes)}{answers}\n{_PLANS}{table}"


def _latencies(row: Latencies) -> str:
    pause = f"{row.pause_seconds:g} s" if row.pause_seconds else "none"
    times = " | ".join(f"{value:,.0f}" for value in (row.median, row.p95, row.p99, row.longest))
    return (
        f"| {row.what} | {pause} | {row.per_second:,.0f} | {times} | {row.answers:,} "
        f"| {row.turned_away:,} | {row.failures:,} |\n"
    )


def _plan(plan: Plan) -> str:
    ways = "<br>".join(
        f"{step.table} {step.kind} {step.key or '**no index**'} {step.rows:,} {step.extra}".strip()
        for step in plan.steps
    )
    return f"| {plan.question} | {plan.median_ms:,.1f} | {plan.slowest_ms:,.1f} | {ways} |\n"
