import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.errors import InvalidRequest
from backtest.metrics import CATALOGUE
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from backtest.run.warnings import no_trades
from tests.backtest.price_bars import dataset, walk
from tests.fresh_python import loaded_by

FREE = {"fee_rate": 0, "slippage_bps": 0, "fractional": True}


def request(**fields):
    basic = {
        "symbols": ["AAA"],
        "rule_type": "BUY_AND_HOLD",
        "start_date": "2024-01-02",
        "end_date": "2030-12-31",
    }
    return RunRequest.parse(basic | fields)


def crossing(entry, leave, **fields):
    return request(rule_type="EXPRESSION", params={"entry": entry, "exit": leave}, **FREE, **fields)


def selling_short(**fields):
    params = {
        "entry": "close < 0",
        "exit": "close < 0",
        "short_entry": "close > 0",
        "short_exit": "close < 0",
    }
    return request(rule_type="EXPRESSION", params=params, direction="short_only", **FREE, **fields)


def codes(outcome):
    return {warning["code"] for warning in outcome.summary["warnings"]}


def message(outcome, code):
    return next(w["message"] for w in outcome.summary["warnings"] if w["code"] == code)


def test_buying_and_holding_without_costs_earns_what_the_prices_did_after_the_first_open():
    close = [100, 110, 121, 133.1]  # bars open at the close before: bought at 100

    outcome = run(request(**FREE), {"AAA": dataset(close)})

    metrics = outcome.summary["metrics"]
    assert metrics["total_return"] == pytest.approx(0.331)
    assert metrics["benchmark_return"] == pytest.approx(0.331)
    assert metrics["exposure"] == 0.75
    assert metrics["num_trades"] == 1
    np.testing.assert_allclose(outcome.curves["exposure"], [0, 1, 1, 0])
    np.testing.assert_allclose(outcome.curves["benchmark"], [100_000, 110_000, 121_000, 133_100])


def test_a_stop_within_its_first_bar_counts_as_a_bar_held():
    close = [100, 101, 80, 80, 80]

    outcome = run(request(**FREE, stop_loss_pct=5), {"AAA": dataset(close)})

    assert outcome.summary["metrics"]["exposure"] == 0.4  # bars 1 and 2
    assert outcome.summary["exit_reasons"][0]["exit_reason"] == "stop_loss"


def test_curves_are_as_long_as_the_range_and_indicators_warm_up_before_it():
    close = walk(400)

    outcome = run(
        crossing("close > sma(close, 50)", "close < sma(close, 50)", start_date="2025-01-02"),
        {"AAA": dataset(close)},
    )

    bars = outcome.summary["bars"]
    assert {name: len(curve) for name, curve in outcome.curves.items()} == dict.fromkeys(
        ("equity", "cash", "exposure", "drawdown", "benchmark"), bars
    )
    assert outcome.summary["warmup_bars"] + bars == 400
    assert outcome.summary["first_bar"] == "2025-01-02"


def test_the_summary_names_what_the_result_rests_on():
    prices = dataset(walk(60))

    summary = run(request(), {"AAA": prices}).summary

    assert summary["data_hash"] == prices.data_hash
    assert summary["data_hashes"] == {"AAA": prices.data_hash}
    assert summary["engine_version"] == 1
    assert len(summary["result_hash"]) == 64
    assert summary["timeframe"] == "1d"
    assert summary["conventions"]["periods_per_year"] == 252
    assert set(summary["metrics"]) == set(CATALOGUE)


