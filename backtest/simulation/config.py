"""What the engine must know beside prices and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["long_only", "long_short", "short_only"]
Fill = Literal["next_open", "close"]
SizeType = Literal["percent", "value", "shares"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Capital, costs, sizing, exits and fill model of one simulation.

    Rates are fractions (0.001 = 0.1 %), names with `_pct` are percent (5 = 5 %), `slippage_bps` is
    basis points of price, `borrow_rate` is a fraction a year of the short market value, charged a bar
    as `borrow_rate / periods_per_year`. An exit of `None` is off.
    """

    initial_capital: float = 100_000.0
    fee_rate: float = 0.0
    fee_per_share: float = 0.0
    fee_min: float = 0.0
    slippage_bps: float = 0.0
    size_type: SizeType = "percent"
    size: float = 100.0
    fractional: bool = False
    direction: Direction = "long_only"
    fill: Fill = "next_open"
    stop_loss_pct: float | None = None
    take_profit_pct: float | None = None
    trailing_stop_pct: float | None = None
    borrow_rate: float = 0.0
    periods_per_year: float = 252.0
