"""Studies submitted over HTTP and executed at once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from qa.examples import TEN_YEARS
from qa.harness.run_queue import add_samples
from store.queries.studies import studies
from store.session import Database
from workflows.studies import chunk_step, finish_step

SPACE = {"params.fast": {"from": 5, "to": 30, "step": 5}, "params.slow": [20, 40, 80]}
STUDY = {name: value for name, value in TEN_YEARS.items() if name != "params"} | {"space": SPACE}


@pytest.fixture
def filled_database(database: Database) -> Database:
    """A database of each kind in turn that holds the bundled prices."""
    add_samples(database)
    return database


@pytest.fixture
def submit_study(client: FlaskClient) -> Callable[..., str]:
    """Submits a small study with changes; gives its id."""

    def submit(**changes: Any) -> str:
        answer = client.post("/run_study", json=STUDY | changes)
        assert answer.status_code == 202, answer.text
        study_id: str = answer.json["study_id"]
        return study_id

    return submit


@pytest.fixture
def finished_study(filled_database: Database, submit_study: Callable[..., str]) -> Callable[..., str]:
    """Submits as `submit_study` does and executes the study, as its steps would."""

    def finished(**changes: Any) -> str:
        study_id = submit_study(**changes)
        execute(filled_database, study_id)
        return study_id

    return finished


def execute(database: Database, study_id: str) -> None:
    """Execute every chunk of a study, then its last step."""
    with database.write() as session:
        studies.start(session, study_id, now=datetime.now(UTC))
        count = studies.get(session, study_id).chunks
    for number in range(count):
        assert chunk_step._run(database, study_id, number) == 0
    assert finish_step._run(database, study_id) == 0
