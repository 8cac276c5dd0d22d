import json

import pytest

from backtest import samples
from backtest.__main__ import main
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from backtest.run.result_tables import CURVES, TRADE_COLUMNS

SPAN = ["--start", "2009-01-02", "--end", "2018-12-31"]
RUN = ["run", "--symbol", "SP500", "--rule", "MOVING_AVERAGE_CROSS", *SPAN]

JANUARY = ["--start", "2024-01-02", "--end", "2024-01-31"]


def january(file, header, prices):
    """A file with the same prices on the thirty days from 2 January on."""
    rows = [f"2024-01-{day:02d},{prices}" for day in range(2, 32)]
    file.write_text("\n".join((header, *rows)))
    return file


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRARY_DIR", str(tmp_path / "library"))
    return tmp_path


def test_a_run_prints_the_figures_that_the_computation_gives(library, capsys):
    assert main([*RUN, "--param", "fast=10", "--param", "slow=30", "--fee-rate", "0.002", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    request = RunRequest.parse(printed["request"])
    assert request.config.fee_rate == 0.002
    assert request.params == {"fast": "10", "slow": "30"}
    expected = run(request, {"SP500": samples.load("SP500")}).summary
    assert printed["result_hash"] == expected["result_hash"]
    assert printed["metrics"] == expected["metrics"]


def test_json_holds_every_trade_and_the_curves_of_every_bar(library, capsys):
    assert main([*RUN, "--param", "fast=10", "--param", "slow=30", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    expected = run(RunRequest.parse(printed["request"]), {"SP500": samples.load("SP500")})
    assert len(printed["trades"]) == printed["metrics"]["num_trades"] == len(expected.trades.pnl)
    first, last = printed["trades"][0], printed["trades"][-1]
    assert (first["seq"], first["symbol"], first["side"]) == (0, "SP500", "long")
    assert first["entry_time"] in printed["times"]
    assert last["pnl"] == expected.trades.pnl[-1]
    assert set(first) == {"seq", *TRADE_COLUMNS}
    assert (printed["times"][0], len(printed["times"])) == ("2009-01-02", printed["bars"])
    for name in CURVES:
        assert printed[name] == expected.curves[name].tolist()
    assert printed["equity"][-1] == printed["metrics"]["final_equity"]


def test_the_table_names_what_was_run_and_every_group_of_figures(library, capsys):
    assert main(RUN) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("MOVING_AVERAGE_CROSS() on SP500, 2009-01-02 to 2018-12-31, 2,516 bars")
    assert [
        group for group in ("Return", "Risk", "Drawdown", "Trades", "Costs", "Benchmark") if group in printed
    ]


def test_every_mistake_is_told_by_its_option_and_exits_with_2(library, capsys):
    mistaken = (
        "run --symbol SP50 --rule RSI --param period=1 --start 2018-12-31 --end 2009-01-02 --fee-rate x"
    )

    assert main(mistaken.split()) == 2

    told = capsys.readouterr().err
    assert "error: --param period: must be a whole number from 2" in told
    assert "error: --end: End date must be after start date" in told
    assert "error: --fee-rate: must be a number from 0 up to 0.5, got 'x'" in told


def test_an_unknown_symbol_is_answered_with_the_nearest_one(library, capsys):
    assert main(["run", "--symbol", "SP50", *RUN[3:]]) == 2

    assert "did you mean SP500?" in capsys.readouterr().err


def test_a_symbol_is_found_in_any_case_and_numbers_are_read_as_written(library, capsys):
    request = "run --symbol sp500 --rule RSI --start 2010-01-04 --end 2012-01-04 --json"

    code = main([*request.split(), "--fee-rate", "0.2%", "--initial-capital", "$20,000"])

    said = json.loads(capsys.readouterr().out)["request"]
    assert (code, said["symbols"], said["fee_rate"], said["initial_capital"]) == (0, ["SP500"], 0.002, 20_000)


def test_a_range_without_bars_is_told_with_the_range_that_there_is(library, capsys):
    later = ["--start", "2030-01-01", "--end", "2031-01-01"]

    assert main(["run", "--symbol", "SP500", "--rule", "RSI", *later]) == 2

    told = capsys.readouterr().err
    assert "--start" in told or "--end" in told
    assert "2018-12-31" in told


def test_imported_prices_can_be_listed_and_run(library, capsys):
    rows = [f"2024-01-{day:02},{day},{day + 1},{day - 0.5},{day},1000" for day in range(2, 32)]
    file = library / "acme.csv"
    file.write_text("date,open,high,low,close,volume\n" + "\n".join(rows))

    assert main(["import", str(file), "--symbol", "ACME"]) == 0
    assert main(["symbols"]) == 0
    assert main(["run", "--symbol", "ACME", "--rule", "BUY_AND_HOLD", *JANUARY]) == 0

    printed = capsys.readouterr().out
    assert "ACME: 30 bars, 2024-01-02 to 2024-01-31" in printed
    assert "BUY_AND_HOLD() on ACME, 2024-01-02 to 2024-01-31, 30 bars" in printed


def test_prices_without_volume_are_imported_and_refused_for_a_rule_that_reads_it(library, capsys):
    file = january(library / "krw.csv", "date,open,high,low,close", "10,11,9,10.5")

    assert main(["import", str(file), "--symbol", "KRW=X"]) == 0
    assert main(["run", "--symbol", "KRW=X", "--rule", "BUY_AND_HOLD", *JANUARY]) == 0
    assert main(["run", "--symbol", "KRW=X", "--rule", "VOLUME_BREAKOUT", *JANUARY]) == 2

    printed = capsys.readouterr()
    assert "volume is unknown on 30 of 30 bars" in printed.out
    assert "error: --symbol: the volume of KRW=X is unknown on all of its 30 bars" in printed.err


def test_a_split_is_applied_to_the_current_version_and_told_by_a_run(library, capsys):
    file = january(library / "acme.csv", "date,open,high,low,close,volume", "10,11,9,10,100")
    assert main(["import", str(file), "--symbol", "ACME"]) == 0

    assert main(["split", "ACME", "2024-01-10", "2:1"]) == 0
    assert main(["run", "--symbol", "ACME", "--rule", "BUY_AND_HOLD", *JANUARY]) == 0
    assert main(["split", "ACME", "2024-01-10", "two"]) == 2

    printed = capsys.readouterr()
    assert "ACME: prices before 2024-01-10 divided and volumes multiplied for a 2:1 split" in printed.out
    assert "Prices of ACME are adjusted: prices before 2024-01-10 are divided for a 2:1 split." in printed.out
    assert "error: --ratio: must be new shares for old ones" in printed.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2024-01-03,10,11,9,ten,100", "line 3, 2024-01-03, close"),
        ("2024-01-02,10,11,9,10.5,100", "line 3"),
        ("2024-01-03,-10,11,9,10,100", "line 3, 2024-01-03, open"),
        ("2024-01-03,10,8,9,10,100", "line 3, 2024-01-03, high"),
    ],
)
def test_a_broken_file_is_told_by_line_date_and_field_and_nothing_is_kept(library, capsys, line, told):
    file = library / "acme.csv"
    file.write_text(f"date,open,high,low,close,volume\n2024-01-02,10,11,9,10.6,100\n{line}\n")

    assert main(["import", str(file), "--symbol", "ACME"]) == 2

    assert told in capsys.readouterr().err
    assert not (library / "library").exists()


def test_a_file_that_is_not_there_is_told(library, capsys):
    assert main(["import", "nothing.csv", "--symbol", "ACME"]) == 2

    assert "nothing.csv: No such file or directory" in capsys.readouterr().err


def test_every_rule_is_listed_with_its_parameters(capsys):
    assert main(["rules"]) == 0

    printed = capsys.readouterr().out
    assert "MOVING_AVERAGE_CROSS: " in printed
    assert "fast           a whole number from 1 up to 5000 (default 10)" in printed
