"""What is installed is what was reviewed: pinned, hashed, explained, and listed."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)")


def locked(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := PIN.match(line))}


def name_of(requirement: str) -> str:
    return re.split(r"[\[><=; ]", requirement)[0].lower()


def asked_for() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [one for group in project["optional-dependencies"].values() for one in group]
    return {name_of(one) for one in [*project["dependencies"], *optional]}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_version_and_hashes_and_comes_from_no_named_place(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    loose = [entry for entry in entries if not PIN.match(entry) or "--hash=sha256:" not in entry]

    assert loose == []
    assert "://" not in text


def test_what_is_tested_is_what_runs():
    running, tested = locked(LOCKS[0]), locked(LOCKS[1])

    assert {name: tested.get(name) for name in running} == running


def test_every_dependency_is_locked_and_explained_in_one_place():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()

    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    explained = set(re.findall(r"[a-z0-9-]+", rows))
    wanted = {name for name in asked_for() if "stubs" not in name and not name.startswith("types-")}

    assert wanted - explained == set()
    assert asked_for() - set(locked(LOCKS[1])) == set()


def test_every_package_that_the_product_imports_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours = {*project["tool"]["setuptools"]["packages"], "argocd", "app"}
    declared = {name_of(each) for each in project["project"]["dependencies"]}
    declared |= {name_of(each) for each in project["project"]["optional-dependencies"]["yahoo"]}
    sources = [path for name in ours for path in (ROOT / name).rglob("*.py")] + [ROOT / "app.py"]
    imported = set().union(*(top_level_imports(path) for path in sources)) - ours - sys.stdlib_module_names

    distributions = packages_distributions()
    undeclared = {
        name for name in imported if not {canonical(each) for each in distributions[name]} & declared
    }

    assert undeclared == set()


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def top_level_imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.split(".")[0] for name in names}


def test_the_image_installs_by_hash_and_from_wheels_alone():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    installs = [part for part in dockerfile.replace("\\\n", " ").split("RUN ") if " install " in part]

    assert installs
    assert all("--require-hashes" in part and "--only-binary :all:" in part for part in installs)


def test_the_bill_of_materials_lists_exactly_what_is_locked(tmp_path):
    written = tmp_path / "sbom.cdx.json"
    command = [
        "cyclonedx_py",
        "requirements",
        "requirements.lock",
        "--output-reproducible",
        "-o",
        str(written),
    ]

    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)
    parts = json.loads(written.read_text(encoding="utf-8"))["components"]

    assert {part["name"]: part["version"] for part in parts} == locked("requirements.lock")
    assert all(part["externalReferences"][0]["hashes"] for part in parts)
