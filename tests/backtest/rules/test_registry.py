"""Rules are found by name, built from typed parameters, and come from installed packages too."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backtest import rules
from backtest.errors import InvalidRequest

ROOT = Path(__file__).parents[3]
EXAMPLE_PACKAGE = Path(__file__).parents[1] / "example_rule_package"
BUILT_IN = [
    "RSI", "MACD", "RSI_MACD", "MOVING_AVERAGE_CROSS", "BOLLINGER_BANDS", "VOLUME_BREAKOUT",
    "TREND_FOLLOWING", "ATR_VOLATILITY", "DONCHIAN_BREAKOUT", "MOMENTUM", "BUY_AND_HOLD", "EXPRESSION",
]  # fmt: skip


def wrong_fields(name, params):
    with pytest.raises(InvalidRequest) as invalid:
        rules.build(name, params)
    return {error.field: error.message for error in invalid.value.errors}


def in_fresh_process(script, *, packages=()):
    """Run a script in a process of its own and return what it prints as JSON."""
    path = os.pathsep.join(str(folder) for folder in (ROOT, *packages))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_twelve_built_in_rules_are_there():
    assert list(rules.BUILT_IN) == BUILT_IN
    assert list(rules.names())[:12] == BUILT_IN


def default_of(field):
    """The default of a field of a dataclass, which has a mutable one from a factory."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_rule_is_described_once_and_completely(name):
    rule = rules.get(name)

    fields = {field.name: field for field in dataclasses.fields(rule)}

    assert rule.name == name
    assert all([rule.label, rule.help, rule.long, rule.short])
    assert [field.name for field in rule.params] == list(fields)
    for field in rule.params:
        assert field.label
        assert field.help
        if not field.required:
            assert default_of(fields[field.name]) == field.default == field.parse(field.default)
        if field.kind in ("int", "float"):
            assert field.low is not None
            assert field.high is not None


@pytest.mark.parametrize("name", BUILT_IN[:-1])
def test_a_rule_without_parameters_takes_its_defaults(name):
    rule = rules.build(name, {})

    assert rule == rules.get(name)()


def test_parameters_as_text_become_numbers():
    rule = rules.build("MOVING_AVERAGE_CROSS", {"fast": "5", "slow": 20.0, "kind": "ema"})

    assert (rule.fast, rule.slow, rule.kind) == (5, 20, "ema")


def test_every_wrong_parameter_is_named():
    wrong = wrong_fields("MOVING_AVERAGE_CROSS", {"fast": 0, "slow": "many", "kind": "smma", "speed": 1})

    assert wrong["params.fast"] == "must be a whole number from 1 up to 5000, got 0"
    assert wrong["params.slow"] == "must be a whole number from 2 up to 5000, got 'many'"
    assert wrong["params.kind"] == "must be one of sma, ema, got 'smma'; did you mean sma?"
    assert wrong["params.speed"].startswith("is not a known field")


