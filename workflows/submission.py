"""Submission: a raw request becomes a committed PENDING row, pinned to its prices, and is launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches

from sqlalchemy.orm import Session

from backtest.errors import FieldError, InvalidRequest
from backtest.rules.volume import refuse_unknown
from backtest.run.request import RunRequest
from backtest.run.span import Span, combined_hash, find_span
from config import logs
from config.settings import RequestLimits, Settings
from store.errors import Conflict
from store.models import Run, Status, StoredDataset
from store.queries import audit, calendars, datasets, runs
from store.queries.audit import Action, Actor
from store.queries.quotas import Quota
from store.session import Database
from workflows import failpoints, limits
from workflows.errors import LaunchRefused
from workflows.launchers.launcher import Launcher

_MOST_NAMED = 20
_MOST_HINTS = 5
"""Unknown symbols for which similar names are looked for: each is compared with every symbol that there is."""
log = logs.get(__name__)


def submit(
    raw: object,
    *,
    settings: Settings,
    database: Database,
    launcher: Launcher,
    idempotency_key: str | None = None,
    client: str | None = None,
) -> str:
    """Commit the request as a PENDING run, then launch it; the id of the run.

    The same run id, or idempotency key of the same client, again gives the run that is there.

    Raises
    ------
    InvalidRequest
        With every field that is wrong; nothing is stored or launched.
    LimitExceeded
        If the request asks for more than one run may.
    Conflict
        If the id or the key was already used for a different request.
    QuotaExceeded
        If the client submitted more than one client may.
    """
    request = limits.read(raw, settings.limits)
    with database.read() as session:
        request, span = pinned(session, request, settings.limits)
    failpoints.hit("submit-pinned")
    submission = runs.Submission(
        request=request,
        received=request.as_json(),
        data_hash=span.data_hash,
        data_hashes=span.hashes,
        idempotency_key=idempotency_key,
        image_tag=settings.image_tag,
        client=client,
    )
    run = _commit(database, submission, quota_of(settings))
    if run.status == Status.PENDING:
        with logs.about(run.run_id):
            _launch(database, launcher, run.run_id)
    failpoints.hit("submit-launched")
    return run.run_id


def submit_pinned(
    request: RunRequest, data_hashes: Mapping[str, str], *, study: tuple[str, int], settings: Settings,
    database: Database, launcher: Launcher, client: str | None = None,
) -> str:  # fmt: skip
    """Commit a run that is a trial of a study, on the prices of the study, then launch it; the id of the run."""
    names = [request.benchmark] if request.benchmark else []
    submitted = runs.Submission(
        request=request,
        received=request.as_json(),
        data_hash=combined_hash([data_hashes[symbol] for symbol in request.symbols]),
        data_hashes={symbol: data_hashes[symbol] for symbol in [*request.symbols, *names]},
        image_tag=settings.image_tag,
        client=client,
        study=study,
    )
    run = _commit(database, submitted, quota_of(settings))
    with logs.about(run.run_id):
        _launch(database, launcher, run.run_id)
    return run.run_id


def verify(run_id: str, *, settings: Settings, database: Database, launcher: Launcher, actor: Actor) -> str:
    """Have a finished run executed again as a run of its own, on the same prices; the id of that run.

    Worker and dispatcher execute it as any other run, with the same limits. While one is open it is returned.

    Raises
    ------
    Conflict
        If the run has no result to compare with.
    QuotaExceeded
        If the client submitted more than one client may.
    """
    with database.read() as session:
        run = runs.get(session, run_id)
        if run.status != Status.SUCCEEDED:
            raise Conflict(f"run {run_id} is {run.status}: only a succeeded run can be verified")
        before = runs.verification_of(session, run_id)
    if before is not None and not before.ended:
        return before.run_id
    again = RunRequest.parse(runs.request_json(run) | {"run_id": None})
    submission = runs.Submission(
        request=again,
        received=again.as_json(),
        data_hash=run.data_hash,
        data_hashes=run.data_hashes,
        image_tag=settings.image_tag,
        client=actor.client,
        verifies=run_id,
    )
    now = datetime.now(UTC)
    with database.write() as session:
        runs.remove_verifications(session, run_id)
        runs.submit(session, submission, quota=quota_of(settings), now=now)
        audit.record(session, actor, Action.RUN_VERIFY, run_id, now=now, executed_as=again.run_id)
    with logs.about(again.run_id):
        log.info("run submitted", verifies=run_id)
        _launch(database, launcher, again.run_id)
    return again.run_id


def _commit(database: Database, submission: runs.Submission, quota: Quota) -> Run:
    with database.write() as session:
        run, is_new = runs.submit(session, submission, quota=quota, now=datetime.now(UTC))
        failpoints.hit("submit-written")
    failpoints.hit("submit-committed")
    with logs.about(run.run_id):
        event = "run submitted" if is_new else "run submitted again"
        log.info(event, rule_type=submission.request.rule_type, client=submission.client)
    return run


def quota_of(settings: Settings) -> Quota:
    """What one client may submit."""
    return Quota(waiting=settings.limits.waiting, per_minute=settings.limits.per_minute)


def spelled(session: Session, request: RunRequest) -> RunRequest:
    """The request with its symbols in the case in which their prices are stored."""
    return request.spelled(datasets.spellings(session, request.read_symbols))


def pinned(session: Session, request: RunRequest, limits_of_run: RequestLimits) -> tuple[RunRequest, Span]:
    """The request in the case in which its symbols are stored, and what it will be computed on; no price is read.

    Raises `InvalidRequest` naming what does not fit. Spellings are looked for only where a symbol is not stored as
    it was written.
    """
    prices = datasets.current_of(session, request.read_symbols)
    if not request.read_symbols <= prices.keys():
        request = spelled(session, request)
        prices = current_prices(session, request)
    limits.check_bars(prices.values(), limits_of_run)
    span = find_span(request, calendars.of(session, prices.values()))
    if request.rule().needs_volume:
        for symbol in request.symbols:
            refuse_unknown(symbol, *datasets.unknown_volume(session, prices[symbol].data_hash))
    return request, span


def bars_of(session: Session, run: Run) -> int:
    """The bars of all symbols that a run is computed on, those that warm up included; no price is read."""
    if not run.data_hashes:
        return 0
    pinned = datasets.described(session, run.data_hashes.values())
    span = find_span(runs.request_of(run), calendars.of(session, pinned))
    return sum(int(row[-1]) + 1 for row in span.rows)


def current_prices(session: Session, request: RunRequest) -> dict[str, StoredDataset]:
    """The current dataset of each symbol and of the benchmark, not loaded; `InvalidRequest` names unknown ones."""
    fields = [(symbol, "symbols") for symbol in request.symbols]
    fields += [(request.benchmark, "benchmark")] if request.benchmark else []
    prices = datasets.current_of(session, {symbol for symbol, _ in fields})
    unknown = [(symbol, field) for symbol, field in fields if symbol not in prices]
    if unknown:
        known = datasets.symbols(session)
        raise InvalidRequest(
            [_unknown(*each, known, hints=place < _MOST_HINTS) for place, each in enumerate(unknown)]
        )
    return {symbol: prices[symbol] for symbol, _ in fields}


def _unknown(symbol: str, field: str, known: Sequence[str], *, hints: bool) -> FieldError:
    by_upper = {name.upper(): name for name in known} if hints else {}
    near = [by_upper[name] for name in get_close_matches(symbol.upper(), by_upper, n=3, cutoff=0.5)]
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    available = f"{', '.join(known[:_MOST_NAMED])}{more}" if known else "none yet, import prices first"
    return FieldError(field, f"No price data for {symbol}{hint} Available: {available}", symbol)


def _launch(database: Database, launcher: Launcher, run_id: str) -> None:
    try:
        launcher.launch(run_id)
    except LaunchRefused as refused:
        log.error("run refused by the launcher", error=str(refused))
        with database.write() as session:
            message = f"The run could not be started: {refused}"
            runs.fail(session, run_id, code="launch_refused", message=message, now=datetime.now(UTC))


def cancel(database: Database, run_id: str, *, actor: Actor | None = None) -> bool:
    """→ CANCELLED, which stops what executes the run: the local worker and the dispatcher look at the row.

    False where the run has ended already.
    """
    now = datetime.now(UTC)
    with database.write() as session:
        owner = runs.get(session, run_id).client
        cancelled = runs.cancel(session, run_id, now=now)
        if cancelled and actor is not None:
            audit.record(session, actor, Action.RUN_CANCEL, run_id, now=now, submitted_by=owner)
        failpoints.hit("cancel-written")
    failpoints.hit("cancel-committed")
    if cancelled:
        with logs.about(run_id):
            log.info("run CANCELLED")
    return cancelled
