"""One trade with what was known then: the signal, the lines at its bar, levels, costs, and why it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from store.models import Run, Trade
from web.presentation.decimation import Times
from web.results.stored_curves import Curves
from web.trades import candles
from web.trades.priced import Priced


def story(run: Run, curves: Curves, prices: Priced, trade: Trade) -> dict[str, Any]:
    """The decision before the entry and before the exit, the levels of stop and target, and the costs."""
    return {
        "entry": _decision(run, curves, prices, trade.entry_time),
        "exit": _decision(run, curves, prices, trade.exit_time) if trade.exit_reason == "signal" else None,
        "levels": _levels(run, curves, prices, trade),
        "why": _why(run, prices, trade),
        "costs": _costs(trade),
    }


def _decision(run: Run, curves: Curves, prices: Priced, filled: datetime) -> dict[str, Any] | None:
    """The bar at whose close the rule decided, and its lines there; None where that bar is before the run."""
    bar = _bar(curves.times, filled) - (run.fill == "next_open")
    if bar < 0:
        return None
    time = curves.times[bar]
    own = int(np.searchsorted(prices.times, time))
    return {
        "time": _moment(time),
        "close": float(prices.ohlc["close"][own]),
        "lines": candles.at(prices, own),
    }


def _levels(run: Run, curves: Curves, prices: Priced, trade: Trade) -> list[dict[str, Any]]:
    """The prices at which stop and target would close the position, and where the trail stood at the exit."""
    side = 1 if trade.side == "long" else -1
    fixed = (("stop_loss", run.stop_loss_pct, -side), ("take_profit", run.take_profit_pct, side))
    levels = [
        {"name": name, "percent": pct, "price": trade.entry_fill * (1 + sign * pct / 100)}
        for name, pct, sign in fixed
        if pct is not None
    ]
    if run.trailing_stop_pct is not None:
        best = _best(run, curves, prices, trade)
        price = best * (1 - side * run.trailing_stop_pct / 100)
        levels.append(
            {"name": "trailing_stop", "percent": run.trailing_stop_pct, "price": price, "best": best}
        )
    return levels


def _best(run: Run, curves: Curves, prices: Priced, trade: Trade) -> float:
    """The best raw price from the entry's fill to the close before the exit, as the trail counts it."""
    first = _bar(curves.times, trade.entry_time) + (run.fill == "close")
    bars = np.searchsorted(prices.times, curves.times[first : _bar(curves.times, trade.exit_time)])
    if trade.side == "long":
        return float(max([trade.entry_fill, *prices.ohlc["high"][bars]]))
    return float(min([trade.entry_fill, *prices.ohlc["low"][bars]]))


def _why(run: Run, prices: Priced, trade: Trade) -> str:
    """A sentence on how the trade ended."""
    if trade.exit_reason == "signal":
        fill = "at the next open" if run.fill == "next_open" else "at the same close"
        return f"The rule's target changed; the order was filled {fill}."
    if trade.exit_reason == "end_of_data":
        return "Still open when the run ended: valued at the last close, with costs."
    if trade.exit_reason == "ruin":
        return "Closed because the account's equity fell to zero or below."
    bar = min(
        int(np.searchsorted(prices.times, np.datetime64(_plain(trade.exit_time), "s"))), len(prices.times) - 1
    )
    name = {"stop_loss": "stop", "take_profit": "target", "trailing_stop": "trailing stop"}[trade.exit_reason]
    if trade.exit_price == prices.ohlc["open"][bar]:
        return f"The bar opened at or beyond the {name}: filled at the open."
    return f"The price reached the {name} within the bar: filled at the level."


def _costs(trade: Trade) -> Mapping[str, float]:
    """What lies between the profit before costs and the profit; the parts add up."""
    total = trade.entry_fee + trade.exit_fee + trade.slippage + trade.borrow
    return {
        "gross": trade.pnl + total,
        "entry_fee": trade.entry_fee,
        "exit_fee": trade.exit_fee,
        "slippage": trade.slippage,
        "borrow": trade.borrow,
        "net": trade.pnl,
    }


def _bar(times: Times, moment: datetime) -> int:
    return int(np.searchsorted(times, np.datetime64(_plain(moment), "s")))


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _moment(time: np.datetime64) -> str:
    return str(np.datetime_as_string(time, unit="s", timezone="UTC"))