@pytest.mark.parametrize(
    ("name", "params", "field"),
    [
        ("MOVING_AVERAGE_CROSS", {"fast": 30, "slow": 30}, "params.fast"),
        ("MACD", {"fast": 27}, "params.fast"),
        ("RSI", {"oversold": 70}, "params.oversold"),
        ("RSI_MACD", {"overbought": 10}, "params.oversold"),
        ("RSI_MACD", {"slow": 5}, "params.fast"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(name, params, field):
    wrong = wrong_fields(name, params)

    assert list(wrong) == [field]
    assert "must be smaller than" in wrong[field]


def test_an_unknown_rule_is_refused_with_the_nearest_name():
    wrong = wrong_fields("MOVING_AVERAGE", {})

    assert wrong["rule_type"].startswith("must be one of RSI, MACD,")
    assert wrong["rule_type"].endswith("got 'MOVING_AVERAGE'; did you mean MOVING_AVERAGE_CROSS?")


def test_a_built_in_rule_is_found_without_searching_the_installed_packages():
    script = (
        "import sys, json; from backtest import rules; rules.build('RSI', {}); "
        "print(json.dumps('importlib.metadata' in sys.modules))"
    )

    assert in_fresh_process(script) is False


def test_a_rule_of_an_installed_package_is_described_and_its_parameters_are_checked():
    script = (
        "import json, sys; from backtest import rules; from backtest.errors import InvalidRequest\n"
        "rule, wrong = rules.get('HIGHER_CLOSE'), None\n"
        "try: rules.build('HIGHER_CLOSE', {'bars': 101})\n"
        "except InvalidRequest as error: wrong = str(error)\n"
        "print(json.dumps([rules.names(), rule.label, rule.long, rule.params[0].default, wrong, "
        "'friday_rules' in sys.modules]))"
    )

    names, label, long, default, wrong, is_imported = in_fresh_process(script, packages=[EXAMPLE_PACKAGE])

    assert names == [*BUILT_IN, "HIGHER_CLOSE"]
    assert (label, default) == ("Higher close", 1)
    assert long == "on every bar whose close is above the close `bars` bars before."
    assert wrong == "params.bars: must be a whole number from 1 up to 100, got 101"
    assert not is_imported


def test_a_described_rule_says_where_it_can_be_executed():
    script = (
        "import json; from backtest import rules\n"
        "try: rules.build('HIGHER_CLOSE', {}).exposure(None)\n"
        "except rules.RuleNotLoaded as error: print(json.dumps(str(error)))"
    )

    told = in_fresh_process(script, packages=[EXAMPLE_PACKAGE])

    assert told.startswith(
        "rule_type: HIGHER_CLOSE is a rule of an installed package, whose code runs in the"
    )


def test_a_process_that_allows_it_executes_a_rule_of_an_installed_package():
    script = (
        "import json; from backtest import rules; rules.allow_installed(); "
        "print(json.dumps([rules.build('HIGHER_CLOSE', {'bars': 3}).bars, rules.names()]))"
    )

    bars, names = in_fresh_process(script, packages=[EXAMPLE_PACKAGE])

    assert bars == 3
    assert names == [*BUILT_IN, "HIGHER_CLOSE"]


@pytest.mark.parametrize("allow", ["", "rules.allow_installed(); "], ids=["described", "imported"])
def test_broken_rules_of_a_package_are_reported_and_leave_the_others_usable(allow):
    script = (
        f"import json; from backtest import rules; {allow}"
        "print(json.dumps({rule.name: [rule.package, rule.reason] for rule in rules.broken()}))"
    )

    broken = in_fresh_process(script, packages=[EXAMPLE_PACKAGE])

    assert {package for package, _ in broken.values()} == {"friday-rules"}
    reasons = {name: reason for name, (_, reason) in broken.items()}
    assert sorted(reasons) == ["GONE", "MISNAMED", "MISSING", "NOT_A_RULE", "RSI", "UNFINISHED"]
    assert reasons["GONE"] == "ModuleNotFoundError: No module named 'friday_rules_of_last_year'"
    assert "must have the same name as its entry point, MISNAMED" in reasons["MISNAMED"]
    assert "has no attribute 'Nothing'" in reasons["MISSING"]
    assert "must be a subclass of backtest.rules.Rule" in reasons["NOT_A_RULE"]
    assert reasons["RSI"] == "ValueError: the name RSI is already taken"
    assert "does not implement exposure, warmup" in reasons["UNFINISHED"]


def test_asking_for_a_broken_rule_says_why_it_cannot_be_used():
    script = (
        "import json; from backtest import rules\n"
        "try: rules.build('GONE', {})\n"
        "except rules.UnknownRule as no: print(json.dumps([[e.field, e.message] for e in no.errors]))"
    )

    [[field, message]] = in_fresh_process(script, packages=[EXAMPLE_PACKAGE])

    assert field == "rule_type"
    assert message.startswith("rule GONE of package friday-rules cannot be used: ModuleNotFoundError")


def test_a_package_with_unreadable_metadata_is_reported_and_harms_no_other(tmp_path):
    broken_package = tmp_path / "odd_rules-1.0.dist-info"
    broken_package.mkdir()
    (broken_package / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-rules\nVersion: 1.0\n")
    (broken_package / "entry_points.txt").write_bytes(b"[stock_backtest.rules]\nCAF\xc9 = odd:Rule\n")
    script = (
        "import json; from backtest import rules; "
        "print(json.dumps([rules.names()[-1], [str(rule) for rule in rules.broken()]]))"
    )

    last, broken = in_fresh_process(script, packages=[tmp_path, EXAMPLE_PACKAGE])

    assert last == "HIGHER_CLOSE"
    assert any("odd_rules-1.0" in text and "UnicodeDecodeError" in text for text in broken)


def test_a_formula_calls_the_constants_of_its_rule_by_name():
    values = {"entry": "close > sma(close, n)", "constants": "n=3"}

    rule = rules.build("EXPRESSION", values)

    assert rule.warmup == 2


@pytest.mark.parametrize("name", ["close", "sma", "and", "true"])
def test_a_constant_cannot_have_a_name_of_the_language(name):
    with pytest.raises(InvalidRequest) as refused:
        rules.build("EXPRESSION", {"entry": "close > open", "constants": {name: 1}})

    assert [error.field for error in refused.value.errors] == ["params.constants"]
