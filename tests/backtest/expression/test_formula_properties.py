"""Formulas of every shape: garbage is refused, structure survives printing, and meaning is plain."""

import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backtest.expression import Formula, InvalidExpression
from backtest.expression.checker import is_constant
from backtest.expression.functions import CONSTANTS, FUNCTIONS, SERIES
from backtest.expression.parser import parse
from backtest.expression.tree import Binary, Call, Comparison, Name, Number, Unary, text
from backtest.signals.crossings import TIE

ARITHMETIC, COMPARISONS = "+-*/^", ["<", "<=", ">", ">=", "==", "!="]
PIECES = [
    *SERIES,
    *CONSTANTS,
    *FUNCTIONS,
    *ARITHMETIC,
    *COMPARISONS,
    *"(),",
    "and",
    "or",
    "not",
    "1",
    "20",
    "x",
]


def comparisons(numbers):
    return st.lists(st.tuples(st.sampled_from(COMPARISONS), numbers), min_size=1, max_size=2).flatmap(
        lambda rest: numbers.map(
            lambda first: Comparison((first, *(node for _, node in rest)), tuple(sign for sign, _ in rest))
        )
    )


def calls(names, arguments):
    return st.builds(lambda name, given: Call(name, tuple(given)), st.sampled_from(names), arguments)


def any_node():
    """Nodes of every structure the parser can build, whether or not they make sense."""
    leaves = st.one_of(
        st.floats(0, allow_nan=False, allow_infinity=False).map(lambda value: Number(abs(value))),
        st.sampled_from([*SERIES, "x", "a_1", "true"]).map(Name),
    )
    return st.recursive(
        leaves,
        lambda nodes: st.one_of(
            st.builds(Unary, st.sampled_from(["-", "not"]), nodes),
            st.builds(Binary, st.sampled_from([*ARITHMETIC, "and", "or"]), nodes, nodes),
            comparisons(nodes),
            calls([*FUNCTIONS, "f"], st.lists(nodes, max_size=3)),
        ),
        max_leaves=12,
    )


def varies(node):
    return not is_constant(node)


PERIODS = st.integers(1, 4).map(lambda count: Number(float(count)))


def shared(nodes):
    """Functions whose plain version rounds exactly as the fast one does."""
    return st.one_of(
        st.builds(Unary, st.just("-"), nodes),
        st.builds(Binary, st.sampled_from("+-*"), nodes, nodes),
        calls(["abs"], st.tuples(nodes)),
        calls(["min", "max"], st.tuples(nodes, nodes)),
        calls(["shift"], st.tuples(nodes.filter(varies), PERIODS)),
    )


WHOLE = st.recursive(
    st.one_of(
        st.integers(0, 4).map(lambda value: Number(float(value))), st.sampled_from(list(SERIES)).map(Name)
    ),
    lambda nodes: st.one_of(
        shared(nodes), calls(["highest", "lowest"], st.tuples(nodes.filter(varies), PERIODS))
    ),
    max_leaves=3,
)
NUMBERS = st.recursive(
    st.one_of(WHOLE, calls(["sma", "momentum", "roc", "ema"], st.tuples(WHOLE.filter(varies), PERIODS))),
    lambda nodes: st.one_of(
        shared(nodes), st.builds(Binary, st.just("/"), nodes, nodes), calls(["sqrt"], st.tuples(nodes))
    ),
    max_leaves=3,
)
CONDITIONS = st.recursive(
    st.one_of(
        comparisons(NUMBERS),
        calls(
            ["crosses_above", "crosses_below"],
            st.tuples(NUMBERS, NUMBERS).filter(lambda two: any(map(varies, two))),
        ),
        st.sampled_from(["true", "false"]).map(Name),
    ),
    lambda nodes: st.one_of(
        st.builds(Unary, st.just("not"), nodes),
        st.builds(Binary, st.sampled_from(["and", "or"]), nodes, nodes),
        calls(["within"], st.tuples(nodes, PERIODS)),
    ),
    max_leaves=4,
)


def is_small(node):
    """Whether a structure fits the bounds of a formula: every level and call of it is one parenthesis."""
    return text(node).count("(") <= 40


class Bars:
    """Small whole prices, so that sums are exact whatever their order."""

    def __init__(self, rows):
        self.rows = rows
        for column, name in enumerate(SERIES):
            setattr(self, name, np.array([row[column] for row in rows], dtype=np.float64))

    def __len__(self):
        return len(self.rows)


