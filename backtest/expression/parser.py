"""From the pieces of a formula to its structure, by operator precedence."""

from __future__ import annotations

from typing import Final, NoReturn

from backtest.expression.errors import InvalidExpression, Problem
from backtest.expression.tokens import Token, tokenize
from backtest.expression.tree import Binary, Call, Comparison, Name, Node, Number, Unary

MAX_DEPTH = 50
MAX_NODES = 400
MAX_CALLS = 40

_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "==", "!="})
_COMPARISON: Final = 4  # how tightly a comparison binds, among the powers below
_NOT, _MINUS = 3, 7
_POWER: Final = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "^": 8}


def parse(source: str) -> Node:
    """The structure of a formula, or `InvalidExpression` at its first mistake."""
    parser = _Parser(source)
    node = parser.operation(0, depth=1)
    parser.finish()
    return node


class _Parser:
    """Reads tokens from left to right; each call of `operation` is one level of nesting."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokenize(source)
        self._next = 0
        self._nodes = self._calls = 0
        self._depths: dict[int, int] = {}

    def operation(self, binding: int, *, depth: int) -> Node:
        """Everything from here on whose operators bind more tightly than `binding`."""
        left = self._operand(depth)
        while True:
            token = self._peek()
            if token.text in _COMPARISONS:
                if binding >= _COMPARISON:
                    return left
                left = self._comparison(left, depth)
                continue
            power = _POWER.get(token.text, 0) if token.kind == "operator" else 0
            if power <= binding:
                return left
            self._take()
            # A power is taken from the right: 2 ^ 3 ^ 2 is 2 ^ 9, and its exponent may be negative.
            right = self.operation(power - 2 if token.text == "^" else power, depth=depth + 1)
            left = self._made(Binary(token.text, left, right, token.offset), left, right)

    def finish(self) -> None:
        """Refuse whatever follows a complete formula."""
        token = self._peek()
        if token.kind == "end":
            return
        if token.text == ")":
            self._fail(token, "unmatched closing parenthesis")
        self._fail(token, f"expected an operator or the end of the formula, got {token.text!r}")

    def _operand(self, depth: int) -> Node:
        token = self._take()
        if depth > MAX_DEPTH:
            self._fail(token, f"is nested too deeply: at most {MAX_DEPTH} levels are allowed")
        if token.kind == "number":
            return self._made(Number(float(token.text), token.offset))
        if token.kind == "name":
            return self._call(token, depth) if self._peek().text == "(" else self._name(token)
        if token.text == "(":
            inner = self.operation(0, depth=depth + 1)
            self._close(token)
            return inner
        if token.text in ("-", "not"):
            operand = self.operation(_MINUS if token.text == "-" else _NOT, depth=depth + 1)
            return self._made(Unary(token.text, operand, token.offset), operand)
        return self._no_operand(token)

    def _name(self, token: Token) -> Node:
        return self._made(Name(token.text, token.offset))

    def _call(self, name: Token, depth: int) -> Node:
        self._calls += 1
        if self._calls > MAX_CALLS:
            self._fail(name, f"calls too many functions: at most {MAX_CALLS} are allowed")
        opened = self._take()
        arguments: list[Node] = []
        while self._peek().text != ")" or arguments:
            arguments.append(self.operation(0, depth=depth + 1))
            if self._peek().text != ",":
                break
            self._take()
        self._close(opened)
        return self._made(Call(name.text, tuple(arguments), name.offset), *arguments)

    def _comparison(self, first: Node, depth: int) -> Node:
        operands, operators, offset = [first], [], self._peek().offset
        while self._peek().text in _COMPARISONS:
            operators.append(self._take().text)
            operands.append(self.operation(_COMPARISON, depth=depth + 1))
        return self._made(Comparison(tuple(operands), tuple(operators), offset), *operands)

    def _made(self, node: Node, *below: Node) -> Node:
        """Count a node and its depth: a long chain of operators nests as deeply as parentheses do."""
        self._nodes += 1
        depth = 1 + max((self._depths[id(child)] for child in below), default=0)
        self._depths[id(node)] = depth
        if self._nodes > MAX_NODES:
            self._fail_at(node.offset, f"is too large: at most {MAX_NODES} names, numbers and operators")
        if depth > MAX_DEPTH:
            message = f"is nested too deeply: at most {MAX_DEPTH} levels, each operator of a chain is one"
            self._fail_at(node.offset, message)
        return node

    def _close(self, opened: Token) -> None:
        token = self._peek()
        if token.text == ")":
            self._take()
        elif token.kind == "end":
            self._fail(opened, "unclosed parenthesis")
        else:
            self._fail(token, f"expected an operator, a comma or ), got {token.text!r}")

    def _no_operand(self, token: Token) -> NoReturn:
        if len(self._tokens) == 1:
            self._fail(token, "is empty; write a condition such as close > sma(close, 200)")
        if token.kind == "end":
            self._fail(token, "ends where a name, a number or ( is expected")
        before = self._tokens[max(0, self._next - 2)]
        hint = "; write powers as ^" if token.text == before.text == "*" else ""
        self._fail(token, f"expected a name, a number or (, got {token.text!r}{hint}")

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _fail(self, token: Token, message: str) -> NoReturn:
        self._fail_at(token.offset, message)

    def _fail_at(self, offset: int, message: str) -> NoReturn:
        raise InvalidExpression(self._source, [Problem.at(self._source, offset, message)])
