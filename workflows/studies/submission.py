"""Submission of a study: a raw request becomes a committed PENDING row with its trials, pinned to its prices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from backtest.arrays import Times
from backtest.errors import FieldError, InvalidRequest
from backtest.rules.volume import refuse_unknown
from backtest.run.request import REQUEST_FIELDS, RunRequest
from backtest.run.span import Span, find_span
from backtest.studies.plan import Plan, plan, simulations, work
from backtest.studies.request import STUDY_FIELDS, StudyLimits, StudyRequest
from backtest.studies.segments import selection_run, windows
from config import logs
from config.settings import RequestLimits, Settings
from store.errors import Conflict
from store.models import StoredDataset, Study
from store.queries import audit, calendars, datasets, runs
from store.queries.audit import Action, Actor
from store.queries.studies import chunks as study_chunks
from store.queries.studies import studies
from store.session import Database
from workflows import limits, submission
from workflows.launchers.launcher import Launcher
from workflows.studies import sharing

BARS_A_CHUNK: Final = 50_000_000
"""Simulated bars times symbols of one chunk: about a second of one core, which is what a killed worker loses."""
ROWS_A_CHUNK: Final = 20_000
"""So that the columns of a chunk are a few megabytes."""
SECONDS_A_BAR: Final = 1.2e-8
"""Of one processor, for one symbol: what a check tells before a trial is executed."""
_SMALLEST: Final = 256
_MOST_SPACES: Final = 50
_MOST_NAMED: Final = 20
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that fits rule and prices, with its trials.

    Parameters
    ----------
    bars : bars that a simulation of the whole range has, of the first account
    """

    planned: Plan
    span: Span
    bars: int

    @property
    def simulations(self) -> int:
        """How often the engine will run."""
        return simulations(self.planned, self.bars)

    @property
    def work(self) -> int:
        """Bars times symbols that are simulated."""
        return work(self.planned, self.bars)

    @property
    def seconds(self) -> float:
        """About how long one processor takes; a cluster times some trials before it decides on pods."""
        return self.work * SECONDS_A_BAR


def prepare(
    raw: object, *, settings: Settings, database: Database, hashes: Mapping[str, str] | None = None
) -> Prepared:
    """The request with its trials, or `InvalidRequest` with everything that is wrong; no price is read.

    With `hashes` it is pinned to those prices instead of the current ones.
    """
    request = _read(raw, settings.limits)
    with database.read() as session:
        request, span = _pinned(session, request, settings.limits, hashes)
    bars = len(selected_times(request, span))
    planned = plan(request, bars=bars, limits=_limits(settings.limits))
    if request.run_with(planned.values(0)).rule().needs_volume:
        with database.read() as session:
            for symbol in request.run.symbols:
                refuse_unknown(symbol, *datasets.unknown_volume(session, span.hashes[symbol]))
    return Prepared(planned, span, bars)


def submit(
    raw: object, *, settings: Settings, database: Database, idempotency_key: str | None = None,
    client: str | None = None,
) -> Study:  # fmt: skip
    """Commit the request as a PENDING study; the same id, or key of the same client, again gives that study.

    Raises
    ------
    InvalidRequest
        With every field that is wrong; nothing is stored.
    Conflict
        If the id or the key was already used for a different request.
    QuotaExceeded
        If the client submitted more than one client may.
    """
    prepared = prepare(raw, settings=settings, database=database)
    asked = asked_of(prepared, settings, idempotency_key=idempotency_key, client=client)
    quota = submission.quota_of(settings)
    with database.write() as session:
        study, is_new = studies.submit(session, asked, quota=quota, now=datetime.now(UTC))
    with logs.about(study.study_id):
        event = "study submitted" if is_new else "study submitted again"
        log.info(event, rule_type=study.rule_type, trials=study.trials, client=client)
    return study


def asked_of(
    prepared: Prepared, settings: Settings, *, idempotency_key: str | None = None, client: str | None = None
) -> studies.Submission:
    """What is stored of a study that was asked for."""
    return studies.Submission(
        planned=prepared.planned,
        bars=prepared.bars,
        timeframe=prepared.span.calendars[0].timeframe,
        simulations=prepared.simulations,
        chunks=chunks_of(prepared, settings.worker_slots),
        pods=pods_of(prepared, settings),
        data_hashes=prepared.span.hashes,
        idempotency_key=idempotency_key,
        image_tag=settings.image_tag,
        client=client,
    )


def pods_of(prepared: Prepared, settings: Settings) -> int | None:
    """About how many pods of a cluster share the trials; None where local workers execute them."""
    if settings.launcher_mode == "LOCAL":
        return None
    chunks = chunks_of(prepared, settings.worker_slots)
    return sharing.pods_of(prepared.seconds, chunks, seconds_a_pod=settings.study_pod_seconds)


