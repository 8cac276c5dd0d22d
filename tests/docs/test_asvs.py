"""The security checklist names tests that exist."""

import ast
import re

from qa.harness.processes import ROOT

NAMED = sorted(
    set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/asvs.md").read_text(encoding="utf-8")))
)


def test_every_test_that_the_checklist_names_exists():
    functions = {
        path: {
            node.name
            for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }
        for path, _ in NAMED
    }

    assert NAMED
    assert [(path, name) for path, name in NAMED if name not in functions[path]] == []
