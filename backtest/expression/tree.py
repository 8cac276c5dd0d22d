"""The structure of a formula. Nodes are equal when they mean the same, wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, finite and not negative."""

    value: float
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A price series, volume, or one of the constants true and false."""

    name: str
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``-`` or ``not`` before its operand."""

    operator: str
    operand: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``+ - * / ^ and or`` between two operands."""

    operator: str
    left: Node
    right: Node
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain as ``30 < x <= 70``: every neighbouring pair must compare so."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    offset: int = field(default=0, compare=False)


Node = Number | Name | Unary | Binary | Comparison | Call


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node."""
    match node:
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Comparison(operands=operands):
            return operands
        case Call(arguments=arguments):
            return arguments
        case _:
            return ()


def text(node: Node) -> str:
    """The formula of a node, with parentheses around every part; parsing it gives the node again."""
    match node:
        case Number(value=value):
            return repr(value)
        case Name(name=name):
            return name
        case Unary(operator=operator, operand=operand):
            return f"({operator} {text(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({text(left)} {operator} {text(right)})"
        case Comparison(operands=operands, operators=operators):
            rest = (f" {sign} {text(operand)}" for sign, operand in zip(operators, operands[1:], strict=True))
            return f"({text(operands[0])}{''.join(rest)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(text(argument) for argument in arguments)})"
