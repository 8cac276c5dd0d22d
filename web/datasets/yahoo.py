"""Asks Yahoo Finance for prices: in a process of its own, which is given up after a time."""

from __future__ import annotations

import json
import os
import subprocess  # nosec B404
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from backtest.plural import counted
from backtest.prices.yahoo import COLUMNS, Quotes

AT_ONCE = 2
_slots = threading.BoundedSemaphore(AT_ONCE)
"""Waiting for others must not occupy every thread of the page."""
_MOST_BYTES = 16 << 20
"""A century of days takes three."""
_SEEN = (
    "PATH", "HOME", "LANG", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip
"""What the child sees of the environment: how to reach the network, and no credential of ours."""
_ROOT = Path(__file__).parents[2]
_UNREADABLE = "Yahoo Finance gave an answer that is no list of daily prices; upload a file instead"
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
        return _quotes(answer)

    def _answer(self, symbol: str) -> dict[str, Any]:
        code, output = self._output(symbol)
        last = (output.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]
        if code != 0:
            raise YahooUnavailable(
                f"the request to Yahoo Finance failed: {last[:300]}; upload a file instead"
            )
        try:
            answer = json.loads(last)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise YahooUnavailable(_UNREADABLE)
        return answer

    def _output(self, symbol: str) -> tuple[int, bytes]:
        """Exit code and output of the child, errors among it; it is killed after its time, or where it says too much."""
        with subprocess.Popen(  # noqa: S603 our own interpreter and module # nosec B603
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={name: os.environ[name] for name in _SEEN if name in os.environ},
            cwd=_ROOT,
        ) as child:
            assert child.stdin
            assert child.stdout
            started = time.monotonic()
            timer = threading.Timer(self.limit_seconds, child.kill)
            timer.start()
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps({"symbol": symbol}).encode())
                child.stdin.close()
            output = child.stdout.read(_MOST_BYTES + 1)
            if len(output) > _MOST_BYTES:
                child.kill()
            child.wait()
            timer.cancel()
        if len(output) > _MOST_BYTES:
            raise YahooUnavailable(_UNREADABLE)
        if child.returncode != 0 and time.monotonic() - started >= self.limit_seconds:
            raise YahooUnavailable(
                f"Yahoo Finance did not answer within {self.limit_seconds:g} seconds; "
                "try again, or upload a file"
            )
        return child.returncode, output


def _quotes(answer: dict[str, Any]) -> Quotes:
    try:
        days = np.array(answer["days"], "datetime64[s]")
        columns = {name: np.array(answer[name], np.float64) for name in COLUMNS}
    except (KeyError, TypeError, ValueError) as error:
        raise YahooUnavailable(_UNREADABLE) from error
    if any(column.shape != days.shape or days.ndim != 1 for column in columns.values()):
        raise YahooUnavailable(_UNREADABLE)
    return Quotes(days, columns)


_ERRORS: dict[str, type[YahooError]] = {"unknown": UnknownToYahoo, "unavailable": YahooUnavailable}
