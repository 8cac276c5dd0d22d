"""docs/e2e.md: what was seen on the cluster, written by the tests themselves."""

from __future__ import annotations

import json
import platform
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.argocd_e2e import report as argocd_report
from tests.e2e.harness.cluster import run

CHAPTERS = {
    "test_manifests": "What is applied",
    "test_access": "Who may do what",
    "test_entry_points": "Three entry points",
    "test_argo_ui": "The Argo UI in a browser",
    "test_client": "The client against the real Argo Server",
    "test_cleanup": "Nothing is left behind",
    "test_overhead": "Overhead",
    "test_burst": "Two hundred at once",
    "test_faults": "Faults",
    "test_studies": "Studies",
    "test_study_faults": "Faults in the midst of a study",
    "test_image": "The image",
    "test_compose": "In containers",
    "test_guide": "The operations guide, command by command",
    "test_schema_gate": "A release waits for its schema",
    "test_rollout": "A release and its revert under load",
    "test_backup": "Backup and restore",
    "test_store": "The artifact store",
}

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Row:
    """The cases of one test: how many failed, how long they took, what they saw."""

    cases: int = 0
    failed: int = 0
    seconds: float = 0.0
    seen: list[str] = field(default_factory=list)


class Report:
    """Collects outcomes in the order in which they come."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._commit = run("git", "rev-parse", "--short=7", "HEAD").strip()
        self._rows: dict[str, dict[str, Row]] = {}
        self._tables: dict[str, list[str]] = {}

    def add(self, outcome: pytest.TestReport) -> None:
        """Add one case of a test."""
        file, _, name = outcome.nodeid.rpartition("/")[2].partition("::")
        chapter, name = file.removesuffix(".py"), name.partition("[")[0]
        row = self._rows.setdefault(chapter, {}).setdefault(name, Row())
        row.cases += 1
        row.failed += outcome.outcome != "passed"
        row.seconds += outcome.duration
        for key, value in outcome.user_properties:
            if key == "table":
                self._tables.setdefault(chapter, []).append(str(value))
            elif key == "seen":
                row.seen.append(_COLOURS.sub("", str(value)).replace("|", "/"))

    def write(self, path: str) -> None:
        """The whole report as Markdown."""
        lines = [*self._head(), ""]
        for chapter, title in CHAPTERS.items():
            if rows := self._rows.get(chapter):
                lines += [f"## {title}", "", *_table(rows), ""]
            for table in self._tables.get(chapter, ()):
                lines += [table, ""]
        text = "\n".join(lines).rstrip() + "\n"
        of_argo_cd = argocd_report.kept(Path(path))
        Path(path).write_text(text + (f"\n{of_argo_cd}" if of_argo_cd else ""), encoding="utf-8")

    def _head(self) -> list[str]:
        version = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
        argo = run("argo", "version", "--short").strip().removeprefix("argo: ")
        rows = [row for chapter in CHAPTERS for row in self._rows.get(chapter, {}).values()]
        tests, failed = sum(row.cases for row in rows), sum(row.failed for row in rows)
        took = (time.monotonic() - self._started) / 60
        return [
            "# On a real cluster",
            "",
            "Written by `make e2e`; every row is a test that passed unless it says otherwise, every number was "
            "measured by it.",
            "",
            f"* {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {self._commit}, Kubernetes {version}, "
            f"Argo Workflows {argo}, one node with {_processors()} processors ({platform.machine()})",
            f"* {tests} tests in {took:.0f} minutes, {failed} failed",
        ]


def _table(rows: dict[str, Row]) -> list[str]:
    """A row for each test that saw something or failed; the others in a sentence."""
    table, quiet = ["| what | took | seen |", "|---|---|---|"], []
    for name, row in rows.items():
        title = name.removeprefix("test_").replace("_", " ") + (
            f" ({row.cases} cases)" if row.cases > 1 else ""
        )
        if row.seen or row.failed:
            seen = "; ".join(dict.fromkeys(row.seen))
            mark = f"**{row.failed} FAILED** " if row.failed else ""
            table.append(f"| {mark}{title} | {row.seconds:.0f} s | {seen} |")
        else:
            quiet.append(title)
    also = [f"Also held: {'; '.join(quiet)}."] if quiet else []
    return [*(table if len(table) > 2 else []), *([""] if len(table) > 2 and also else []), *also]


def _processors() -> str:
    return run("kubectl", "get", "nodes", "-o", "jsonpath={.items[0].status.capacity.cpu}")
