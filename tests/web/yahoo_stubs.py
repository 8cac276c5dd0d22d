"""Two stand-ins for Yahoo Finance: a fake of our port, and a server that answers yfinance as Yahoo does."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np

from backtest.prices.yahoo import COLUMNS, Quotes
from qa.harness.processes import LAST_RESORT_SECONDS
from web.datasets.yahoo import UnknownToYahoo, YahooFinance, YahooNotInstalled, YahooUnavailable

DAYS = ("2024-01-02", "2024-01-03", "2024-01-04")
ROWS = {
    "open": (10.0, 11.0, 5.5), "high": (10.5, 11.5, 6.0), "low": (9.5, 10.5, 5.25),
    "close": (10.25, 11.0, 5.75), "volume": (100.0, 200.0, 300.0), "adj_close": (5.125, 5.5, 5.75),
}  # fmt: skip
"""Three days of ACME, a split of two for one before the third."""


def acme() -> Quotes:
    """What Yahoo knows about ACME."""
    columns = {name: np.array(ROWS[name]) for name in COLUMNS}
    return Quotes(np.array(DAYS, "datetime64[s]"), columns)


@dataclass
class FakeYahoo:
    """Knows ACME alone; can be unavailable, or not installed."""

    installed: bool = True
    unavailable: bool = False
    asked: list[str] = field(default_factory=list)

    def daily(self, symbol: str) -> Quotes:
        self.asked.append(symbol)
        if not self.installed:
            raise YahooNotInstalled(
                "the import from Yahoo Finance requires an optional package: pip install …"
            )
        if self.unavailable:
            raise YahooUnavailable("Yahoo Finance is unreachable")
        if symbol != "ACME":
            raise UnknownToYahoo(f"Yahoo Finance has no daily prices for {symbol!r}")
        return acme()


_PATCHED = """
import os, sys
os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = "http://127.0.0.1:1"
import yfinance.base, yfinance.scrapers.history, yfinance.scrapers.quote
yfinance.base._BASE_URL_ = yfinance.scrapers.history._BASE_URL_ = sys.argv[1]
yfinance.scrapers.quote._BASE_URL_ = yfinance.scrapers.quote._QUERY1_URL_ = sys.argv[1]
yfinance.scrapers.quote._QUOTE_SUMMARY_URL_ = sys.argv[1] + "/v10/finance/quoteSummary"
from web.datasets import yahoo_child
yahoo_child.main()
"""


def through_yfinance(address: str, **more: float) -> YahooFinance:
    """Our real way to Yahoo, which finds Yahoo at `address`."""
    limits = {"limit_seconds": LAST_RESORT_SECONDS} | more
    return YahooFinance((sys.executable, "-c", _PATCHED, address), **limits)


@contextmanager
def served() -> Iterator[str]:
    """Yahoo's chart interface on a free port of this machine; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Chart) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@dataclass(frozen=True)
class Exchange:
    """How Yahoo answers for one exchange: zone, currency, hour of the opening in UTC, days, rows."""

    zone: str
    short: str
    offset_seconds: int
    currency: str
    opens: str
    days: tuple[str, ...] = DAYS
    rows: dict[str, tuple[float | None, ...]] = field(default_factory=lambda: dict(ROWS))


EXCHANGES = {
    "ACME": Exchange("America/New_York", "EST", -18_000, "USD", "14:30"),
    "ACME.L": Exchange(
        "Europe/London", "GMT", 0, "GBp", "08:00",
        rows=ROWS | {"close": (10.6, 11.0, 5.75), "adj_close": (5.3, 5.5, 5.75)},
    ),
    "ACME.PA": Exchange(
        "Europe/Paris", "CET", 3_600, "EUR", "08:00",
        rows={name: (*values[:1], None, *values[2:]) for name, values in ROWS.items()},
    ),
    "ACME.TA": Exchange(
        "Asia/Jerusalem", "IST", 7_200, "ILA", "07:59", days=("2024-01-04", "2024-01-07", "2024-01-08")
    ),
    "7203.T": Exchange("Asia/Tokyo", "JST", 32_400, "JPY", "00:00"),
    "ACME.AX": Exchange(
        "Australia/Sydney", "AEDT", 39_600, "AUD", "23:00", days=("2024-01-01", "2024-01-02", "2024-01-03")
    ),
}  # fmt: skip
"""London closes above its high, Paris has an empty day, Tel Aviv trades on a Sunday, Tokyo opens at
midnight UTC, Sydney on the evening before."""


class _Chart(BaseHTTPRequestHandler):
    """Answers /v8/finance/chart/<symbol>."""

    def do_GET(self) -> None:
        symbol = self.path.split("?")[0].rsplit("/", 1)[-1]
        known = symbol in EXCHANGES
        found = {"result": [_chart(symbol, EXCHANGES[symbol])], "error": None} if known else _NOT_FOUND
        body = json.dumps({"chart": found}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


_NOT_FOUND = {
    "result": None,
    "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
}


def _chart(symbol: str, exchange: Exchange) -> dict:
    opened = [int(np.datetime64(f"{day}T{exchange.opens}", "s").astype(int)) for day in exchange.days]
    first, last = opened[0], opened[-1]
    rows, offset = exchange.rows, exchange.offset_seconds
    zone = {"timezone": exchange.short, "gmtoffset": offset, "start": first, "end": last}
    return {
        "meta": {
            "currency": exchange.currency, "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY",
            "firstTradeDate": first, "regularMarketTime": last, "gmtoffset": offset, "timezone": exchange.short,
            "exchangeTimezoneName": exchange.zone, "regularMarketPrice": rows["close"][-1], "priceHint": 2,
            "dataGranularity": "1d", "range": "", "validRanges": ["1d", "max"],
            "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), zone),
        },
        "timestamp": opened,
        "indicators": {
            "quote": [{name: list(rows[name]) for name in ("open", "high", "low", "close", "volume")}],
            "adjclose": [{"adjclose": list(rows["adj_close"])}],
        },
    }  # fmt: skip
