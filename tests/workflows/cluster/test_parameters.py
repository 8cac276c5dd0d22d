"""The request as workflow arguments: data, whatever it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import InvalidRequest
from backtest.run.request import RunRequest
from qa.examples import REQUEST
from workflows.cluster import parameters

TEXTS = st.text(alphabet=st.sampled_from('{}$()"\\ax'), max_size=12)


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_an_object_survives_as_json_that_holds_nothing_to_expand(content):
    text = parameters.text_of(content)

    assert json.loads(text) == content
    assert "{{" not in text
    assert "$" not in text


@pytest.mark.parametrize("name", ["symbols", "rule_type", "benchmark", "params", "run_id", "start_date"])
@pytest.mark.parametrize("text", ["{{=1+1}}", "a{{workflow.name", "$(DB_PASSWORD)"])
def test_an_argument_that_argo_would_expand_is_refused_whatever_its_name(name, text):
    with pytest.raises(InvalidRequest, match=name):
        parameters.read({name: text}, "")


def test_a_row_of_an_older_release_with_such_text_is_not_submitted():
    request = RunRequest.parse(REQUEST).as_json() | {"symbols": ["{{=sprig.repeat(9", "'A')}}"]}

    with pytest.raises(InvalidRequest, match="symbols"):
        parameters.arguments_of(request, {})
