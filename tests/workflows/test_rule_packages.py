"""No line of an installed package runs in web, worker, fork server, persist, dispatcher or reconciler."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import select, update

from qa.examples import REQUEST
from qa.harness.environment import TestEnvironment
from qa.harness.processes import ROOT, wait_until
from store.models import Run
from tests.rule_packages import plant_recording

MARKUP = "<script>alert(1)</script>"
PLANTED = {"rule_type": "PLANTED", "params": {"bars": 5}}
REGISTER = """
import sys, uuid
from datetime import UTC, datetime
from backtest.errors import InvalidRequest
from store.session import Database
from workflows.cluster import parameters, registration
from backtest.run.request import RunRequest
from qa.examples import REQUEST
database = Database.open(sys.argv[1])
for params in ({"bars": 5}, {"bars": 101}):
    run_id = str(uuid.uuid4())
    valid = RunRequest.parse(REQUEST).as_json()
    arguments = parameters.arguments_of(valid | {"rule_type": "PLANTED", "params": params, "run_id": run_id}, {})
    submitted = registration.WorkflowSubmission(
        run_id=run_id, arguments=arguments, workflow_name="w", workflow_uid=run_id
    )
    try:
        with database.write() as session:
            print(registration.register(session, submitted, now=datetime.now(UTC)))
    except InvalidRequest as error:
        print(error)
"""


@pytest.fixture
def record(tmp_path):
    """Where the planted package writes who imports it."""
    return tmp_path / "record"


@pytest.fixture
def site(tmp_path, record):
    return plant_recording(tmp_path / "site", record, label=MARKUP)


def importers(record):
    """Process, parent process and command of each import of the package."""
    lines = [line.split(" ", 2) for line in record.read_text().splitlines()]
    return [(int(pid), int(parent), rest.rpartition("] ")[2]) for pid, parent, rest in lines]


@pytest.fixture
def product(sqlite_url, tmp_path, site):
    """A web process and a worker, started as in production, with the package installed."""
    product = TestEnvironment(sqlite_url, tmp_path / "environment", workers=1)
    product.start(PYTHONPATH=str(site), FAULT_POINTS="")
    yield product
    product.stop()


def test_a_run_of_a_package_succeeds_and_its_code_was_in_engine_steps_alone(product, record):
    status, rules = product.request("GET", "/api/rules")
    assert status == 200
    planted = next(rule for rule in rules["rules"] if rule["name"] == "PLANTED")
    assert (planted["label"], planted["params"][0]["allowed"]) == (MARKUP, "a whole number from 1 up to 100")
    assert product.request("POST", "/api/check", REQUEST | PLANTED)[1]["ok"]
    refused = product.request("POST", "/api/check", REQUEST | PLANTED | {"params": {"bars": 101}})[1]
    assert [error["field"] for error in refused["errors"]] == ["params.bars"]
    [(described, web, command)] = importers(record)
    assert command.endswith("-m backtest.rules.describe")
    assert web == product.web.pid

    run = product.wait(product.submit(**PLANTED))

    assert (run.status, run.error_message) == ("SUCCEEDED", None)
    paths = ("/?rule_type=PLANTED", "/fragments/params?rule_type=PLANTED", f"/runs/{run.run_id}", "/runs")
    pages = [str(product.request("GET", path, headers={"Accept": "text/html"})) for path in paths]
    assert [page for page in pages if MARKUP in page] == []
    assert "&lt;script&gt;alert(1)" in pages[0]
    (first, *steps) = importers(record)
    assert first[0] == described
    assert ["workflows.local.fork_server" in command for _, _, command in steps] == [True]
    [(engine, fork_server, _)] = steps
    assert engine not in {product.web.pid, product.workers[0].pid, fork_server}


def test_what_only_the_code_of_a_rule_knows_to_be_wrong_fails_its_run_with_that_sentence(product):
    run = product.wait(product.submit(**PLANTED | {"params": {"bars": 13}}))

    assert (run.status, run.error_code) == ("FAILED", "invalid_request")
    assert run.error_message == "params.bars: must not be 13"


def test_a_workflow_is_registered_by_the_description_of_its_rule(environment, database_url, site, record):
    done = subprocess.run(
        [sys.executable, "-c", REGISTER, database_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{site}"},
    )

    assert done.stdout.splitlines() == [
        "True",
        "params.bars: must be a whole number from 1 up to 100, got 101",
    ], done.stderr
    assert [command.split()[-1] for _, _, command in importers(record)] == ["backtest.rules.describe"]


def rule_types(cluster):
    """Of every run that has a row."""
    with cluster.database.read() as session:
        return sorted(session.scalars(select(Run.rule_type)).all())


def enqueue_planted(environment):
    """A run of the package; the test's own process does not know its rule."""
    run_id = environment.enqueue()
    values = {"rule_type": "PLANTED", "params": {"bars": 5}}
    with environment.database.write() as session:
        session.execute(update(Run).where(Run.run_id == run_id).values(values))
    return run_id


