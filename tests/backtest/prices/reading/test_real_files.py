"""Excerpts of files that people have: every one is read right, or asked about, without being edited."""

import numpy as np
import pytest

from backtest.__main__ import main
from backtest.prices.calendar import Year
from backtest.prices.library import Library
from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices
from backtest.prices.reading.reading import NeedsAnswer
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from tests.backtest.real_price_files import FILES, FOLDER, answered, options


def read(name, **given):
    return read_prices((FOLDER / name).read_bytes(), file=name, **given)


def only(name, **given):
    return read(name, symbol="ACME", **given).symbols[0].dataset


def bar(dataset, place):
    columns = ("open", "high", "low", "close", "volume")
    return [float(getattr(dataset.bars, column)[place, 0]) for column in columns]


def moment(time):
    return str(time).removesuffix("T00:00:00")


def test_every_excerpt_is_in_the_table():
    assert {path.name for path in FOLDER.iterdir()} - {"README.md"} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_with_the_symbols_days_and_prices_that_it_holds(name):
    expected = FILES[name]

    reading = read(name, ask=False)

    assert [prices.dataset.symbol for prices in reading.symbols] == [
        symbol.name or "UNNAMED" for symbol in expected.symbols
    ]
    for prices, symbol in zip(reading.symbols, expected.symbols, strict=True):
        times = prices.dataset.bars.times
        assert (len(times), prices.dataset.timeframe) == (symbol.bars, symbol.timeframe)
        assert (moment(times[0]), moment(times[-1])) == (symbol.first_day, symbol.last_day)
        np.testing.assert_array_equal(bar(prices.dataset, 0), symbol.first)
        np.testing.assert_array_equal(bar(prices.dataset, -1), symbol.last)
    assert reading.symbols[0].order == expected.order
    assert {repair.rule: repair.count for repair in reading.symbols[0].repairs} == expected.repairs
    scaled = f"open, high, low and close are scaled by {expected.adjusted}"
    assert reading.adjusted == (scaled if expected.adjusted else None)


@pytest.mark.parametrize("name", FILES)
def test_a_file_asks_only_what_it_leaves_open_and_the_answers_read_it(name):
    expected = FILES[name]
    asked = read(name, ask=False).questions

    reading = read(name, symbol=None if expected.names_itself else "ACME", options=options(asked))

    symbol = () if expected.names_itself else ("symbol",)
    assert {question.option for question in asked} == {*expected.asks, *symbol}
    assert [len(prices.dataset) for prices in reading.symbols] == [symbol.bars for symbol in expected.symbols]
    if asked:
        with pytest.raises(NeedsAnswer, match=f"option {asked[0].option}"):
            read(name)


@pytest.mark.parametrize("name", FILES)
def test_the_command_line_imports_a_file_under_the_same_names(name, tmp_path, capsys):
    expected = FILES[name]
    questions = [question.as_json() for question in read(name, ask=False).questions]
    named = [] if expected.names_itself else ["--symbol", "ACME"]
    answers = [f"--{option.replace('_', '-')}={value}" for option, value in answered(questions).items()]

    code = main(["--library", str(tmp_path), "import", str(FOLDER / name), *named, *answers])

    library = Library(tmp_path)
    assert code == 0, capsys.readouterr().err
    for symbol in expected.symbols:
        dataset = library.get(symbol.name or "ACME")
        assert (len(dataset), dataset.timeframe) == (symbol.bars, symbol.timeframe)
        np.testing.assert_array_equal(bar(dataset, 0), symbol.first)


@pytest.mark.parametrize(
    ("name", "option"), [("kraken.csv", "columns"), ("stooq-monthly-then-daily.csv", "keep_timeframe")]
)
def test_the_command_line_asks_the_question_and_names_the_option(name, option, tmp_path, capsys):
    code = main(["--library", str(tmp_path), "import", str(FOLDER / name), "--symbol", "ACME"])

    assert (code, f"option {option}" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("name", "sessions"),
    [
        ("yahoo-tel-aviv.csv", None),
        ("tradingview-es-daily.csv", None),
        ("tradingview-es-hourly.csv", 16),
        ("tradingview-spx-daily.csv", None),
    ],
)
def test_a_year_of_the_exchange_has_252_sessions_whatever_the_clock_and_the_range(name, sessions):
    dataset = only(name)

    for part in (slice(None), slice(3, 60), slice(17, None)):
        times = dataset.bars.times[part]
        assert Year.of(times, dataset.timeframe).periods == 252
    year = Year.of(dataset.bars.times, dataset.timeframe)
    assert (year.sessions and year.sessions.count(dataset.bars.times)) == sessions


