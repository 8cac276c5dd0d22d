"""backtrader in its own words: a Strategy with market, stop and limit orders from one account."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np

from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig
from tests.backtest.oracles.ledger import Ledger, Trade
from tests.backtest.oracles.prices import frame
from tests.backtest.oracles.targets import Targets

_SPARE = 1 - 1e-13
"""backtrader refuses a purchase that rounding makes dearer than the cash; fractions leave a last digit."""


def run(prices: Bars, targets: Targets, config: EngineConfig) -> Ledger:
    """Trade every symbol from one account, filling at the next open ("cheat on open" to size by it)."""
    if config.fill == "close":
        raise ValueError("sizing by the fill price needs cheat-on-open here, which fills at opens")
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    for column, symbol in enumerate(prices.symbols):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame(prices, column)), name=symbol)
    _set_broker(cerebro.broker, config)
    cerebro.addstrategy(_Targeting, targets=targets, config=config)
    (done,) = cerebro.run()
    return Ledger(tuple(sorted(done.trades)), cerebro.broker.getvalue(), np.array(done.equity))


def _set_broker(broker: Any, config: EngineConfig) -> None:
    broker.setcash(config.initial_capital)
    broker.set_coo(True)
    broker.set_checksubmit(False)
    broker.addcommissioninfo(_Costs(config=config, interest=1.0))
    slip = config.slippage_bps / 10_000
    broker.set_slippage_perc(slip, slip_open=True, slip_limit=True, slip_match=True, slip_out=True)


class _Costs(bt.CommInfoBase):
    params = (("config", None), ("stocklike", True), ("commtype", bt.CommInfoBase.COMM_PERC))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        config: EngineConfig = self.p.config
        shares = abs(size)
        fee = shares * price * config.fee_rate + shares * config.fee_per_share
        return max(config.fee_min, fee) if size else 0.0

    def _get_credit_interest(self, data: Any, size: float, *unused: Any) -> float:
        """A bar's borrow cost of what was short at the last close, charged as the next bar begins."""
        config: EngineConfig = self.p.config
        return abs(size) * data.close[-1] * config.borrow_rate / config.periods_per_year


@dataclass(slots=True)
class _Lot:
    """An open position: when and how it was entered, and the fees not yet charged to a trade."""

    bar: int
    size: float
    price: float
    fees: float


