import numpy as np
import pytest

from backtest import samples
from backtest.prices.bars import PRICES
from backtest.prices.reading.reader import read_prices

SPANS = {
    "GOOG": (2_148, "2004-08-19", "2013-03-01"),
    "NASDAQ": (5_031, "1999-01-04", "2018-12-31"),
    "SP500": (5_031, "1999-01-04", "2018-12-31"),
}


@pytest.mark.parametrize("symbol", samples.SYMBOLS)
def test_each_sample_has_the_bars_that_its_note_tells_of(symbol):
    times = samples.load(symbol).bars.times

    assert (len(times), str(times[0])[:10], str(times[-1])[:10]) == SPANS[symbol]


def test_the_first_and_last_day_of_the_sp500_are_those_that_were_published():
    bars = samples.load("SP500").bars

    assert [getattr(bars, name)[0, 0] for name in PRICES] == [
        1229.22998,
        1248.810059,
        1219.099976,
        1228.099976,
    ]
    assert (bars.close[-1, 0], bars.volume[-1, 0]) == (2506.850098, 3_442_870_000)


@pytest.mark.parametrize("symbol", samples.SYMBOLS)
def test_the_quick_copy_is_the_csv_file(symbol):
    written = (samples.FOLDER / f"{symbol}.csv").read_bytes()

    parsed = read_prices(written, file="sample", symbol=symbol, source=samples.SOURCE).symbols[0].dataset

    assert (samples.FOLDER / f"{symbol}.dataset").read_bytes()[:4] == b"SBD1"
    assert samples.load(symbol).data_hash == parsed.data_hash
    assert samples.load(symbol).source == samples.SOURCE
    np.testing.assert_array_equal(samples.load(symbol).bars.times, parsed.bars.times)


def test_what_is_no_sample_is_a_key_error():
    with pytest.raises(KeyError):
        samples.load("../SP500")
