"""The language of formulas: what it means, what it refuses and where it points."""

import sys
import warnings

import numpy as np
import pytest

from backtest import rules
from backtest.errors import InvalidRequest
from backtest.expression import FUNCTIONS, Formula, InvalidExpression, check
from backtest.expression.parser import parse
from backtest.expression.tree import text

PERIOD = "must be a constant whole number from 1 up to 5000"
CONDITION = "this is a condition (true or false)"


class Column:
    """One symbol's bars, as the rules hand them to a formula."""

    def __init__(self, close, **others):
        self.close = np.asarray(close, dtype=np.float64)
        for name in ("open", "high", "low", "volume"):
            setattr(self, name, np.asarray(others.get(name, close), dtype=np.float64))

    def __len__(self):
        return len(self.close)


def where(source, close, **others):
    return Formula.read(source).holds(Column(close, **others)).tolist()


def mistakes(source):
    return [(problem.column, problem.message) for problem in check(source)]


def test_a_comparison_holds_bar_by_bar():
    assert where("close > 2", [1, 2, 3]) == [False, False, True]


@pytest.mark.parametrize(
    ("sum_", "value"),
    [
        ("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("2 - 3 - 4", -5), ("8 / 4 / 2", 1), ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4), ("2 ^ -1", 0.5), ("2 * -3", -6), ("- -2", 2), ("1.5e1 + .5", 15.5), ("2 ^ 3 * 2", 16),
        ("4 ^ 0.5 - 1", 1), ("max(2, 3) + min(2, 3)", 5), ("abs(-3) + sqrt(16)", 7), ("log(exp(2))", 2),
    ],
)  # fmt: skip
def test_arithmetic_binds_as_in_school(sum_, value):
    assert where(f"{sum_} == {value}" if value >= 0 else f"-({sum_}) == {-value}", [1]) == [True]


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("not a > b and c > d", "(not (a > b)) and (c > d)"),
        ("a > b or c > d and e > f", "(a > b) or ((c > d) and (e > f))"),
        ("a + b > c - d", "(a + b) > (c - d)"),
        ("NOT Close > OPEN", "not (close > open)"),
        ("a\n>\tb", "a > b"),
    ],
)
def test_words_bind_more_loosely_than_comparisons_and_case_does_not_matter(source, same):
    assert parse(source) == parse(same)


def test_a_chain_of_comparisons_needs_every_pair():
    assert where("1 < close <= 3 != open", [1, 2, 3, 3, 4], open=[0, 0, 0, 3, 0]) == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_true_and_false_are_conditions():
    assert where("true and not false", [1, 2]) == [True, True]


def test_shift_looks_into_the_past():
    assert where("close > shift(close, 2)", [1, 5, 2, 4, 3]) == [False, False, True, False, True]


def test_a_crossing_is_one_bar_and_remembers_its_side_through_a_tie():
    close = [1, 3, 3, 2, 3, 1, 2, 3]

    assert where("crosses_above(close, 2)", close) == [False, True, False, False, False, False, False, True]
    assert where("crosses_below(close, 2)", close) == [False, False, False, False, False, True, False, False]


def test_within_looks_back_over_conditions():
    assert where("within(close == 1, 2)", [1, 2, 2, 1, 2]) == [True, True, False, True, True]


def test_the_volume_weighted_price_weighs_with_volume():
    close, volume = [10, 20, 30], [1, 3, 0]

    held = where("vwap(2) == 17.5", close, volume=volume)

    assert held == [False, True, False]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_called_and_knows_how_long_it_looks_back(name):
    function = FUNCTIONS[name]
    samples = {
        "series": "close + 1",
        "number": "close + 1",
        "condition": "close > open",
        "period": "3",
        "constant": "2",
    }
    given = [samples[argument.kind] for argument in function.arguments if argument.default is None]
    if name.startswith("crosses"):
        given = ["close", "open"]
    call = f"{name}({', '.join(given)})"
    source = call if function.result == "condition" else f"{call} == {call} or {call} > 0"
    random = np.random.default_rng(2)
    close = 10 + random.random(200)
    column = Column(close, open=close[::-1], high=close + 1, low=close - 1, volume=close)

    formula = Formula.read(source)

    held = formula.holds(column)
    assert held.any()
    if function.result == "number":
        assert held.tolist() == [bar >= formula.lookback for bar in range(200)]


