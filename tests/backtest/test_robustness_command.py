"""The command `robustness`."""

import json

import pytest

from backtest import samples
from backtest.__main__ import main
from backtest.robustness import robustness
from backtest.run.request import RunRequest

CROSS = [
    "--symbol",
    "SP500",
    "--start",
    "2009-01-02",
    "--end",
    "2018-12-31",
    "--rule",
    "MOVING_AVERAGE_CROSS",
]
REQUEST = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
}


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRARY_DIR", str(tmp_path / "library"))


def test_it_prints_the_verdict_and_what_it_rests_on(capsys):
    assert main(["robustness", *CROSS]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "The gain survives twice the costs and every start; it does not survive the worst fill, resampled returns, "
        "random entries and the number of trials."
    )
    assert "Costs × 1                   40.33%  Sharpe 0.36" in lines
    assert "Break-even, return            54.5 bps a side" in lines


def test_as_json_it_is_what_the_function_gives(capsys):
    assert main(["robustness", *CROSS, "--seed", "3", "--json"]) == 0

    found = robustness(RunRequest.parse(REQUEST), {"SP500": samples.load("SP500")}, seed=3)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found))


def test_what_is_undefined_is_a_dash_with_its_reason(capsys):
    idle = ["--rule", "EXPRESSION", "--param", "entry=close < 0", "--param", "exit=close > 0"]

    assert main(["robustness", *CROSS[:-2], *idle]) == 0

    out = capsys.readouterr().out
    assert "Costs × 1                    0.00%  Sharpe –" in out
    assert "luck" in out


def test_a_mistake_is_told_by_its_option(capsys):
    assert main(["robustness", *CROSS, "--param", "fast=0"]) == 2

    assert "error: --param" in capsys.readouterr().err
