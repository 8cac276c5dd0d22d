import uuid

import pytest

from backtest.errors import InvalidRequest
from backtest.run.request import RunRequest
from backtest.simulation.config import ENGINE_FIELDS, EngineConfig
from qa.examples import TEN_YEARS

SMALLEST = TEN_YEARS


def mistakes(**changes):
    with pytest.raises(InvalidRequest) as caught:
        RunRequest.parse(SMALLEST | changes)
    return {error.field: error.message for error in caught.value.errors}


def test_a_request_without_settings_has_the_defaults_of_the_engine():
    bare = {name: SMALLEST[name] for name in ("symbols", "rule_type", "start_date", "end_date")}

    assert RunRequest.parse(bare).config == EngineConfig()


@pytest.mark.parametrize("field", ENGINE_FIELDS, ids=lambda field: field.name)
def test_a_setting_has_the_same_bounds_in_python_as_in_a_request(field):
    beyond = "none of these" if field.kind in ("choice", "bool") else (field.high or 0) * 2

    with pytest.raises(InvalidRequest) as refused:
        EngineConfig(**{field.name: beyond})

    assert {error.field: error.message for error in refused.value.errors} == mistakes(**{field.name: beyond})


def test_a_number_written_as_text_is_no_setting():
    with pytest.raises(InvalidRequest, match="size: must be a number above 0 up to 1e\\+12, got '5'"):
        EngineConfig(size="5")


def test_the_smallest_request_is_understood_with_documented_defaults():
    request = RunRequest.parse(SMALLEST)

    assert request.symbols == ("SP500",)
    assert request.params == {"fast": 10, "slow": 30}
    assert (request.config.fee_rate, request.config.slippage_bps, request.config.fill) == (
        0.001,
        0.0,
        "next_open",
    )
    assert (request.config.direction, request.config.fractional) == ("long_only", False)
    assert request.benchmark is None
    assert uuid.UUID(request.run_id).version == 4


def test_a_request_written_as_json_is_read_back_the_same():
    request = RunRequest.parse(SMALLEST | {"stop_loss_pct": 5, "benchmark": "NASDAQ"})

    assert RunRequest.parse(request.as_json()) == request


def test_the_texts_of_a_form_make_the_same_request_as_json():
    texts = {name: str(value) for name, value in SMALLEST.items() if name not in ("symbols", "params")}
    run_id = str(uuid.uuid4())

    form = RunRequest.parse(
        texts | {"symbols": "SP500", "params": {"fast": "10", "slow": "30"}, "run_id": run_id}
    )

    assert form.config == RunRequest.parse(SMALLEST).config
    assert form.rule() == RunRequest.parse(SMALLEST).rule()


def test_every_mistake_is_named_at_once():
    wrong = mistakes(
        initial_capital=-5, fee_rate="letters", params={"fast": 30, "slow": 10}, end_date="2008-01-01", typo=1
    )

    assert set(wrong) >= {"initial_capital", "fee_rate", "end_date", "typo"}
    assert any(field.startswith("params") for field in wrong)
    assert "2009-01-02" in wrong["end_date"]
    assert wrong["initial_capital"] == "must be a number above 0 up to 1e+12, got -5"


@pytest.mark.parametrize("field", ["symbols", "rule_type", "start_date", "end_date"])
def test_a_required_field_that_is_missing_is_named(field):
    assert mistakes(**{field: None}).keys() == {field}


def test_an_unknown_rule_is_answered_with_the_nearest_one():
    assert "MOVING_AVERAGE_CROSS" in mistakes(rule_type="MOVING_AVERAGE_CROS")["rule_type"]


def test_an_unknown_parameter_is_answered_with_the_nearest_one():
    assert "did you mean fast?" in mistakes(params={"fasst": 10})["params.fasst"]


@pytest.mark.parametrize("run_id", ["x", "00000000-0000-0000-0000-000000000000", "A" * 36, 7])
def test_a_run_id_that_is_no_uuid4_is_refused(run_id):
    assert mistakes(run_id=run_id).keys() == {"run_id"}


@pytest.mark.parametrize("raw", [None, [], "text", 7])
def test_a_request_that_is_no_object_is_refused(raw):
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        RunRequest.parse(raw)


def test_a_symbol_that_is_known_in_two_cases_is_only_found_in_its_own():
    asked = RunRequest.parse(SMALLEST | {"symbols": ["goog", "GooG", "msft"], "benchmark": "spy"})

    found = asked.spelled(["GOOG", "goog", "MSFT", "SPY"])

    assert (found.symbols, found.benchmark) == (("goog", "GooG", "MSFT"), "SPY")
