"""Compares the rendered manifests of each overlay, object by object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from qa.compare import json_diff
from qa.compare.report import Difference, Report, structure
from qa.compare.tree import Output, Tree

_FOLDERS = ("k8s/overlays/*", "k8s/artifact-store", "tests/*/*")
_FILE = "kustomization.yaml"


def compare(trees: Sequence[Tree], report: Report) -> None:
    """Render each overlay in both checkouts."""
    overlays = sorted({name for tree in trees for name in _overlays(tree.path)})
    for overlay in overlays:
        outputs = [tree.kubectl(["kustomize", overlay]) for tree in trees]
        report.add("manifests", overlay, differences(*outputs))


def _overlays(tree: Path) -> Iterator[str]:
    for pattern in _FOLDERS:
        found = (folder for folder in tree.glob(pattern) if (folder / _FILE).exists())
        yield from (folder.relative_to(tree).as_posix() for folder in found)


def differences(old: Output, new: Output) -> Iterator[Difference]:
    """Differences by kind, name and path."""
    if old.code or new.code:
        yield structure("kubectl kustomize", _ended(old), _ended(new))
    elif old.out != new.out:
        found = list(json_diff.differences(_objects(old.out), _objects(new.out)))
        yield from found or [structure("(order or form of the YAML)", len(old.out), len(new.out))]


def _ended(output: Output) -> str:
    return f"exit code {output.code} {output.err[:200]}"


def _objects(text: str) -> Mapping[str, Any]:
    """The objects by kind, namespace and name, with embedded JSON parsed."""
    return {_title(found): _parsed(found) for found in yaml.safe_load_all(text) if found}


def _title(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return f"{manifest['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def _parsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _parsed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_parsed(each) for each in value]
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError):
            return json.loads(value)
    return value
