"""A warm-up run, so that the first real one is as quick as the hundredth."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from backtest import samples
from backtest.run import outcome
from backtest.run.request import RunRequest
from config.settings import Settings
from store.errors import UnknownDataset
from store.queries import datasets, results, runs
from store.session import Database
from workflows.steps import tables
from workflows.steps.database import open_once

_REQUEST = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2018-01-02",
    "end_date": "2018-12-31",
}


class _Rollback(Exception):
    """Ends the warm-up's transaction: what it wrote is rolled back."""


def warm_up() -> None:
    """Compute one run, and store it in a transaction that is rolled back.

    Whatever is loaded, built or compiled on first use is there afterwards. Where the database is
    unavailable, the first runs are a little slower. No connection is left open.
    """
    request = RunRequest.parse(_REQUEST)
    result = outcome.run(request, {"SP500": samples.load("SP500")})
    written = tables.trades_to_parquet(result.tables), tables.curves_to_parquet(result.tables)
    stored = tables.to_result(json.loads(json.dumps(result.summary)), tables.from_parquet(*written))
    database = open_once(Settings.from_env(os.environ).database_url)
    with contextlib.suppress(SQLAlchemyError, _Rollback):
        _store(database, request, stored)
    database.close()


def _store(database: Database, request: RunRequest, result: results.RunResult) -> None:
    now = datetime.now(UTC)
    with database.read() as session, contextlib.suppress(UnknownDataset):
        datasets.load(session, "0" * 64)
    with database.write() as session:
        runs.submit(session, runs.Submission(request=request, received=_REQUEST), now=now)
        runs.start(session, request.run_id, engine_version=1, now=now)
        session.expunge_all()
        runs.request_of(runs.get(session, request.run_id))
        runs.fail(session, "", code="", message="", now=now)
        results.succeed(session, request.run_id, result, now=now)
        raise _Rollback