@pytest.mark.parametrize(
    "source",
    [
        "close > 1 / 0", "close < 1 / (close - close)", "0 / 0 < 1", "0 / 0 == 0 / 0", "close < 10 ^ 400",
        "log(-close) < 1", "sqrt(-close) < 1", "exp(close * 1e5) > 1", "(-close) ^ 0.5 < 1", "close / 0 != 1",
        "1e308 * 1e308 > 1", "not close > 1 / 0", "not within(close > 1 / 0, 1)",
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_unknown_and_holds_nowhere(source):
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        held = where(source, [1, 2, 3])

    assert held == [False, False, False]


def test_unknown_is_not_made_true_by_not():
    assert where("not close > sma(close, 3)", [3, 2, 2, 1]) == [False, False, True, True]


def test_one_decided_side_is_enough_for_and_and_or():
    assert where("close > 1 or close > sma(close, 3)", [2, 1, 1]) == [True, False, False]
    assert where("not (close > 1 and close > sma(close, 3))", [2, 1, 1]) == [False, True, True]


def test_an_indicator_recovers_after_a_bar_that_cannot_be_computed():
    held = where("sma(1 / (close - 2), 2) > 0", [3, 4, 2, 3, 4, 5])

    assert held == [False, True, False, False, True, True]


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("", 1, "is empty; write a condition such as close > sma(close, 200)"),
        ("close", 1, "this is a number; a rule requires a condition, such as close > sma(close, 200)"),
        ("clsoe > 3", 1, "unknown name clsoe; did you mean close?"),
        ("close > smaa(close, 3)", 9, "unknown function smaa; did you mean sma?"),
        ("close > sma", 9, "sma is a function: write sma(x, n)"),
        ("close(1) > 2", 1, "close is not a function; for an earlier bar write shift(close, 1)"),
        ("close > sma(close)", 9, "sma(x, n) takes 2 arguments, got 1"),
        ("rsi() > 3", 1, "rsi(x, n=14) takes 1 to 2 arguments, got 0"),
        ("obv(close) > 3", 1, "obv() takes 0 arguments, got 1"),
        ("sma(close, 0) > 1", 12, f"n of sma(x, n) {PERIOD}, got 0"),
        ("sma(close, 2.5) > 1", 12, f"n of sma(x, n) {PERIOD}, got 2.5"),
        ("sma(close, volume) > 1", 12, f"n of sma(x, n) {PERIOD}"),
        ("shift(close, -1) > 1", 14, f"n of shift(x, n) {PERIOD}, got -1; future bars cannot be used"),
        ("macd(close, 26, 12) > 0", 1,
         "fast of macd(x, fast=12, slow=26, signal=9) must be smaller than slow, got 26 and 12"),
        ("bbands_upper(close, 20, -0) > 1", 25,
         "k of bbands_upper(x, n=20, k=2) must be a constant number from 0 up to 20, got -0"),
        ("(close > open) + 1 > 2", 8, f"{CONDITION}; + requires numbers"),
        ("close and true", 1, "this is a number; and requires conditions, such as close > open"),
        ("not close", 5, "this is a number; not requires conditions, such as close > open"),
        ("true > 1", 1, f"{CONDITION}; only numbers can be compared; combine conditions with and, or"),
        ("within(close, 3)", 8, "this is a number; condition of within(condition, n) must be a condition "
                                "(true or false)"),
        ("close = 3", 7, "'=' is not allowed here; to compare, write =="),
        ("close > 1 && open > 1", 11, "'&' is not allowed here; write and"),
        ("close[1] > 2", 6, "'[' is not allowed here; for the value of an earlier bar write shift(close, 1)"),
        ("close.real > 1", 6, "'.' is not allowed here; names do not contain dots"),
        ("2 ** 3 > 1", 4, "expected a name, a number or (, got '*'; write powers as ^"),
        ("close >", 8, "ends where a name, a number or ( is expected"),
        ("(close > 1", 1, "unclosed parenthesis"),
        ("close > 1)", 10, "unmatched closing parenthesis"),
        ("close > 1 2", 11, "expected an operator or the end of the formula, got '2'"),
        ("max(close 2) > 1", 11, "expected an operator, a comma or ), got '2'"),
        ("2x > 1", 1, "unexpected 'x' after a number"),
        ("1.2.3 > 1", 1, "unexpected '.' after a number"),
        ("1e999 > 1", 1, "the number is too large"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_column(source, column, message):
    assert mistakes(source) == [(column, message)]


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items()
                                  if function.arguments and function.arguments[0].kind == "series"])  # fmt: skip
@pytest.mark.parametrize("constant", ["14", "2 * 7", "-14", "sqrt(14)", "max(3, 14)"])
def test_a_constant_where_a_series_is_meant_is_refused_by_every_function(name, constant):
    function = FUNCTIONS[name]
    given = ", ".join([constant, *("3" for argument in function.arguments[1:] if argument.default is None)])

    [(column, message)] = mistakes(f"{name}({given}) > 1")

    assert column >= len(name) + 2
    assert message.startswith(f"x of {function.signature} must be a series, such as close, not a constant")


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("rsi(14) < 30", "rsi(close, 14)"),
        ("close > bbands_upper(20, 2)", "bbands_upper(close, 20, 2)"),
        ("macd(12, 26, 9) > 0", "macd(close, 12, 26, 9)"),
        ("close > sma(200)", "sma(close, 200)"),
        ("close > sma(14, 20)", "sma(close, 20)"),
        ("highest(20) > close", "highest(close, 20)"),
    ],
)
def test_a_function_without_its_series_is_answered_with_the_call_that_was_meant(source, meant):
    [(_, message)] = mistakes(source)

    assert message.endswith(f"; did you mean {meant}?")
    assert not mistakes(f"{meant} > 0")


