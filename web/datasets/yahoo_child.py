"""The process that talks to Yahoo Finance: a symbol comes in as JSON, its daily rows go out as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from backtest.prices.yahoo import COLUMNS
from workflows import process

REQUEST_SECONDS = 15
_MEMORY_MIB = 512
_NO_FOLDER = "/dev/null/none"
"""yfinance keeps cookies and time zones in files; where it cannot, it works without."""
_NAMES = dict(zip(COLUMNS, ("Open", "High", "Low", "Close", "Volume", "Adj Close"), strict=True))


def main() -> None:
    """Answer one question from stdin on stdout; a known reason for no prices is an answer too."""
    process.limit_memory(_MEMORY_MIB)
    asked = json.load(sys.stdin)
    print(json.dumps(answer(asked["symbol"])))  # noqa: T201 the answer


def answer(symbol: str) -> dict[str, Any]:
    """Days and columns of the symbol, or `error` and `message`."""
    import yfinance
    from yfinance import exceptions

    yfinance.set_tz_cache_location(_NO_FOLDER)
    yfinance.config.debug.hide_exceptions = False
    try:
        table = yfinance.Ticker(symbol).history(
            period="max", interval="1d", auto_adjust=False, actions=False, timeout=REQUEST_SECONDS
        )
    except exceptions.YFRateLimitError:
        return _none("unavailable", "Yahoo Finance rate limit reached; try again in a few minutes")
    except exceptions.YFTickerMissingError:
        return _unknown(symbol)
    except (OSError, ValueError, LookupError, TypeError, exceptions.YFException) as error:
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            return _unknown(symbol)
        return _none("unavailable", f"{_unavailable(error)}; without network access, upload a file instead")
    if table.empty:
        return _unknown(symbol)
    days = [day.strftime("%Y-%m-%d") for day in table.index]
    return {"days": days} | {name: table[label].astype(float).tolist() for name, label in _NAMES.items()}


def _unknown(symbol: str) -> dict[str, Any]:
    return _none("unknown", f"Yahoo Finance has no daily prices for {symbol!r}")


def _unavailable(error: Exception) -> str:
    reason = (str(error).splitlines() or [""])[0][:200]
    return f"Yahoo Finance is unreachable ({type(error).__name__}: {reason})"


def _none(error: str, message: str) -> dict[str, Any]:
    return {"error": error, "message": message}


if __name__ == "__main__":
    main()