def plain_number(node, bars, t):
    """The value of a series at one bar, None where it is unknown: slow, and written to be read."""
    if t < 0:
        return None
    match node:
        case Number(value):
            return value
        case Name(name):
            return float(bars.rows[t][list(SERIES).index(name)])
        case Unary("-", operand):
            value = plain_number(operand, bars, t)
            return None if value is None else -value
        case Binary(sign, left, right):
            return plain_sum(sign, plain_number(left, bars, t), plain_number(right, bars, t))
        case Call("abs" | "sqrt" | "min" | "max" as name, arguments):
            return plain_function(name, [plain_number(argument, bars, t) for argument in arguments])
        case Call("shift", (inner, Number(bars_back))):
            return plain_number(inner, bars, t - int(bars_back))
        case Call(name, (inner, Number(period))):
            return plain_window(name, [plain_number(inner, bars, past) for past in range(t + 1)], int(period))


def plain_sum(sign, left, right):
    if left is None or right is None or (sign == "/" and right == 0):
        return None
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[sign]


def plain_function(name, values):
    if None in values or (name == "sqrt" and values[0] < 0):
        return None
    return {"abs": abs, "min": min, "max": max, "sqrt": math.sqrt}[name](*values)


def plain_window(name, values, period):
    run = values[max((bar + 1 for bar, value in enumerate(values) if value is None), default=0) :]
    if len(run) < period + (name in ("momentum", "roc")):
        return None
    window = run[-period:]
    if name == "ema" and period > 1:
        average = sum(run[:period]) / period
        for value in run[period:]:
            average = (value - average) * (2 / (period + 1)) + average
        return average
    if name in ("sma", "ema"):
        return sum(window) / period
    if name in ("momentum", "roc"):
        now, before = run[-1], run[-1 - period]
        return now - before if name == "momentum" else None if before == 0 else (now / before - 1) * 100
    return {"highest": max, "lowest": min}[name](window)


def plain_condition(node, bars, t):
    """Whether a condition is true at one bar, None where that is unknown."""
    match node:
        case Name(name):
            return CONSTANTS[name]
        case Unary("not", operand):
            value = plain_condition(operand, bars, t)
            return None if value is None else not value
        case Binary(word, left, right):
            sides = [plain_condition(left, bars, t), plain_condition(right, bars, t)]
            decisive = word == "or"
            return decisive if decisive in sides else None if None in sides else not decisive
        case Comparison(operands, signs):
            values = [plain_number(operand, bars, t) for operand in operands]
            pairs = [plain_pair(*pair) for pair in zip(signs, values, values[1:], strict=False)]
            return False if False in pairs else None if None in pairs else True
        case Call("within", (inner, Number(window))):
            past = [plain_condition(inner, bars, bar) for bar in range(max(0, t - int(window) + 1), t + 1)]
            return True if True in past else None if None in past or len(past) < window else False
        case Call(name, (first, second)):
            return plain_crossing(1 if name == "crosses_above" else -1, first, second, bars, t)


def plain_pair(sign, left, right):
    if left is None or right is None:
        return None
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
            "==": left == right, "!=": left != right}[sign]  # fmt: skip


def plain_crossing(side, first, second, bars, t):
    orders = []
    for bar in range(t + 1):
        one, other = plain_number(first, bars, bar), plain_number(second, bars, bar)
        unknown = one is None or other is None
        orders.append(0 if unknown or abs(one - other) <= TIE * abs(other) else 1 if one > other else -1)
    if orders[-1] == side and [order for order in [0, *orders[:-1]] if order][-1:] == [-side]:
        return True
    return None if unknown else False


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join)))
@settings(max_examples=300, deadline=None)
@example("K > 1")  # the Kelvin sign, k in lower case
@example("close > ١")  # an Arabic digit
@example("close\x00> 1")
def test_garbage_is_refused_with_a_place_and_nothing_worse(source):
    try:
        Formula.read(source)
        problems = ()
    except InvalidExpression as invalid:
        problems = invalid.problems

    lines = source.split("\n")
    assert all(1 <= problem.column <= len(lines[problem.line - 1]) + 1 for problem in problems)


@given(any_node().filter(is_small))
@settings(max_examples=200, deadline=None)
def test_any_structure_survives_printing_and_reading(node):
    assert parse(text(node)) == node


@given(CONDITIONS.filter(is_small), st.lists(st.tuples(*[st.integers(1, 6)] * 5), min_size=1, max_size=12))
@settings(max_examples=250, deadline=None)
def test_a_condition_means_what_a_plain_reading_bar_by_bar_says(node, rows):
    bars = Bars(rows)

    held = Formula.read(text(node)).holds(bars)

    assert held.tolist() == [plain_condition(node, bars, t) is True for t in range(len(rows))]


@given(
    CONDITIONS.filter(is_small),
    st.lists(st.tuples(*[st.integers(1, 6)] * 5), min_size=2, max_size=20),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_a_condition_never_sees_the_future(node, rows, data):
    formula, cut = Formula.read(text(node)), data.draw(st.integers(1, len(rows)))

    past = formula.holds(Bars(rows[:cut]))

    assert past.tolist() == formula.holds(Bars(rows))[:cut].tolist()
