"""What a submitter asks for: the fields of a run, parsed once and identically for every door."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, Value, parse_fields
from backtest.simulation.config import EngineConfig

ENGINE_FIELDS = (
    Field(name="initial_capital", kind="float", label="Initial capital", default=100_000.0, low=0, above=True,
          high=1e12, unit="currency", help="Cash at the close of the first bar."),
    Field(name="fee_rate", kind="float", label="Fee", default=0.001, low=0, high=0.5, unit="fraction",
          help="Fee as a fraction of each order's value; 0.001 is 0.1 %."),
    Field(name="fee_per_share", kind="float", label="Fee per share", default=0.0, low=0, high=1e6,
          unit="currency", help="Fee for each share of an order."),
    Field(name="fee_min", kind="float", label="Minimum fee", default=0.0, low=0, high=1e9, unit="currency",
          help="The least fee of an order."),
    Field(name="slippage_bps", kind="float", label="Slippage", default=5.0, low=0, high=5_000, unit="bps",
          help="Basis points by which each fill is worse than the bar's price."),
    Field(name="size_type", kind="choice", label="Size type", default="percent",
          choices=("percent", "value", "shares"),
          help="percent of equity (split over the symbols), a value in currency, or a number of shares."),
    Field(name="size", kind="float", label="Size", default=100.0, low=0, above=True, high=1e12,
          help="How much a full target (1) holds, in the unit of the size type."),
    Field(name="fractional", kind="bool", label="Fractional shares", default=False,
          help="Allow fractions of a share; otherwise whole shares only."),
    Field(name="direction", kind="choice", label="Direction", default="long_only",
          choices=("long_only", "long_short", "short_only"), help="Which side of the market may be held."),
    Field(name="fill", kind="choice", label="Fill", default="next_open", choices=("next_open", "close"),
          help="next_open fills at the open after the signal; close fills at the signal bar's own close, "
               "which nobody could have traded, and marks the result."),
    Field(name="stop_loss_pct", kind="float", label="Stop-loss", low=0, above=True, high=100, unit="%",
          help="Exit this many percent worse than the entry fill; empty is off."),
    Field(name="take_profit_pct", kind="float", label="Take-profit", low=0, above=True, high=10_000,
          unit="%", help="Exit this many percent better than the entry fill; empty is off."),
    Field(name="trailing_stop_pct", kind="float", label="Trailing stop", low=0, above=True, high=100,
          unit="%", help="Exit this many percent worse than the best price since entry; empty is off."),
    Field(name="borrow_rate", kind="float", label="Borrow rate", default=0.0, low=0, high=10, unit="a year",
          help="Yearly cost of a short position as a fraction of its market value."),
)  # fmt: skip

OPTION_FIELDS = (
    *ENGINE_FIELDS,
    Field(name="risk_free_rate", kind="float", label="Risk-free rate", default=0.0, low=0, high=1,
          unit="a year", help="Yearly return without risk, as a fraction; what Sharpe and alpha start from."),
)  # fmt: skip

REQUEST_FIELDS = (
    Field(name="symbols", kind="symbols", label="Symbols", required=True, help="One or several symbols."),
    Field(name="rule_type", kind="text", label="Rule", required=True, max_length=64,
          help="The trading rule, by name; /api/rules lists them with their parameters."),
    Field(name="params", kind="object", label="Parameters", default=None,
          help="The rule's own parameters; those left out take their defaults."),
    Field(name="start_date", kind="date", label="From", required=True, help="First day of trading."),
    Field(name="end_date", kind="date", label="To", required=True, help="Last day of trading."),
    *OPTION_FIELDS,
    Field(name="benchmark", kind="text", label="Benchmark", max_length=32,
          help="Symbol to compare with; empty is buy-and-hold of the same symbols."),
    Field(name="run_id", kind="text", label="Run id", max_length=36,
          help="UUID4 of the run; the same one twice makes one run. Empty is a new one."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One backtest as it was asked for, every field of its own type and within its bounds."""

    symbols: tuple[str, ...]
    rule_type: str
    params: Mapping[str, Value]
    start_date: date
    end_date: date
    config: EngineConfig
    risk_free_rate: float
    benchmark: str | None
    run_id: str

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Read a request, or raise `InvalidRequest` with every field that is wrong."""
        if not isinstance(raw, Mapping):
            raise InvalidRequest([FieldError("", "the request must be a JSON object", raw)])
        values, errors = parse_fields(REQUEST_FIELDS, raw)
        wrong = {error.field for error in errors}
        errors += _params_errors(values) if not wrong & {"rule_type", "params"} else []
        errors += _date_errors(values) if not wrong & {"start_date", "end_date"} else []
        errors += _id_errors(values)
        if errors:
            raise InvalidRequest(errors)
        config = EngineConfig(**{field.name: values.pop(field.name) for field in ENGINE_FIELDS})  # type: ignore[arg-type]
        return cls(**_completed(values), config=config)

    def as_json(self) -> dict[str, Any]:
        """Every field with its value, such that `parse` gives the same request again."""
        config = asdict(self.config)
        return {
            "symbols": list(self.symbols),
            "rule_type": self.rule_type,
            "params": dict(self.params),
            "start_date": self.start_date.isoformat(),
            "end_date": self.end_date.isoformat(),
            **{field.name: config[field.name] for field in ENGINE_FIELDS},
            "risk_free_rate": self.risk_free_rate,
            "benchmark": self.benchmark,
            "run_id": self.run_id,
        }

    def rule(self) -> rules.Rule:
        """The rule with this request's parameters."""
        return rules.build(self.rule_type, self.params)


def _completed(values: dict[str, Any]) -> dict[str, Any]:
    return values | {
        "params": values["params"] or {},
        "benchmark": values["benchmark"] or None,
        "run_id": values["run_id"] or str(uuid.uuid4()),
    }


def _params_errors(values: Mapping[str, Any]) -> list[FieldError]:
    try:
        rules.build(values["rule_type"], values["params"] or {})
    except InvalidRequest as invalid:
        return list(invalid.errors)
    return []


def _date_errors(values: Mapping[str, Any]) -> list[FieldError]:
    start, end = values["start_date"], values["end_date"]
    if start < end:
        return []
    return [FieldError("end_date", f"must lie after start_date ({start}), got {end}", str(end))]


def _id_errors(values: Mapping[str, Any]) -> list[FieldError]:
    run_id = values.get("run_id")
    if not run_id:
        return []
    try:
        parsed = uuid.UUID(run_id)
    except ValueError:
        parsed = uuid.UUID(int=0)
    if parsed.version == 4 and str(parsed) == run_id:
        return []
    return [FieldError("run_id", "must be a UUID4 as 123e4567-e89b-42d3-a456-426614174000", run_id)]
