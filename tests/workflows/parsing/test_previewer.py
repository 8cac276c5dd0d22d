"""Formulas are previewed by a child without secrets, within its limits, and each once."""

from dataclasses import replace

import numpy as np
import pytest

from backtest.prices.dataset import make_dataset
from workflows.errors import ParserBusy, PreviewRefused
from workflows.parsing import previewer
from workflows.parsing.children import Limits
from workflows.parsing.previewer import MOST_BARS, FormulaPreviewer, FormulaQuestion

DAYS = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]").astype("datetime64[s]")
RISING = make_dataset(
    "A", DAYS, dict.fromkeys(("open", "high", "low", "close", "volume"), np.arange(1.0, 11.0)), source=""
)
ASKED = FormulaQuestion(data_hash="a", formulas=["close > limit"], constants={"limit": 7}, first=2, stop=10)


def test_the_bars_on_which_a_formula_is_true_are_counted_by_a_child():
    found = FormulaPreviewer().preview(ASKED, RISING.encode)

    assert found.formulas == {
        "close > limit": {"true_on": 3, "ticks": [0, 0, 0, 0, 0, 1, 1, 1], "clauses": []}
    }
    assert found.close == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


def test_what_was_previewed_is_not_computed_again_and_only_what_is_new_is():
    asked, formulas = FormulaPreviewer(), []

    def payload():
        formulas.append("loaded")
        return RISING.encode()

    first = asked.preview(ASKED, payload)
    again = asked.preview(ASKED, payload)
    other = asked.preview(replace(ASKED, formulas=["close > limit", "open < 4"]), payload)

    assert again == first
    assert formulas == ["loaded", "loaded"]
    assert [other.formulas[text]["true_on"] for text in ("close > limit", "open < 4")] == [3, 1]


@pytest.mark.parametrize(
    ("change", "true_on"), [({"constants": {"limit": 9}}, 1), ({"data_hash": "b", "first": 9}, 1)]
)
def test_other_constants_prices_or_days_are_another_preview(change, true_on):
    asked = FormulaPreviewer()
    asked.preview(ASKED, RISING.encode)

    found = asked.preview(replace(ASKED, **change), RISING.encode)

    assert found.formulas["close > limit"]["true_on"] == true_on


def test_a_history_that_is_too_long_is_refused_before_its_prices_are_read():
    with pytest.raises(PreviewRefused, match="up to 500,000 bars"):
        FormulaPreviewer().preview(replace(ASKED, stop=MOST_BARS + 1), pytest.fail)


def test_a_preview_that_takes_too_much_memory_is_refused(monkeypatch):
    monkeypatch.setattr(previewer, "_LIMITS", Limits(memory_mib=1, seconds=5, data_mib=64))
    days = np.arange(200_000).astype("datetime64[s]")
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), np.ones(len(days)))
    long = make_dataset("A", days, prices, source="", timeframe="1s")

    with pytest.raises(PreviewRefused, match="more than 5 seconds or 1 MiB"):
        FormulaPreviewer().preview(replace(ASKED, stop=len(days)), long.encode)


def test_while_another_is_computed_the_client_is_asked_to_come_back(monkeypatch):
    monkeypatch.setattr(previewer, "_WAIT_SECONDS", 0.01)
    busy = FormulaPreviewer()
    busy.places.acquire()

    with pytest.raises(ParserBusy):
        busy.preview(ASKED, pytest.fail)


def test_damaged_prices_are_refused_with_what_is_wrong():
    with pytest.raises(PreviewRefused, match="cannot be previewed: the payload"):
        FormulaPreviewer().preview(ASKED, lambda: RISING.encode()[:-8])