def test_an_alternative_is_what_the_same_run_gives_at_those_settings():
    prices, costs = {"AAA": dataset(walk(300))}, {"fee_rate": 0.002, "slippage_bps": 7}
    changing = {"rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 3, "slow": 9}}
    settings = {
        "without_costs": {"stop_loss_pct": 2, "fee_rate": 0, "slippage_bps": 0},
        "double_costs": {"stop_loss_pct": 2, "fee_rate": 0.004, "slippage_bps": 14},
        "without_stops": costs,
    }

    found = run(request(**changing, **costs, stop_loss_pct=2), prices).summary["alternatives"]

    for name, chosen in settings.items():
        metrics = run(request(**changing, **chosen), prices).summary["metrics"]
        assert found[name] == {figure: metrics[figure] for figure in found[name]}, name
    assert len({figures["final_equity"] for figures in found.values()}) == 3


def test_the_same_request_gives_the_same_summary():
    prices = {"AAA": dataset(walk(300))}

    first, second = (run(crossing("rsi(close, 5) < 40", "rsi(close, 5) > 60"), prices) for _ in range(2))

    assert first.summary == second.summary


def test_a_risk_free_rate_lowers_the_sharpe_ratio():
    prices = {"AAA": dataset(walk(300))}

    without, charged = (run(request(risk_free_rate=rate), prices).summary for rate in (0.0, 0.05))

    assert charged["metrics"]["sharpe_ratio"] < without["metrics"]["sharpe_ratio"]
    assert charged["conventions"]["risk_free_rate"] == 0.05


def test_progress_goes_from_nothing_to_all_without_a_step_back():
    told = []

    run(request(), {"AAA": dataset(walk(60))}, on_progress=lambda step, done: told.append((step, done)))

    fractions = [fraction for _, fraction in told]
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert fractions == sorted(fractions)
    assert told[-1][0] == "done"


def test_progress_counts_the_bars_that_each_pass_is_through():
    told = []
    prices = {"AAA": dataset(walk(60)), "BBB": dataset(walk(60), symbol="BBB")}

    run(
        request(symbols=["AAA", "BBB"], fee_rate=0.0, slippage_bps=0.0),
        prices,
        on_progress=lambda step, done: told.append((step, done)),
    )

    four_passes_of_two_symbols = [0, 1 / 8, 2 / 8, 2 / 8, 3 / 8, 4 / 8, 4 / 8, 6 / 8]
    rule, check = ["applying rule"] * 3, ["look-ahead"] * 3
    assert told[1:-1] == list(
        zip([*rule, *check, "simulating", "metrics"], four_passes_of_two_symbols, strict=True)
    )


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"symbols": ["BBB"]}, "symbols", "No price data for BBB. Available: AAA"),
        ({"benchmark": "BBB"}, "benchmark", "No price data for BBB. Available: AAA"),
        (
            {"start_date": "2029-01-01"},
            "start_date",
            "must not be after the last bar: prices of AAA are available from 2024-01-02",
        ),
        (
            {"start_date": "2020-01-01", "end_date": "2020-02-01"},
            "end_date",
            "must not be before the first bar: prices of AAA",
        ),
        ({"start_date": "2024-01-06", "end_date": "2024-01-07"}, "end_date", "No bars from 2024-01-06"),
    ],
)
def test_what_the_prices_cannot_give_is_refused_with_the_field_and_the_range(fields, field, text):
    with pytest.raises(InvalidRequest) as refused:
        run(request(**fields), {"AAA": dataset(walk(60))})

    (error,) = refused.value.errors
    assert error.field == field
    assert error.message.startswith(text)


def test_symbols_without_a_common_bar_are_refused_with_their_ranges():
    later = np.arange("2025-01-01", "2025-02-01", dtype="datetime64[D]")

    with pytest.raises(
        InvalidRequest, match=r"must have bars in common: AAA 2024-01-02 to .*; BBB 2025-01-01 to"
    ):
        run(
            request(symbols=["AAA", "BBB"]),
            {"AAA": dataset(walk(20)), "BBB": dataset(walk(31), symbol="BBB", times=later)},
        )


def test_symbols_of_different_timeframes_are_refused():
    with pytest.raises(
        InvalidRequest, match="must have the same interval, but AAA has 1d bars and BBB has 1w bars"
    ):
        run(
            request(symbols=["AAA", "BBB"]),
            {"AAA": dataset(walk(20)), "BBB": dataset(walk(20), symbol="BBB", timeframe="1w")},
        )


def test_bars_that_not_every_symbol_has_are_left_out_and_counted():
    shared = dataset(walk(40))
    holed = np.delete(shared.bars.times, [10, 11])

    outcome = run(
        request(symbols=["AAA", "BBB"]),
        {"AAA": shared, "BBB": dataset(walk(38), symbol="BBB", times=holed)},
    )

    assert outcome.summary["bars"] == 38
    said = message(outcome, "bars_dropped")
    assert "BBB lacks 2 bars from 2024-01-16 to 2024-01-17 that other symbols have." in said
    assert (
        "Left out within the range: 2 bars of AAA. Stops and targets that were reached on those bars" in said
    )


