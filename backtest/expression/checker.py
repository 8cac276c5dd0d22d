"""Find what is wrong in a formula that can be read: unknown names, wrong kinds, constants out of bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Literal

from backtest.arrays import Flags, Floats
from backtest.expression.errors import Problem
from backtest.expression.functions import CONSTANTS, FUNCTIONS, SERIES, Argument, Function
from backtest.expression.tree import Binary, Call, Comparison, Name, Node, Number, Unary, children

Kind = Literal["number", "condition"]

NO_CONSTANTS: Final[Mapping[str, float]] = MappingProxyType({})
_PHRASES = {"number": "a number", "condition": "a condition (true or false)"}


def problems(source: str, node: Node, constants: Mapping[str, float] = NO_CONSTANTS) -> list[Problem]:
    """Every mistake in a formula that must be a condition, in the order of the text."""
    checker = _Checker(source, constants)
    checker.expect(node, "condition", "a rule requires a condition, such as close > sma(close, 200)")
    return sorted(checker.found, key=lambda problem: (problem.line, problem.column))


def fitting(node: Node, constants: Mapping[str, float | Floats]) -> Flags | bool:
    """For which values of constants, (K,) arrays of them, no number of a call is out of its bounds or order.

    Whatever else can be wrong in a formula is so for every value: where one of these has no mistake, none has.
    """
    found: Flags | bool = True
    if isinstance(node, Call) and (function := FUNCTIONS.get(node.function)):
        for argument, given in zip(function.arguments, node.arguments, strict=False):
            if argument.kind in ("period", "constant") and (value := literal(given, constants)) is not None:
                found = found & fits(argument, value)
        _, numbers = split(function, node.arguments, constants)
        if function.ascending and len(numbers) > 1:
            found = found & (numbers[0] < numbers[1])
    for child in children(node):
        found = found & fitting(child, constants)
    return found


def fits(argument: Argument, value: Any) -> Any:
    """Whether a number, or each of an array, is within the bounds of an argument, and whole where it is a period."""
    within = (argument.low <= value) & (value <= argument.high)
    return within & (value % 1 == 0) if argument.kind == "period" else within


def lookback(node: Node, constants: Mapping[str, float] = NO_CONSTANTS) -> int:
    """Bars that a checked formula needs before the first at which all of it is known."""
    if not isinstance(node, Call):
        return max((lookback(child, constants) for child in children(node)), default=0)
    function = FUNCTIONS[node.function]
    series, numbers = split(function, node.arguments, constants)
    below = max((lookback(argument, constants) for argument in series), default=0)
    return below + function.lookback(*numbers)


def needs_volume(node: Node) -> bool:
    """Whether a checked formula reads the volume, itself or through a function."""
    match node:
        case Name(name=name):
            return name == "volume"
        case Call(function=name) if FUNCTIONS[name].needs_volume:
            return True
        case _:
            return any(map(needs_volume, children(node)))


def split(
    function: Function, given: tuple[Node, ...], constants: Mapping[str, Any] = NO_CONSTANTS
) -> tuple[list[Node], list[Any]]:
    """The arguments of a checked call: those that vary by bar, and the constant ones, defaults filled in."""
    varying, numbers = [], []
    for index, argument in enumerate(function.arguments):
        node = given[index] if index < len(given) else None
        if argument.kind in ("period", "constant") and (value := literal(node, constants)) is not None:
            numbers.append(value)
        elif node is not None:
            varying.append(node)
        elif argument.default is not None:
            numbers.append(argument.default)
    return varying, numbers


def literal(node: Node | None, constants: Mapping[str, Any]) -> Any:
    """The value of a number, or what a named constant is; None of anything else."""
    if isinstance(node, Number):
        return node.value
    return constants.get(node.name) if isinstance(node, Name) else None


class _Checker:
    """Collects every mistake; a part with a mistake has no kind and causes no further ones."""

    def __init__(self, source: str, constants: Mapping[str, float]) -> None:
        self._source, self._constants = source, constants
        self.found: list[Problem] = []

    def expect(self, node: Node, wanted: Kind, why: str) -> None:
        """Note a mistake unless the node is of the wanted kind."""
        kind = self._kind(node)
        if kind and kind != wanted:
            self._note(node.offset, f"this is {_PHRASES[kind]}; {why}")

    def _kind(self, node: Node) -> Kind | None:
        match node:
            case Number():
                return "number"
            case Name():
                return self._name(node)
            case Unary(operator="not") | Binary(operator="and" | "or"):
                return self._logic(node)
            case Unary() | Binary():
                return self._arithmetic(node)
            case Comparison():
                for operand in node.operands:
                    self.expect(
                        operand, "number", "only numbers can be compared; combine conditions with and, or"
                    )
                return "condition"
            case Call():
                return self._call(node)

    def _name(self, node: Name) -> Kind | None:
        if node.name in CONSTANTS:
            return "condition"
        if node.name in SERIES or node.name in self._constants:
            return "number"
        if function := FUNCTIONS.get(node.name):
            self._note(node.offset, f"{node.name} is a function: write {function.signature}")
        else:
            known = (*self._constants, *SERIES, *CONSTANTS, *FUNCTIONS)
            self._note(node.offset, f"unknown name {_short(node.name)}{_nearest(node.name, known)}")
        return None

    def _logic(self, node: Unary | Binary) -> Kind:
        operands = (node.operand,) if isinstance(node, Unary) else (node.left, node.right)
        for operand in operands:
            self.expect(operand, "condition", f"{node.operator} requires conditions, such as close > open")
        return "condition"

    def _arithmetic(self, node: Unary | Binary) -> Kind:
        operands = (node.operand,) if isinstance(node, Unary) else (node.left, node.right)
        for operand in operands:
            self.expect(operand, "number", f"{node.operator} requires numbers")
        return "number"

    def _call(self, node: Call) -> Kind | None:
        function = FUNCTIONS.get(node.function)
        if function is None:
            self._unknown_function(node)
            return None
        least, most, count = function.required, len(function.arguments), len(node.arguments)
        if not least <= count <= most:
            allowed = str(most) if least == most else f"{least} to {most}"
            plural = "" if allowed == "1" else "s"
            hint = _with_close(function, node) if count and self._is_constant(node.arguments[0]) else ""
            self._note(
                node.offset, f"{function.signature} takes {allowed} argument{plural}, got {count}{hint}"
            )
            return function.result
        before = len(self.found)
        if self._constant_series(function, node):
            return function.result
        for argument, given in zip(function.arguments, node.arguments, strict=False):
            self._argument(function, argument, given)
        if function.ascending and len(self.found) == before:
            self._ascending(function, node)
        return function.result

    def _constant_series(self, function: Function, node: Call) -> bool:
        """Note a constant where a series is meant: it would be the same on every bar."""
        if function.compares and all(map(self._is_constant, node.arguments)):
            rule = f"{function.signature} compares two constants; one of them must be a series, such as close"
            self._note(node.offset, rule)
            return True
        for argument, given in zip(function.arguments, node.arguments, strict=False):
            if argument.kind == "series" and self._is_constant(given):
                rule = (
                    f"{argument.name} of {function.signature} must be a series, such as close, not a constant"
                )
                self._note(given.offset, rule + _with_close(function, node))
                return True
        return False

    def _unknown_function(self, node: Call) -> None:
        if node.function in SERIES or node.function in CONSTANTS:
            hint = f"; for an earlier bar write shift({node.function}, 1)" if node.function in SERIES else ""
            self._note(node.offset, f"{node.function} is not a function{hint}")
            return
        message = f"unknown function {_short(node.function)}{_nearest(node.function, FUNCTIONS)}"
        self._note(node.offset, message)
        for argument in node.arguments:
            self._kind(argument)

    def _argument(self, function: Function, argument: Argument, node: Node) -> None:
        what = f"{argument.name} of {function.signature}"
        if argument.kind in ("series", "number", "condition"):
            kind: Kind = "condition" if argument.kind == "condition" else "number"
            self.expect(node, kind, f"{what} must be {_PHRASES[kind]}")
        else:
            self._constant(argument, node, what)

    def _is_constant(self, node: Node) -> bool:
        return is_constant(node, self._constants)

    def _constant(self, argument: Argument, node: Node, what: str) -> None:
        whole = argument.kind == "period"
        bounds = f"a constant {'whole ' if whole else ''}number from {argument.low:g} up to {argument.high:g}"
        value = _constant_value(node, self._constants)
        if literal(node, self._constants) is not None and fits(argument, value):
            return
        past = "; future bars cannot be used" if whole and value is not None and value < 0 else ""
        got = "" if value is None else f", got {value:g}"
        self._note(node.offset, f"{what} must be {bounds}{got}{past}")

    def _ascending(self, function: Function, node: Call) -> None:
        _, (low, high, *_) = split(function, node.arguments, self._constants)
        if low >= high:
            first, second = (argument.name for argument in function.arguments[1:3])
            rule = f"{first} of {function.signature} must be smaller than {second}"
            self._note(node.offset, f"{rule}, got {low:g} and {high:g}")

    def _note(self, offset: int, message: str) -> None:
        self.found.append(Problem.at(self._source, offset, message))


def is_constant(node: Node, constants: Mapping[str, float] = NO_CONSTANTS) -> bool:
    """Whether a number is the same on every bar: no price is in it."""
    match node:
        case Number():
            return True
        case Name(name=name):
            return name in constants
        case Comparison():
            return False
        case Call(function=name):
            function = FUNCTIONS.get(name)
            if function is None or function.reads_prices:
                return False
    return all(is_constant(child, constants) for child in children(node))


def _with_close(function: Function, node: Call) -> str:
    """A hint that puts close before plain numbers, or in place of the first, as the function takes them."""
    given = [f"{argument.value:g}" for argument in node.arguments if isinstance(argument, Number)]
    if not given or len(given) < len(node.arguments) or function.arguments[0].kind != "series":
        return ""
    fitting = (
        f"; did you mean {function.name}({', '.join(arguments)})?"
        for arguments in (["close", *given], ["close", *given[1:]])
        if function.required <= len(arguments) <= len(function.arguments)
    )
    return next(fitting, "")


def _constant_value(node: Node, constants: Mapping[str, float]) -> float | None:
    """The value of a literal; a negative one is always out of bounds, but worth naming."""
    sign = 1.0
    if isinstance(node, Unary) and node.operator == "-":
        node, sign = node.operand, -1.0
    value: float | None = literal(node, constants)
    return None if value is None else sign * value


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name[:64], list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; available: {', '.join(known)}"


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:40]}…"
