"""A run as text that runs it again: read by a shell and by Python, it is the same request."""

import json
import shlex
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from backtest.run.request import RunRequest
from web.presentation.handover import argo_form, handovers, without_defaults
from workflows.cluster import parameters

QUOTED = {
    "symbols": ["SP500", "GOOG"],
    "rule_type": "EXPRESSION",
    "params": {"entry": "close > sma(close, 200) and rsi(close, 2) < 10", "exit": 'rsi(close, 2) > 60 or "x" == 1'},
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
    "stop_loss_pct": 5.0,
    "fractional": True,
}  # fmt: skip


def full(request):
    """The request with every field, as a run stores it."""
    return RunRequest.parse(request, check_rule=False).as_json()


def texts(request, **options):
    """The text of each way, by its name."""
    facts = {"server": "http://desk:5000", "namespace": "trading", "with_token": False} | options
    return {way.name: way.text for way in handovers(full(request), **facts)}


def test_only_what_was_chosen_is_handed_over_and_no_run_id():
    assert without_defaults(full(QUOTED)) == QUOTED


def test_curl_posts_the_same_request():
    words = shlex.split(texts(QUOTED)["curl"].replace("\\\n", ""))

    assert words[:3] == ["curl", "-s", "http://desk:5000/run_backtest"]
    assert json.loads(words[words.index("-d") + 1]) == QUOTED


def test_python_holds_the_same_request():
    namespace = {}
    text = texts(QUOTED)["python"]

    exec(text[: text.index("def call")], namespace)

    assert (namespace["RUN"], namespace["SERVER"]) == (QUOTED, "http://desk:5000")
    compile(text, "handover.py", "exec")


def test_the_arguments_of_argo_are_read_back_as_the_same_request():
    words = shlex.split(texts(QUOTED)["argo"].replace("\\\n", ""))
    arguments = dict(word.split("=", 1) for option, word in pairwise(words) if option == "-p")

    raw, hashes = parameters.read(arguments, "")

    assert words[:6] == ["argo", "submit", "-n", "trading", "--from", "workflowtemplate/backtest"]
    assert full({**raw, "run_id": None})["params"] == QUOTED["params"]
    assert raw["symbols"].split(",") == QUOTED["symbols"]
    assert hashes == {}


def test_a_token_is_taken_from_the_environment_where_the_server_asks_for_one():
    shown = texts(QUOTED, with_token=True)

    assert '-H "Authorization: Bearer $BACKTEST_TOKEN"' in shown["curl"]
    assert 'os.environ["BACKTEST_TOKEN"]' in shown["python"]
    assert "import json, os, time" in shown["python"]


@pytest.mark.parametrize("text", ["{{workflow.uid}}", "$(date)"])
def test_text_that_argo_would_evaluate_is_not_offered_to_it(text):
    request = full(QUOTED) | {"benchmark": text}

    ways = handovers(request, server="http://desk:5000", namespace="trading", with_token=False)

    assert [way.name for way in ways] == ["curl", "python"]


def test_the_form_of_the_argo_ui_is_filled_with_the_same_request():
    address = argo_form(full(QUOTED), ui="https://argo.example.com/", namespace="trading")

    place, query = urlsplit(address), parse_qs(urlsplit(address).query)

    given = {name[11:-1]: text for name, [text] in query.items() if name.startswith("parameters[")}
    raw, _ = parameters.read(given, "123e4567-e89b-42d3-a456-426614174000")
    assert (place.netloc, place.path) == ("argo.example.com", "/workflow-templates/trading/backtest")
    assert query["sidePanel"] == ["submit"]
    assert without_defaults(full(raw)) == without_defaults(full(QUOTED))


def test_no_form_is_offered_without_an_argo_ui_or_for_text_that_it_would_evaluate():
    assert argo_form(full(QUOTED), ui="", namespace="trading") == ""
    evaluated = full(QUOTED) | {"params": {"entry": "{{=1}}"}, "symbols": ["{{=1}}"]}
    assert argo_form(evaluated, ui="https://argo.example.com", namespace="trading") == ""
