"""The alphabet of symbols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest import samples
from backtest.errors import InvalidRequest
from backtest.prices.dataset import make_dataset
from backtest.prices.symbols import is_symbol
from backtest.run.request import RunRequest
from qa.examples import REQUEST

HOSTILE = (
    "{{=sprig.genPrivateKey('rsa')}}", "{{=sprig.repeat(999999999", "'A')}}", "$(DB_PASSWORD)", "${HOME}", "A{B", "A}B",
    "$SPX", "A B", "A\tB", "A\u200bB", "A\u202eB", "<img>", "A,B", "A;B", "A'B", 'A"B', "A\\B", "A`B", "", "A" * 33,
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "SPY",
        "BRK.A",
        "^GSPC",
        "EURUSD=X",
        "GC=F",
        "BTC-USD",
        "BTC/USDT",
        "KRX:005930",
        "ES_1",
        "M+",
        "삼성전자",
        "ไทย",
    ],
)
def test_names_of_real_instruments_are_symbols(name):
    assert is_symbol(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_template_or_a_shell_would_read_is_no_symbol_of_a_request_a_benchmark_or_a_dataset(name):
    with pytest.raises(InvalidRequest, match="letters, digits and"):
        RunRequest.parse(REQUEST | {"symbols": [name]})
    if name:
        with pytest.raises(InvalidRequest, match="benchmark"):
            RunRequest.parse(REQUEST | {"benchmark": name})
    bars = samples.load("SP500").bars
    columns = {field: getattr(bars, field)[:, 0] for field in ("open", "high", "low", "close", "volume")}
    with pytest.raises(ValueError, match="letters, digits and"):
        make_dataset(name, bars.times, columns, source="test")


@given(st.text(max_size=40))
def test_no_symbol_holds_a_brace_a_dollar_sign_or_a_space(name):
    assert not (is_symbol(name) and set(name) & set("{}$ \n\"'\\"))


@pytest.mark.parametrize("text", ["{{workflow.name}}", "close > $(X)"])
def test_no_text_of_a_request_holds_what_argo_would_expand(text):
    wrong = REQUEST | {"rule_type": "EXPRESSION", "params": {"entry": text}}

    with pytest.raises(InvalidRequest, match=r"must not contain (\{\{|\$\()"):
        RunRequest.parse(wrong)
