"""A walk-forward chooses on training bars alone and trades the test bars as one account."""

from dataclasses import replace

import numpy as np
import pytest

from backtest.errors import InvalidRequest
from backtest.rules import build
from backtest.run.outcome import run
from backtest.simulation.simulate import simulate
from backtest.studies.compute import compute_chunk
from backtest.studies.plan import plan
from backtest.studies.request import WalkForward
from backtest.studies.result import finish
from backtest.studies.segments import Window, windows
from tests.backtest.studies.study_requests import study, walks

WALK = {"train_bars": 150, "test_bars": 60, "anchored": False}


def finished(**fields):
    request = study(walk_forward=WALK, **fields)
    prices = walks(bars=400)
    result = finish(request, prices, [compute_chunk(request, prices, 0, 1)])
    return request, prices, result


def test_windows_follow_one_another_by_their_test_bars():
    rolling = windows(WalkForward(train_bars=100, test_bars=40, anchored=False), 200)
    anchored = windows(WalkForward(train_bars=100, test_bars=40, anchored=True), 200)

    assert rolling == (Window(0, 100, 140), Window(40, 140, 180), Window(80, 180, 200))
    assert anchored == (Window(0, 100, 140), Window(0, 140, 180), Window(0, 180, 200))


def test_each_window_chooses_what_is_best_as_a_run_of_its_training_days():
    request, prices, result = finished()
    planned = plan(request)

    for window in result.summary["accounts"][0]["walk_forward"]["windows"]:
        first, last = window["train"]
        days = study(start_date=first, end_date=last)
        ratios = [
            run(days.run_with(planned.values(trial)), prices).summary["metrics"]["sharpe_ratio"]
            for trial in range(planned.trials)
        ]
        best = max(ratio for ratio in ratios if ratio is not None)
        assert (window["trial"], window["score"]) == (ratios.index(best), best)


def test_the_test_bars_are_one_simulation_of_the_chosen_targets():
    request, prices, result = finished()
    bars, walk = prices["AAA"].bars, result.walks[0]
    parts = []
    for place, window in enumerate(walk.summary["windows"]):
        params = {name.removeprefix("params."): value for name, value in window["values"].items()}
        target = build("MOVING_AVERAGE_CROSS", params).target(bars)
        parts.append(target[150 + 60 * place : 150 + 60 * place + window["test_bars"]])

    config = replace(request.run.config, periods_per_year=252)
    expected = simulate(bars.cut(150, 400), np.concatenate(parts), config)

    np.testing.assert_array_equal(walk.curves["equity"], expected.equity)
    assert walk.summary["metrics"]["num_trades"] == expected.num_trades
    growth = np.prod([1.0 + window["total_return"] for window in walk.summary["windows"]])
    assert growth == pytest.approx(expected.equity[-1] / 100_000)
    assert sum(window["num_trades"] for window in walk.summary["windows"]) == expected.num_trades


def test_no_choice_sees_its_test_bars():
    request, prices, result = finished()
    close = prices["AAA"].bars.close.copy()
    close[330:] *= np.linspace(1.0, 3.0, 70)[:, None]
    bars = replace(prices["AAA"].bars, close=close, high=np.maximum(prices["AAA"].bars.high, close))
    changed = {"AAA": replace(prices["AAA"], bars=bars)}

    other = finish(request, changed, [compute_chunk(request, changed, 0, 1)])

    def chosen(found):
        return [window["trial"] for window in found.summary["accounts"][0]["walk_forward"]["windows"]]

    assert chosen(other)[:4] == chosen(result)[:4]  # trained on bars before 330


def test_a_window_without_an_eligible_trial_stays_flat():
    _, _, result = finished(minimum_trades=1_000)

    walk = result.summary["accounts"][0]["walk_forward"]

    assert walk["drift"]["flat_windows"] == len(walk["windows"]) == 5
    assert walk["metrics"]["final_equity"] == 100_000
    assert walk["efficiency"] is None


def test_inputs_of_the_run_cannot_be_searched_in_a_walk_forward():
    with pytest.raises(InvalidRequest) as refused:
        study(walk_forward=WALK, space={"params.fast": [2, 5], "stop_loss_pct": [2, 5]})

    assert [error.field for error in refused.value.errors] == ["space.stop_loss_pct"]
