"""Compute a formula at every bar at once.

A value is unknown (NaN) before an indicator's first full period, after a division by zero, and
wherever arithmetic overflows or is not defined. A comparison with an unknown value is neither true
nor false, and neither is ``not`` of it; ``and`` and ``or`` are unknown unless the other side decides.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

import numpy as np

from backtest.arrays import Flags, Floats
from backtest.expression.checker import NO_CONSTANTS, split
from backtest.expression.functions import CONSTANTS, FUNCTIONS, Prices, Truth
from backtest.expression.tree import Binary, Call, Comparison, Name, Node, Number, Unary, children
from backtest.signals import sweeping
from backtest.signals.sweeping import Memory

_PLAIN: Final = (Name, Number)
_ARITHMETIC: Final[dict[str, Callable[..., Floats]]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power,
}  # fmt: skip
_OPPOSITE: Final[dict[str, tuple[Callable[..., Flags], Callable[..., Flags]]]] = {
    "<": (operator.lt, operator.ge),
    "<=": (operator.le, operator.gt),
    ">": (operator.gt, operator.le),
    ">=": (operator.ge, operator.lt),
}


def holds(node: Node, prices: Prices, constants: Mapping[str, float] = NO_CONSTANTS) -> Flags:
    """Tell at each bar whether a checked condition is true; unknown counts as not true.

    `constants` are the values of the names that the condition was checked with.

    Returns
    -------
    (T,) array of bool; the value at bar t uses bars <= t alone
    """
    if memory := sweeping.current():
        return _of_a_sweep(node, prices, constants, memory).side(node, wanted=True)
    with np.errstate(all="ignore"):
        return _Evaluation(prices, constants, node).side(node, wanted=True)


def values(node: Node, prices: Prices, constants: Mapping[str, float] = NO_CONSTANTS) -> Floats:
    """A number of a checked formula at each bar, (T,); NaN where it is unknown."""
    with np.errstate(all="ignore"):
        return _Evaluation(prices, constants, node).series(node)


class _Evaluation:
    """One formula over one symbol; calls that occur several times are computed once."""

    def __init__(self, prices: Prices, constants: Mapping[str, float], root: Node | None) -> None:
        self._prices, self._count, self._constants = prices, len(prices), constants
        self._repeated = (
            {call for call, times in Counter(_calls(root)).items() if times > 1} if root else set()
        )
        self._known: dict[Call, Floats | Truth] = {}

    def side(self, node: Node, *, wanted: bool) -> Flags:
        """Whether a condition is true at each bar, or where it is `wanted` false, whether it is false."""
        match node:
            case Name(name=name):
                return np.full(self._count, CONSTANTS[name] is wanted)
            case Unary(operand=operand):
                return self.side(operand, wanted=not wanted)
            case Binary(operator=word, left=left, right=right):
                first, second = self.side(left, wanted=wanted), self.side(right, wanted=wanted)
                return first & second if (word == "and") is wanted else first | second
            case Comparison():
                return self._comparison(node, wanted=wanted)
            case _:
                truth = cast("Truth", self._call(cast("Call", node)))
                return truth.true if wanted else truth.false

    def number(self, node: Node) -> Floats:
        """A series: (T,), or of one element where it is constant."""
        match node:
            case Number(value=value):
                return np.array([value])
            case Name(name=name):
                constant = self._constants.get(name)
                return self._price(name) if constant is None else np.array([constant])
            case Unary(operand=operand):
                return -self.number(operand)
            case Binary(operator=sign, left=left, right=right):
                return _finite(_ARITHMETIC[sign](self.number(left), self.number(right)))
            case _:
                return cast("Floats", self._call(cast("Call", node)))

    def _price(self, name: str) -> Floats:
        prices = self._prices
        match name:
            case "open":
                return prices.open
            case "high":
                return prices.high
            case "low":
                return prices.low
            case "close":
                return prices.close
            case _:
                return prices.volume

    def _comparison(self, node: Comparison, *, wanted: bool) -> Flags:
        values = [self.number(operand) for operand in node.operands]
        pairs = zip(node.operators, values, values[1:], strict=False)
        first, *others = (_compared(sign, left, right, wanted=wanted) for sign, left, right in pairs)
        for other in others:
            first = first & other if wanted else first | other
        return first if len(first) == self._count else np.full(self._count, first[0])

    def _call(self, node: Call) -> Floats | Truth:
        if node in self._known:
            return self._known[node]
        result = self._computed(node)
        if node in self._repeated:
            self._known[node] = result
        return result

    def _computed(self, node: Call) -> Floats | Truth:
        function = FUNCTIONS[node.function]
        varying, constants = split(function, node.arguments, self._constants)
        series, numbers = iter(varying), iter(constants)
        arguments: list[object] = []
        for argument in function.arguments:
            match argument.kind:
                case "series" | "number":
                    arguments.append(self.series(next(series)))
                case "condition":
                    condition = next(series)
                    sides = (self.side(condition, wanted=wanted) for wanted in (True, False))
                    arguments.append(Truth(*sides))
                case "period":
                    arguments.append(int(next(numbers)))
                case _:
                    arguments.append(next(numbers))
        result = function.compute(self._prices, *arguments)
        return result if isinstance(result, Truth) else _finite(result)

    def series(self, node: Node) -> Floats:
        """A number at each bar, (T,)."""
        values = self.number(node)
        return values if len(values) == self._count else np.full(self._count, values[0])


def _of_a_sweep(
    root: Node, prices: Prices, constants: Mapping[str, float], memory: Memory
) -> _SweptEvaluation:
    """The evaluation of a formula in a sweep, which is the same one from trial to trial, with other constants."""
    key = (_SweptEvaluation, id(root), id(prices))
    known = memory.known(key)
    evaluation: _SweptEvaluation = known[1] if known else _SweptEvaluation(prices, constants, memory, root)
    if not known:
        memory.keep(key, (root, prices), evaluation)
    evaluation.take(constants)
    return evaluation


class _SweptEvaluation(_Evaluation):
    """One formula of a sweep: a part is computed once for the same values of the constants in it.

    What depends on every constant is asked for once and not kept, nor is a name or a number.
    """

    def __init__(self, prices: Prices, constants: Mapping[str, float], memory: Memory, root: Node) -> None:
        super().__init__(prices, constants, None)
        self._memory, self._own = memory, id(prices)
        named = {id(node): _names(node, constants) for node in _nodes(root) if not isinstance(node, _PLAIN)}
        self._kept = {
            node: names for node, names in named.items() if len(names) < len(constants) or not names
        }

    def take(self, constants: Mapping[str, float]) -> None:
        """Go on with other values of the same constants."""
        self._constants = constants

    def side(self, node: Node, *, wanted: bool) -> Flags:
        """Whether a condition is true at each bar, or where it is not `wanted`, whether it is false."""
        names = self._kept.get(id(node))
        if names is None:
            return super().side(node, wanted=wanted)
        key = (id(node), wanted, self._own, *map(self._constants.__getitem__, names))
        if known := self._memory.known(key):
            found: Flags = known[1]
            return found
        result = super().side(node, wanted=wanted)
        self._memory.keep(key, (node, self._prices), result)
        return result

    def number(self, node: Node) -> Floats:
        """A series: (T,), or of one element where it is constant."""
        names = self._kept.get(id(node))
        if names is None:
            return super().number(node)
        key = (id(node), None, self._own, *map(self._constants.__getitem__, names))
        if known := self._memory.known(key):
            found: Floats = known[1]
            return found
        result = super().number(node)
        self._memory.keep(key, (node, self._prices), result)
        return result


def _names(node: Node, constants: Mapping[str, float]) -> tuple[str, ...]:
    """The constants that are named in a part of a formula."""
    return tuple(sorted({name for name in _named(node) if name in constants}))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _nodes(child)


def _named(node: Node) -> Iterator[str]:
    return (part.name for part in _nodes(node) if isinstance(part, Name))


def _calls(node: Node) -> Iterator[Call]:
    """The calls that are made: those of a condition that a function is given twice, for where it is true and false."""
    times = 1
    if isinstance(node, Call):
        yield node
        times += any(argument.kind == "condition" for argument in FUNCTIONS[node.function].arguments)
    for child in children(node):
        for _ in range(times):
            yield from _calls(child)


def _compared(sign: str, left: Floats, right: Floats, *, wanted: bool) -> Flags:
    """Whether the comparison is true, or where it is not `wanted`, false."""
    if sign in _OPPOSITE:
        yes, no = _OPPOSITE[sign]
        return yes(left, right) if wanted else no(left, right)
    found: Flags = left == right if (sign == "==") is wanted else (left < right) | (left > right)
    return found


def _finite(values: Floats) -> Floats:
    """The same values with infinities made unknown."""
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values
