"""The shape of the code: which package imports which, how long a module may be, what stays out of the fast path."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("backtest", "store", "workflows", "web")
PACKAGES = ("config", *LAYERS)
MODULES = [path for layer in PACKAGES for path in sorted((ROOT / layer).rglob("*.py"))]


def imported_packages(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_the_layers_below_it(layer):
    above = set(LAYERS[LAYERS.index(layer) + 1 :])

    upward = {
        str(path.relative_to(ROOT)): sorted(imported_packages(path) & above)
        for path in sorted((ROOT / layer).rglob("*.py"))
        if imported_packages(path) & above
    }

    assert upward == {}


def defines_routes(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Blueprint"
        for node in ast.walk(tree)
    )


def imported_modules(tree: ast.Module) -> set[str]:
    """The modules that a module imports; of `from a import b` both a and a.b, as b may be a module."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_only_the_application_factory_imports_a_module_with_routes():
    trees = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for path in MODULES
        if path.is_relative_to(ROOT / "web")
    }
    views = {name for name, tree in trees.items() if defines_routes(tree)}

    importers = {
        name: sorted(found)
        for name, tree in trees.items()
        if name != "web.application" and (found := imported_modules(tree) & views)
    }

    assert len(views) > 10
    assert importers == {}


STATEMENTS = {"select", "insert", "update", "delete", "text", "func", "and_", "or_", "exec_driver_sql"}


def names_from(package: str, tree: ast.AST) -> set[str]:
    """What a module imports from a package by name."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.name for node in imports if (node.module or "").split(".")[0] == package for alias in node.names
    }


def test_no_module_outside_store_builds_a_statement():
    outside = {}
    for path in [*MODULES, ROOT / "app.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names = (names_from("sqlalchemy", tree) | (called & {"exec_driver_sql"})) & STATEMENTS
        if names and path.relative_to(ROOT).parts[0] != "store":
            outside[str(path.relative_to(ROOT))] = sorted(names)

    assert outside == {}


def test_what_ships_imports_neither_the_test_tools_nor_the_tests():
    assert [path for path in MODULES if imported_packages(path) & {"qa", "tests"}] == []


def test_the_test_tools_do_not_import_the_tests():
    assert [path for path in (ROOT / "qa").rglob("*.py") if "tests" in imported_packages(path)] == []


@pytest.mark.parametrize(("folder", "other"), [("chaos", "benchmarks"), ("benchmarks", "chaos")])
def test_chaos_and_benchmarks_do_not_import_each_other(folder, other):
    modules = sorted((ROOT / "qa" / folder).rglob("*.py"))

    imported = {path: imported_modules(ast.parse(path.read_text(encoding="utf-8"))) for path in modules}
    assert modules
    assert [path for path in modules if any(name.startswith(f"qa.{other}") for name in imported[path])] == []


EXECUTING = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
CALLS = {"eval", "exec", "compile", "__import__"}


def test_nothing_that_is_read_can_bring_code_along():
    """No module reads a format that makes objects, evaluates text, or lets numpy, pandas or YAML do it."""
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(path.name, name) for name in imported_packages(path) & EXECUTING]
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                    found.append((path.name, name))
                case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                    found.append((path.name, "allow_pickle"))
                case ast.Attribute(attr="read_pickle" | "to_pickle" | "unsafe_load" | "full_load"):
                    found.append((path.name, node.attr))

    assert found == []


def test_no_module_is_longer_than_500_lines():
    long = {
        str(path.relative_to(ROOT)): count
        for path in MODULES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }

    assert long == {}


def test_no_function_is_longer_than_60_lines_without_its_docstring():
    long = {}
    for path in (path for path in MODULES if "migrations" not in path.parts):  # tables are lists of columns
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node, clean=False) or ""
                lines = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
                if lines > 60:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines

    assert long == {}


def test_no_module_is_a_catch_all():
    catch_alls = {"utils", "util", "helpers", "helper", "common", "base", "misc"}

    assert [str(path) for path in MODULES if path.stem in catch_alls] == []


def test_a_single_run_loads_neither_pandas_nor_numba_nor_scipy_nor_pyplot_nor_hera():
    script = (
        "import sys; from backtest.__main__ import main; "
        "main('run --symbol SP500 --rule RSI --start 2009-01-02 --end 2018-12-31'.split()); "
        "heavy = {'pandas', 'numba', 'scipy', 'matplotlib', 'hera', 'sqlalchemy', 'flask', 'pyarrow'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