def test_the_benchmark_of_several_symbols_is_their_even_split():
    prices = {"AAA": dataset([100, 200]), "BBB": dataset([50, 50], symbol="BBB")}

    outcome = run(request(symbols=["AAA", "BBB"]), prices)

    assert outcome.summary["metrics"]["benchmark_return"] == 0.5
    assert outcome.summary["conventions"]["benchmark"] == "AAA, BBB"


def test_a_chosen_benchmark_carries_its_last_close_over_days_it_lacks():
    own = dataset([100, 100, 100, 100])
    index = dataset([10, 20, 40], symbol="IDX", times=own.bars.times[[0, 1, 3]])

    outcome = run(request(benchmark="IDX"), {"AAA": own, "IDX": index})

    np.testing.assert_allclose(outcome.curves["benchmark"], [100_000, 200_000, 200_000, 400_000])
    assert message(outcome, "benchmark_gaps").startswith("The benchmark IDX has no price on 1 bar;")
    assert outcome.summary["data_hash"] == own.data_hash
    assert outcome.summary["data_hashes"]["IDX"] == index.data_hash


def test_a_benchmark_that_begins_after_trading_is_refused():
    own = dataset([100, 100, 100])
    index = dataset([10, 20], symbol="IDX", times=own.bars.times[1:])

    with pytest.raises(InvalidRequest, match="IDX has bars from 2024-01-03 to 2024-01-04 only"):
        run(request(benchmark="IDX"), {"AAA": own, "IDX": index})


def test_no_signal_is_explained():
    outcome = run(crossing("close > 1000000", "close < 0"), {"AAA": dataset(walk(60))})

    assert message(outcome, "no_trades") == "No trades: the rule gave no signal in this range."
    assert "few_trades" not in codes(outcome)


def test_a_price_above_the_capital_is_explained_by_the_order_statistics():
    outcome = run(request(initial_capital=50), {"AAA": dataset(walk(60))})

    assert message(outcome, "no_trades") == (
        "No trades. Of 1 signal: 1 below one share (allow fractional shares, or raise size or capital)."
    )
    assert outcome.summary["metrics"]["win_rate"] is None


def test_every_way_to_be_rejected_has_words():
    rejected = {"direction": 1, "no_next_bar": 1, "too_small": 1, "no_cash": 1, "ruined": 1}

    assert no_trades(5, rejected).count(";") == 4
    assert no_trades(3, dict.fromkeys(rejected, 0)) == (
        "No trades: 3 signals, none with a position to enter."
    )


def test_ruin_is_dated_and_leaves_returns_undefined():
    close = [100, 100, 100, 250, 250, 250]
    prices = {"AAA": dataset(close)}

    outcome = run(selling_short(), prices)

    assert outcome.summary["flags"]["ruined"]
    assert "ruined on 2024-01-05" in message(outcome, "ruined")
    assert outcome.summary["metrics"]["sharpe_ratio"] is None
    assert outcome.summary["metrics"]["total_return"] <= -1


def test_a_fill_at_the_signals_own_close_is_flagged():
    outcome = run(request(fill="close"), {"AAA": dataset(walk(60))})

    assert {"same_bar_fill", "few_trades", "open_at_end", "short_run"} <= codes(outcome)
    assert outcome.summary["flags"]["same_bar_fill"]


def test_stop_and_target_in_one_bar_are_counted():
    close = [100, 100, 100, 100]
    prices = dataset(close)
    prices.bars.high[2], prices.bars.low[2] = 120, 80

    outcome = run(request(stop_loss_pct=5, take_profit_pct=5, **FREE), {"AAA": prices})

    assert outcome.summary["flags"]["ambiguous_bars"] == 1
    assert message(outcome, "ambiguous_bars").startswith("In 1 bar, both")


def test_a_trade_over_a_wrong_print_is_listed():
    close = walk(200)
    close[120] *= 2

    outcome = run(request(), {"AAA": dataset(close)})

    assert outcome.summary["suspect_trades"] == {
        "count": 1,
        "listed": [{"trade": 0, "symbol": "AAA", "kinds": ["outlier", "spike"]}],
    }
    assert message(outcome, "suspect_bars").startswith("1 trade ")


def test_dates_beyond_the_prices_are_mentioned():
    outcome = run(request(start_date="2020-01-01"), {"AAA": dataset(walk(60))})

    assert message(outcome, "late_start").startswith("Trading starts on 2024-01-02")
    assert message(outcome, "early_end").startswith("Prices end on 2024-03-25")


