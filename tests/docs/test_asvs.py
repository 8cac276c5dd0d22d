"""The security checklist names tests that are there, and says something to every line."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [line.split(" | ") for line in (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8").splitlines()
         if re.match(r"\| \d", line)]  # fmt: skip
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", str(LINES))))


@cache
def names_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_the_checklist_names_is_there(path, name):
    assert name in names_in(path)


def test_every_chapter_of_level_1_has_a_line_and_every_line_a_proof_or_a_reason():
    chapters = {int(number) for cells in LINES for number in re.findall(r"(?<![.\d–])(\d+)\.", cells[0])}

    assert chapters >= {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
    assert len(NAMED) >= 25
    assert [cells for cells in LINES if len(cells) != 3 or len(cells[2]) < 10] == []
