"""docs/e2e.md: what was seen on the cluster, written by the tests themselves."""

from __future__ import annotations

import json
import platform
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.cluster import run

CHAPTERS = {
    "test_manifests": "What is applied",
    "test_access": "Who may do what",
    "test_doors": "Three doors",
    "test_client": "The client against the real Argo Server",
    "test_cleanup": "Nothing is left behind",
    "test_overhead": "Overhead",
    "test_burst": "Two hundred at once",
    "test_faults": "Faults",
    "test_image": "The image",
    "test_compose": "In containers",
    "test_guide": "The operations guide, command by command",
    "test_schema_gate": "A release waits for its schema",
    "test_rollout": "A release and its revert under load",
    "test_backup": "Backup and restore",
    "test_store": "The artifact store",
}

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Report:
    """Collects outcomes in the order in which they come."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._commit = run("git", "rev-parse", "--short=7", "HEAD").strip()
        self._rows: dict[str, list[str]] = {}
        self._failed = 0

    def add(self, found: pytest.TestReport) -> None:
        """One test: its sentence, how it went, how long it took, what it saw."""
        file, _, name = found.nodeid.rpartition("/")[2].partition("::")
        sentence = name.removeprefix("test_").replace("_", " ")
        seen = "; ".join(str(value) for key, value in found.user_properties if key == "seen")
        outcome = "yes" if found.outcome == "passed" else "**NO**"
        self._failed += found.outcome != "passed"
        rows = self._rows.setdefault(file.removesuffix(".py"), [])
        seen = _COLOURS.sub("", seen).replace("|", "/")
        rows.append(f"| {sentence} | {outcome} | {found.duration:.0f} s | {seen} |")
        for key, value in found.user_properties:
            if key == "table":
                self._rows.setdefault(f"{file} table", []).append(str(value))

    def write(self, path: str) -> None:
        """The whole report as Markdown."""
        lines = [*self._head(), ""]
        for file, title in CHAPTERS.items():
            if rows := self._rows.get(file):
                lines += [f"## {title}", "", "| what | held | took | seen |", "|---|---|---|---|", *rows, ""]
            for table in self._rows.get(f"{file}.py table", ()):
                lines += [table, ""]
        Path(path).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")

    def _head(self) -> list[str]:
        version = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
        argo = run("argo", "version", "--short").strip().removeprefix("argo: ")
        tests = sum(len(rows) for file, rows in self._rows.items() if file in CHAPTERS)
        took = (time.monotonic() - self._begun) / 60
        return [
            "# On a real cluster",
            "",
            "Written by `make e2e`; every line is a test, every figure was measured by it.",
            "",
            f"* {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {self._commit}, Kubernetes {version}, "
            f"Argo Workflows {argo}, one node with {_processors()} processors ({platform.machine()})",
            f"* {tests} tests in {took:.0f} minutes, {self._failed} failed",
        ]


def _processors() -> str:
    return run("kubectl", "get", "nodes", "-o", "jsonpath={.items[0].status.capacity.cpu}")
