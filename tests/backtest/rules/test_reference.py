"""The page about the rules says what the rules do, all of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from backtest import rules
from backtest.expression import FUNCTIONS
from backtest.rules.reference import page
from tests.fresh_python import run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_rules_say():
    assert page() == PAGE, "run: python -m backtest.rules > docs/rules.md"


def test_the_command_prints_the_page():
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "backtest.rules"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )

    assert (done.returncode, done.stdout) == (0, PAGE)


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_every_rule_has_its_section_with_every_parameter(name):
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]

    rule = rules.get(name)

    assert all(part in section for part in (rule.label, rule.help, rule.long, rule.short))
    for field in rule.params:
        row = next(line for line in section.splitlines() if line.startswith(f"| `{field.name}` |"))
        assert field.help in row
        assert field.allowed in row


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_every_function_of_the_language_is_listed(function):
    assert f"| `{function.signature}` | {function.help}" in PAGE


def test_the_example_of_a_rule_of_ones_own_works():
    code = PAGE.split("```python\n")[1].split("```")[0]
    script = code + (
        "from types import SimpleNamespace\n"
        "rule = HigherClose.build({'bars': 2})\n"
        "assert rule.exposure(SimpleNamespace(close=np.arange(4.0))).tolist() == [0, 0, 1, 1]\n"
    )

    run(script)