def variables(cluster, site):
    return os.environ | {
        "PYTHONPATH": f"{ROOT}:{site}",
        "DATABASE_URL": cluster.settings.database_url,
        "JOB_LAUNCHER_MODE": "LOCAL",
        "ARGO_SERVER": cluster.settings.argo_server,
        "ARGO_TOKEN": cluster.settings.argo_token,
        "ARGO_NAMESPACE": cluster.settings.argo_namespace,
    }


def commands(record):
    """The ends of the commands that imported the package."""
    return [command.split()[-1] for _, _, command in importers(record)] if record.exists() else []


def test_the_dispatcher_registers_and_starts_runs_of_a_package_without_a_line_of_it(cluster, site, record):
    run_id = enqueue_planted(cluster.environment)
    cluster.by_hand(rule_type="PLANTED", params='{"bars": 5}')
    command = [sys.executable, "-m", "workflows.reconcile", "--every", "0.1"]
    with subprocess.Popen(command, cwd=ROOT, env=variables(cluster, site)) as dispatcher:
        try:
            assert wait_until(lambda: cluster.get(run_id).workflow_uid and len(rule_types(cluster)) == 2)
        finally:
            dispatcher.terminate()

    assert dispatcher.returncode == 0
    assert rule_types(cluster) == ["PLANTED", "PLANTED"]
    assert commands(record) == ["backtest.rules.describe"]


def test_the_reconciler_registers_a_run_of_a_package_without_a_line_of_it(cluster, site, record):
    cluster.by_hand(rule_type="PLANTED", params='{"bars": 5}')
    command = [sys.executable, "-m", "workflows.reconcile"]
    done = subprocess.run(command, cwd=ROOT, env=variables(cluster, site), capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert rule_types(cluster) == ["PLANTED"]
    assert commands(record) == ["backtest.rules.describe"]


def test_the_persist_step_stores_a_result_of_a_package_without_a_line_of_it(
    environment, site, record, tmp_path
):
    run_id, path = enqueue_planted(environment), {"PYTHONPATH": f"{ROOT}:{site}"}
    arguments = ("--run-id", run_id, "--bundle", tmp_path / "bundle")
    engine = environment.run_step("engine", *arguments, **path)
    assert engine.returncode == 0, engine.stdout
    assert "workflows.steps.engine" in record.read_text()
    record.unlink()

    persist = environment.run_step("persist", *arguments, **path)

    assert (persist.returncode, environment.get(run_id).status) == (0, "SUCCEEDED"), persist.stdout
    assert commands(record) == []


@pytest.mark.parametrize(
    "command", ["upgrade", "check", "current", "accounts", "tokens list", "prune-audit --days 9"]
)
def test_commands_on_the_database_run_no_line_of_a_package(environment, site, record, command):
    environment_of = os.environ | {
        "PYTHONPATH": f"{ROOT}:{site}",
        "DATABASE_URL": environment.settings.database_url,
    }
    subprocess.run(
        [sys.executable, "-m", "store", *command.split()], cwd=ROOT, env=environment_of, check=False
    )

    assert commands(record) == []


def test_descriptions_uploads_and_pictures_of_the_web_load_no_plugin_of_a_package(product, record):
    run = product.wait(product.submit())
    for path in ("/openapi.json", "/docs", f"/runs/{run.run_id}/report.html", f"/status/{run.run_id}"):
        assert product.request("GET", path)[0] == 200
    prices = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10,100\n"
    assert product.request("POST", "/api/datasets?symbol=ACME", prices.encode())[0] == 201

    assert set(commands(record)) == {"backtest.rules.describe"}
