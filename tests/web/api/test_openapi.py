"""The description is valid, complete, and kept: properties found by schemathesis."""

import contextlib

import jsonschema
import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from backtest.run import result_tables
from backtest.run.request import OPTION_FIELDS
from tests.web.conftest import EACH, with_a_result
from tests.web.yahoo_stubs import FakeYahoo
from web.api import openapi, schemas
from web.results import curves

PAGES = {
    "/",
    "/runs",
    "/runs/{run_id}",
    "/studies",
    "/studies/{study_id}",
    "/ledger",
    "/ledger/{fingerprint}",
    "/compare",
    "/datasets",
    "/datasets/{data_hash}",
    "/docs",
    "/docs/{name}",
    "/audit",
    "/openapi.json",
    "/sign-in",
    "/sign-in/start",
    "/sign-in/callback",
}
FORMS = {
    "/studies/{study_id}/compare",
    "/runs/{run_id}/notes",
    "/runs/{run_id}/delete",
    "/studies/{study_id}/delete",
    "/api/strategies/{preset_id}/delete",
    "/datasets/preview",
    "/datasets/yahoo",
    "/datasets/{data_hash}/splits",
    "/datasets/{data_hash}/rename",
    "/datasets/{data_hash}/refresh",
    "/datasets/{data_hash}/delete",
    "/sign-out",
}
PARTS = {
    "/fragments/params",
    "/static/{name}",
    "/api/runs/{run_id}/markers",
    "/runs/{run_id}/trades/{seq}",
    "/runs/{run_id}/symbols",
    "/api/runs/{run_id}/charts/{name}.png",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('openapi') / 'record.sqlite3'}"
    with with_a_result(url, yahoo=FakeYahoo()) as served:
        yield served


OPERATIONS = [(path, method) for path, methods in openapi.document()["paths"].items() for method in methods]
UNCHECKED = (checks.positive_data_acceptance, checks.negative_data_rejection, checks.ignored_auth)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "wrong"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_makes_a_5xx_or_an_answer_that_breaks_its_schema(served, path, method, mode):
    described = schemathesis.openapi.from_wsgi("/openapi.json", served[0])
    operation = described[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(EACH, max_examples=20)
    def each(case):
        plain = {"Accept-Encoding": "identity"}  # this client does not decompress
        case.call_and_validate(headers=plain, excluded_checks=list(UNCHECKED))

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where there is nothing to send
        each()


@pytest.mark.parametrize(
    "path", ["/status/{run}", "/api/runs/{run}", "/api/runs", "/runs/{run}/result.json", "/api/rules", "/api/metrics",
             "/api/symbols", "/api/datasets", "/api/strategies", "/api/runs/{run}/curves?names=equity,price",
             "/api/runs/{run}/candles?candles=50", "/api/runs/{run}/trades/0",
             "/api/runs/{run}/rolling?window=20&points=50"],
)  # fmt: skip
def test_the_answers_about_a_finished_run_are_as_described(served, path):
    app, run_id = served
    document = openapi.document()
    name = path.split("?")[0].replace("{run}", "{run_id}").replace("/trades/0", "/trades/{seq}")
    answer = document["paths"][name]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    body = app.test_client().get(path.replace("{run}", run_id)).json

    validator = jsonschema.Draft202012Validator({**answer, "components": document["components"]})
    assert [error.message for error in validator.iter_errors(body)] == []


def test_an_answer_has_no_field_that_is_not_described(served):
    app, run_id = served
    described = openapi.document()["components"]["schemas"]
    client = app.test_client()

    status, run = client.get(f"/status/{run_id}").json, client.get(f"/api/runs/{run_id}").json
    brief = client.get("/api/runs").json["runs"][0]
    rule, metric = client.get("/api/rules").json["rules"][0], client.get("/api/metrics").json["metrics"][0]

    answers = {"Status": status, "Trade": status["trades"][0], "Run": run, "RunBrief": brief}
    for name, answer in (answers | {"Rule": rule, "Metric": metric}).items():
        assert answer.keys() - described[name]["properties"].keys() == set(), name


def test_the_schemas_name_every_option_curve_and_column():
    options, trade = schemas.Options.__annotations__, schemas.Trade.__annotations__
    always = {"bars", "bars_in_range", "times"}

    assert list(options) == [field.name for field in OPTION_FIELDS] + ["benchmark"]
    assert list(trade) == ["seq", *result_tables.TRADE_COLUMNS]
    assert schemas.Curves.__annotations__.keys() - always == set(curves.NAMES)


def test_every_path_that_programs_may_call_is_described(served):
    routes = {
        rule.rule.replace("<int:", "{").replace("<path:", "{").replace("<", "{").replace(">", "}")
        for rule in served[0].url_map.iter_rules()
    }

    assert routes - PAGES - FORMS - PARTS - set(openapi.document()["paths"]) == set()


def test_the_description_is_what_the_page_shows(served):
    page = served[0].test_client().get("/docs").text

    assert all(path in page for path in openapi.document()["paths"])