def test_a_single_bar_is_a_run_in_which_nothing_happens():
    summary = run(request(), {"AAA": dataset([100])}).summary

    assert summary["bars"] == 1
    assert summary["metrics"]["total_return"] == 0
    assert summary["metrics"]["sharpe_ratio"] is None


def test_intraday_bars_borrow_by_the_bar_and_count_returns_by_the_day():
    days = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
    times = (days[:, None] + np.array([10, 12, 14, 16], "timedelta64[h]")).ravel()
    times = times[np.is_busday(times.astype("datetime64[D]"))]

    outcome = run(
        selling_short(start_date="2024-01-01", borrow_rate=0.1),
        {"AAA": dataset(np.full(32, 100.0), times=times, timeframe="2h")},
    )

    assert outcome.summary["conventions"]["returns"] == 8
    per_bar = 0.1 / (252 * 4)  # sold at the open of the second bar, charged at 31 closes
    assert outcome.summary["metrics"]["total_borrow"] == pytest.approx(100_000 * per_bar * 31)


def test_a_short_run_between_weekends_has_the_year_of_its_market():
    daily = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")

    outcome = run(
        request(start_date="2024-02-05", end_date="2024-02-08"), {"AAA": dataset(walk(60), times=daily)}
    )

    assert outcome.summary["bars"] == 4
    assert outcome.summary["conventions"]["periods_per_year"] == 365


def test_bars_of_two_days_that_are_called_daily_are_found_by_their_closes():
    times = np.datetime64("2022-01-01", "s") + np.arange(400) * np.timedelta64(2, "D")

    outcome = run(
        selling_short(start_date="2022-01-01", borrow_rate=0.1),
        {"AAA": dataset(np.full(400, 100.0), times=times)},
    )

    assert message(outcome, "periods_per_year").startswith(
        "Yearly figures count 365 closes a year, as of 1d bars, but the prices of AAA have about 183: volatility "
        "and Sharpe ratio are 41% too high,"
    )
    conventions = outcome.summary["conventions"]
    assert (conventions["periods_per_year"], conventions["closes_per_year"]) == (365, 182.625)
    assert outcome.summary["metrics"]["total_borrow"] == pytest.approx(100_000 * 0.1 / 182.625 * 399)


def test_the_year_of_a_run_does_not_depend_on_its_range():
    times = np.arange("2022-01-02", "2024-01-01", dtype="datetime64[D]")  # Sunday to Thursday
    times = times[np.isin((times.astype(int) + 3) % 7, [6, 0, 1, 2, 3])]
    prices = {"AAA": dataset(walk(len(times)), times=times)}

    years = {
        run(request(start_date=start, end_date=end), prices).summary["conventions"]["periods_per_year"]
        for start, end in (
            ("2022-01-02", "2022-01-09"),
            ("2022-03-01", "2023-12-31"),
            ("2023-01-01", "2023-01-04"),
        )
    }

    assert years == {252}


FORMULAS = st.sampled_from(
    ["close > sma(close, 5)", "rsi(close, 3) < 40", "close > shift(close, 1)", "volume > 0", "close < 0"]
)


@given(
    close=st.lists(st.floats(0.5, 500), min_size=1, max_size=40),
    entry=FORMULAS,
    leave=FORMULAS,
    direction=st.sampled_from(["long_only", "long_short", "short_only"]),
    fill=st.sampled_from(["next_open", "close"]),
    stop=st.sampled_from([None, 3.0, 40.0]),
    fractional=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_run_has_a_summary_that_json_can_write(close, entry, leave, direction, fill, stop, fractional):
    wanted = request(
        rule_type="EXPRESSION",
        params={"entry": entry, "exit": leave, "short_entry": leave, "short_exit": entry},
        direction=direction,
        fill=fill,
        stop_loss_pct=stop,
        fractional=fractional,
    )

    outcome = run(wanted, {"AAA": dataset(close)})

    json.dumps(outcome.summary, allow_nan=False)
    for curve in outcome.curves.values():
        assert np.isfinite(curve).all()


def test_a_run_loads_neither_scipy_nor_pandas_nor_numba():
    assert loaded_by("import backtest.run.outcome", "scipy", "pandas", "numba", "matplotlib") == set()
