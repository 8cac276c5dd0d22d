"""Asks Yahoo Finance for prices: in a process of its own, which is given up after a time."""

from __future__ import annotations

import json
import subprocess  # nosec B404
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from threading import BoundedSemaphore
from typing import Any, Protocol

import numpy as np

from backtest.plural import counted
from backtest.prices.yahoo import COLUMNS, Quotes

AT_ONCE = 2
_slots = BoundedSemaphore(AT_ONCE)
"""Waiting for others must not occupy every thread of the page."""
INSTALL = "pip install 'stock-backtest[yahoo]'"


class YahooError(Exception):
    """Yahoo Finance gave no prices; the text says why and what helps."""


class YahooNotInstalled(YahooError):
    """The optional package is not installed."""


class YahooUnavailable(YahooError):
    """Yahoo Finance cannot be reached, or does not answer now."""


class UnknownToYahoo(YahooError):
    """Yahoo Finance has no prices of that symbol."""


class QuoteSource(Protocol):
    """Where daily prices are asked for by symbol."""

    @property
    def installed(self) -> bool:
        """Whether there is any use in asking."""

    def daily(self, symbol: str) -> Quotes:
        """Every daily row of the symbol, or `YahooError`."""


@dataclass(frozen=True, slots=True)
class YahooFinance:
    """Yahoo Finance through yfinance, which keeps state: it ends with the process."""

    command: tuple[str, ...] = (sys.executable, "-m", "web.datasets.yahoo_child")
    limit_seconds: float = 45.0

    @property
    def installed(self) -> bool:
        """Whether the optional package is there."""
        return find_spec("yfinance") is not None

    def daily(self, symbol: str) -> Quotes:
        """Every daily row of the symbol, or `YahooError`; never longer than the limit."""
        if not self.installed:
            raise YahooNotInstalled(f"the import from Yahoo Finance requires an optional package: {INSTALL}")
        if not _slots.acquire(blocking=False):
            raise YahooUnavailable(
                f"{counted(AT_ONCE, 'import is', 'imports are')} already running; try again in a moment"
            )
        try:
            answer = self._answer(symbol)
        finally:
            _slots.release()
        if "error" in answer:
            raise _ERRORS[answer["error"]](answer["message"])
        days = np.array(answer["days"], "datetime64[s]")
        return Quotes(days, {name: np.array(answer[name], np.float64) for name in COLUMNS})

    def _answer(self, symbol: str) -> dict[str, Any]:
        try:
            done = subprocess.run(  # noqa: S603 our own interpreter and module # nosec B603
                self.command,
                input=json.dumps({"symbol": symbol}),
                capture_output=True,
                text=True,
                timeout=self.limit_seconds,
            )
        except subprocess.TimeoutExpired:
            raise YahooUnavailable(
                f"Yahoo Finance did not answer within {self.limit_seconds:g} seconds; "
                "try again, or upload a file"
            ) from None
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise YahooUnavailable(
                f"the request to Yahoo Finance failed: {last[:300]}; upload a file instead"
            )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


_ERRORS: dict[str, type[YahooError]] = {"unknown": UnknownToYahoo, "unavailable": YahooUnavailable}
