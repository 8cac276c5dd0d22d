"""The series that a formula compares, each with its text and the scale it is drawn on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from backtest.expression.checker import NO_CONSTANTS, is_constant
from backtest.expression.functions import FUNCTIONS
from backtest.expression.tree import Binary, Call, Comparison, Name, Node, Number, Unary, children

PRICE: Final = "price"
_PRICES: Final = ("open", "high", "low", "close")
_KEEP_THE_SCALE: Final = (
    "sma", "ema", "highest", "lowest", "bbands_upper", "bbands_middle", "bbands_lower", "vwap", "shift",
    "min", "max", "abs",
)  # fmt: skip
_STRENGTH: Final = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 5, "^": 7}


@dataclass(frozen=True, slots=True)
class Compared:
    """One side of a comparison: its text and the pane that it shares with the other side."""

    text: str
    node: Node
    pane: str


def compared(tree: Node, constants: Mapping[str, float] = NO_CONSTANTS) -> list[Compared]:
    """What the comparisons of a checked formula compare, in the order of the text, each once.

    The price itself is left out where it stands alone: a chart shows it anyway.
    """
    found = [side for operands in _operands(tree) for side in _sides(operands, constants)]
    return list({(side.text, side.pane): side for side in found}.values())


def written(node: Node, strength: int = 0) -> str:
    """The formula of a node with as few parentheses as it needs."""
    match node:
        case Number(value=value):
            return f"{value:.12g}"
        case Name(name=name):
            return name
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(written, arguments))})"
        case Unary(operator=operator, operand=operand):
            text = f"{operator}{' ' if operator == 'not' else ''}{written(operand, 6)}"
            return f"({text})" if operator == "-" and strength > 6 else text
        case Binary(operator=operator, left=left, right=right):
            own = _STRENGTH[operator]
            groups_right = operator == "^"
            text = f"{written(left, own + groups_right)} {operator} {written(right, own + 1 - groups_right)}"
            return f"({text})" if own < strength else text
        case Comparison(operands=operands, operators=operators):
            rest = (
                f" {sign} {written(right, 4)}" for sign, right in zip(operators, operands[1:], strict=True)
            )
            text = written(operands[0], 4) + "".join(rest)
            return f"({text})" if strength > 3 else text


def _operands(node: Node) -> Iterator[tuple[Node, ...]]:
    if isinstance(node, Comparison):
        yield node.operands
    elif isinstance(node, Call) and node.function in FUNCTIONS and FUNCTIONS[node.function].compares:
        yield node.arguments
    else:
        for child in children(node):
            yield from _operands(child)


def _sides(operands: tuple[Node, ...], constants: Mapping[str, float]) -> list[Compared]:
    varying = [node for node in operands if not is_constant(node, constants)]
    if not varying:
        return []
    of_price = any(_is_price(node) for node in varying)
    pane = PRICE if of_price else written(varying[0])
    shown = [node for node in operands if not (of_price and isinstance(node, Name))]
    return [Compared(written(node), node, pane) for node in shown]


def _is_price(node: Node) -> bool:
    """Whether a number has the scale of a price."""
    match node:
        case Name(name=name):
            return name in _PRICES
        case Call(function="vwap"):
            return True
        case Call(function=function, arguments=arguments):
            return function in _KEEP_THE_SCALE and any(map(_is_price, arguments))
        case Binary(operator="+", left=left, right=right):
            return _is_price(left) or _is_price(right)
        case Binary(operator="-" | "/", left=left, right=right):
            return _is_price(left) and not _is_price(right)
        case Binary(operator="*", left=left, right=right):
            return _is_price(left) != _is_price(right)
        case _:
            return False
