"""What the HTTP interface answers, field by field: mypy checks the serializers, OpenAPI is generated from it."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from web.api.schema_types import Base64, Day, Fraction, Json, StatusName, Timestamp, Values
from web.ledger import schemas as ledger_schemas


class FieldError(TypedDict):
    """One wrong field of a request; line and column where it is a place in a text."""

    field: str
    message: str
    value: Any
    line: NotRequired[int | None]
    column: NotRequired[int]


class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[FieldError]]
    retry_after_seconds: NotRequired[int]


class Accepted(TypedDict):
    """A submitted run, and where to watch it."""

    run_id: str
    status: StatusName
    links: dict[str, str]


class Cancelled(TypedDict):
    """Whether this request cancelled the run, and its status now."""

    run_id: str
    cancelled: bool
    status: StatusName


class Check(TypedDict):
    """What a request would do, or what is wrong with it."""

    ok: bool
    errors: NotRequired[list[FieldError]]
    missing: NotRequired[list[str]]
    """Symbols of the request without prices."""
    bars: NotRequired[int]
    warmup_bars: NotRequired[int]
    first_bar: NotRequired[Day]
    last_bar: NotRequired[Day]
    seconds: NotRequired[float]
    caveats: NotRequired[list[Json]]


class State(TypedDict):
    """How far a run is, or why it failed."""

    run_id: str
    status: StatusName
    stage: str
    progress: Fraction
    error_code: str | None
    error_message: str | None


class Timestamps(TypedDict):
    """When a run was submitted, started and ended."""

    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None


class Traded(TypedDict):
    """What a run trades, and by which rule."""

    symbols: list[str]
    rule_type: str
    params: Json


class Period(TypedDict):
    """The days of trading."""

    start_date: Day
    end_date: Day


class RunBrief(State, Timestamps, Traded, Period):
    """A run in a list."""

    total_return: float | None
    sharpe_ratio: float | None
    max_drawdown: float | None
    num_trades: int | None
    name: str | None
    tags: list[str]
    starred: bool


class Options(TypedDict):
    """The optional fields of a request, in the order of `OPTION_FIELDS`."""

    initial_capital: float
    fee_rate: float
    fee_per_share: float
    fee_min: float
    slippage_bps: float
    size_type: str
    size: float
    fractional: bool
    direction: str
    fill: str
    stop_loss_pct: float | None
    take_profit_pct: float | None
    trailing_stop_pct: float | None
    borrow_rate: float
    risk_free_rate: float
    benchmark: str | None


class Provenance(TypedDict):
    """What a run was computed with."""

    data_hash: str | None
    data_hashes: dict[str, str] | None
    engine_version: int | None
    image_tag: str | None
    result_hash: str | None
    workflow_name: str | None


class Request(Traded, Period, Options):
    """What was asked for."""


class RunDetails(State, Timestamps, Request, Provenance):
    """What was asked for and how it went."""

    elapsed_seconds: float
    name: str | None
    notes: str | None
    tags: list[str]
    starred: bool


class Waiting(TypedDict, total=False):
    """How many runs are before one that waits."""

    waiting_before: int


class Run(RunDetails, Waiting):
    """A run without its curves."""

    links: NotRequired[dict[str, str]]
    metrics: NotRequired[dict[str, float | None] | None]


class EquityPoint(TypedDict):
    """The equity at a bar."""

    time: str
    equity: float


class DrawdownPoint(TypedDict):
    """The drawdown at a bar, zero or less."""

    time: str
    drawdown: float


class Points(TypedDict):
    """Equity and drawdown at some bars."""

    equity_curve: list[EquityPoint]
    drawdown_curve: list[DrawdownPoint]


class Trade(TypedDict):
    """A closed trade; `seq` counts from 0, and pages show the number `seq` + 1."""

    seq: int
    symbol: str
    side: str
    size: float
    entry_time: Timestamp
    exit_time: Timestamp
    entry_price: float
    entry_fill: float
    exit_price: float
    exit_fill: float
    entry_fee: float
    exit_fee: float
    slippage: float
    borrow: float
    pnl: float
    pnl_pct: float
    bars_held: int
    mae_pct: float
    mfe_pct: float
    exit_reason: str


class Summary(TypedDict, total=False):
    """What only a finished run has besides curves and trades; null where an earlier release stored none."""

    first_bar: str | None
    last_bar: str | None
    bars: int | None
    warmup_bars: int | None
    conventions: Json | None
    funnel: Json | None
    flags: Json | None
    warnings: list[Json] | None
    lookahead: Json | None
    certificate: list[Json] | None
    drawdowns: list[Json] | None
    yearly: list[Json] | None
    monthly: list[Json] | None
    exit_reasons: list[Json] | None
    sides: list[Json] | None
    benchmark_metrics: dict[str, float | None] | None
    alternatives: Json | None
    curve_bars: int


class Status(RunDetails, Waiting, Summary, Points):
    """Everything about a run; without a result, curves and trades are empty and `metrics` is null."""

    links: dict[str, str]
    metrics: dict[str, float | None] | None
    metric_reasons: dict[str, str]
    trades: list[Trade]
    charts: dict[str, Base64]


class Runs(TypedDict):
    """A page of runs; `next` is the address of the following one."""

    runs: list[RunBrief]
    next: str | None


class Result(TypedDict):
    """A finished run: its request, every metric, every trade."""

    run: RunDetails
    result: Json
    trades: list[Trade]
    ledger: NotRequired[ledger_schemas.Tried | None]


class Verification(TypedDict):
    """What a second execution of a run computed, beside what is stored; `identical` is null until it has ended."""

    run_id: str
    verification_run_id: str
    status: StatusName
    identical: bool | None
    message: str
    stored_result_hash: str | None
    computed_result_hash: str | None
    data_hash: str | None
    stored_engine_version: int | None
    engine_version: int | None
    image_tag: str | None
    verified_with_image_tag: str | None
    first_difference: str | None


class Curves(TypedDict):
    """The curves that were asked for, at common times in seconds since 1970."""

    bars: int
    bars_in_range: int
    times: list[int]
    equity: NotRequired[Values]
    cash: NotRequired[Values]
    exposure: NotRequired[Values]
    drawdown: NotRequired[Values]
    benchmark: NotRequired[Values]
    cumulative_return: NotRequired[Values]
    benchmark_return: NotRequired[Values]
    benchmark_drawdown: NotRequired[Values]
    rolling_sharpe: NotRequired[Values]
    price: NotRequired[Values]
    trade_pnl: NotRequired[Values]


class Parameter(TypedDict):
    """A parameter of a rule."""

    name: str
    label: str
    help: str
    unit: str
    required: bool
    allowed: str
    schema: Json


class Rule(TypedDict):
    """A trading rule with its parameters."""

    name: str
    label: str
    help: str
    params: list[Parameter]


class Rules(TypedDict):
    """Every rule."""

    rules: list[Rule]


class Metric(TypedDict):
    """The definition of a metric, and how other tools define it."""

    name: str
    label: str
    group: str
    format: str
    formula: str
    conventions: str
    source: str
    peers: str
    better: str | None


class Metrics(TypedDict):
    """Every metric of the catalogue."""

    metrics: list[Metric]


class Symbol(TypedDict):
    """A symbol with the range of its prices."""

    symbol: str
    first_bar: Day
    last_bar: Day
    bars: int
    timeframe: str
    source: str
    data_hash: str


class Symbols(TypedDict):
    """Symbols with prices."""

    symbols: list[Symbol]


class Dataset(Symbol):
    """A symbol with its data-quality report."""

    certificate: Json | None


class Datasets(TypedDict):
    """The current dataset of every symbol."""

    datasets: list[Dataset]


class Upload(Dataset):
    """The first symbol of a file, every symbol of it, and what was understood of the file."""

    datasets: list[Dataset]
    reading: Json


class Word(TypedDict):
    """A state in one word."""

    status: str
