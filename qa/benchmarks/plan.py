"""Which engine does which work, and on how much of it where the whole would take minutes."""

from __future__ import annotations

from dataclasses import dataclass

FAST, SLOW = 10, 30
WINDOWS = (2, 100)
CASH = 1_000_000.0

OURS, INTERPRETED, LIMIT = "ours, compiled", "ours, interpreted", "bare compiled loop"

ENGINES = {
    OURS: "ours:Compiled",
    INTERPRETED: "ours:Interpreted",
    LIMIT: "loop:Loop",
    "raptorbt": "raptorbt:Raptorbt",
    "vectorbt": "vectorbt:Vectorbt",
    "backtesting.py": "backtesting_py:BacktestingPy",
    "backtrader": "backtrader:Backtrader",
}

SAMPLES = {
    ("million", "backtesting.py"): 100_000,
    ("million", "backtrader"): 20_000,
    ("sweep", INTERPRETED): 200,
    ("sweep", "backtesting.py"): 24,
    ("sweep", "backtrader"): 5,
    ("many", "backtesting.py"): 25,
    ("many", "backtrader"): 8,
}
"""Bars, pairs or symbols of the slow ones; the rest is extrapolated and marked so."""

RULES = (
    "MOVING_AVERAGE_CROSS", "RSI", "MACD", "RSI_MACD", "BOLLINGER_BANDS", "DONCHIAN_BREAKOUT", "VOLUME_BREAKOUT",
    "ATR_VOLATILITY", "TREND_FOLLOWING", "MOMENTUM", "EXPRESSION",
)  # fmt: skip
ONLY = dict.fromkeys(RULES, (OURS, "raptorbt", "vectorbt")) | {"optimize": (OURS, "backtesting.py")}
"""Works that some engines alone do."""

SLOW_STARTERS = ("vectorbt", "backtrader")
"""Those that a quick run leaves out, and a whole one starts only `SLOW_STARTS` times."""

SLOW_STARTS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """One engine, one work; `sample` is None for all of it."""

    work: str
    engine: str
    sample: int | None = None

    @property
    def title(self) -> str:
        """What is measured, for the progress line."""
        return f"{self.work}: {self.engine}" + (f" ({self.sample:,} sampled)" if self.sample else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to measure: seconds for each warm work, cold starts, which works and engines."""

    seconds: float
    cold_starts: int
    works: tuple[str, ...]
    engines: tuple[str, ...]

    def measurements(self) -> list[Measurement]:
        """Every warm measurement of a run, work by work."""
        pairs = ((work, engine) for work in self.works for engine in ONLY.get(work, self.engines))
        return [
            Measurement(work, engine, SAMPLES.get((work, engine)))
            for work, engine in pairs
            if engine in self.engines and work != COLD
        ]


COLD = "cold"
PARTS = {
    **{work: (work,) for work in ("single", "million", "sweep", "many", "optimize")}, "rules": RULES, COLD: (COLD,),
}  # fmt: skip
"""What can be measured alone, by its name on the command line."""
WORKS = tuple(work for part in PARTS.values() for work in part)
WHOLE = Effort(seconds=2.0, cold_starts=5, works=WORKS, engines=tuple(ENGINES))
QUICK = Effort(
    seconds=0.2, cold_starts=2, works=WORKS,
    engines=tuple(engine for engine in ENGINES if engine not in SLOW_STARTERS),
)  # fmt: skip
