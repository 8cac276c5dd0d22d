"""The settings of a run in words: what is default, what is not, and the label that follows."""

from datetime import date

import pytest

from backtest.run.request import OPTION_FIELDS, REQUEST_FIELDS, RunRequest
from store.models import Run
from web.presentation import run_settings

REQUEST = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
}


def run_of(**changes):
    """A run as it is stored for a request."""
    request = RunRequest.parse(REQUEST | changes).as_json()
    dates = {name: date.fromisoformat(request.pop(name)) for name in ("start_date", "end_date")}
    return Run(**request, **dates)


def texts(run):
    """The text of each setting by its name."""
    return {setting.name: setting.text for _, group in run_settings.grouped(run) for setting in group}


def test_every_field_of_a_request_is_among_the_settings():
    names = {field.name for field in REQUEST_FIELDS} - {"params", "run_id", "size_type"}

    assert texts(run_of()).keys() == names | {"fast", "slow", "kind"}


def test_a_run_of_defaults_has_an_empty_label_whether_its_parameters_were_given_or_not():
    assert run_settings.changes(run_of()) == ""
    assert run_settings.changes(run_of(params={"fast": 10, "slow": 30, "kind": "sma"})) == ""


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"params": {"fast": 20, "slow": 60}}, "fast 20, slow 60"),
        ({"params": {"kind": "ema"}}, "kind ema"),
        ({"stop_loss_pct": 5}, "stop-loss 5%"),
        ({"stop_loss_pct": 10, "trailing_stop_pct": 2.5}, "stop-loss 10%, trailing stop 2.5%"),
        ({"direction": "long_short", "borrow_rate": 0.02}, "long and short, borrow rate 2% per year"),
        ({"fill": "close"}, "fills at the signal's close"),
        ({"size": 50}, "size 50% of equity"),
        ({"size_type": "value", "size": 5000, "fractional": True}, "size 5,000 in currency, fractional shares"),
        ({"fee_rate": 0, "slippage_bps": 2}, "fee 0%, slippage 2 bps"),
        ({"fee_rate": 0.0005}, "fee 0.05%"),
        ({"initial_capital": 2_500_000}, "initial capital 2,500,000"),
        ({"benchmark": "NASDAQ", "risk_free_rate": 0.015}, "benchmark NASDAQ, risk-free rate 1.5% per year"),
    ],
)  # fmt: skip
def test_the_label_names_what_differs_from_the_defaults_with_its_unit(changes, label):
    assert run_settings.changes(run_of(**changes)) == label


def test_two_runs_that_differ_in_any_option_differ_in_their_labels():
    plain = run_of()
    for field in OPTION_FIELDS:
        other = run_of()
        value = {"bool": True, "choice": field.choices[-1:] and field.choices[-1]}.get(field.kind, 0.25)
        setattr(other, field.name, value)

        assert run_settings.changes(other) != run_settings.changes(plain), field.name


def test_a_formula_is_shown_whole():
    entry = "close > sma(close, 200) and rsi(close, 4) < 30"

    label = run_settings.changes(run_of(rule_type="EXPRESSION", params={"entry": entry, "exit": "close < 1"}))

    assert label == f"entry {entry}, exit close < 1"


def test_parameters_that_a_form_sent_as_text_are_compared_by_their_value():
    run = run_of(params={"fast": "10", "slow": "60", "kind": "sma"})

    assert run_settings.changes(run) == "slow 60"
    assert run_settings.parameters_given(run) == {"slow": 60}


def test_a_run_of_a_rule_that_is_gone_shows_the_parameters_that_it_was_asked_with():
    run = run_of(params={"fast": 20})
    run.rule_type = "RETIRED"

    assert run_settings.changes(run) == "fast 20"
    assert texts(run)["rule_type"] == "RETIRED"


def test_what_is_not_set_is_off_and_the_benchmark_is_named():
    shown = texts(run_of())

    assert (shown["stop_loss_pct"], shown["benchmark"], shown["fractional"]) == (
        "Off",
        "Buy & hold of the same symbols",
        "No",
    )
    assert (shown["initial_capital"], shown["fee_rate"], shown["slippage_bps"]) == (
        "100,000",
        "0.1%",
        "5 bps",
    )
