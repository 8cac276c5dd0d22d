"""What the HTTP interface answers about everything that was tried, field by field."""

from __future__ import annotations

from typing_extensions import TypedDict

from web.api.schema_types import Timestamp


class Tried(TypedDict):
    """The trials on the rule and the prices of a result, and its deflated Sharpe ratio among them."""

    fingerprint: str
    trials: int
    mean: float
    variance: float
    deflated_sharpe_ratio: float | None
    reason: str | None


class LedgerPool(TypedDict):
    """Everything tried on a rule, symbols and a timeframe; mean and variance are of Sharpe ratios a period."""

    fingerprint: str
    rule_type: str
    symbols: list[str]
    timeframe: str
    trials: int
    mean: float
    variance: float
    requests: int
    last_at: Timestamp


class LedgerSource(TypedDict):
    """One request that tried something: a study or a run; `kind` is null where it was deleted."""

    source: str
    kind: str | None
    trials: int
    mean: float
    variance: float
    created_at: Timestamp


class Ledger(TypedDict):
    """Everything tried by what it was tried on, the newest first, and the address of the next page."""

    tried: list[LedgerPool]
    next: str | None


class LedgerSources(TypedDict):
    """What was tried on one rule and its prices, and by which requests."""

    tried: LedgerPool
    sources: list[LedgerSource]
