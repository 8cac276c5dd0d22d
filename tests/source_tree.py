"""The product's modules as the architecture tests see them: what each imports, how long its functions are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "backtest", "store", "workflows", "web")


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name; a package has the name of its `__init__`."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {_name(path): path for path in paths}


@cache
def tree(path: Path) -> ast.Module:
    """The parsed source of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Dotted names of what a module imports, inside of functions too, for type checkers alone excepted."""
    finder = _Imports()
    finder.visit(tree(path))
    return finder.names


def imported_modules() -> dict[str, set[str]]:
    """For each module of the product the modules of the product that it imports."""
    return {name: imports(path) & modules().keys() - {name} for name, path in modules().items()}


def circles() -> list[list[str]]:
    """Modules that import one another, directly or by way of others."""
    reachable = {name: _reachable(name) for name in modules()}
    knots = {
        name: sorted(other for other in reached if name in reachable[other])
        for name, reached in reachable.items()
    }
    return sorted({tuple(knot): knot for knot in knots.values() if knot}.values())


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a module with its lines, those of its docstring left out."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            yield node.name, node.end_lineno - node.lineno + 1 - len(docstring.splitlines())


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _reachable(start: str) -> set[str]:
    graph, reached, waiting = _graph(), set(), [start]
    while waiting:
        found = graph[waiting.pop()] - reached
        reached |= found
        waiting += found
    return reached


@cache
def _graph() -> dict[str, set[str]]:
    return imported_modules()


class _Imports(ast.NodeVisitor):
    """Collects imports; ``from package import name`` means the module of that name where there is one."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.names |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            is_module = full in modules() or (ROOT / full.replace(".", "/")).exists()
            self.names.add(full if is_module else node.module or "")
