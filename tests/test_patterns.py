"""Every regular expression of the product takes time linear in the text that it meets."""

import ast
import importlib
import itertools
import re
import time

import pytest

from tests.source_tree import modules, tree

LENGTH = 20_000
LIMIT_SECONDS = 0.5
"""A linear pattern takes milliseconds; a quadratic one takes four hundred million steps."""
FUNCTIONS = {"compile", "match", "search", "fullmatch", "sub", "split", "findall", "finditer"}
COMMON = ["0", "9.", "1,", " ", "a", "_", '"', "'", "\\", "(", ":", "=", "-", "x9"]
ENDS = ["", "\x00", "!"]


def calls_of_re(module):
    return [
        node for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FUNCTIONS
        and isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
    ]  # fmt: skip


def methods_of(module, name):
    """The methods that a module calls on a pattern of that name; anything else may search."""
    used = {
        node.func.attr for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name) and node.func.value.id == name
    }  # fmt: skip
    return used & FUNCTIONS or {"search"}


def source_of(argument):
    """The pattern as text; what an f-string puts in counts as a letter."""
    if isinstance(argument, ast.Constant):
        return argument.value
    assert isinstance(argument, ast.JoinedStr), "a pattern is written where it is used"
    return "".join(part.value if isinstance(part, ast.Constant) else "d" for part in argument.values)


def patterns():
    """Name, pattern and methods of every regular expression in the source."""
    for name, path in modules().items():
        compiled = {}
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                compiled |= {id(call): targets[0].id for call in ast.walk(node)
                             if isinstance(call, ast.Call) and isinstance(targets[0], ast.Name)}  # fmt: skip
        for call in calls_of_re(path):
            where = f"{name}:{call.lineno}"
            if call.func.attr != "compile":
                yield where, re.compile(source_of(call.args[0])), {call.func.attr}
                continue
            variable = compiled[id(call)]
            value = getattr(importlib.import_module(name), variable)
            if isinstance(value, re.Pattern):
                yield where, value, methods_of(path, variable)
            else:
                found = [part for row in value for part in row if isinstance(part, re.Pattern)]
                yield from ((f"{where}.{place}", each, {"sub"}) for place, each in enumerate(found))


def adversaries(pattern):
    """Texts that repeat what the pattern looks for and then disappoint it."""
    words = [word for word in re.findall(r"[A-Za-z_]{3,}|://", pattern.pattern) if not word.startswith("P")]
    pieces = [*COMMON, *dict.fromkeys(words[:8])]
    pieces += [f"{word}=" for word in words[:2]] + [f"{word} " for word in words[:2]]
    for first, repeated, end in itertools.product(["", *pieces], pieces, ENDS):
        yield first + repeated * (LENGTH // len(repeated)) + end
    for one, other in itertools.product(pieces, pieces):
        yield (one + other) * (LENGTH // len(one + other))


def run(pattern, method, text):
    if method == "sub":
        pattern.sub(lambda match: match[0], text)
    elif method == "compile":
        pattern.search(text)
    elif method == "finditer":
        list(pattern.finditer(text))
    else:
        getattr(pattern, method)(text)


FOUND = list(patterns())


def test_patterns_are_found_where_there_are_some():
    assert {where.split(":")[0] for where, _, _ in FOUND} >= {
        "backtest.expression.tokens", "backtest.prices.reading.layout", "config.redaction", "config.logs",
        "web.datasets.yahoo_import", "workflows.cluster.parameters",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "methods"), [found[1:] for found in FOUND], ids=[found[0] for found in FOUND]
)
def test_no_text_takes_a_pattern_more_than_linear_time(pattern, methods):
    for method, text in itertools.product(sorted(methods), adversaries(pattern)):
        started = time.thread_time()
        run(pattern, method, text)
        assert time.thread_time() - started < LIMIT_SECONDS, f"{method} of {text[:40]!r}… ends {text[-5:]!r}"


def test_only_a_linear_engine_meets_columns_of_a_file():
    """Arrow's functions use RE2, which knows no backtracking; `re` meets cells that are cut to a length first."""
    from backtest.prices.reading.layout import is_date, is_number

    started = time.thread_time()
    for text in ("9" * 10**6 + "x", "1," * 10**6, " " * 10**6, "Mon, " * 10**5):
        assert not is_number(text)
        assert not is_date(text)
    assert time.thread_time() - started < LIMIT_SECONDS
