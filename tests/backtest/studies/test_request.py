"""The request of a study: what may be searched, and what is refused by name."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import rules
from backtest.errors import InvalidRequest
from backtest.expression import FUNCTIONS
from backtest.studies import sampling
from backtest.studies.plan import plan
from backtest.studies.request import STUDY_FIELDS, StudyLimits, StudyRequest
from tests.backtest.studies.study_requests import raw_study, study


def refused(limits=None, **fields):
    with pytest.raises(InvalidRequest) as caught:
        plan(StudyRequest.parse(raw_study(**fields), limits=limits), bars=400, limits=limits)
    return {error.field: error.message for error in caught.value.errors}


def test_a_range_of_numbers_is_the_numbers_that_are_written():
    request = study(space={"fee_rate": {"from": 0.1, "to": 0.5, "step": 0.1}})

    assert request.space == {"fee_rate": (0.1, 0.2, 0.3, 0.4, 0.5)}


def test_the_grid_does_not_depend_on_the_order_in_which_names_are_given():
    space = {"size": [50], "params.slow": [20, 30], "stop_loss_pct": [None, 5], "params.fast": [2, 3]}

    one, other = study(space=space), study(space=dict(reversed(space.items())))

    assert list(one.space) == list(other.space) == ["params.fast", "params.slow", "size", "stop_loss_pct"]
    assert plan(one).values(1) == {
        "params.fast": 2, "params.slow": 20, "stop_loss_pct": 5.0, "size": 50.0,
    }  # fmt: skip


def test_a_request_written_as_json_is_read_as_the_same_request():
    request = study(
        holdout_pct=20,
        walk_forward={"train_bars": 100, "test_bars": 50},
        sampler="random",
        max_trials=5,
        space={"params.fast": {"from": 2, "to": 9, "step": 1}, "params.slow": [30, 40]},
    )

    assert StudyRequest.parse(request.as_json()) == request


def test_combinations_that_the_rule_does_not_allow_are_counted_and_left_out():
    planned = plan(study())  # fast 2, 5, 10 and slow 5, 10, 15, 20: 5 < 5, 10 < 5 and 10 < 10 are not

    assert (planned.trials, planned.refused) == (9, 3)
    chosen = [planned.values(trial) for trial in range(planned.trials)]
    assert all(values["params.fast"] < values["params.slow"] for values in chosen)


FITTING = {
    "series": ["close", "sma(close, n)", "shift(high, 1)"],
    "number": ["close", "n", "k * close", "5"],
    "condition": ["close > n", "volume > k"],
    "period": ["n", "k", "5"],
    "constant": ["n", "k", "0.5"],
}
ODD = ["n", "-n", "n + 1", "fixed", "close", "close > 1", "unknown", "sma(n, 2)", "sma(close)"]
VALUES = [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 20.0, 50.0, 5_000.0, 5_001.0]


@st.composite
def formulas(draw):
    """Formulas that call two functions with searched constants in every place, now and then a wrong one."""
    sides = []
    for name in draw(st.lists(st.sampled_from(sorted(FUNCTIONS)), min_size=1, max_size=2)):
        function = FUNCTIONS[name]
        given = [
            draw(st.sampled_from(FITTING[argument.kind] * 3 + ODD[: draw(st.integers(0, len(ODD)))]))
            for argument in function.arguments[
                : draw(st.integers(function.required, len(function.arguments)))
            ]
        ]
        call = f"{name}({', '.join(given)})"
        sides.append(call if function.result == "condition" else f"{call} > 0")
    return f" {draw(st.sampled_from(['and', 'or']))} ".join(sides)


@settings(max_examples=300)
@given(formulas(), formulas() | st.just(""))
def test_combinations_of_a_formula_are_allowed_as_each_of_them_is_alone(entry, leave):
    params = {"entry": entry, "exit": leave, "constants": {"fixed": 3}}
    pairs = list(itertools.product(VALUES, VALUES))
    alone = [
        not rules.get("EXPRESSION").mistakes(params | {"constants": {"fixed": 3.0, "k": k, "n": n}})
        for k, n in pairs
    ]
    request = study(
        rule_type="EXPRESSION",
        params=params,
        space={"params.constants.k": VALUES, "params.constants.n": VALUES},
    )

    try:
        allowed = plan(request).numbers.tolist()
    except InvalidRequest:
        allowed = []

    assert allowed == [number for number, fits in enumerate(alone) if fits]


def test_a_large_space_of_a_formula_is_not_checked_one_combination_after_the_other(monkeypatch):
    rule, asked = rules.get("EXPRESSION"), []
    mistakes = rule.mistakes
    monkeypatch.setattr(rule, "mistakes", lambda values: asked.append(values) or mistakes(values))
    ranges = {"params.constants.k": {"from": 0, "to": 99, "step": 1}}
    ranges |= {"params.constants.n": {"from": 0, "to": 199, "step": 1}}

    planned = plan(study(rule_type="EXPRESSION", params={"entry": "rsi(close, n) < k"}, space=ranges))

    assert (planned.trials, planned.refused) == (100 * 198, 200)  # periods of 0 and 1
    assert len(asked) == 1


def test_a_fixed_parameter_refuses_combinations_too():
    planned = plan(study(params={"slow": 7}, space={"params.fast": [2, 5, 10]}))

    assert (planned.trials, planned.refused) == (2, 1)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"space": {}}, "space"),
        ({"space": {"params.quick": [1]}}, "space.params.quick"),
        ({"space": {"fast": [1]}}, "space.fast"),
        ({"space": {"initial_capital": [1]}}, "space.initial_capital"),
        ({"space": {"params.fast": []}}, "space.params.fast"),
        ({"space": {"params.fast": [2, 2]}}, "space.params.fast"),
        ({"space": {"params.fast": [2.5]}}, "space.params.fast"),
        ({"space": {"params.fast": [6_000]}}, "space.params.fast"),
        ({"space": {"params.fast": {"from": 2, "to": 9}}}, "space.params.fast"),
        ({"space": {"params.fast": {"from": 9, "to": 2, "step": 1}}}, "space.params.fast"),
        ({"space": {"params.fast": {"from": 2, "to": 9, "step": 0}}}, "space.params.fast"),
        ({"space": {"params.kind": {"from": 1, "to": 2, "step": 1}}}, "space.params.kind"),
        ({"space": {"params.fast": [50], "params.slow": [20]}}, "space"),
        ({"params": {"fast": 3}, "space": {"params.fast": [2]}}, "space.params.fast"),
        ({"size": 50, "space": {"size": [50, 100]}}, "space.size"),
        ({"params": {"slow": "long"}, "space": {"params.fast": [2]}}, "params.slow"),
        ({"rule_type": "NONE"}, "rule_type"),
        ({"start_date": "2001-13-01"}, "start_date"),
        ({"colour": "red"}, "colour"),
        ({"run_id": "1"}, "run_id"),
        ({"study_id": "1"}, "study_id"),
        ({"objective": "luck"}, "objective"),
        ({"symbols_mode": "apart"}, "symbols_mode"),
        ({"sampler": "random"}, "max_trials"),
        ({"max_trials": 5}, "space"),
        ({"holdout_pct": 95}, "holdout_pct"),
        ({"walk_forward": {"train_bars": 100}}, "walk_forward.test_bars"),
        ({"walk_forward": {"train_bars": 100, "test_bars": 5, "gap": 1}}, "walk_forward.gap"),
        ({"walk_forward": {"train_bars": 400, "test_bars": 5}}, "walk_forward.train_bars"),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_the_field(fields, named):
    assert named in refused(**fields)


@pytest.mark.parametrize("field", STUDY_FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize(
    "value", [7, 1e300, "{{workflow}}", [1], [], {"x": 1}, True, {"train_bars": "x"}], ids=str
)
def test_whatever_a_field_holds_it_is_read_or_refused(field, value):
    try:
        StudyRequest.parse(raw_study(**{field.name: value}))
    except InvalidRequest as invalid:
        assert all(error.message for error in invalid.errors)


def test_every_mistake_is_told_at_once():
    wrong = refused(space={"params.fast": [0], "params.quick": [1]}, objective="luck", symbols=[])

    assert set(wrong) == {"space.params.fast", "space.params.quick", "objective", "symbols"}


def test_more_trials_or_simulations_than_allowed_are_refused():
    assert "space" in refused(StudyLimits(trials=11, simulations=100))
    assert "space" in refused(StudyLimits(trials=12, simulations=8))
    walk = {"walk_forward": {"train_bars": 100, "test_bars": 100}}
    assert "space" in refused(StudyLimits(trials=12, simulations=35), **walk)  # 9 trials · (1 + 3 windows)
    plan(study(**walk), bars=400, limits=StudyLimits(trials=12, simulations=36))


def test_a_random_sample_holds_no_combination_twice_and_is_the_same_for_the_same_seed():
    space = {
        "params.fast": {"from": 1, "to": 100, "step": 1},
        "params.slow": {"from": 101, "to": 300, "step": 1},
    }
    fields = {"space": space, "sampler": "random", "max_trials": 500}

    first, again, other = (plan(study(**fields, seed=seed)).numbers for seed in (1, 1, 2))

    assert len(set(first.tolist())) == 500
    np.testing.assert_array_equal(first, again)
    assert len(np.intersect1d(first, other)) < 50  # 500 of 20,000 twice: 12.5 expected


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1_000, 4_097])
def test_a_sample_of_all_combinations_is_each_of_them_once(count):
    shuffled = sampling.shuffled(count, 5, np.arange(count))

    assert sorted(shuffled.tolist()) == list(range(count))


def test_a_space_larger_than_memory_is_sampled_without_being_listed():
    space = {
        f"params.{name}": {"from": 3, "to": 5_000, "step": 1} for name in ("period", "fast", "slow", "signal")
    }

    planned = plan(study(rule_type="RSI_MACD", space=space, sampler="random", max_trials=50))

    assert planned.trials + planned.refused == 50
    assert 0 < planned.refused < 50


def test_rows_are_shared_without_gap_or_repetition():
    planned = plan(study(symbols=["AAA", "BBB"], symbols_mode="each"))

    shares = [list(planned.share(number, 4)) for number in range(4)]

    assert [row for share in shares for row in share] == list(range(18))
