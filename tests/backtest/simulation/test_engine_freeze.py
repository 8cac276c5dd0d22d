"""The engine is frozen: source, version and results move together or not at all."""

import json

import pytest

from backtest.engine import ENGINE_VERSION
from backtest.lock import LOCK, SOURCE, complaint, current
from tests.backtest.goldens import CASES, FOLDER, headline, simulated, table

LOCKED = json.loads(LOCK.read_text(encoding="utf-8"))


def test_the_lock_holds_this_version_and_this_source():
    assert complaint(LOCKED, current()) == ""


def test_a_changed_source_under_the_same_version_is_noticed():
    changed = current(source=SOURCE.read_bytes() + b"\n")

    assert "engine.py has changed under version 1" in complaint(LOCKED, changed)


def test_a_changed_version_of_the_same_source_is_noticed():
    changed = current(version=ENGINE_VERSION + 1)

    assert complaint(LOCKED, changed) == "ENGINE_VERSION says 2, but the lock holds 1"


@pytest.mark.parametrize("backend", ["interpreted", "jit"])
@pytest.mark.parametrize("name", CASES)
def test_a_golden_result_is_the_same_byte_for_byte(name, backend):
    done = simulated(name, backend)

    assert headline(done) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert table(done) == (FOLDER / f"{name}.csv").read_text(encoding="utf-8")


def test_no_golden_file_is_left_unread():
    names = {path.stem for path in FOLDER.iterdir()}

    assert names == set(CASES)