@pytest.mark.parametrize("name", ["crosses_above", "crosses_below"])
def test_a_crossing_of_two_constants_is_refused(name):
    [(_, message)] = mistakes(f"{name}(14, 30)")

    assert message == f"{name}(a, b) compares two constants; one of them must be a series, such as close"
    assert not mistakes(f"{name}(rsi(close), 30)")


@pytest.mark.parametrize("source", ["close > sqrt(252)", "close > max(2, 3)", "atr(14) > sma(atr(14), 20)",
                                    "close > abs(1 - 3)"])  # fmt: skip
def test_constants_are_accepted_where_one_number_is_as_good_as_another(source):
    assert not mistakes(source)


def test_several_mistakes_are_found_at_once():
    columns = [column for column, _ in mistakes("clsoe > sma(opn, 0) and hihg")]

    assert columns == [1, 13, 18, 25]


def test_the_error_shows_the_line_with_a_caret_below_the_column():
    with pytest.raises(InvalidExpression) as invalid:
        Formula.read("close > open and\n  clsoe < 3")

    assert str(invalid.value) == (
        "line 2, column 3: unknown name clsoe; did you mean close?\n    clsoe < 3\n    ^"
    )


def test_the_request_names_the_field_and_carries_the_column():
    with pytest.raises(InvalidRequest) as invalid:
        rules.build(
            "EXPRESSION", {"entry": "close > smaa(close, 3)", "exit": "close <", "short_exit": "true"}
        )

    entry, exit_, short_exit = invalid.value.errors
    assert (entry.field, entry.column) == ("params.entry", 9)
    assert entry.message.startswith("column 9: unknown function smaa; did you mean sma?\n")
    assert (exit_.field, exit_.column) == ("params.exit", 8)
    assert short_exit.field == "params.short_exit"
    assert short_exit.message == "has no effect without short_entry: set both or leave both empty"


