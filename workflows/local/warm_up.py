"""A warm-up run, so that the first real one is as quick as the hundredth."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backtest import samples
from backtest.engine import ENGINE_VERSION
from backtest.prices.dataset import Dataset
from backtest.run import outcome
from backtest.run.request import RunRequest
from config import logs
from store.queries import datasets, results, runs
from store.queries.studies import robustness
from workflows.steps import persist, step, work
from workflows.steps.database import open_once

SYMBOL = "NASDAQ"
REQUEST = {
    "symbols": [SYMBOL],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2018-01-02",
    "end_date": "2018-12-31",
}


class _Rollback(Exception):
    """Ends the warm-up's transaction: what it wrote is rolled back."""


def warm_up() -> None:
    """Do once what the steps do: compute a run, and store it in a transaction that is rolled back.

    Whatever is loaded, built or compiled on first use is there afterwards. Where the database is
    unavailable, the first runs are a little slower. No connection is left open.
    """
    settings = step.of_environment(tuple(os.environ.items()))
    logs.configure_from(settings, process="fork-server")
    request, prices = RunRequest.parse(REQUEST), samples.load(SYMBOL)
    files = work.files_of(outcome.run(request, {SYMBOL: prices}))
    database = open_once(settings.database_url)
    with contextlib.suppress(SQLAlchemyError, _Rollback), database.write() as session:
        _store(session, request, prices, files)
    database.close()


def _store(session: Session, request: RunRequest, prices: Dataset, files: dict[str, bytes]) -> NoReturn:
    now = datetime.now(UTC)
    datasets.add(session, prices, now=now)
    runs.submit(session, runs.Submission(request=request, received=REQUEST), now=now)
    runs.start(session, request.run_id, engine_version=ENGINE_VERSION, now=now)
    session.expunge_all()
    runs.request_of(runs.get(session, request.run_id))
    datasets.load(session, prices.data_hash)
    session.expunge_all()
    runs.fail(session, "", code="", message="", now=now)
    result = persist.result_of(session, runs.get(session, request.run_id), files)
    assert isinstance(result, results.RunResult)
    results.succeed(session, request.run_id, result, now=now)
    robustness.ask_first(session, request.run_id, now=now)
    raise _Rollback
