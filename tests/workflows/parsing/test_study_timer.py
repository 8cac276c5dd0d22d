"""A study is timed by a child without secrets, once for all that differ in numbers alone."""

import pytest

from backtest import samples
from backtest.studies.execution.estimate import estimate
from backtest.studies.plan import plan, work
from backtest.studies.request import StudyRequest
from workflows.errors import ParserFailed
from workflows.parsing import study_timer, timing
from workflows.parsing.children import Limits
from workflows.parsing.study_timer import StudyTimer

STUDY = {
    "symbols": ["NASDAQ"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "space": {"params.fast": {"from": 2, "to": 20, "step": 1}, "params.slow": [30, 40, 50]},
    "start_date": "2010-01-04",
    "end_date": "2018-12-31",
}
NASDAQ = samples.load("NASDAQ")
BARS = 2_264


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """What a child loads has been compiled, as after the start of the program."""
    estimate(plan(StudyRequest.parse(STUDY)), {"NASDAQ": NASDAQ})


class Asked:
    """A timer and the data hashes of the prices that were loaded for it."""

    def __init__(self):
        self.timer, self.loaded = StudyTimer(), []

    def seconds(self, data_hash="a", **changes):
        planned = plan(StudyRequest.parse(STUDY | changes))
        return self.timer.seconds(planned, BARS, {"NASDAQ": data_hash}, self.payload)

    def payload(self, data_hash):
        self.loaded.append(data_hash)
        return NASDAQ.encode()


@pytest.fixture
def asked():
    return Asked()


def test_a_child_times_trials_of_the_study_that_is_asked_for(asked):
    found = asked.seconds()

    # 57 trials of 2,264 bars take some 20 µs each; the machine may be slower, or busy
    assert 57 * 1e-6 < found < 57 * 2_000e-6
    assert asked.loaded == ["a"]


def test_a_study_that_differs_in_numbers_alone_is_not_timed_again(asked):
    first = asked.seconds()
    longer = asked.seconds(space={"params.fast": [2, 3], "params.slow": [30, 40, 50]})

    assert asked.loaded == ["a"]
    assert longer == pytest.approx(first * 6 / 57)


@pytest.mark.parametrize(
    "changes",
    [
        {"data_hash": "b"},
        {"rule_type": "RSI", "space": {"params.period": [5, 6]}},
        {"space": {"params.fast": [2, 3], "params.slow": [30, 40], "stop_loss_pct": [3, 5]}},
        {"walk_forward": {"train_bars": 1_000, "test_bars": 500}},
    ],
)
def test_other_prices_rules_inputs_or_windows_are_timed_for_themselves(asked, changes):
    asked.seconds()
    asked.seconds(**changes)

    assert len(asked.loaded) == 2


def test_the_windows_of_a_walk_forward_are_timed_along(asked):
    walk = {"walk_forward": {"train_bars": 1_000, "test_bars": 10}}
    planned = plan(StudyRequest.parse(STUDY | walk))

    # 127 windows of 1,000 bars each beside the whole range
    assert work(planned, BARS) == 57 * (BARS + 127 * 1_000)
    assert asked.seconds(**walk) > 5 * asked.seconds()


def test_another_formula_is_timed_for_itself(asked):
    space = {"rule_type": "EXPRESSION", "space": {"params.constants.n": [5, 10]}}
    asked.seconds(**space, params={"entry": "close > sma(close, n)"})
    asked.seconds(**space, params={"entry": "close > ema(close, n) and rsi(close, n) < 70"})

    assert len(asked.loaded) == 2


def test_a_study_that_needs_too_much_memory_is_not_timed_and_not_tried_again_at_once(asked, monkeypatch):
    monkeypatch.setattr(study_timer, "_LIMITS", Limits(memory_mib=1, seconds=5, data_mib=64))

    assert asked.seconds() is None
    assert asked.seconds() is None
    assert asked.loaded == ["a"]


def test_prices_that_are_too_large_for_a_child_are_not_sent_to_one(asked, monkeypatch):
    monkeypatch.setattr(study_timer, "_LIMITS", Limits(memory_mib=1024, seconds=5, data_mib=0))

    assert asked.seconds() is None


def test_while_another_study_is_timed_none_waits(asked):
    asked.timer.places.acquire()

    assert asked.seconds() is None
    asked.timer.places.release()
    assert asked.seconds() is not None


def test_a_child_that_fails_leaves_the_study_untimed(asked, monkeypatch):
    def fail(*_):
        raise ParserFailed("no process")

    monkeypatch.setattr(study_timer.children, "ask", fail)

    assert asked.seconds() is None


def test_a_range_without_bars_is_not_timed(asked):
    assert asked.seconds(start_date="1901-01-02", end_date="1902-01-02") is None


def test_where_compiled_code_cannot_be_read_nothing_is_timed(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/no/such/folder")

    found, _ = timing.answer(NASDAQ.encode(), {"request": STUDY, "lengths": {}})

    assert found == {"unknown": "the folder of compiled code is read-only or not there yet"}