class _Targeting(bt.Strategy):
    params = (("targets", None), ("config", None))

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.equity: list[float] = []
        self.lots: dict[int, _Lot] = {}
        self.guards: dict[int, list[Any]] = {}
        self.days: dict[float, int] = {}

    def next_open(self) -> None:
        """Carry out the targets of the last close: first what shrinks, then what grows, in symbol order."""
        bar = len(self.data) - 1
        self.days[self.data.datetime[0]] = bar
        if bar == 0:
            return
        wanted = enumerate(self.p.targets[bar - 1])
        changes = [
            (c, target) for c, target in wanted if not math.isnan(target) and not self._stands(c, target)
        ]
        cash, shorts = self.broker.getcash(), self._shorts()
        for column, _ in changes:
            cash, shorts = self._leave(column, cash, shorts)
        held = {c: self.getposition(d).size for c, d in enumerate(self.datas)}
        held |= {column: 0.0 for column, _ in changes}
        equity = cash + sum(size * self.datas[c].open[0] for c, size in held.items())
        for column, target in changes:
            if target:
                cash, shorts = self._enter(column, target, equity, cash, shorts)

    def next(self) -> None:
        """Note the equity; move the trails after the bar has closed."""
        self.equity.append(self.broker.getvalue())
        if self.p.config.trailing_stop_pct is not None:
            for column, data in enumerate(self.datas):
                self._trail(column, data)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self._book(order)

    def _stands(self, column: int, target: float) -> bool:
        return np.sign(self.getposition(self.datas[column]).size) == np.sign(target)

    def _shorts(self) -> float:
        return sum(min(self.getposition(data).size, 0.0) * data.open[0] for data in self.datas)

    def _slipped(self, column: int, side: float) -> float:
        return self.datas[column].open[0] * (1 + side * self.p.config.slippage_bps / 10_000)

    def _leave(self, column: int, cash: float, shorts: float) -> tuple[float, float]:
        data = self.datas[column]
        size = self.getposition(data).size
        if not size:
            return cash, shorts
        for guard in self.guards.pop(column, []):
            self.cancel(guard)
        self.close(data=data)
        price = self._slipped(column, -np.sign(size))
        cash += size * price - self._fee(size, price)
        return cash, shorts - min(size, 0.0) * data.open[0]

    def _enter(
        self, column: int, target: float, equity: float, cash: float, shorts: float
    ) -> tuple[float, float]:
        data, side = self.datas[column], float(np.sign(target))
        price = self._slipped(column, side)
        size = self._size(abs(target), price, equity, free=cash + 2 * shorts)
        if size <= 0:
            return cash, shorts
        (self.buy if target > 0 else self.sell)(data=data, size=size)
        self._guard(column, side, size, self._levels(price, side))
        return cash - side * size * price - self._fee(size, price), shorts - (target < 0) * size * data.open[
            0
        ]

    def _size(self, share: float, price: float, equity: float, free: float) -> float:
        config: EngineConfig = self.p.config
        if config.size_type == "shares":
            return min(config.size * share, self._affordable(free, price))
        whole = equity * config.size / 100 / len(self.datas) if config.size_type == "percent" else config.size
        size = self._affordable(min(whole * share, free), price)
        return size * _SPARE if config.fractional else math.floor(size)

    def _affordable(self, budget: float, price: float) -> float:
        config: EngineConfig = self.p.config
        by_rate = budget / (price * (1 + config.fee_rate) + config.fee_per_share)
        return min(by_rate, (budget - config.fee_min) / price)

    def _fee(self, size: float, price: float) -> float:
        return self.broker.getcommissioninfo(self.data).getcommission(size, price)

    def _levels(self, fill: float, side: float) -> tuple[float | None, float | None]:
        config: EngineConfig = self.p.config
        worse = [pct for pct in (config.stop_loss_pct, config.trailing_stop_pct) if pct is not None]
        better = config.take_profit_pct
        stop = fill * (1 - side * min(worse) / 100) if worse else None
        return stop, None if better is None else fill * (1 + side * better / 100)

    def _guard(
        self, column: int, side: float, size: float, levels: tuple[float | None, float | None]
    ) -> None:
        """Protect a position by a stop and a limit order; one cancels the other, the stop comes first."""
        leave, data = (self.sell if side > 0 else self.buy), self.datas[column]
        guards: list[Any] = []
        for kind, level in zip((bt.Order.Stop, bt.Order.Limit), levels, strict=True):
            if level is not None:
                oco = guards[0] if guards else None
                guards.append(leave(data=data, size=size, exectype=kind, price=level, oco=oco))
        self.guards[column] = guards

    def _trail(self, column: int, data: Any) -> None:
        size = self.getposition(data).size
        if not size:
            return
        guards, side = self.guards[column], float(np.sign(size))
        best = data.high[0] if side > 0 else data.low[0]
        level = best * (1 - side * self.p.config.trailing_stop_pct / 100)
        stop = guards[0].created.price
        if side * level <= side * stop:
            return
        limit = guards[1].created.price if len(guards) > 1 else None
        for guard in guards:
            self.cancel(guard)
        self._guard(column, side, abs(size), (level, limit))

    def _book(self, order: Any) -> None:
        column, done = self.datas.index(order.data), order.executed
        bar = self.days[done.dt]
        lot = self.lots.get(column)
        if lot is None:
            self.lots[column] = _Lot(bar, done.size, done.price, done.comm)
            return
        del self.lots[column]
        pnl = done.pnl - lot.fees - done.comm
        side = int(math.copysign(1, lot.size))
        self.trades.append(Trade(bar, column, lot.bar, side, abs(lot.size), lot.price, done.price, pnl))
