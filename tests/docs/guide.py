"""The operations guide as its tests read it: chapters, commands, and who executes which."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGLISH, KOREAN = ROOT / "docs" / "ops-guide.md", ROOT / "docs" / "ops-guide.ko.md"
EXECUTED_BY = {
    "machine": "tests/docs/test_ops_guide.py",
    "git": "tests/docs/test_ops_guide.py",
    "docker": "tests/e2e/installation/test_compose.py",
    "cluster": "tests/e2e/installation/test_guide.py",
    "store": "tests/e2e/installation/test_store.py",
}
"""The second word of a block's fence, and the test that executes what is in it; `cloud` is executed by none."""


def blocks(path=ENGLISH):
    """(kind, commands) of every fenced block, in order."""
    return _blocks_in(path.read_text(encoding="utf-8"))


def commands(kind):
    """What is in the blocks of one kind."""
    return [text for found, text in blocks() if found == kind]


def chapter(number, kind):
    """What is in the blocks of one kind in one chapter."""
    text = ENGLISH.read_text(encoding="utf-8").split("\n## ")[number]
    assert text.startswith(f"{number}. ")
    return [commands for found, commands in _blocks_in(text) if found == kind]


def checked(text):
    """Commands for `bash -e`, which would pass over one that must fail, `! command`, and does not."""
    statements = re.findall(r"(?:.*\\\n)*.*\n", text)
    return "".join(
        f"{{ {each.strip()}; }} || exit 1\n" if each.startswith("! ") else each for each in statements
    )


def rows(path):
    """The cells of every row of every table."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def _blocks_in(text):
    return re.findall(r"^```sh ?(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
