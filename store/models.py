"""The tables: runs and what they gave, studies and the ledger, datasets, presets, clients, tokens, the audit trail."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from store.types import INNODB, JsonText, LongBlob, UtcDateTime

RunId = Annotated[str, mapped_column(String(36))]
Sha256 = Annotated[str, mapped_column(String(64))]
Symbol = Annotated[str, mapped_column(String(32))]
Word = Annotated[str, mapped_column(String(16))]
Number = Annotated[float, mapped_column(Double)]
Moment = Annotated[datetime, mapped_column(UtcDateTime)]
Json = Annotated[Any, mapped_column(JsonText)]
Blob = Annotated[bytes, mapped_column(LongBlob)]


class Status(StrEnum):
    """The state of a run; it only moves forward."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


SORTED_METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "num_trades")
OPEN = (Status.PENDING, Status.RUNNING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
_KNOWN_STATUS = f"status IN ({', '.join(repr(str(status)) for status in Status)})"


class Base(DeclarativeBase):
    """Tables in utf8mb4 on InnoDB, every constraint named."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = INNODB


class Run(Base):
    """One backtest: its request, its progress and its headline metrics."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        CheckConstraint(_KNOWN_STATUS, name="status_known"),
        Index("ix_runs_status_created_at", "status", "created_at", "run_id"),
        Index("ix_runs_created_at", "created_at", "run_id"),
        Index("ix_runs_rule_type_created_at", "rule_type", "created_at", "run_id"),
        Index("ix_runs_starred_created_at", "starred", "created_at", "run_id"),
        Index("ix_runs_client_status", "client", "status"),
        Index("ix_runs_verifies", "verifies", "created_at"),
        Index("ix_runs_study_id", "study_id", "trial"),
        *(Index(f"ix_runs_{metric}", metric, "run_id") for metric in SORTED_METRICS),
        INNODB,
    )

    run_id: Mapped[RunId] = mapped_column(primary_key=True)
    status: Mapped[Word] = mapped_column(default=Status.PENDING)
    stage: Mapped[Word] = mapped_column(default="queued")
    progress: Mapped[Number] = mapped_column(default=0.0)
    created_at: Mapped[Moment]
    started_at: Mapped[Moment | None]
    completed_at: Mapped[Moment | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)

    symbols: Mapped[Json]
    rule_type: Mapped[str] = mapped_column(String(64))
    params: Mapped[Json]
    start_date: Mapped[date]
    end_date: Mapped[date]
    initial_capital: Mapped[Number]
    fee_rate: Mapped[Number]
    fee_per_share: Mapped[Number]
    fee_min: Mapped[Number]
    slippage_bps: Mapped[Number]
    size_type: Mapped[Word]
    size: Mapped[Number]
    fractional: Mapped[bool]
    direction: Mapped[Word]
    fill: Mapped[Word]
    stop_loss_pct: Mapped[Number | None]
    take_profit_pct: Mapped[Number | None]
    trailing_stop_pct: Mapped[Number | None]
    borrow_rate: Mapped[Number]
    risk_free_rate: Mapped[Number]
    benchmark: Mapped[Symbol | None]
    received: Mapped[Json]

    data_hash: Mapped[Sha256 | None]
    data_hashes: Mapped[Json | None]
    engine_version: Mapped[int | None]
    image_tag: Mapped[str | None] = mapped_column(String(128))
    result_hash: Mapped[Sha256 | None]
    metrics: Mapped[Json | None]
    total_return: Mapped[Number | None]
    sharpe_ratio: Mapped[Number | None]
    max_drawdown: Mapped[Number | None]
    num_trades: Mapped[int | None]

    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    lease_owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(default=0)
    workflow_name: Mapped[str | None] = mapped_column(String(128))
    workflow_uid: Mapped[str | None] = mapped_column(String(36))
    client: Mapped[str | None] = mapped_column(String(128))

    name: Mapped[str | None] = mapped_column(String(200))
    notes: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[Json] = mapped_column(default=list)
    starred: Mapped[bool] = mapped_column(default=False)
    verifies: Mapped[RunId | None]
    study_id: Mapped[RunId | None]
    """The study that the run is a trial of; it may be deleted by now."""
    trial: Mapped[int | None]

    @property
    def ended(self) -> bool:
        """Whether its outcome is final."""
        return self.status in ENDED


