"""Arguments that Argo or Kubernetes would evaluate: data for all of them, whatever entrance they take."""

import json
import uuid

import pytest

from qa.examples import MINIMAL
from tests.e2e.harness import variants
from tests.e2e.harness.cluster import until
from tests.e2e.harness.product import REQUEST
from tests.e2e.runs.test_faults import failed, succeeded_once
from workflows.cluster import parameters

pytestmark = pytest.mark.timeout(600)

KEY, REPEAT, NAME, VARIABLE = (
    "{{=sprig.genPrivateKey('rsa')}}", "{{=sprig.repeat(999999999,'A')}}", "{{workflow.name}}", "$(DB_PASSWORD)"
)  # fmt: skip
HOSTILE = (KEY, REPEAT, NAME, VARIABLE)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_web_takes_such_a_text_nowhere_in_a_request(product, text):
    halves = text.split(",")
    for changes in (
        {"symbols": [text]},
        {"symbols": halves if len(halves) > 1 else [text, "GOOG"]},
        {"benchmark": text},
        {"rule_type": text},
        {"rule_type": "EXPRESSION", "params": {"entry": text}},
        {"params": {text: 1}},
        {"run_id": text},
    ):
        answer = product.call("POST", "/run_backtest", json=MINIMAL | REQUEST | changes)
        assert answer.status_code == 400, answer.text


def test_names_notes_and_tags_take_none_either(product):
    run_id = product.submit()

    answers = [
        product.call("PATCH", f"/api/runs/{run_id}", json=changes).status_code
        for text in HOSTILE
        for changes in ({"name": text}, {"notes": text})
    ]

    assert set(answers) == {400}
    succeeded_once(product, run_id)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_dispatcher_escapes_comes_through_argo_as_it_was(cluster, text):
    """The engine step names the unknown parameter, so that its name has passed through the controller twice."""
    workflow = variants.start(cluster, variants.trying_once, params=parameters.text_of({text: 1}))

    until(lambda: cluster.phase(workflow) == "Failed", 180, "the workflow has failed")

    nodes = cluster.status(workflow)["nodes"].values()
    message = json.dumps([node.get("message", "") for node in nodes]).replace("\\\\", "").replace("\\", "")
    assert f"params.{text}" in message


def test_what_a_person_has_argo_evaluate_is_checked_as_any_other_argument(cluster):
    workflow = variants.start(cluster, variants.trying_once, symbols="{{=1+1}}")

    until(lambda: cluster.phase(workflow) in ("Failed", "Error"), 180, "the workflow has failed")

    assert "No price data for 2" in json.dumps(list(cluster.status(workflow)["nodes"].values()))


def test_a_row_of_an_older_release_that_holds_such_a_text_is_never_submitted(cluster, product):
    run_id, symbols = str(uuid.uuid4()), json.dumps([KEY]).replace("'", "''")
    product.call("POST", "/run_backtest", json=REQUEST | {"run_id": str(uuid.uuid4())})
    columns = [row[0] for row in product.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'runs' AND table_schema = DATABASE()"
    )]  # fmt: skip
    own = {"run_id": f"'{run_id}'", "symbols": f"'{symbols}'", "status": "'PENDING'", "workflow_uid": "NULL",
           "workflow_name": "NULL", "error_code": "NULL", "idempotency_key": "NULL"}  # fmt: skip
    values = ", ".join(own.get(name, f"`{name}`") for name in columns)
    names = ", ".join(f"`{name}`" for name in columns)
    product.sql(f"INSERT INTO runs ({names}) SELECT {values} FROM runs ORDER BY created_at DESC LIMIT 1")

    message = failed(product, run_id, "launch_refused")

    assert "symbols" in message
    assert cluster.workflows(run_id=run_id) == []
