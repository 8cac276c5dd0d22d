"""A symbol's daily prices at Yahoo Finance as a dataset."""

from __future__ import annotations

import numpy as np

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.dataset import Dataset
from backtest.prices.yahoo import SOURCE, to_dataset
from web.datasets.yahoo import UnknownToYahoo
from web.services import now, services


def daily_prices(asked: str, *, symbol: str = "", source: str = SOURCE) -> Dataset:
    """The prices that Yahoo has of `asked` up to yesterday, under `symbol` where it is given.

    Raises
    ------
    InvalidRequest
        Where Yahoo does not know the symbol.
    YahooError
        Where it gives no answer.
    """
    try:
        quotes = services().yahoo.daily(asked)
    except UnknownToYahoo as unknown:
        raise InvalidRequest([FieldError("symbol", str(unknown), asked)]) from None
    today = np.datetime64(now().date(), "s")
    return to_dataset(quotes, symbol=symbol or asked, before=today, source=source)