def chunks_of(prepared: Prepared, at_once: int) -> int:
    """Into how many chunks the trials are shared: short ones, and enough for every processor."""
    rows = prepared.planned.rows
    wanted = max(
        math.ceil(prepared.work / BARS_A_CHUNK),
        math.ceil(rows / ROWS_A_CHUNK),
        min(at_once, rows // _SMALLEST),
    )
    return max(1, min(wanted, rows))


def open_as_run(
    study_id: str, trial: int, *, settings: Settings, database: Database, launcher: Launcher,
    client: str | None = None, symbol: str = "",
) -> str:  # fmt: skip
    """The ordinary run with the settings of a trial, submitted where there is none yet; the id of that run.

    It is computed on the prices of the study, and says which study it came from.
    """
    with database.read() as session:
        planned = studies.plan_of(session, study_id)
        study = studies.get(session, study_id)
        known = runs.of_trial(session, study_id, trial, _account_of(planned, symbol))
    if not 0 <= trial < planned.trials:
        raise InvalidRequest(
            [FieldError("trial", f"must be from 0 to {planned.trials - 1}, got {trial}", trial)]
        )
    if known is not None:
        return known
    request = replace(planned.request.run_with(planned.values(trial)), symbols=_account_of(planned, symbol))
    return submission.submit_pinned(
        request, study.data_hashes, study=(study_id, trial),
        settings=settings, database=database, launcher=launcher, client=client,
    )  # fmt: skip


def cancel(database: Database, study_id: str, *, actor: Actor) -> bool:
    """→ CANCELLED; its worker stops what runs. False where it has ended already."""
    now = datetime.now(UTC)
    with database.write() as session:
        owner = studies.get(session, study_id).client
        cancelled = studies.cancel(session, study_id, now=now)
        if cancelled:
            audit.record(session, actor, Action.STUDY_CANCEL, study_id, now=now, submitted_by=owner)
    return cancelled


def resume(database: Database, study_id: str, *, actor: Actor) -> None:
    """Have the missing chunks of an ended study executed, and those alone.

    Raises
    ------
    Conflict
        If nothing is missing, or the study has not ended.
    """
    with database.write() as session:
        study = studies.get(session, study_id)
        if not study.ended:
            raise Conflict(f"study {study_id} is {study.status}: what is missing is still being computed")
        if not studies.resume(session, study_id):
            raise Conflict(f"study {study_id} is complete: nothing is missing")
        study_chunks.forget_failures(session, study_id)
        audit.record(session, actor, Action.STUDY_FINISH, study_id, now=datetime.now(UTC))


def remove(database: Database, study_id: str, *, actor: Actor) -> None:
    """Delete an ended study; what remains of it is the ledger and its entry in the audit trail."""
    with database.write() as session:
        study = studies.get(session, study_id)
        was = {
            "status": study.status, "submitted_by": study.client, "rule_type": study.rule_type,
            "symbols": study.symbols, "trials": study.trials,
        }  # fmt: skip
        studies.remove(session, study_id)
        audit.record(session, actor, Action.STUDY_DELETE, study_id, now=datetime.now(UTC), **was)


def _account_of(planned: Plan, symbol: str) -> tuple[str, ...]:
    """The symbols of the account of a symbol; the first one where none is named."""
    accounts = planned.accounts
    if not symbol:
        return accounts[0]
    found = next((account for account in accounts if symbol in account), None)
    if found is None:
        raise InvalidRequest([FieldError("symbol", "must be a symbol of the study", symbol)])
    return found


def _limits(most: RequestLimits) -> StudyLimits:
    return StudyLimits(trials=most.trials, simulations=most.simulations)


def _read(raw: object, most: RequestLimits) -> StudyRequest:
    if isinstance(raw, Mapping):
        limits.check_size(raw, most, fields=len(REQUEST_FIELDS) + len(STUDY_FIELDS))
        space = raw.get("space")
        if isinstance(space, Mapping) and len(space) > _MOST_SPACES:
            message = f"must have at most {_MOST_SPACES} inputs, got {len(space)}"
            raise InvalidRequest([FieldError("space", message, len(space))])
    return StudyRequest.parse(raw, limits=_limits(most))


def _pinned(
    session: Session, request: StudyRequest, most: RequestLimits, pinned: Mapping[str, str] | None
) -> tuple[StudyRequest, Span]:
    """The request with its symbols as they are stored, and the bars of its first account."""
    request = request.spelled(datasets.spellings(session, request.run.read_symbols))
    prices = _named(session, request, pinned) if pinned else submission.current_prices(session, request.run)
    limits.check_bars(prices.values(), most)
    own = calendars.of(session, prices.values())
    spans = [find_span(run, own) for run in _accounts(request)]
    hashes = {symbol: stored.data_hash for symbol, stored in prices.items()}
    return request, replace(spans[0], hashes=hashes)


def _named(session: Session, request: StudyRequest, pinned: Mapping[str, str]) -> dict[str, StoredDataset]:
    """The datasets that a request is pinned to, in the order of its symbols."""
    if pinned.keys() != request.run.read_symbols:
        message = "must name the prices of each symbol and of the benchmark, and no others"
        raise InvalidRequest([FieldError("data_hashes", message)])
    stored = {each.data_hash: each for each in datasets.described(session, list(pinned.values()))}
    if missing := [symbol for symbol, name in pinned.items() if name not in stored]:
        message = f"names prices of {', '.join(missing[:_MOST_NAMED])} that are not stored"
        raise InvalidRequest([FieldError("data_hashes", message)])
    benchmark = [request.run.benchmark] if request.run.benchmark else []
    return {symbol: stored[pinned[symbol]] for symbol in (*request.run.symbols, *benchmark)}


def _accounts(request: StudyRequest) -> list[RunRequest]:
    if request.symbols_mode == "together":
        return [request.run]
    return [replace(request.run, symbols=(symbol,)) for symbol in request.run.symbols]


def selected_times(request: StudyRequest, span: Span) -> Times:
    """The bars that a selection may see: those before the hold-out; raises where hold-out or windows do not fit them."""
    run = selection_run(request, request.run, span.times)
    stop = span.times.searchsorted(_behind(run), side="left")
    selected = span.times[:stop]
    if request.walk_forward:
        windows(request.walk_forward, len(selected))
    return selected


def windows_of(bars: int, request: StudyRequest) -> int:
    """How many windows a study has that selects on so many bars; 0 of a sweep."""
    return len(windows(request.walk_forward, bars)) if request.walk_forward else 0


def _behind(run: RunRequest) -> np.datetime64:
    """The first second after the last day of a run."""
    return np.datetime64(run.end_date, "s") + np.timedelta64(86_400, "s")
