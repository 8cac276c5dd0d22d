"""Compute a formula at every bar at once.

A value is unknown (NaN) before an indicator's first full period, after a division by zero, and
wherever arithmetic overflows or is not defined. A comparison with an unknown value is neither true
nor false, and neither is ``not`` of it; ``and`` and ``or`` are unknown unless the other side decides.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import itemgetter
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.expression.checker import NO_CONSTANTS, split
from backtest.expression.functions import CONSTANTS, FUNCTIONS, Prices, Truth
from backtest.expression.tree import Binary, Call, Comparison, Name, Node, Number, Unary, children
from backtest.signals import compiled, position_kernel, sweeping
from backtest.signals.sweeping import Memory

_PLAIN: Final = (Name, Number)
_CONSTANT: Final[dict[str, Callable[[float], float]]] = {"period": int, "constant": float}
_ARITHMETIC: Final[dict[str, Callable[..., Floats]]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power,
}  # fmt: skip
_OPPOSITE: Final[dict[str, tuple[Callable[..., Flags], Callable[..., Flags]]]] = {
    "<": (operator.lt, operator.ge),
    "<=": (operator.le, operator.gt),
    ">": (operator.gt, operator.le),
    ">=": (operator.ge, operator.lt),
}
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CODES: Final = {
    operator.lt: position_kernel.BELOW,
    operator.le: position_kernel.AT_OR_BELOW,
    operator.gt: position_kernel.ABOVE,
    operator.ge: position_kernel.AT_OR_ABOVE,
}

Constants = Mapping[str, float]
Side = Callable[[Constants], Flags]
Numbers = Callable[[Constants], Floats]
Result = TypeVar("Result")


def function_of(node: Node, prices: Prices, constants: Constants = NO_CONSTANTS) -> Side:
    """From the values of a condition's named constants to whether it is true at each bar, unknown counting as not true.

    In a sweep it is for other values than these `constants` as well, with which the condition was checked; alone for
    these. Call it where floating point errors are ignored.

    Returns
    -------
    a function that returns a (T,) array of bool; the value at bar t uses bars <= t alone
    """
    memory = sweeping.current()
    program = _SweptProgram(prices, constants, node, memory) if memory else _Program(prices, constants, node)
    return program.side(node, wanted=True)


def holds(node: Node, prices: Prices, constants: Constants = NO_CONSTANTS) -> Flags:
    """Tell at each bar whether a checked condition is true; unknown counts as not true.

    `constants` are the values of the names that the condition was checked with.

    Returns
    -------
    (T,) array of bool; the value at bar t uses bars <= t alone
    """
    with np.errstate(all="ignore"):
        return function_of(node, prices, constants)(constants)


def values(node: Node, prices: Prices, constants: Constants = NO_CONSTANTS) -> Floats:
    """A number of a checked formula at each bar, (T,); NaN where it is unknown."""
    with np.errstate(all="ignore"):
        return _Program(prices, constants, node).series(node)(constants)


class _Program:
    """One formula over one symbol as functions of its constants; calls that occur several times are computed once.

    So it is for one set of constants; `_SweptProgram` is for any.
    """

    def __init__(self, prices: Prices, constants: Constants, root: Node) -> None:
        self._prices, self._count, self._constants = prices, len(prices), constants
        self._repeated: dict[Call, Callable[[Constants], Floats | Truth] | None] = {
            call: None for call, times in Counter(_calls(root)).items() if times > 1
        }

    def side(self, node: Node, *, wanted: bool) -> Side:
        """Whether a condition is true at each bar, or where it is not `wanted`, whether it is false."""
        match node:
            case Name(name=name):
                return _always(np.full(self._count, CONSTANTS[name] is wanted))
            case Unary(operand=operand):
                return self.side(operand, wanted=not wanted)
            case Binary(operator=word, left=left, right=right):
                joined = operator.and_ if (word == "and") is wanted else operator.or_
                return _joined(joined, self.side(left, wanted=wanted), self.side(right, wanted=wanted))
            case Comparison():
                return self._comparison(node, wanted=wanted)
            case _:
                truth = self._call(cast("Call", node))
                place = 0 if wanted else 1
                return lambda constants: cast("Truth", truth(constants))[place]

    def number(self, node: Node) -> Numbers:
        """A series: (T,), or of one element where it is constant."""
        match node:
            case Number(value=value):
                return _always(np.array([value]))
            case Name(name=name) if name in self._constants:
                return lambda constants: np.array([constants[name]])
            case Name(name=name):
                return _always(self._price(name))
            case Unary(operand=operand):
                positive = self.number(operand)
                return lambda constants: -positive(constants)
            case Binary(operator=sign, left=left, right=right):
                found = _joined(_ARITHMETIC[sign], self.number(left), self.number(right))
                return lambda constants: _finite(found(constants))
            case _:
                return cast("Numbers", self._call(cast("Call", node)))

    def series(self, node: Node) -> Numbers:
        """A number at each bar, (T,)."""
        number, count = self.number(node), self._count
        return lambda constants: _at_each_bar(number(constants), count)

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

    def _comparison(self, node: Comparison, *, wanted: bool) -> Side:
        numbers, count = [self.number(operand) for operand in node.operands], self._count
        compared = [_comparing(sign, wanted=wanted) for sign in node.operators]
        if len(compared) == 1:
            only = _joined(compared[0], *numbers)
            return lambda constants: _at_each_bar(only(constants), count)

        def chain(constants: Constants) -> Flags:
            values = [number(constants) for number in numbers]
            links = [link(*pair) for link, *pair in zip(compared, values, values[1:], strict=False)]
            joined: Flags = reduce(operator.and_ if wanted else operator.or_, links)
            return _at_each_bar(joined, count)

        return chain

    def _call(self, node: Call) -> Callable[[Constants], Floats | Truth]:
        if node not in self._repeated:
            return self._computed(node)
        known = self._repeated[node] or _once(self._computed(node))
        self._repeated[node] = known
        return known

    def _computed(self, node: Call) -> Callable[[Constants], Floats | Truth]:
        function = FUNCTIONS[node.function]
        varying = iter(split(function, node.arguments, self._constants)[0])
        given = [
            self._truth(next(varying)) if argument.kind == "condition" else self.series(next(varying))
            for argument in function.arguments
            if argument.kind not in _CONSTANT
        ]

        def compute(constants: Constants) -> Floats | Truth:
            values, numbers = iter(given), iter(split(function, node.arguments, constants)[1])
            arguments = [
                _CONSTANT[argument.kind](next(numbers))
                if argument.kind in _CONSTANT
                else next(values)(constants)
                for argument in function.arguments
            ]
            result = function.compute(self._prices, *arguments)
            return result if isinstance(result, Truth) else _finite(result)

        return compute

    def _truth(self, node: Node) -> Callable[[Constants], Truth]:
        true, false = self.side(node, wanted=True), self.side(node, wanted=False)
        return lambda constants: Truth(true(constants), false(constants))


class _SweptProgram(_Program):
    """One formula of a sweep: a part is computed once for the same values of the constants in it.

    What depends on every constant is asked for once and not kept, nor is a name or a number.
    """

    def __init__(self, prices: Prices, constants: Constants, root: Node, memory: Memory) -> None:
        super().__init__(prices, constants, root)
        self._repeated.clear()
        self._memory = memory

    def side(self, node: Node, *, wanted: bool) -> Side:
        """Whether a condition is true at each bar, or where it is not `wanted`, whether it is false."""
        return self._kept(node, super().side(node, wanted=wanted))

    def number(self, node: Node) -> Numbers:
        """A series: (T,), or of one element where it is constant."""
        return self._kept(node, super().number(node))

    def _comparison(self, node: Comparison, *, wanted: bool) -> Side:
        if len(node.operators) == 1:
            (left, right), (sign,) = node.operands, node.operators
            for first, second, direction in ((left, right, sign), (right, left, _MIRRORED.get(sign))):
                if isinstance(second, Binary) and direction in _OPPOSITE and not self._is_kept(second):
                    return self._moved_comparison(first, second, direction, wanted=wanted)
        return super()._comparison(node, wanted=wanted)

    def _moved_comparison(self, first: Node, second: Binary, sign: str, *, wanted: bool) -> Side:
        """A comparison with a sum or a product that no two trials share, computed in one pass where one part is a number."""
        values, line, number = map(self.number, (first, second.left, second.right))
        compare, code = _comparing(sign, wanted=wanted), _CODES[_OPPOSITE[sign][0 if wanted else 1]]
        combine, kernel, count = _ARITHMETIC[second.operator], compiled.kernel(), self._count

        def compared(constants: Constants) -> Flags:
            one, left, right = values(constants), line(constants), number(constants)
            if len(left) == 1 and second.operator in "+*":
                left, right = right, left
            if second.operator in "+-*" and len(right) == 1 and len(left) == len(one) == count:
                found, by = np.empty(count, np.bool_), float(right[0])
                kernel.compare(
                    one, left, -by if second.operator == "-" else by, second.operator == "*", code, found
                )
                return found
            return _at_each_bar(compare(one, _finite(combine(left, right))), count)

        return compared

    def _is_kept(self, node: Node) -> bool:
        names = self._names(node)
        return not isinstance(node, _PLAIN) and (not names or len(names) < len(self._constants))

    def _names(self, node: Node) -> list[str]:
        return sorted({name for name in _named(node) if name in self._constants})

    def _kept(self, node: Node, compute: Callable[[Constants], Result]) -> Callable[[Constants], Result]:
        if not self._is_kept(node):
            return compute
        memory, part, names = self._memory, object(), self._names(node)
        values_of = itemgetter(*names) if names else _nothing

        def known_or_computed(constants: Constants) -> Result:
            key = (part, values_of(constants))
            if known := memory.known(key):
                found: Result = known[1]
                return found
            result = compute(constants)
            memory.keep(key, (), result)
            return result

        return known_or_computed


def _named(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    for child in children(node):
        yield from _named(child)


def _nothing(constants: Constants) -> tuple[()]:
    return ()


def _always(values: NDArray[Any]) -> Callable[[Constants], NDArray[Any]]:
    return lambda constants: values


def _joined(
    function: Callable[..., NDArray[Any]],
    left: Callable[[Constants], NDArray[Any]],
    right: Callable[[Constants], NDArray[Any]],
) -> Callable[[Constants], NDArray[Any]]:
    return lambda constants: function(left(constants), right(constants))


def _once(compute: Callable[[Constants], Result]) -> Callable[[Constants], Result]:
    """The same function, which computes for the first constants that it is given and knows it from then on."""
    known: list[Result] = []

    def first(constants: Constants) -> Result:
        if not known:
            known.append(compute(constants))
        return known[0]

    return first


def _calls(node: Node) -> Iterator[Call]:
    """The calls that are made: those of a condition that a function is given twice, for where it is true and false."""
    times = 1
    if isinstance(node, Call):
        yield node
        times += any(argument.kind == "condition" for argument in FUNCTIONS[node.function].arguments)
    for child in children(node):
        for _ in range(times):
            yield from _calls(child)


def _comparing(sign: str, *, wanted: bool) -> Callable[[Floats, Floats], Flags]:
    """Whether a comparison is true, or where it is not `wanted`, false."""
    if sign in _OPPOSITE:
        return _OPPOSITE[sign][0 if wanted else 1]
    if (sign == "==") is wanted:
        return operator.eq
    return lambda left, right: (left < right) | (left > right)


def _at_each_bar(values: NDArray[Any], count: int) -> NDArray[Any]:
    """(T,) the values, or the one value of a constant on each bar."""
    return values if len(values) == count else np.full(count, values[0])


def _finite(values: Floats) -> Floats:
    """The same values with infinities made unknown."""
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if np.count_nonzero(infinite) else values
