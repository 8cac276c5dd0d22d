"""The request of a run: its fields, parsed identically for every entry point."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Self

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError, Value, parse_fields
from backtest.prices.symbols import spelled
from backtest.simulation.config import ENGINE_FIELDS, EngineConfig

OPTION_FIELDS = (
    *ENGINE_FIELDS,
    Field(name="risk_free_rate", kind="float", label="Risk-free rate", default=0.0, low=0, high=1,
          unit="per year", help="Annual risk-free rate (Sharpe, Sortino, alpha), as a fraction."),
)  # fmt: skip

REQUEST_FIELDS = (
    Field(name="symbols", kind="symbols", label="Symbols", required=True, help="One or more symbols."),
    Field(name="rule_type", kind="text", label="Rule", required=True, max_length=64,
          help="Name of the trading rule; /api/rules lists all with their parameters."),
    Field(name="params", kind="object", label="Parameters", default=None,
          help="Parameters of the rule; omitted ones take their defaults."),
    Field(name="start_date", kind="date", label="From", required=True, help="First day of trading."),
    Field(name="end_date", kind="date", label="To", required=True, help="Last day of trading."),
    *OPTION_FIELDS,
    Field(name="benchmark", kind="symbol", label="Benchmark",
          help="Symbol to compare with. Empty: buy & hold of the same symbols."),
    Field(name="run_id", kind="text", label="Run ID", max_length=36,
          help="UUID4 of the run; repeating it returns the same run. Empty: a new one."),
)  # fmt: skip

FORM_GROUPS: Mapping[str, tuple[str, ...]] = {
    "costs": ("initial_capital", "fee_rate", "slippage_bps"),
    "sizing": ("size_type", "size", "fractional", "direction", "fill"),
    "exits": ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct"),
    "fine_costs": ("fee_per_share", "fee_min", "borrow_rate"),
    "comparison": ("benchmark", "risk_free_rate"),
}
"""The options in the order in which every form asks for them."""
EXAMPLE: Mapping[str, Any] = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
}
"""What an untouched form asks for, on the page and in the Argo UI; its prices come with the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One backtest as requested, every field of its own type and within its bounds."""

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
    def parse(cls, raw: object, *, check_rule: bool = True) -> Self:
        """Read a request, or raise `InvalidRequest` with every field that is wrong.

        Without `check_rule` the rule is not looked for: it was when the request was accepted, and is in `rule`.
        """
        if not isinstance(raw, Mapping):
            raise InvalidRequest([FieldError("", "the request must be a JSON object", raw)])
        values, errors = parse_fields(REQUEST_FIELDS, raw)
        wrong = {error.field for error in errors}
        errors += _params_errors(values) if check_rule and not wrong & {"rule_type", "params"} else []
        errors += _date_errors(values) if not wrong & {"start_date", "end_date"} else []
        errors += _id_errors(values)
        if errors:
            raise InvalidRequest(errors)
        settings: dict[str, Any] = {field.name: values.pop(field.name) for field in ENGINE_FIELDS}
        return cls(**_completed(values), config=EngineConfig(**settings))

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

    @property
    def read_symbols(self) -> set[str]:
        """The symbols whose prices are read, the benchmark's included."""
        return {*self.symbols, *([self.benchmark] if self.benchmark else [])}

    def spelled(self, known: Collection[str]) -> RunRequest:
        """The same request with its symbols in the case in which they are known."""
        symbols = tuple(spelled(symbol, known) for symbol in self.symbols)
        if len(set(symbols)) != len(symbols):
            message = f"must not contain a symbol more than once, got {', '.join(self.symbols)}"
            raise InvalidRequest([FieldError("symbols", message, list(self.symbols))])
        benchmark = self.benchmark and spelled(self.benchmark, known)
        return replace(self, symbols=symbols, benchmark=benchmark)

    def rule(self) -> rules.Rule:
        """The rule with this request's parameters."""
        return rules.build(self.rule_type, self.params)


def readable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What can be read of a refused request, field by field, so that it can be stored; `EXAMPLE` or a default elsewhere.

    Texts that are missing or cannot be read are empty, and so is the list of symbols.
    """
    return {field.name: _readable(field, raw.get(field.name)) for field in REQUEST_FIELDS}


def _readable(field: Field, received: object) -> Any:
    empty = {"symbols": (), "object": {}, "text": "", "date": date.fromisoformat(EXAMPLE["start_date"])}
    try:
        return field.parse(received) if received is not None else empty.get(field.kind, field.default)
    except ValidationError:
        return empty.get(field.kind, field.default)


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
    return [FieldError("end_date", f"End date must be after start date ({start}), got {end}", str(end))]


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
    return [FieldError("run_id", "must be a UUID4 such as 123e4567-e89b-42d3-a456-426614174000", run_id)]