class RunSymbol(Base):
    """Which runs trade a symbol, so that the list can be filtered by it."""

    __tablename__ = "run_symbols"

    symbol: Mapped[Symbol] = mapped_column(primary_key=True)
    run_id: Mapped[RunId] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)


class Result(Base):
    """The result of a succeeded run: the summary, and each curve as one compressed column."""

    __tablename__ = "results"

    run_id: Mapped[RunId] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
    summary: Mapped[Json]
    times: Mapped[Blob] = mapped_column(deferred=True)
    equity: Mapped[Blob] = mapped_column(deferred=True)
    cash: Mapped[Blob] = mapped_column(deferred=True)
    exposure: Mapped[Blob] = mapped_column(deferred=True)
    drawdown: Mapped[Blob] = mapped_column(deferred=True)
    benchmark: Mapped[Blob] = mapped_column(deferred=True)


class Trade(Base):
    """One closed trade of a run; clustered by run, so that a run's trades lie together."""

    __tablename__ = "trades"

    run_id: Mapped[RunId] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    symbol: Mapped[Symbol]
    side: Mapped[Word]
    size: Mapped[Number]
    entry_time: Mapped[Moment]
    exit_time: Mapped[Moment]
    entry_price: Mapped[Number]
    entry_fill: Mapped[Number]
    exit_price: Mapped[Number]
    exit_fill: Mapped[Number]
    entry_fee: Mapped[Number]
    exit_fee: Mapped[Number]
    slippage: Mapped[Number]
    borrow: Mapped[Number]
    pnl: Mapped[Number]
    pnl_pct: Mapped[Number]
    bars_held: Mapped[int]
    mae_pct: Mapped[Number]
    mfe_pct: Mapped[Number]
    exit_reason: Mapped[Word]


class Robustness(Base):
    """What of a run's result survives: asked for, computed in the background, kept with the run."""

    __tablename__ = "robustness"
    __table_args__ = (
        CheckConstraint(_KNOWN_STATUS, name="status_known"),
        Index("ix_robustness_status_created_at", "status", "created_at", "run_id"),
        INNODB,
    )

    run_id: Mapped[RunId] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[Word] = mapped_column(default=Status.PENDING)
    created_at: Mapped[Moment]
    """When it was asked for last."""
    completed_at: Mapped[Moment | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[Json | None] = mapped_column(deferred=True)
    lease_owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(default=0)


class Study(Base):
    """One request executed with many settings: its progress, and what was found."""

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        CheckConstraint(_KNOWN_STATUS, name="status_known"),
        Index("ix_studies_status_created_at", "status", "created_at", "study_id"),
        Index("ix_studies_created_at", "created_at", "study_id"),
        INNODB,
    )

    study_id: Mapped[RunId] = mapped_column(primary_key=True)
    status: Mapped[Word] = mapped_column(default=Status.PENDING)
    progress: Mapped[Number] = mapped_column(default=0.0)
    created_at: Mapped[Moment]
    started_at: Mapped[Moment | None]
    completed_at: Mapped[Moment | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)

    kind: Mapped[Word]
    symbols: Mapped[Json]
    rule_type: Mapped[str] = mapped_column(String(64))
    timeframe: Mapped[Word]
    request: Mapped[Json]
    request_hash: Mapped[Sha256]
    data_hashes: Mapped[Json]
    numbers: Mapped[Blob] = mapped_column(deferred=True)
    """The combinations of the space that the rule allows, in order: trial i is the i-th."""
    bars: Mapped[int]
    trials: Mapped[int]
    refused: Mapped[int]
    simulations: Mapped[int]
    chunks: Mapped[int]
    done_chunks: Mapped[int] = mapped_column(default=0)
    missing_chunks: Mapped[int] = mapped_column(default=0)
    """Chunks that failed; they can be executed again."""

    summary: Mapped[Json | None] = mapped_column(deferred=True)
    result_hash: Mapped[Sha256 | None]
    image_tag: Mapped[str | None] = mapped_column(String(128))
    client: Mapped[str | None] = mapped_column(String(128))
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    lease_owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(default=0)
    workflow_name: Mapped[str | None] = mapped_column(String(128))
    workflow_uid: Mapped[str | None] = mapped_column(String(36))
    workflows: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many workflows executed it so far: each has a name of its own."""
    pods: Mapped[int | None]
    """Among how many pods what is missing is shared."""

    @property
    def ended(self) -> bool:
        """Whether its outcome is final, unless it is completed later."""
        return self.status in ENDED


class StudyChunk(Base):
    """A share of the trials of a study: done with its columns, or failed with the reason."""

    __tablename__ = "study_chunks"

    study_id: Mapped[RunId] = mapped_column(
        ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[Word]
    payload: Mapped[Blob | None] = mapped_column(deferred=True)
    """Everything that the result is computed from."""
    figures: Mapped[Blob | None] = mapped_column(deferred=True)
    """The figures of each row alone, which pages show."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)


