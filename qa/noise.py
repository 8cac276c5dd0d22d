"""Sweeps over pure noise, and over noise with a planted edge: do the statistics tell them apart?

``python -m qa.noise`` sweeps random walks and writes what it saw into docs/studies.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backtest.prices.dataset import Dataset, make_dataset
from backtest.studies.compute import compute_chunk
from backtest.studies.plan import Plan, plan
from backtest.studies.request import StudyRequest
from backtest.studies.result import finish
from qa import machine

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = DOCS / "studies-noise.png"
BARS = 2_520
EDGE = 0.15
"""Autocorrelation of the returns with an edge: yesterday's move goes on."""
STUDY = {
    "symbols": ["WALK"], "rule_type": "MOMENTUM", "start_date": "2000-01-01", "end_date": "2020-01-01",
    "space": {"params.period": {"from": 1, "to": 60, "step": 1}, "params.threshold_pct": [0, 1, 2]},
    "direction": "long_short", "fee_rate": 0, "slippage_bps": 0, "fractional": True,
}  # fmt: skip
"""Costs would make a difference between trials that trade often and rarely, which is no noise."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the statistics said of each study."""

    deflated: list[float]
    overfitting: list[float]
    reality: list[float]
    spa: list[float]

    @classmethod
    def of(cls, statistics: Sequence[dict[str, Any]]) -> Seen:
        return cls(
            [part["deflated"]["probability"] for part in statistics],
            [part["overfitting"]["probability"] for part in statistics],
            [part["beats_benchmark"]["reality_check"] for part in statistics],
            [part["beats_benchmark"]["spa"] for part in statistics],
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Sweep and write; 1 where noise passes too often or an edge is missed."""
    parser = argparse.ArgumentParser(prog="python -m qa.noise", description=__doc__)
    parser.add_argument("--walks", type=int, default=200, help="of each kind (default 200)")
    parser.add_argument("--dry-run", action="store_true", help="print the section, leave the page alone")
    arguments = parser.parse_args(argv)
    noise, edge = (swept(arguments.walks, weight) for weight in (0.0, EDGE))
    lines = described(noise, edge, arguments.walks)
    print("\n".join(lines))
    if not arguments.dry_run:
        draw(noise, edge)
        write(lines)
    return 0 if holds(noise, edge) else 1


def swept(walks: int, weight: float) -> Seen:
    """Sweep so many walks whose returns go on with this weight."""
    request = StudyRequest.parse(STUDY)
    planned = plan(request)
    return Seen.of([judged(planned, {"WALK": walk(seed, weight)}) for seed in range(walks)])


def walk(seed: int, weight: float) -> Dataset:
    """A random walk of daily closes, each return the weight of the one before and a normal move of 1 %."""
    moves = np.random.default_rng(seed).normal(0.0, 0.01, BARS)
    for bar in range(1, BARS):
        moves[bar] += weight * moves[bar - 1]
    close = 100.0 * np.exp(np.cumsum(moves))
    times = np.busday_offset("2000-01-03", np.arange(BARS)).astype("datetime64[s]")
    opened = np.concatenate(([100.0], close[:-1]))  # so that an order fills at the close that gave the signal
    columns = {
        "open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close,
        "volume": np.ones(BARS),
    }  # fmt: skip
    return make_dataset("WALK", times, columns, source="a random walk")


def judged(planned: Plan, prices: dict[str, Dataset]) -> dict[str, Any]:
    chunk = compute_chunk(planned.request, prices, 0, 1, planned=planned)
    result = finish(planned.request, prices, [chunk], planned=planned)
    found: dict[str, Any] = result.summary["accounts"][0]["statistics"]
    return found


def passed(values: Sequence[float]) -> float:
    """The share of studies whose deflated ratio claims an edge."""
    return float(np.mean(np.array(values) > 0.95))


def holds(noise: Seen, edge: Seen) -> bool:
    """Whether noise passes at most as often as promised, and the planted edge is found."""
    middle = float(np.median(noise.overfitting))
    return passed(noise.deflated) <= 0.05 and 0.35 <= middle <= 0.65 and passed(edge.deflated) > 0.5


def described(noise: Seen, edge: Seen, walks: int) -> list[str]:
    """The section of the page."""
    rows = [
        ("deflated Sharpe ratio above 95 %", *(f"{passed(seen.deflated):.1%}" for seen in (noise, edge))),
        (
            "median probability of overfitting",
            *(f"{np.median(seen.overfitting):.2f}" for seen in (noise, edge)),
        ),
        (
            "Reality Check below 5 %",
            *(f"{np.mean(np.array(seen.reality) < 0.05):.1%}" for seen in (noise, edge)),
        ),
        ("SPA below 5 %", *(f"{np.mean(np.array(seen.spa) < 0.05):.1%}" for seen in (noise, edge))),
    ]
    return [
        f"Written by `python -m qa.noise`: {walks} random walks of {BARS:,} bars and as many with a planted edge "
        f"(each return is {EDGE:g} of the one before and noise), each swept by MOMENTUM with 180 trials, long and "
        f"short, without costs; {machine.facts()}.",
        "",
        "| share of studies | noise | planted edge |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"![Distribution of the statistics over noise and over a planted edge]({PICTURE.name})",
    ]


def draw(noise: Seen, edge: Seen) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = (
        ("deflated", "deflated Sharpe ratio"),
        ("overfitting", "probability of overfitting"),
        ("spa", "p of SPA"),
    )
    for place, (name, title) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, 3, place)
        both = [getattr(noise, name), getattr(edge, name)]
        axes.hist(both, bins=20, range=(0, 1), color=["0.6", "#542788"], label=["noise", "planted edge"])
        axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8)
    figure.savefig(PICTURE)


def write(lines: Sequence[str]) -> None:
    """Put the section at the end of the page, in place of an earlier one."""
    page = DOCS / "studies.md"
    before = re.split(r"^## Noise$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[0].rstrip()
    page.write_text("\n".join([before, "", "## Noise", "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