@pytest.mark.parametrize("entry", [None, "", "  "])
def test_a_rule_without_entry_is_refused(entry):
    with pytest.raises(InvalidRequest) as invalid:
        rules.build("EXPRESSION", {"entry": entry})

    assert [error.field for error in invalid.value.errors] == ["params.entry"]


@pytest.mark.parametrize(
    "source",
    [
        "(" * 900 + "close" + ")" * 900, "-" * 1_900 + "close > 1", "not " * 400 + "true",
        "close" + " + close" * 240 + " > 1", "true" + " and true" * 210, "2 ^ " * 400 + "2 > 1",
        "max(" * 39 + "1" + ", 1)" * 39 + " > 1" + " and close > 1" * 40,
        "abs(" * 300 + "1" + ")" * 300 + " > 1",
        "close > 1" + " < 1" * 480, " ".join(["obv() > 1 and"] * 50) + " true", "1 < " * 480 + "1",
    ],
)  # fmt: skip
def test_formulas_without_bound_are_refused_without_a_deep_stack(source):
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        [(_, message)] = mistakes(source)
    finally:
        sys.setrecursionlimit(before)

    assert "at most" in message


def test_a_formula_as_long_as_allowed_is_read_and_a_longer_one_is_not():
    longest = "close > 1" + " " * 1_991

    assert mistakes(longest) == []
    assert mistakes(longest + " ") == [(2_001, "is too long: 2001 characters, at most 2000 are allowed")]


def test_the_deepest_formula_fits_well_into_the_stack():
    deepest = "(" * 24 + "abs(" * 24 + "close" + ")" * 48 + " > 1"
    limit = sys.getrecursionlimit()

    sys.setrecursionlimit(400)
    try:
        held = where(deepest, [1, 2])
    finally:
        sys.setrecursionlimit(limit)

    assert held == [False, True]


def test_nothing_of_python_can_be_reached():
    for source in [
        "__import__(1) > 1",
        "close.__class__ > 1",
        "exec(1) > 1",
        "open(1) > 1",
        "lambda > 1",
        "'a' > 1",
    ]:
        assert check(source)


def test_a_repeated_call_is_computed_once():
    column = Column(np.linspace(1, 2, 50_000))
    once, often = "rsi(close, 5) > 3", " and ".join(["rsi(close, 5) > 3"] * 30)

    assert where(once, column.close) == where(often, column.close)


def test_printing_and_reading_again_gives_the_same_structure():
    source = "not a + -b * c ^ 2 < d <= 3 and crosses_above(sma(close, 3), e) or f == 1e-7"

    assert parse(text(parse(source))) == parse(source)


def test_a_named_constant_stands_for_its_number():
    close = [1.0, 2.0, 4.0, 3.0, 1.0]
    named = Formula.read("close - k > sma(close, N)", {"n": 2.0, "k": -0.5})

    plain = Formula.read("close + 0.5 > sma(close, 2)")

    assert named.holds(Column(close)).tolist() == plain.holds(Column(close)).tolist()
    assert named.lookback == plain.lookback == 1


@pytest.mark.parametrize(
    ("source", "constants", "message"),
    [
        ("close > sma(close, n)", {"n": 2.5}, "must be a constant whole number from 1 up to 5000, got 2.5"),
        ("close > sma(close, n)", {"n": -2.0}, "got -2; future bars cannot be used"),
        ("close > period2", {"period": 2.0}, "unknown name period2; did you mean period?"),
        ("macd(close, f, s) > 0", {"f": 9.0, "s": 5.0}, "must be smaller than slow, got 9 and 5"),
        ("sma(n, 2) > 0", {"n": 2.0}, "must be a series, such as close, not a constant"),
        ("n and close > 1", {"n": 2.0}, "this is a number; and requires conditions"),
    ],
)
def test_a_named_constant_is_checked_as_its_number_is(source, constants, message):
    (problem,) = check(source, constants)

    assert message in problem.message
