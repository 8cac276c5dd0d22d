"""The web tier on a database that holds the bundled prices, and a way to have runs executed at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from backtest.run.outcome import run as execute
from config.settings import Settings
from qa.examples import TEN_YEARS
from qa.harness.run_queue import add_samples
from store import schema
from store.queries import datasets, results, runs
from store.session import Database
from web.application import create_app
from workflows.steps.tables import to_result

SMALLEST = TEN_YEARS
PAGE = {"Accept": "text/html"}


@pytest.fixture
def filled_database(sqlite_url: str) -> Iterator[Database]:
    """A database at head that holds the bundled prices."""
    database = Database.open(sqlite_url)
    schema.upgrade(database.engine)
    add_samples(database)
    yield database
    database.close()


@pytest.fixture
def app(filled_database: Database) -> Flask:
    """The application on that database."""
    return create_app(
        replace(Settings(), database_url=str(filled_database.engine.url)), database=filled_database
    )


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of that application."""
    return app.test_client()


@pytest.fixture
def submit(client: FlaskClient) -> Callable[..., str]:
    """Submits the smallest request with changes; gives the id of the run."""

    def submit(**changes: Any) -> str:
        answer = client.post("/run_backtest", json=SMALLEST | changes)
        assert answer.status_code == 202, answer.text
        return answer.json["run_id"]

    return submit


@pytest.fixture
def finished(filled_database: Database, submit: Callable[..., str]) -> Callable[..., str]:
    """Submits as `submit` does and executes the run, as the two steps would."""

    def finished(**changes: Any) -> str:
        run_id = submit(**changes)
        complete(filled_database, run_id)
        return run_id

    return finished


def asked_again(client: FlaskClient, address: str, other: str) -> tuple[int, int, bytes, int]:
    """The answers to a question, to the same one with what it was answered, and to another one with that."""
    first = client.get(address)
    known = {"If-None-Match": first.headers["ETag"]}
    again, changed = (client.get(asked, headers=known) for asked in (address, other))
    return first.status_code, again.status_code, again.data, changed.status_code


def complete(database: Database, run_id: str) -> None:
    """Execute a submitted run and store its result."""
    with database.read() as session:
        run = runs.get(session, run_id)
        request = runs.request_of(run)
        prices = {symbol: datasets.load(session, found) for symbol, found in run.data_hashes.items()}
    outcome = execute(request, prices)
    with database.write() as session:
        runs.start(session, run_id, engine_version=outcome.summary["engine_version"], now=datetime.now(UTC))
        assert results.succeed(
            session, run_id, to_result(outcome.summary, outcome.tables), now=datetime.now(UTC)
        )


@contextmanager
def with_a_result(url: str, **services: Any) -> Iterator[tuple[Flask, str]]:
    """An application on a new database with the bundled prices, and the id of a finished run in it."""
    database = Database.open(url)
    schema.upgrade(database.engine)
    add_samples(database)
    app = create_app(Settings(database_url=url), database=database, **services)
    run_id = app.test_client().post("/run_backtest", json=SMALLEST).json["run_id"]
    complete(database, run_id)
    yield app, run_id
    database.close()


EACH = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
"""Generated requests: the same ones each time, however long they take."""
