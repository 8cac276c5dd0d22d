"""Compares the files that define results: engine, engine lock, and golden results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qa.compare.report import Difference, Report, structure
from qa.compare.tree import Tree

_ENGINE = ("engine.py", "engine.lock")


def compare(trees: Sequence[Tree], report: Report) -> None:
    """Compare each file by content; files may have moved within backtest or tests."""
    old, new = (_found(tree.path) for tree in trees)
    for name in sorted({*old, *new}):
        report.add("files", name, _differences(old.get(name), new.get(name)))


def _differences(old: Path | None, new: Path | None) -> Iterator[Difference]:
    left, right = _hash(old), _hash(new)
    if left != right:
        yield structure("SHA-256", left, right)


def _found(tree: Path) -> Mapping[str, Path]:
    """The files by name, independent of their folder."""
    engine = {name: path for name in _ENGINE for path in sorted((tree / "backtest").rglob(name))}
    golden = (path for path in sorted((tree / "tests").rglob("golden/*")) if path.is_file())
    return engine | {f"golden/{path.name}": path for path in golden}


def _hash(path: Path | None) -> str:
    return "(absent)" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
