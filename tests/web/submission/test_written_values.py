"""What people write means the same at every entrance: runs, checks, studies and presets."""

import pytest

from tests.web.conftest import SMALLEST

NOT_NULL = (
    "fee_rate",
    "slippage_bps",
    "initial_capital",
    "direction",
    "size_type",
    "size",
    "fill",
    "fractional",
)


def sent(client, entrance, request):
    """Whether a request of a run is taken at one of the entrances, and the text of the answer."""
    if "study" in entrance:
        request = request | {"space": {"take_profit_pct": [5, 10]}}
    body = {"name": "Any", "request": request} if entrance == "/api/strategies" else request
    answer = client.post(entrance, json=body)
    return answer.status_code < 300 and (answer.json or {}).get("ok", True), answer.text


ENTRANCES = ("/run_backtest", "/api/check", "/run_study", "/api/check_study", "/api/strategies")


CHECKED = ENTRANCES[:-1]
"""Those that refuse a mistake at once; a preset may be a draft, whose mistakes are reported when it is run."""


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_the_request_itself_is_taken_everywhere(client, entrance):
    taken, said = sent(client, entrance, SMALLEST)

    assert taken, said


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("name", NOT_NULL)
def test_null_is_refused_everywhere_for_a_field_with_a_default(client, entrance, name):
    taken, said = sent(client, entrance, SMALLEST | {name: None})

    assert not taken
    assert name in said
    assert "got null; leave it out for the default" in said


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_null_is_refused_everywhere_for_a_parameter_of_the_rule(client, entrance):
    taken, said = sent(client, entrance, SMALLEST | {"params": {"fast": None, "slow": 30}})

    assert (taken, "params.fast" in said) == (False, True)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize(
    ("name", "written"),
    [("fee_rate", "0.1%"), ("initial_capital", "$100,000"), ("initial_capital", "1e5"), ("slippage_bps", "5 bps"),
     ("initial_capital", "100_000"), ("stop_loss_pct", "10%")],
)  # fmt: skip
def test_a_number_is_read_everywhere_as_people_write_it(client, entrance, name, written):
    taken, said = sent(client, entrance, SMALLEST | {name: written})

    assert taken, said


@pytest.mark.parametrize("entrance", CHECKED)
@pytest.mark.parametrize(
    ("name", "written"), [("slippage_bps", "5%"), ("initial_capital", "10%"), ("fee_rate", "0,1")]
)
def test_a_number_whose_unit_is_unclear_is_refused_everywhere(client, entrance, name, written):
    taken, said = sent(client, entrance, SMALLEST | {name: written})

    assert (taken, name in said) == (False, True)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_symbols_are_found_everywhere_whatever_their_case(client, entrance):
    taken, said = sent(client, entrance, SMALLEST | {"symbols": ["sp500"], "benchmark": "Goog"})

    assert taken, said


@pytest.mark.parametrize("entrance", CHECKED)
def test_a_constant_where_a_formula_needs_a_series_is_refused_everywhere_with_what_was_meant(
    client, entrance
):
    rule = {
        "rule_type": "EXPRESSION",
        "params": {"entry": "rsi(14) < 30", "exit": "close > bbands_upper(20, 2)"},
    }

    taken, said = sent(client, entrance, SMALLEST | rule)

    assert not taken
    assert "did you mean rsi(close, 14)?" in said
    assert "did you mean bbands_upper(close, 20, 2)?" in said
