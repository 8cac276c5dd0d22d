"""The chapter of docs/e2e.md about Argo CD, written by its tests; the others keep it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.harness.cluster import run

HEAD = "# On a real Argo CD\n"
PAGE = Path(__file__).parents[2] / "docs" / "e2e.md"
_rows: list[str] = []
_failed: list[str] = []


def add(outcome: pytest.TestReport) -> None:
    """A row for each test."""
    name = outcome.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    seen = "; ".join(str(value) for key, value in outcome.user_properties if key == "seen")
    mark = "" if outcome.outcome == "passed" else "**FAILED** "
    if mark:
        _failed.append(name)
    _rows.append(f"| {mark}{name} | {outcome.duration:.0f} s | {seen.replace('|', '/')} |")


def write() -> None:
    """Put the chapter at the end of the page, in the place of the one before."""
    commit = run("git", "rev-parse", "--short=7", "HEAD").strip()
    image = run(
        "kubectl", "-n", "argocd", "get", "deployment", "argocd-server", "-o", "jsonpath={..image}"
    ).split()[0]
    lines = [
        HEAD,
        "Written by `make argocd-e2e`; every row is a test that passed unless it says otherwise.",
        "",
        f"* {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}, Argo CD {image.rpartition(':')[2]}",
        f"* {len(_rows)} tests, {len(_failed)} failed",
        "",
        "| what | took | seen |",
        "|---|---|---|",
        *_rows,
    ]
    before = PAGE.read_text(encoding="utf-8").partition(HEAD)[0].rstrip("\n")
    PAGE.write_text(before + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def kept(page: Path) -> str:
    """The chapter that a page has, for who writes the page anew."""
    _, head, chapter = page.read_text(encoding="utf-8").partition(HEAD) if page.exists() else ("", "", "")
    return head + chapter
