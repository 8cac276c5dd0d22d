"""The commands `sweep` and `walk-forward`."""

import json

import pytest

from backtest import samples
from backtest.__main__ import main
from backtest.console.heatmap import cells
from backtest.run.outcome import run
from backtest.studies.compute import compute_chunk
from backtest.studies.request import StudyRequest
from backtest.studies.result import finish

SPAN = ["--symbol", "SP500", "--start", "2009-01-02", "--end", "2018-12-31"]
SWEEP = ["sweep", *SPAN, "--rule", "MOVING_AVERAGE_CROSS"]
SPACE = ["--space", "fast=5:15:5", "--space", "slow=10,30"]


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRARY_DIR", str(tmp_path / "library"))
    return tmp_path


def printed(capsys, *argv):
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_best_trial_of_a_sweep_is_printed_with_the_figures_of_its_run(capsys):
    found = printed(capsys, *SWEEP, *SPACE, "--fee-rate", "0.002", "--minimum-trades", "1")

    request = StudyRequest.parse(found["request"])
    assert request.space == {"params.fast": (5, 10, 15), "params.slow": (10, 30)}
    assert (found["trials"], found["refused"]) == (4, 2)
    best = found["accounts"][0]["best"]
    metrics = run(request.run_with(best["values"]), {"SP500": samples.load("SP500")}).summary["metrics"]
    assert best["figures"] == {name: metrics[name] for name in best["figures"]}


def test_a_table_lists_the_best_trials_and_what_the_statistics_say(capsys):
    assert main([*SWEEP, *SPACE, "--top", "2", "--holdout-pct", "20"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "MOVING_AVERAGE_CROSS: 4 trials, 2 combinations refused by the rule, ranked by sharpe_ratio"
    )
    assert sum("fast " in line and "slow " in line for line in lines) == 2
    for words in ("deflated Sharpe ratio", "probability of overfitting", "Reality Check", "hold-out from"):
        assert any(words in line for line in lines)


def test_a_walk_forward_prints_each_window(capsys):
    windows = ["--train-bars", "750", "--test-bars", "500", "--minimum-trades", "1"]

    assert main(["walk-forward", *SPAN, "--rule", "MOVING_AVERAGE_CROSS", *SPACE, *windows]) == 0

    out = capsys.readouterr().out
    assert "out of sample 2011-12-22 to 2018-12-31" in out
    assert out.count("fast ") >= 4


def test_constants_of_formulas_and_inputs_of_the_run_are_searched(capsys):
    formula = ["--param", "entry=close > sma(close, n) + k", "--param", "constants=k=0.5"]
    space = ["--space", "constants.n=5:15:5", "--space", "stop_loss_pct=off,5"]

    found = printed(capsys, "sweep", *SPAN, "--rule", "EXPRESSION", *formula, *space)

    assert found["trials"] == 6
    assert found["request"]["space"] == {
        "params.constants.n": {"from": 5.0, "to": 15.0, "step": 5.0},
        "stop_loss_pct": [None, 5.0],
    }


@pytest.mark.parametrize("space", [SPACE, SPACE[:2]])
def test_a_heatmap_is_written(capsys, tmp_path, space):
    path = tmp_path / "heatmap.png"

    assert main([*SWEEP, "--param", "slow=40", *space, "--png", str(path)] if space == SPACE[:2] else
                [*SWEEP, *space, "--png", str(path)]) == 0  # fmt: skip

    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_cell_of_the_heatmap_is_the_best_over_the_other_inputs():
    raw = {"symbols": ["SP500"], "rule_type": "MOVING_AVERAGE_CROSS", "start_date": "2009-01-02",
           "end_date": "2018-12-31", "minimum_trades": 1,
           "space": {"params.fast": [5, 12], "params.slow": [10, 30], "stop_loss_pct": [2, 20]}}  # fmt: skip
    request, prices = StudyRequest.parse(raw), {"SP500": samples.load("SP500")}
    table = finish(request, prices, [compute_chunk(request, prices, 0, 1)]).tables[0]

    found = cells(request.axes, table)

    assert found.shape == (2, 2)
    assert found[0, 1] != found[0, 1]  # fast 12 and slow 10 are refused
    assert found[0, 0] == max(table.scores[:2])


@pytest.mark.parametrize(
    ("space", "named"),
    [("quick=1", "--space params.quick"), ("fast", "--space"), ("fast=1:2:3:4", "--space params.fast"),
     ("fast=5:1", "--space params.fast")],
)  # fmt: skip
def test_a_wrong_space_is_refused_by_the_name_of_the_option(capsys, space, named):
    assert main([*SWEEP, "--space", space]) == 2

    assert f"error: {named}: " in capsys.readouterr().err
