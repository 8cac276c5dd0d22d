"""docs/reliability.md: each command writes its own section, in one order, and leaves the others alone."""

import pytest

from qa import reliability as page


def test_a_section_is_written_in_the_place_of_itself_and_the_others_stay(tmp_path):
    path = tmp_path / "docs" / "reliability.md"

    page.write("Soak", ["old"], path=path)
    page.write("Faults", ["### Inside", "", "| a | b |"], path=path)
    page.write("Soak", ["new"], path=path)

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Reliability\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Faults", "## Soak"]
    assert "### Inside\n\n| a | b |\n" in text
    assert ("new" in text, "old" in text) == (True, False)


def test_writing_the_same_twice_changes_nothing(tmp_path):
    path = tmp_path / "reliability.md"
    page.write("Load", ["as measured"], path=path)
    before = path.read_bytes()

    page.write("Load", ["as measured"], path=path)

    assert path.read_bytes() == before


def test_a_section_that_no_command_owns_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="one of Faults, Bad input, Load, Soak, Rolling restart, got 'Other'"
    ):
        page.write("Other", [], path=tmp_path / "reliability.md")
