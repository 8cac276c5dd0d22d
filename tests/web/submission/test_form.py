"""The form: what fills it, what it says about itself, and what a check finds."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from store.models import Run
from tests.web.conftest import PAGE, SMALLEST
from web.submission import form


def summary(page, heading):
    """What stands beside the name of a folded group, and whether it is marked as changed."""
    found = re.search(rf'<summary>{heading} <span class="(\w+)"[^>]*>([^<]*)</span>', page)
    return found.group(2), found.group(1) == "own"


def test_folded_groups_tell_their_defaults(client):
    page = client.get("/").text

    assert summary(page, "Sizing and fills") == ("100% of equity, long only, next open", False)
    assert summary(page, "Stops and targets") == ("off by default", False)


def test_folded_groups_tell_what_is_set_in_them_so_that_nothing_is_hidden(client, finished):
    run_id = finished(
        stop_loss_pct=5, trailing_stop_pct=8, direction="long_short", fractional=True, fee_min=1.5
    )

    page = client.get(f"/?run={run_id}").text

    assert summary(page, "Stops and targets") == ("Stop-loss 5%, Trailing stop 8%", True)
    assert summary(page, "Sizing and fills") == ("Fractional shares, Long and short", True)
    assert summary(page, "More costs") == ("Minimum fee 1.5 currency", True)
    assert not summary(page, "Comparison")[1]


def test_a_group_with_a_mistake_in_it_is_open(client):
    page = client.post("/run_backtest", data={"stop_loss_pct": "-1"}, headers=PAGE).text

    groups = re.findall(r'<details class="more"( open)?>', page)
    assert groups == ["", " open", "", ""]
    assert 'id="f-stop_loss_pct-error">must be a number above 0 up to 100' in page


@pytest.mark.parametrize("rule_type", ["RSI", "MACD", "DONCHIAN_BREAKOUT", "EXPRESSION"])
def test_every_parameter_of_a_rule_has_its_label_help_and_bounds(client, rule_type):
    page = client.get(f"/fragments/params?rule_type={rule_type}").text

    rule = next(found for found in client.get("/api/rules").json["rules"] if found["name"] == rule_type)
    for param in rule["params"]:
        assert f'name="params.{param["name"]}"' in page
        assert param["label"] in page
        if "maximum" in param["schema"]:
            assert f"Allowed: {param['allowed']}." in page


def test_the_formula_rule_lists_every_function_it_knows(client):
    page = client.get("/fragments/params?rule_type=EXPRESSION").text

    assert "Formula reference" in page
    for name in ("rsi(x, n=14)", "crosses_above(a, b)", "bbands_upper(x, n=20, k=2)", "<code>volume</code>"):
        assert name in page


def test_a_run_tells_the_parameters_it_was_computed_with_defaults_included(client, finished):
    run_id = finished(rule_type="DONCHIAN_BREAKOUT", params={"exit_period": 5})

    page = client.get(f"/runs/{run_id}?tab=settings", headers=PAGE).text

    assert "<div><dt>Channel</dt><dd>20 bars</dd></div>" in page
    assert '<div class="changed"><dt>Exit channel</dt><dd>5 bars<span' in page


def test_a_run_of_a_rule_that_is_gone_is_shown_by_its_name(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        session.get(Run, run_id).rule_type = "OLD_RULE"

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    assert "OLD_RULE (fast 10, slow 30, slippage 0 bps)" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [(30.0, "30"), (0.001, "0.001"), (1e-7, "1e-07"), (100_000.0, "100000"), (1234567.891, "1234567.891"),
     (True, "true"), (["SP500", "GOOG"], "SP500, GOOG"), ("sma", "sma"),
     ({"n": 20.0, "k": 1.5}, "n=20, k=1.5")],
)  # fmt: skip
def test_a_value_is_filled_in_as_one_would_type_it_and_means_the_same(value, text):
    assert form.typed(value) == text
    if isinstance(value, float):
        assert float(form.typed(value)) == value


def test_several_symbols_become_one_list_however_they_are_sent(client):
    one = client.post("/api/check", data=FORM | {"symbols": "SP500, NASDAQ"}).json
    two = client.post("/api/check", data=FORM | {"symbols": ["SP500", " NASDAQ "]}).json

    assert one["ok"]
    assert one["bars"] == two["bars"] == 2_516


FORM = {"symbols": "SP500", "rule_type": "RSI", "start_date": "2009-01-02", "end_date": "2018-12-31"}


def test_a_check_says_how_many_bars_from_when_to_when_and_how_long_it_takes(client):
    found = client.post("/api/check", data=FORM).json

    assert (found["bars"], found["warmup_bars"]) == (2_516, 2_515)
    assert (found["first_bar"], found["last_bar"]) == ("2009-01-02", "2018-12-31")
    assert 0 < found["seconds"] < 1


def test_a_check_tells_when_the_prices_do_not_cover_the_range(client):
    found = client.post("/api/check", json=SMALLEST | {"end_date": "2024-12-31"}).json

    assert found["ok"]
    assert any("2018-12-31" in caveat["message"] for caveat in found["caveats"])


@pytest.mark.parametrize(
    ("entry", "line", "column"),
    [("close > smaa(close, 5)", 1, 9), ("close >\nsma(close 5)", 2, 11), ("close >", 1, 8), ("rsi(close, 1) < 30", 1, 12)],
)  # fmt: skip
def test_a_wrong_formula_is_placed_by_line_and_column(client, entry, line, column):
    found = client.post("/api/check", data=FORM | {"rule_type": "EXPRESSION", "params.entry": entry}).json

    assert not found["ok"]
    error = found["errors"][0]
    assert (error["field"], error["line"], error["column"]) == ("params.entry", line, column)


def test_symbols_are_searched_by_a_part_of_their_name_with_their_range(client):
    found = client.get("/api/symbols?q=sp&limit=5").json["symbols"]

    assert [(one["symbol"], one["first_bar"], one["last_bar"], one["bars"]) for one in found] == [
        ("SP500", "1999-01-04", "2018-12-31", 5_031)
    ]


@pytest.mark.parametrize("fraction", [0.001, 0.0, 0.07, 1 / 3, 1e-7, 0.29, 0.5])
def test_a_fraction_shown_in_percent_comes_back_bit_for_bit(fraction):
    shown = form.from_request({"fee_rate": fraction})["fee_rate"]

    sent = form.to_request(MultiDict([("fee_rate", shown), ("percent", "fee_rate")]))

    assert float(sent["fee_rate"]) == fraction


@pytest.mark.parametrize(
    ("written", "meant"), [("0.1", "0.001"), ("0.1%", "0.001"), ("25", "0.25"), ("lots", "lots")]
)
def test_the_form_reads_percent_and_a_form_of_a_program_fractions(written, meant):
    of_the_page = MultiDict([("borrow_rate", written), ("percent", "borrow_rate")])

    assert form.to_request(of_the_page) == {"borrow_rate": meant}
    assert form.to_request(MultiDict([("borrow_rate", "0.1")])) == {"borrow_rate": "0.1"}


def test_a_mistake_in_percent_is_told_in_percent(client):
    asked = MultiDict(form.defaults() | {"fee_rate": "60"})
    asked["percent"] = "fee_rate"

    errors = client.post("/api/check", data=asked).json["errors"]

    assert [error["message"] for error in errors] == ["must be a number from 0 up to 50 percent, got '60'"]