class LedgerEntry(Base):
    """What one request tried on a rule, symbols and a timeframe; the same request again counts once."""

    __tablename__ = "ledger"
    __table_args__ = (UniqueConstraint("fingerprint", "request_hash"), INNODB)

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[Sha256]
    request_hash: Mapped[Sha256]
    rule_type: Mapped[str] = mapped_column(String(64))
    symbols: Mapped[Json]
    timeframe: Mapped[Word]
    source: Mapped[RunId]
    """The study or the run that tried it first."""
    trials: Mapped[int]
    mean: Mapped[Number]
    variance: Mapped[Number]
    created_at: Mapped[Moment]


class StoredDataset(Base):
    """The prices of one symbol, named by their content; the newest of a symbol is its current version."""

    __tablename__ = "datasets"
    __table_args__ = (
        Index("ix_datasets_symbol_current_since", "symbol", "current_since"),
        INNODB,
    )

    data_hash: Mapped[Sha256] = mapped_column(primary_key=True)
    symbol: Mapped[Symbol]
    timeframe: Mapped[Word]
    source: Mapped[str] = mapped_column(String(1_000))
    first_bar: Mapped[Moment]
    last_bar: Mapped[Moment]
    bars: Mapped[int]
    payload: Mapped[Blob] = mapped_column(deferred=True)
    certificate: Mapped[Json | None]
    created_at: Mapped[Moment]
    current_since: Mapped[Moment]
    deleted_at: Mapped[Moment | None]


class Preset(Base):
    """A saved set of values of the submit form, and the client that saved it."""

    __tablename__ = "presets"
    __table_args__ = (UniqueConstraint("name"), INNODB)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    client: Mapped[str | None] = mapped_column(String(128))
    body: Mapped[Json] = mapped_column(deferred=True)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]


class Client(Base):
    """A submitter of runs, and the time until which its submissions use up its quota."""

    __tablename__ = "clients"

    client: Mapped[str] = mapped_column(String(128), primary_key=True)
    spent_until: Mapped[Moment]


class Token(Base):
    """A credential: the token of a program or the session of a person; only the hash of its secret is stored."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("secret_hash"), INNODB)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    secret_hash: Mapped[Sha256]
    name: Mapped[str] = mapped_column(String(200))
    client: Mapped[str] = mapped_column(String(128))
    scope: Mapped[Word]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]


class AuditEntry(Base):
    """One action that changed something: when, by which client, and on what."""

    __tablename__ = "audit"
    __table_args__ = (
        *(Index(f"ix_audit_{column}", column, "id") for column in ("at", "action", "client", "target_id")),
        INNODB,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[Moment]
    client: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(32))
    target_kind: Mapped[Word]
    target_id: Mapped[str] = mapped_column(String(128))
    detail: Mapped[Json]
