"""The built-in rules by name; nothing is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BUILT_IN: Final[Mapping[str, str]] = {
    "RSI": "oscillators:Rsi",
    "MACD": "averages:Macd",
    "RSI_MACD": "oscillators:RsiMacd",
    "MOVING_AVERAGE_CROSS": "averages:MovingAverageCross",
    "BOLLINGER_BANDS": "oscillators:BollingerBands",
    "VOLUME_BREAKOUT": "breakouts:VolumeBreakout",
    "TREND_FOLLOWING": "trends:TrendFollowing",
    "ATR_VOLATILITY": "breakouts:AtrVolatility",
    "DONCHIAN_BREAKOUT": "breakouts:DonchianBreakout",
    "MOMENTUM": "trends:Momentum",
    "BUY_AND_HOLD": "trends:BuyAndHold",
    "EXPRESSION": "formulas:Expression",
}
"""Module and class of each built-in rule, imported when it is asked for: a run needs one of them."""
