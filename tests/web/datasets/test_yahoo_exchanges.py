"""Yahoo's answers of five exchanges become the exchange's days, with the repairs and the report of any file."""

import numpy as np
import pytest

from backtest.prices.quality import report_of
from backtest.prices.yahoo import to_dataset
from tests.web.yahoo_stubs import DAYS, served, through_yfinance

LATER = np.datetime64("2024-02-01", "s")
SUNDAY_WEEK = ("2024-01-04", "2024-01-07", "2024-01-08")


@pytest.fixture(scope="module")
def yahoo():
    """Our real way to Yahoo, against a server that answers as it does."""
    with served() as address:
        yield through_yfinance(address)


@pytest.mark.parametrize(
    ("symbol", "days", "first", "repairs"),
    [
        ("ACME.L", DAYS, [5.0, 5.3, 4.75, 5.3], [("widened", 1)]),
        ("ACME.PA", (DAYS[0], DAYS[2]), [5.0, 5.25, 4.75, 5.125], []),
        ("ACME.TA", SUNDAY_WEEK, [5.0, 5.25, 4.75, 5.125], []),
        ("7203.T", DAYS, [5.0, 5.25, 4.75, 5.125], []),
        ("ACME.AX", DAYS, [5.0, 5.25, 4.75, 5.125], []),
    ],
)
def test_an_exchange_gives_its_own_days_adjusted_prices_and_a_report(yahoo, symbol, days, first, repairs):
    dataset = to_dataset(yahoo.daily(symbol), symbol=symbol, before=LATER)

    bars, report = dataset.bars, report_of(dataset)
    assert bars.times.astype("datetime64[D]").astype(str).tolist() == list(days)
    np.testing.assert_allclose(
        [getattr(bars, name)[0, 0] for name in ("open", "high", "low", "close")], first
    )
    assert [(repair.rule, repair.count) for repair in dataset.origin.repairs] == repairs
    assert report["adjusted"] == "open, high, low and close are scaled by Adj Close"
    assert [repair["count"] for repair in report["repairs"]] == [count for _, count in repairs]
