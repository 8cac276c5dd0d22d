"""The structure of the source: who may import whom, how long modules and functions are, what a run loads."""

import ast
import statistics
from collections import Counter

import pytest

from tests import source_tree
from tests.fresh_python import loaded_by
from tests.source_tree import ROOT, function_lengths, imported_modules, imports, modules, tree

MAY_IMPORT = {
    "config": set(),
    "backtest": set(),
    "store": {"config", "backtest"},
    "workflows": {"config", "backtest", "store"},
    "web": {"config", "backtest", "store", "workflows"},
}
IN_A_FOLDER, IN_A_MODULE, IN_A_FUNCTION = 13, 400, 60
FROZEN = "backtest.engine"


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_the_layers_below_it(layer):
    upward = {
        (name, other)
        for name, others in imported_modules().items()
        for other in others
        if top(name) == layer and top(other) not in {layer, *MAY_IMPORT[layer]}
    }

    assert upward == set()


def top(name):
    return name.split(".")[0]


def test_no_modules_import_one_another():
    assert source_tree.circles() == []


def test_no_folder_holds_more_modules_than_can_be_looked_through():
    counts = Counter(
        str(path.parent.relative_to(ROOT))
        for path in modules().values()
        if path.stem not in ("__init__", "__main__")
    )

    assert {folder: count for folder, count in counts.items() if count > IN_A_FOLDER} == {}


def test_no_module_but_the_frozen_engine_is_long():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}

    assert {name for name, length in lengths.items() if length > IN_A_MODULE} == {FROZEN}


def test_no_function_is_long_but_tables_of_columns():
    long = [
        (name, function, length)
        for name, path in modules().items()
        for function, length in function_lengths(path)
        if length > IN_A_FUNCTION and "migrations" not in path.parts
    ]

    assert long == []


def test_most_functions_are_short():
    lengths = [length for path in modules().values() for _, length in function_lengths(path)]

    assert statistics.median(lengths) <= 6
    assert statistics.quantiles(lengths, n=10)[-1] <= 16


def defines_routes(path):
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Blueprint"
        for node in ast.walk(tree(path))
    )


def test_only_the_application_factory_imports_a_module_with_routes():
    views = {name for name, path in modules().items() if top(name) == "web" and defines_routes(path)}

    importers = {
        name: sorted(others & views)
        for name, others in imported_modules().items()
        if name != "web.application" and others & views
    }

    assert len(views) > 10
    assert importers == {}


STATEMENTS = {"select", "insert", "update", "delete", "text", "func", "and_", "or_", "exec_driver_sql"}


def names_from(package, path):
    """What a module imports from a package by name."""
    nodes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes if top(node.module or "") == package for alias in node.names}


def test_no_module_outside_store_builds_a_statement():
    outside = {}
    for path in [*modules().values(), ROOT / "app.py"]:
        called = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        names = (names_from("sqlalchemy", path) | (called & {"exec_driver_sql"})) & STATEMENTS
        if names and path.relative_to(ROOT).parts[0] != "store":
            outside[str(path.relative_to(ROOT))] = sorted(names)

    assert outside == {}


def packages_of(path):
    return {top(name) for name in imports(path)}


def test_what_ships_imports_neither_the_test_tools_nor_the_tests():
    assert [path for path in modules().values() if packages_of(path) & {"qa", "tests"}] == []


def test_the_test_tools_do_not_import_the_tests():
    assert [path for path in (ROOT / "qa").rglob("*.py") if "tests" in packages_of(path)] == []


@pytest.mark.parametrize(("folder", "other"), [("chaos", "benchmarks"), ("benchmarks", "chaos")])
def test_chaos_and_benchmarks_do_not_import_each_other(folder, other):
    paths = sorted((ROOT / "qa" / folder).rglob("*.py"))

    assert paths
    assert [path for path in paths if any(name.startswith(f"qa.{other}") for name in imports(path))] == []


EXECUTING = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
CALLS = {"eval", "exec", "compile", "__import__"}


def test_nothing_that_is_read_can_bring_code_along():
    """No module reads a format that makes objects, evaluates text, or lets numpy, pandas or YAML do it."""
    found = []
    for name, path in modules().items():
        found += [(name, other) for other in {top(other) for other in imports(path)} & EXECUTING]
        for node in ast.walk(tree(path)):
            match node:
                case ast.Call(func=ast.Name(id=called)) if called in CALLS:
                    found.append((name, called))
                case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                    found.append((name, "allow_pickle"))
                case ast.Attribute(attr="read_pickle" | "to_pickle" | "unsafe_load" | "full_load"):
                    found.append((name, node.attr))

    assert found == []


def test_no_module_is_a_catch_all():
    catch_alls = {"utils", "util", "helpers", "helper", "common", "base", "misc"}

    assert [name for name in modules() if name.split(".")[-1] in catch_alls] == []


def test_a_single_run_loads_neither_pandas_nor_numba_nor_scipy_nor_pyplot_nor_hera():
    script = (
        "from backtest.__main__ import main; "
        "main('run --symbol SP500 --rule RSI --start 2009-01-02 --end 2018-12-31'.split())"
    )
    heavy = ("pandas", "numba", "scipy", "matplotlib", "hera", "sqlalchemy", "flask", "pyarrow")

    assert loaded_by(script, *heavy) == set()
