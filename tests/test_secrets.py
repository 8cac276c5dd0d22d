"""Marked secrets go through everything that runs, succeeds and fails, and are looked for in all that comes out."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy.engine import make_url

from config import logs
from config.settings import Settings
from qa.examples import REQUEST
from qa.harness.environment import RULES, TestEnvironment
from qa.harness.processes import ROOT, free_port
from qa.harness.run_queue import add_samples
from store import schema
from store.session import Database
from tests.workflows import argo_server
from web.application import create_app
from workflows.render import rendered

PASSWORD = "mark/db@7f3a9c:word"
MARKS = {
    "DB_PASSWORD": PASSWORD,
    "ARGO_TOKEN": argo_server.TOKEN,
    "SECRET_KEY": "mark-secret-key-4b1d0e77-4b1d0e77-4b1d0e77",
    "OIDC_CLIENT_SECRET": "mark-oidc-client-2c9f",
}
SENT = "mark-of-a-client-5e8a"
PATHS = (
    "/", "/runs", "/datasets", "/docs", "/compare", "/metrics", "/openapi.json", "/health", "/ready", "/api/runs",
    "/api/symbols", "/api/datasets", "/api/strategies", "/api/rules", "/runs/none", "/status/none", "/none",
)  # fmt: skip


@pytest.fixture
def marked_url(mysql_server, mysql_url):
    """An empty database, and an account for it whose password is marked and needs escaping."""
    address = make_url(mysql_url)
    name = f"marked_{address.database[-8:]}"
    mysql_server.execute(
        f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {address.database}.* TO '{name}'@'127.0.0.1'",
    )
    yield address.set(username=name, password=PASSWORD)
    mysql_server.execute(f"DROP USER '{name}'@'127.0.0.1'")


def environment(address, **more):
    return {
        **MARKS,
        "DATABASE_URL": "",
        "DB_HOST": address.host,
        "DB_PORT": str(address.port),
        "DB_NAME": address.database,
        "DB_USER": address.username,
        "LOG_LEVEL": "DEBUG",
        "PYTHONPATH": str(RULES),
        **more,
    }


def found_in(texts):
    """Every mark that is in one of the texts, whole or as an address would escape it, and where."""
    marks = {*MARKS.values(), SENT, "mark%2Fdb", "7f3a9c"}
    return [
        (mark, text[max(0, text.find(mark) - 200) :][:400])
        for text in texts
        for mark in marks
        if mark in text
    ]


@pytest.fixture
def product(marked_url, tmp_path):
    """A web tier and a worker with marked secrets."""
    url = marked_url.render_as_string(hide_password=False)
    product = TestEnvironment(url, tmp_path / "environment", workers=1)
    yield product
    product.stop()


@pytest.fixture
def record_at(mysql_url):
    """Opens the database for an account, at head and with the bundled prices."""
    opened = []

    def record_at(address):
        database = Database.open(address.render_as_string(hide_password=False))
        schema.upgrade(database.engine)
        add_samples(database)
        opened.append(database)
        return database

    yield record_at
    for database in opened:
        database.close()


def everything(product, *run_ids):
    """All that the web tier shows to people and to programs, and all that the processes logged."""
    paths = [
        *PATHS,
        *(path for run in run_ids for path in (f"/status/{run}", f"/runs/{run}", f"/api/runs/{run}")),
    ]
    bad = {"Authorization": f"Bearer {SENT}", "Cookie": f"session={SENT}"}
    answers = [
        str(product.request("GET", path, headers={"Accept": accept} | more))
        for path in paths
        for accept in ("text/html", "application/json")
        for more in ({}, bad)
    ]
    return answers + [path.read_text(encoding="utf-8") for path in product.folder.glob("*.log")]


def test_nothing_secret_comes_out_of_runs_that_succeed_that_fail_and_that_tell_all_they_know(
    product, marked_url
):
    product.start(**environment(marked_url))
    product.request(
        "POST",
        "/run_backtest",
        REQUEST | {"size": "wrong", "name": SENT},
        {"Authorization": f"Bearer {SENT}"},
    )
    rules = ("RAISING", "TELLING", "TELLING_AS_INPUT")
    told = [product.submit(rule_type=rule, params={}) for rule in rules]
    good = product.submit()

    product.until(lambda: product.all_ended([*told, good]), what="the runs end")

    came_out = everything(product, *told, good)
    assert product.row(good)["status"] == "SUCCEEDED"
    assert [product.row(run)["status"] for run in told] == ["FAILED"] * 3
    assert all("[redacted]" in product.row(run)["error_message"] for run in told[1:])
    assert found_in(came_out) == []


@pytest.mark.parametrize("away", ["closed port", "wrong password"])
def test_nothing_secret_comes_out_while_the_database_is_away(product, marked_url, away):
    wrong = {"DB_PORT": str(free_port())} if away == "closed port" else {"DB_USER": "nobody"}
    product.launch(**environment(marked_url, **wrong))
    product.until(product.is_healthy, what="the web tier answers")
    status, _ = product.request("POST", "/run_backtest", REQUEST)
    product.until(
        lambda: "database unavailable" in product.log(),
        what="it is said",
    )

    came_out = everything(product)

    assert status == 503
    assert any("database unavailable" in text for text in came_out)
    assert found_in(came_out) == []


@pytest.mark.parametrize(
    "command", [["store", "check"], ["store", "current"], ["web"], ["workflows.worker"], ["app"]]
)
@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": f"mysql+pymysql://root:{PASSWORD}@127.0.0.1/x"},
        {"DATABASE_URL": f"postgres://root:{SENT}@127.0.0.1/x"},
    ],
    ids=["password not escaped", "of another server"],
)
def test_nothing_secret_comes_out_of_a_command_with_a_wrong_environment(command, wrong, marked_url):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT, env=os.environ | environment(marked_url, **wrong), capture_output=True, text=True, timeout=600,
    )  # fmt: skip

    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
    assert found_in([done.stdout, done.stderr]) == []


@pytest.mark.parametrize("argo", ["works", "refuses the token", "repeats the token"])
def test_nothing_secret_is_in_a_workflow_or_in_what_is_said_of_argo(record_at, marked_url, capsys, argo):
    env = environment(marked_url, JOB_LAUNCHER_MODE="K8S", ARGO_NAMESPACE=argo_server.NAMESPACE)
    with argo_server.serving() as server:
        settings = Settings.from_env(env | {"ARGO_SERVER": server.address})
        if argo == "refuses the token":
            settings = replace(settings, argo_token=SENT)
        if argo == "repeats the token":
            server.answer = (500, json.dumps({"code": 13, "message": f"no such token: {argo_server.TOKEN}"}))
        logs.configure_from(settings, process="web")
        client = create_app(settings, database=record_at(marked_url)).test_client()
        run_id = client.post("/run_backtest", json=REQUEST).json["run_id"]
        said = [client.get(path).text for path in (f"/status/{run_id}", f"/runs/{run_id}", "/metrics")]

    came_out = [*said, capsys.readouterr().out, json.dumps(server.workflows), *rendered(settings).values()]
    assert server.tokens
    assert bool(server.workflows) == (argo != "refuses the token")
    assert found_in(came_out) == []


def test_a_mark_that_did_come_out_would_be_found():
    assert found_in([f"a line with {PASSWORD} in it"]) != []
