"""backtesting.py, as its documentation writes such a rule."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
import backtesting  # noqa: E402
from backtesting import Backtest, Strategy  # noqa: E402
from backtesting.lib import crossover  # noqa: E402

from qa.benchmarks.engines.engine import Figures, Prices, Table  # noqa: E402
from qa.benchmarks.engines.frame import FrameEngine  # noqa: E402
from qa.benchmarks.grids import OPTIMIZED  # noqa: E402
from qa.benchmarks.plan import CASH, FAST, SLOW  # noqa: E402

backtesting.backtesting._tqdm = lambda bars, **options: bars  # its progress bar has no switch


def average(values: Any, window: int) -> pd.Series:
    return pd.Series(values).rolling(window).mean()


class Cross(Strategy):
    fast, slow = FAST, SLOW

    def init(self) -> None:
        self.quick = self.I(average, self.data.Close, self.fast, plot=False)
        self.calm = self.I(average, self.data.Close, self.slow, plot=False)

    def next(self) -> None:
        if crossover(self.quick, self.calm):
            if not self.position:
                self.buy()
        elif crossover(self.calm, self.quick):
            self.position.close()


class BacktestingPy(FrameEngine):
    name = "backtesting.py"
    package = "backtesting"

    def single(self, prices: Prices, fast: int = FAST, slow: int = SLOW) -> Figures:
        stats = self._run(prices, fast, slow)
        still_open = stats["_strategy"].trades
        fee = sum(abs(trade.size) for trade in still_open) * prices.own["Close"].iloc[-1] * prices.fee_rate
        closed = int(stats["# Trades"])
        drawdown = -stats["Max. Drawdown [%]"] / 100
        final = float(stats["Equity Final [$]"])
        share = stats["Return [%]"] / 100
        return Figures(share, stats["Sharpe Ratio"], drawdown, closed + len(still_open), final - fee)

    def trade_bars(self, prices: Prices) -> list[tuple[int, int]]:
        trades = self._run(prices, FAST, SLOW)["_trades"]
        return list(zip(trades["EntryBar"].tolist(), trades["ExitBar"].tolist(), strict=True))

    def optimize(self, prices: Prices) -> Table:
        test = Backtest(prices.own, Cross, cash=CASH, commission=prices.fee_rate)
        _, found = test.optimize(**OPTIMIZED, maximize="Return [%]", return_heatmap=True)
        table = np.full((len(found), 4), np.nan)  # it keeps what it maximizes alone
        table[:, 0] = found.to_numpy() / 100
        return table

    def _run(self, prices: Prices, fast: int, slow: int) -> pd.Series:
        test = Backtest(prices.own, Cross, cash=CASH, commission=prices.fee_rate)
        return test.run(fast=fast, slow=slow)
