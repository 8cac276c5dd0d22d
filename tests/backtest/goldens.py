"""The golden results of engine version 1: rules and settings over the bundled prices.

``python -m tests.backtest.goldens`` writes them anew, for a new version of the engine only.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from backtest import rules
from backtest.prices.bars import join
from backtest.samples import load
from backtest.simulation.simulate import EXIT_REASONS, Simulation, Trades, simulate
from tests.backtest.markets import costless

FOLDER = Path(__file__).parent / "golden"
COSTS = {"fee_rate": 0.001, "slippage_bps": 5.0}

CASES: dict[str, tuple[tuple[str, ...], str, dict, dict]] = {
    "buy_and_hold": (("SP500",), "BUY_AND_HOLD", {}, {}),
    "cross_with_costs": (("SP500",), "MOVING_AVERAGE_CROSS", {"fast": 10, "slow": 30}, COSTS),
    "cross_both_sides_borrow": (
        ("GOOG",), "MOVING_AVERAGE_CROSS", {"fast": 10, "slow": 20},
        {**COSTS, "direction": "long_short", "borrow_rate": 0.03},
    ),
    "cross_close_fill_fractional": (
        ("GOOG",), "MOVING_AVERAGE_CROSS", {"fast": 5, "slow": 50, "kind": "ema"},
        {"fill": "close", "fractional": True, "fee_per_share": 0.005, "fee_min": 1.0},
    ),
    "rsi_stop_and_target": (
        ("NASDAQ",), "RSI", {}, {**COSTS, "stop_loss_pct": 4.0, "take_profit_pct": 6.0},
    ),
    "macd_trailing_both_sides": (
        ("GOOG",), "MACD", {}, {**COSTS, "direction": "long_short", "trailing_stop_pct": 5.0},
    ),
    "bollinger_value": (("SP500",), "BOLLINGER_BANDS", {}, {**COSTS, "size_type": "value", "size": 25_000.0}),
    "donchian_shares": (("GOOG",), "DONCHIAN_BREAKOUT", {}, {"size_type": "shares", "size": 400.0}),
    "momentum_short_only": (("NASDAQ",), "MOMENTUM", {}, {"direction": "short_only", "borrow_rate": 0.1}),
    "three_symbols_one_account": (
        ("GOOG", "NASDAQ", "SP500"), "MOVING_AVERAGE_CROSS", {},
        {**COSTS, "direction": "long_short", "stop_loss_pct": 8.0},
    ),
    "formula": (
        ("SP500",), "EXPRESSION", {"entry": "close > sma(close, 200) and rsi(close, 14) < 40"}, COSTS,
    ),
}  # fmt: skip


def simulated(name: str, backend: str = "interpreted") -> Simulation:
    """One golden case, run now."""
    symbols, rule_type, params, settings = CASES[name]
    bars = join([load(symbol).bars for symbol in symbols])
    target = rules.build(rule_type, params).target(bars)
    start = int(np.searchsorted(bars.times, np.datetime64("2006-01-03", "s")))
    return simulate(bars, target, costless(**settings), start=start, backend=backend)


def headline(done: Simulation) -> str:
    """Hash, metrics and order statistics as JSON, floats to the last bit."""
    head = {
        "engine_version": done.engine_version,
        "result_hash": done.result_hash,
        "bars": len(done.times),
        "first_bar": str(done.times[0]),
        "final_equity": repr(float(done.equity[-1])),
        "lowest_equity": repr(float(done.equity.min())),
        "trades": len(done.trades),
        "ambiguous_bars": done.ambiguous_bars,
        "ruined": done.ruined,
        "funnel": done.order_statistics.as_dict(),
    }
    return json.dumps(head, indent=2) + "\n"


def table(done: Simulation) -> str:
    """The trades as CSV, floats to the last bit."""
    names = [field.name for field in fields(Trades)]
    columns = [getattr(done.trades, name).tolist() for name in names]
    columns[names.index("exit_reason")] = [EXIT_REASONS[code] for code in done.trades.exit_reason]
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([",".join(names), *rows]) + "\n"


def main() -> None:
    """Write every golden file."""
    for name in CASES:
        done = simulated(name)
        (FOLDER / f"{name}.json").write_text(headline(done), encoding="utf-8")
        (FOLDER / f"{name}.csv").write_text(table(done), encoding="utf-8")


if __name__ == "__main__":
    main()
