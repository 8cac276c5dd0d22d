"""The ledger: how many trials were ever made on a rule, symbols and a timeframe. The caller owns the transaction."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backtest.studies.statistics.deflated import Tried
from store.models import LedgerEntry, Run, StoredDataset, Study
from store.queries import runs


def fingerprint(rule_type: str, symbols: Sequence[str], timeframe: str) -> str:
    """What trials must have in common to be counted together; the order of the symbols does not matter."""
    parts = [rule_type, sorted(symbols), timeframe]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def record(
    session: Session, tried: Tried, *, rule_type: str, symbols: Sequence[str], timeframe: str,
    request_hash: str, source: str, now: datetime,
) -> None:  # fmt: skip
    """Count these trials; the same request again counts once, with the more complete of its results."""
    mark = fingerprint(rule_type, symbols, timeframe)
    same = (LedgerEntry.fingerprint == mark, LedgerEntry.request_hash == request_hash)
    known = session.scalars(select(LedgerEntry).where(*same)).first()
    if known is not None:
        if tried.trials > known.trials:
            known.trials, known.mean, known.variance = tried.trials, tried.mean, tried.variance
        return
    entry = LedgerEntry(
        fingerprint=mark,
        request_hash=request_hash,
        rule_type=rule_type,
        symbols=list(symbols),
        timeframe=timeframe,
        source=source,
        trials=tried.trials,
        mean=tried.mean,
        variance=tried.variance,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(entry)
            session.flush()
    except IntegrityError:  # another process has just counted it
        return


def record_run(session: Session, run: Run, summary: Mapping[str, Any], *, now: datetime) -> None:
    """Count an ordinary run as one trial; a trial of a study, and a run that verifies another, was counted before."""
    if run.study_id is not None or run.verifies is not None or "timeframe" not in summary:
        return
    periods = summary["conventions"]["periods_per_year"]
    ratio = (summary["metrics"]["sharpe_ratio"] or 0.0) / math.sqrt(periods)
    asked = {name: value for name, value in runs.request_json(run).items() if name != "run_id"}
    record(
        session, Tried(1, ratio, 0.0), rule_type=run.rule_type, symbols=run.symbols,
        timeframe=summary["timeframe"], request_hash=hash_of(asked), source=run.run_id, now=now,
    )  # fmt: skip


def hash_of(asked: Mapping[str, Any]) -> str:
    """SHA-256 of what was asked for."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything that was tried on a rule, symbols and a timeframe: of how many requests, and when last."""

    fingerprint: str
    rule_type: str
    symbols: Sequence[str]
    timeframe: str
    tried: Tried
    requests: int
    last_at: datetime


def pools(session: Session, *, of: str = "", offset: int = 0, limit: int = 50) -> list[Pool]:
    """What was tried, by what it was tried on, the newest first; `of` is the fingerprint of a single one."""
    entry = LedgerEntry
    sums = (
        select(
            entry.fingerprint,
            func.max(entry.id).label("newest"),
            func.count().label("requests"),
            *_sums(),
        )
        .where(*([entry.fingerprint == of] if of else []))
        .group_by(entry.fingerprint)
        .order_by(func.max(entry.id).desc())
        .offset(offset)
        .limit(limit)
        .subquery()
    )
    rows = select(entry, sums).join(sums, entry.id == sums.c.newest).order_by(entry.id.desc())
    return [
        Pool(
            found.fingerprint, found.rule_type, found.symbols, found.timeframe,
            _pooled(trials, total, squared), requests, found.created_at,
        )
        for found, _, _, requests, trials, total, squared in session.execute(rows)
    ]  # fmt: skip


def entries(session: Session, of: str, *, limit: int) -> Sequence[LedgerEntry]:
    """The requests that tried something on a rule and prices, the newest first."""
    newest = select(LedgerEntry).where(LedgerEntry.fingerprint == of).order_by(LedgerEntry.id.desc())
    return session.scalars(newest.limit(limit)).all()


def kinds(session: Session, sources: Sequence[str]) -> dict[str, str]:
    """Of each source that still exists whether it is a study or a run."""
    runs_left = session.scalars(select(Run.run_id).where(Run.run_id.in_(sources)))
    studies_left = session.scalars(select(Study.study_id).where(Study.study_id.in_(sources)))
    return dict.fromkeys(runs_left, "run") | dict.fromkeys(studies_left, "study")


def tried(
    session: Session, rule_type: str, symbols: Sequence[str], timeframe: str, *, without: str = ""
) -> Tried:
    """Everything that was tried, but for the request with the hash `without`."""
    mark = fingerprint(rule_type, symbols, timeframe)
    sums = select(*_sums()).where(LedgerEntry.fingerprint == mark, LedgerEntry.request_hash != without)
    return _pooled(*session.execute(sums).one())


def tried_with(session: Session, run: Run) -> Tried | None:
    """Everything that was tried on the rule and the prices of a run; None where nothing of it was counted."""
    prices = (run.data_hashes or {}).get(run.symbols[0])
    timeframe = session.scalar(select(StoredDataset.timeframe).where(StoredDataset.data_hash == prices))
    found = tried(session, run.rule_type, run.symbols, str(timeframe))
    return found if found.trials else None


def _sums() -> tuple[ColumnElement[Any], ...]:
    """Trials, the sum of their ratios and the sum of the squares of their ratios."""
    entry, count = LedgerEntry, LedgerEntry.trials
    squares = (count - 1) * entry.variance + count * entry.mean * entry.mean
    return (
        func.sum(count).label("trials"),
        func.sum(count * entry.mean).label("total"),
        func.sum(squares).label("squared"),
    )


def _pooled(trials: Any, total: Any, squared: Any) -> Tried:
    if not trials:
        return Tried(0, 0.0, 0.0)
    mean = float(total) / int(trials)
    spread = max(0.0, float(squared) - int(trials) * mean * mean)
    return Tried(int(trials), mean, spread / (int(trials) - 1) if trials > 1 else 0.0)
