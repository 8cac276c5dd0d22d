"""The request as workflow arguments: data, whatever it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import InvalidRequest
from backtest.run.request import RunRequest
from qa.examples import REQUEST
from workflows.cluster import parameters
from workflows.cluster.studies.form import STUDY

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


@pytest.mark.parametrize("name", ["space", "objective", "walk_forward", "symbols", "study_id", "sampler"])
@pytest.mark.parametrize("text", ["{{=1+1}}", "a{{workflow.name", "$(DB_PASSWORD)"])
def test_an_argument_of_a_study_that_argo_would_expand_is_refused_whatever_its_name(name, text):
    with pytest.raises(InvalidRequest, match=name):
        parameters.read({name: text}, "", STUDY)


def test_what_a_study_searches_survives_as_an_argument_that_holds_nothing_to_expand():
    space = {
        "params.entry": ["{{=1+1}}", "$(DB_PASSWORD)"],
        "params.constants.n": {"from": 1, "to": 3, "step": 1},
    }

    argument = parameters.arguments_of({"space": space}, {}, STUDY)["space"]

    assert json.loads(argument) == space
    assert not {"{{", "$"} & {
        argument[place : place + size] for place in range(len(argument)) for size in (1, 2)
    }


def test_a_row_of_an_older_release_with_such_text_is_not_submitted():
    request = RunRequest.parse(REQUEST).as_json() | {"symbols": ["{{=sprig.repeat(9", "'A')}}"]}

    with pytest.raises(InvalidRequest, match="symbols"):
        parameters.arguments_of(request, {})


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("123e4567-e89b-42d3-a456-426614174000", True),
        ("", False),
        ("my first run", False),
        ("123E4567-E89B-42D3-A456-426614174000", False),
        ("-23e4567-e89b-42d3-a456-42661417400-", False),
        ("123e4567-e89b-42d3-a456-4266141740001", False),
        ("1" * 36, False),
    ],
)
def test_a_run_is_named_by_the_id_that_was_given_where_a_label_can_hold_it_and_else_by_its_workflow(
    given, is_kept
):
    assert parameters.run_id_of(given, "uid") == (given if is_kept else "uid")


def test_an_argument_that_does_not_exist_is_refused_with_the_nearest_that_does():
    with pytest.raises(InvalidRequest, match="fee_rat: is not a known field; did you mean fee_rate?"):
        parameters.read({"fee_rat": "0.1"}, "")


def test_a_workflow_that_is_not_named_by_the_id_that_was_given_is_refused():
    with pytest.raises(InvalidRequest, match="run_id: must be a UUID4 in lower case, or empty"):
        parameters.read({"run_id": "my first run"}, "123e4567-e89b-42d3-a456-426614174000")
