"""One measurement in a process of its own: prints its result as JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from qa.benchmarks.clock import repeat, summary
from qa.benchmarks.engines.engine import Engine
from qa.benchmarks.market import Market
from qa.benchmarks.plan import RULES
from qa.benchmarks.work import WORKS, window_pairs

MOST = 2_000


def main() -> None:
    """Measure the engine and work that the only argument names."""
    task = json.loads(sys.argv[1])
    module, _, name = task["engine"].partition(":")
    engine = getattr(importlib.import_module(f"qa.benchmarks.engines.{module}"), name)()
    print(json.dumps(MEASURES[task["work"]](engine, task)))


def single(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """One run on one symbol, again and again; a sample cuts the bars."""
    work = WORKS[task["work"]]
    market, scale = sample_bars(work.market(), task["sample"])
    prices = engine.prepare(market, work.fee_rate)
    figures, taken = warm(lambda: engine.single(prices), task)
    timings = summary(taken, scale)
    if scale > 1:
        return timings
    return timings | {"figures": [float(figure) for figure in figures], "trades": engine.trade_bars(prices)}


def sweep(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """Every pair of windows; a sample takes pairs spread evenly over all of them."""
    work = WORKS["sweep"]
    pairs = window_pairs()
    chosen = every(len(pairs), task["sample"])
    prices = engine.prepare(work.market(), work.fee_rate)
    return tabulate(lambda: engine.sweep(prices, pairs[chosen]), chosen, len(pairs), task)


def many(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """Every symbol with an account of its own; a sample takes the first ones."""
    work = WORKS["many"]
    market = work.market()
    count = market.close.shape[1]
    chosen = np.arange(count)[: task["sample"] or count]
    prices = engine.prepare_many(market.part(slice(None), slice(0, len(chosen))), work.fee_rate)
    return tabulate(lambda: engine.many(prices), chosen, count, task)


def rule(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """Every trial of the grid of a rule."""
    work = WORKS[task["work"]]
    prices = engine.prepare(work.market(), work.fee_rate)
    return whole_table(lambda: engine.sweep_rule(prices, task["work"]), task)


def optimize(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """Every trial of a small grid, by what the engine has for it."""
    work = WORKS["optimize"]
    prices = engine.prepare(work.market(), work.fee_rate)
    return whole_table(lambda: engine.optimize(prices), task)


def whole_table(work: Callable[[], Any], task: dict[str, Any]) -> dict[str, Any]:
    """Time a table all of whose rows are computed."""
    rows = np.arange(len(work()))
    return tabulate(work, rows, len(rows), task) | {"rows": len(rows)}


def cold(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """One run and nothing else; the parent measures the whole process."""
    with np.load(task["prices"]) as stored:
        market = Market(*(stored[name] for name in Market.__slots__))
    figures = engine.single(engine.prepare(market, WORKS["cold"].fee_rate))
    return {"figures": [float(figure) for figure in figures]} if figures else {}


def store(engine: Engine, task: dict[str, Any]) -> dict[str, Any]:
    """Write the prices of the cold starts, so that none of them pays for making them."""
    market = WORKS["cold"].market()
    np.savez(task["prices"], **{name: getattr(market, name) for name in Market.__slots__})
    return {}


MEASURES = {
    "single": single, "million": single, "sweep": sweep, "many": many, "optimize": optimize, "cold": cold,
    "store": store, **dict.fromkeys(RULES, rule),
}  # fmt: skip


def warm(work: Callable[[], Any], task: dict[str, Any]) -> tuple[Any, list[float]]:
    """Do the work once untimed, then timed; a long sample is measured the first time."""
    start = time.perf_counter()
    result = work()
    taken = time.perf_counter() - start
    if task["sample"] and taken > task["seconds"]:
        return result, [taken]
    return repeat(work, seconds=task["seconds"], most=MOST)


def tabulate(work: Callable[[], Any], chosen: Any, count: int, task: dict[str, Any]) -> dict[str, Any]:
    """Time a table of runs and store it for the comparison."""
    table, taken = warm(work, task)
    np.savez(task["table"], rows=chosen, table=table)
    return {"table": task["table"], **summary(taken, count / len(chosen))}


def sample_bars(market: Market, bars: int | None) -> tuple[Market, float]:
    """The first `bars` bars and how many times more there are."""
    if bars is None:
        return market, 1.0
    return market.part(slice(0, bars), slice(None)), len(market.times) / bars


def every(count: int, sample: int | None) -> Any:
    """Indices of `sample` of `count` things, evenly spread; of all without a sample."""
    return np.arange(count) if sample is None else np.linspace(0, count - 1, sample).astype(int)


if __name__ == "__main__":
    main()
