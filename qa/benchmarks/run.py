"""All measurements, one process after another.

Nothing large is imported here: a process inherits the peak memory of the one that starts it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from qa.benchmarks.plan import COLD, ENGINES, FAST, SLOW, SLOW_STARTERS, SLOW_STARTS, Effort, Measurement
from qa.benchmarks.process import measure, run

Results = dict[tuple[str, str], dict[str, Any]]
"""What was measured, by work and engine."""

FLOOR = "Python and NumPy alone"
COMMAND = "ours, `python -m backtest run`"
COMMAND_LINE = (
    "-m", "backtest", "run", "--symbol", "SP500", "--rule", "MOVING_AVERAGE_CROSS",
    "--param", f"fast={FAST}", "--param", f"slow={SLOW}", "--start", "1999-02-18", "--end", "2018-12-31",
    "--fee-rate", "0.001", "--slippage-bps", "0", "--initial-capital", "1000000",
)  # fmt: skip


@dataclass(slots=True)
class Run:
    """Measures everything an effort asks for and tells `progress` about each step.

    `folder` is where processes leave their tables of results and find the prices of cold starts.
    """

    effort: Effort
    folder: Path
    progress: Callable[[str], None]
    results: Results = field(default_factory=dict)

    def everything(self) -> Results:
        """Warm work first, then cold starts; each engine in a fresh process each time."""
        for measurement in self.effort.measurements():
            self.progress(measurement.title)
            self.results[measurement.work, measurement.engine] = self._warm(measurement)
        if COLD in self.effort.works:
            self._cold()
        return self.results

    def _warm(self, measurement: Measurement) -> dict[str, Any]:
        table = self.folder / f"{measurement.work}-{measurement.engine}.npz"
        result = measure(
            engine=ENGINES[measurement.engine], work=measurement.work, sample=measurement.sample, table=str(table),
            seconds=self.effort.seconds,
        )  # fmt: skip
        return result | {"sample": measurement.sample}

    def _cold(self) -> None:
        nothing, prices = "nothing:Nothing", str(self.folder / "prices.npz")
        measure(engine=nothing, work="store", prices=prices)
        engines = {FLOOR: nothing} | {engine: ENGINES[engine] for engine in self.effort.engines}
        for engine, module in engines.items():
            self._starts(engine, lambda module=module: measure(engine=module, work="cold", prices=prices))
        self._starts(COMMAND, _command)

    def _starts(self, engine: str, start: Callable[[], dict[str, Any]]) -> None:
        """Start cold again and again, after one start that leaves byte code and compiled code behind."""
        self.progress(f"cold: {engine}")
        start()
        most = self.effort.cold_starts
        starts = [start() for _ in range(min(most, SLOW_STARTS) if engine in SLOW_STARTERS else most)]
        walls = [one["wall"] for one in starts]
        counted = {"shortest": min(walls), "median": median(walls), "repetitions": len(walls)}
        self.results["cold", engine] = starts[-1] | counted


def _command() -> dict[str, Any]:
    ended = run(COMMAND_LINE)
    return {"wall": ended.seconds, "peak_mib": ended.peak_mib}