def test_futures_that_open_the_evening_before_have_bars_from_monday_to_friday():
    weekdays = (only("tradingview-es-daily.csv").bars.times.astype("datetime64[D]").astype(int) + 3) % 7

    assert set(weekdays.tolist()) == {0, 1, 2, 3, 4}


def test_the_reverse_split_of_twenty_to_one_is_no_gain():
    dataset = only("quandl-wiki-reverse-split.csv")
    request = RunRequest.parse(
        {"symbols": ["ACME"], "rule_type": "BUY_AND_HOLD", "start_date": "2009-05-15", "end_date": "2009-08-14",
         "fee_rate": 0, "slippage_bps": 0, "fractional": True}
    )  # fmt: skip

    metrics = run(request, {"ACME": dataset}).summary["metrics"]

    # bought at the open of the second day, 1.83 / 1.83 x 28.944 adjusted, held until 19.272
    assert metrics["total_return"] == pytest.approx(19.27248533069 / 28.944315268907 - 1, abs=1e-9)
    assert metrics["total_return"] == pytest.approx(-0.33, abs=0.01)


def test_a_share_against_itself_with_another_clock_has_beta_one():
    benchmark = read("alpaca-0500-utc.csv", symbol="EWGUTC").symbols[0].dataset
    share = read("pandas-time-zone.parquet", symbol="EWG").symbols[0].dataset
    request = RunRequest.parse(
        {"symbols": ["EWG"], "rule_type": "BUY_AND_HOLD", "benchmark": "EWGUTC", "start_date": "2022-01-04",
         "end_date": "2022-03-29", "fee_rate": 0, "slippage_bps": 0, "fractional": True}
    )  # fmt: skip

    metrics = run(request, {"EWG": share, "EWGUTC": benchmark}).summary["metrics"]

    assert metrics["beta"] == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(share.bars.times, benchmark.bars.times)


def test_the_part_with_the_other_timeframe_can_be_kept_instead():
    months = only("stooq-monthly-then-daily.csv", options=ReadOptions(keep_timeframe="1mo"))

    assert (months.timeframe, len(months), moment(months.bars.times[-1])) == ("1mo", 26, "1885-02-01")


def test_a_stop_that_the_holiday_of_another_symbol_hides_is_told_with_the_symbol_that_lacks_the_day():
    days = np.arange("2022-01-03", "2022-01-15", dtype="datetime64[D]")
    days = days[np.is_busday(days)]

    def dataset(symbol, prices):
        rows = "".join(f"{day},{prices[day]}\n" for day in days if day in prices)
        return (
            read_prices(f"Date,Open,High,Low,Close\n{rows}".encode(), file="f.csv", symbol=symbol)
            .symbols[0]
            .dataset
        )

    crash = dict.fromkeys(days, "100,101,99,100") | {days[4]: "100,100,80,99"}
    holiday = {day: "50,51,49,50" for day in days if day != days[4]}
    request = RunRequest.parse(
        {"symbols": ["CRASHA", "HOLB"], "rule_type": "BUY_AND_HOLD", "stop_loss_pct": 5, "start_date": "2022-01-03",
         "end_date": "2022-12-30", "fee_rate": 0, "slippage_bps": 0, "fractional": True}
    )  # fmt: skip

    outcome = run(request, {"CRASHA": dataset("CRASHA", crash), "HOLB": dataset("HOLB", holiday)})

    told = {warning["code"]: warning["message"] for warning in outcome.summary["warnings"]}["bars_dropped"]
    assert "HOLB lacks 1 bar on 2022-01-07" in told
    assert "Left out within the range: 1 bar of CRASHA." in told
    assert "Stops and targets that were reached on those bars are filled on the next common bar" in told
