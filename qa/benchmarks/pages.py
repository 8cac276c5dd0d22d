"""How soon a result can be used in a real browser, and what it weighs: `python -m qa.benchmarks.pages`."""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page

from backtest.prices.bars import Bars
from backtest.prices.dataset import Dataset
from backtest.prices.library import Library
from qa import machine
from qa.benchmarks.market import walk
from qa.browser import chromium
from qa.harness.environment import app_running

PAGE = Path("docs/page-speed.md")
TABS = ("overview", "trades", "returns", "risk", "settings")
TIMES = 5
_DAY, _MINUTE = 86_400, 60
_RULE = {"rule_type": "MOVING_AVERAGE_CROSS", "slippage_bps": 1}
_WAIT_MS = 120_000

# The moment is taken in the page itself: when its charts are drawn, or it is there where it has noutcome.
_CLOCK = """
addEventListener("DOMContentLoaded", () => {
  const ready = () => {
    if (!document.querySelector("dl.kpis") || document.querySelector("figure.chart:not([data-ready])")) return;
    document.documentElement.dataset.usable ??= String(Date.now());
  };
  new MutationObserver(ready).observe(document, { subtree: true, childList: true, attributes: true });
  ready();
});
"""
_USABLE = "Number(document.documentElement.dataset.usable)"
_WEIGHT = """() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const sum = (chosen) => chosen.reduce((total, entry) => total + entry.transferSize, 0);
  const asset = (entry) => new URL(entry.name).pathname.startsWith("/static/");
  return { own: sum(all.filter((entry) => !asset(entry))), assets: sum(all.filter(asset)) };
}"""


_ABOUT = """\
# How soon a result can be used

Written by `make bench-page` (`python -m qa.benchmarks.pages`): the product runs as `python app.py` starts it,
on SQLite, and Debian's Chromium watches a run that was just submitted, in a fresh profile each time. *After
SUCCEEDED* is the time from `completed_at`, which is stored with the result, to the moment at which the
figures are there and every chart of the page is drawn: noticing the end, loading the page, drawing. Its
scripts are fetched while the run is executed. The tabs are visited afterwards with scripts and style sheets
in the browser's cache and nothing else there. Weight is what goes over the wire without those, compressed.
{times} times each: median and longest.

Measured {day} on {facts}, load average at the end {load:.1f}.
"""
_SECTION = """
## {title}

{bars:,} bars, {trades:,} trades. Scripts and style sheets weigh {assets:,.0f} KiB, once.

| what | median | longest | weight |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Series:
    """What is run: a symbol with so many bars, and the parameters that give it a fair number of trades."""

    symbol: str
    title: str
    bars: int
    seconds: int
    fast: int
    slow: int


SERIES = (
    Series("DAILY", "25 years of days", 6_300, _DAY, 10, 30),
    Series("MINUTES", "a million minutes", 1_000_000, _MINUTE, 200, 2_000),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured of one series; milliseconds and bytes."""

    series: Series
    trades: int
    after_success: Sequence[float]
    tabs: dict[str, list[float]]
    weights: dict[str, int]
    first_assets: int


def main() -> int:
    """Measure, print and write docs/page-speed.md."""
    with tempfile.TemporaryDirectory(prefix="pages-") as name:
        folder = Path(name)
        for series in SERIES:
            Library(folder / "library").add(_dataset(series))
        with app_running(folder) as address, chromium() as browser:
            outcomes = [_measure(browser, address, series) for series in SERIES]
    text = _page(outcomes)
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def _dataset(series: Series) -> Dataset:
    market = walk(series.bars, 1, drift=2e-5, spread=0.01 if series.seconds == _DAY else 5e-4,
                  seconds=series.seconds, seed=7)  # fmt: skip
    timeframe = "1d" if series.seconds == _DAY else "1m"
    prices = (market.open, market.high, market.low, market.close, market.volume)
    bars = Bars((series.symbol,), market.times, *prices, timeframe)
    return Dataset(series.symbol, timeframe, "seeded random walk", bars)


def _measure(browser: Browser, address: str, series: Series) -> Outcome:
    after_success = []
    for turn in range(TIMES):
        run_id, page = _watched(browser, address, series, turn)
        ended = _milliseconds(_call(f"{address}/api/runs/{run_id}")["completed_at"])
        after_success.append(page.evaluate(_USABLE) - ended)
        page.context.close()
    tabs: dict[str, list[float]] = {tab: [] for tab in TABS}
    weights = {}
    for _ in range(TIMES):
        page = _open(browser, address)
        page.goto(f"/runs/{run_id}?tab=trades", wait_until="networkidle")
        first_assets = page.evaluate(_WEIGHT)["assets"]  # nothing of them was fetched before
        for tab in TABS:
            page.goto(f"/runs/{run_id}?tab={tab}")
            page.wait_for_selector("html[data-usable]", timeout=_WAIT_MS)
            tabs[tab].append(page.evaluate(f"{_USABLE} - performance.timeOrigin"))
            page.wait_for_load_state("networkidle")
            weights[tab] = page.evaluate(_WEIGHT)["own"]
        page.context.close()
    trades = _call(f"{address}/api/runs/{run_id}")["metrics"]["num_trades"]
    return Outcome(series, trades, after_success, tabs, weights, first_assets)


def _watched(browser: Browser, address: str, series: Series, turn: int) -> tuple[str, Page]:
    """Submit a new run, and watch it in a fresh browser profile until it is usable."""
    params = {"fast": series.fast + turn, "slow": series.slow}
    body = _RULE | {
        "symbols": [series.symbol],
        "params": params,
        "start_date": "1999-01-01",
        "end_date": "2030-12-31",
    }
    page = _open(browser, address)
    run_id = _call(f"{address}/run_backtest", body)["run_id"]
    page.goto(f"/runs/{run_id}")
    page.wait_for_selector("html[data-usable]", timeout=_WAIT_MS)
    page.wait_for_load_state("networkidle")
    return run_id, page


def _open(browser: Browser, address: str) -> Page:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.add_init_script(_CLOCK)
    return context.new_page()


def _call(address: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
    return content


def _milliseconds(text: str) -> float:
    return 1000 * datetime.fromisoformat(text).timestamp()


def _page(outcomes: Sequence[Outcome]) -> str:
    day = date.today().isoformat()  # noqa: DTZ011
    about = _ABOUT.format(times=TIMES, day=day, facts=machine.facts(), load=machine.load())
    return about + "".join(_section(outcome) for outcome in outcomes)


def _section(outcome: Outcome) -> str:
    title = outcome.series.title
    head = _SECTION.format(
        title=title[0].upper() + title[1:],
        bars=outcome.series.bars,
        trades=outcome.trades,
        assets=outcome.first_assets / 1024,
    )
    lines = [("after SUCCEEDED", outcome.after_success, "")]
    lines += [
        (tab.capitalize(), times, f"{outcome.weights[tab] / 1024:,.0f} KiB")
        for tab, times in outcome.tabs.items()
    ]
    return head + "".join(
        f"| {what} | {median(times):,.0f} ms | {max(times):,.0f} ms | {weight} |\n"
        for what, times, weight in lines
    )


if __name__ == "__main__":
    sys.exit(main())
