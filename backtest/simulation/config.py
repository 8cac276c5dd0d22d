"""What the engine must know beside prices and target: each setting described once, for every way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, get_args

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError

Direction = Literal["long_only", "long_short", "short_only"]
Fill = Literal["next_open", "close"]
SizeType = Literal["percent", "value", "shares"]

ENGINE_FIELDS: Final = (
    Field(name="initial_capital", kind="float", label="Initial capital", default=100_000.0, low=0, above=True,
          high=1e12, unit="currency", help="Cash at the close of the first bar."),
    Field(name="fee_rate", kind="float", label="Fee", default=0.001, low=0, high=0.5, unit="fraction",
          help="Fee as a fraction of each order's value; 0.001 is 0.1%."),
    Field(name="fee_per_share", kind="float", label="Fee per share", default=0.0, low=0, high=1e6,
          unit="currency", help="Commission per share."),
    Field(name="fee_min", kind="float", label="Minimum fee", default=0.0, low=0, high=1e9, unit="currency",
          help="Minimum commission per order."),
    Field(name="slippage_bps", kind="float", label="Slippage", default=5.0, low=0, high=5_000, unit="bps",
          help="Basis points by which each fill is worse than the bar's price."),
    Field(name="size_type", kind="choice", label="Size type", default="percent",
          choices=get_args(SizeType),
          help="Percent of equity (split across the symbols), value in currency, or number of shares."),
    Field(name="size", kind="float", label="Size", default=100.0, low=0, above=True, high=1e12,
          help="Position size at full signal, in the unit of the size type."),
    Field(name="fractional", kind="bool", label="Fractional shares", default=False,
          help="Allow fractions of a share; otherwise whole shares only."),
    Field(name="direction", kind="choice", label="Direction", default="long_only",
          choices=get_args(Direction), help="Permitted position sides."),
    Field(name="fill", kind="choice", label="Fill", default="next_open", choices=get_args(Fill),
          help="next_open: open of the bar after the signal. close: close of the signal bar itself, which "
               "cannot be traded in practice; the result is flagged."),
    Field(name="stop_loss_pct", kind="float", label="Stop-loss", low=0, above=True, high=100, unit="%",
          help="Exit at this loss from the entry fill. Empty: off."),
    Field(name="take_profit_pct", kind="float", label="Take-profit", low=0, above=True, high=10_000,
          unit="%", help="Exit at this gain from the entry fill. Empty: off."),
    Field(name="trailing_stop_pct", kind="float", label="Trailing stop", low=0, above=True, high=100,
          unit="%", help="Exit at this loss from the best price since entry. Empty: off."),
    Field(name="borrow_rate", kind="float", label="Borrow rate", default=0.0, low=0, high=10, unit="per year",
          help="Annual cost of a short position, as a fraction of its market value."),
)  # fmt: skip

"""The settings that a request may choose."""

_PERIODS_PER_YEAR: Final = Field(
    name="periods_per_year", kind="float", label="Periods per year", default=252.0, low=0, above=True,
    help="Bars per year; derived from the prices, not an input.",
)  # fmt: skip
_FIELDS: Final = {field.name: field for field in (*ENGINE_FIELDS, _PERIODS_PER_YEAR)}


_DEFAULTS: Final[dict[str, Any]] = {name: field.default for name, field in _FIELDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Capital, costs, sizing, exits and fill model of one simulation, within their bounds.

    Rates are fractions (0.001 = 0.1 %), names with `_pct` are percent (5 = 5 %), `slippage_bps` is
    basis points of price, `borrow_rate` is a fraction a year of the short market value, charged a bar
    as `borrow_rate / periods_per_year`. An exit of `None` is off.

    Raises
    ------
    InvalidRequest
        With every setting that is out of its bounds.
    """

    initial_capital: float = _DEFAULTS["initial_capital"]
    fee_rate: float = _DEFAULTS["fee_rate"]
    fee_per_share: float = _DEFAULTS["fee_per_share"]
    fee_min: float = _DEFAULTS["fee_min"]
    slippage_bps: float = _DEFAULTS["slippage_bps"]
    size_type: SizeType = _DEFAULTS["size_type"]
    size: float = _DEFAULTS["size"]
    fractional: bool = _DEFAULTS["fractional"]
    direction: Direction = _DEFAULTS["direction"]
    fill: Fill = _DEFAULTS["fill"]
    stop_loss_pct: float | None = _DEFAULTS["stop_loss_pct"]
    take_profit_pct: float | None = _DEFAULTS["take_profit_pct"]
    trailing_stop_pct: float | None = _DEFAULTS["trailing_stop_pct"]
    borrow_rate: float = _DEFAULTS["borrow_rate"]
    periods_per_year: float = _DEFAULTS["periods_per_year"]

    def __post_init__(self) -> None:
        errors = [
            FieldError(name, error, getattr(self, name))
            for name, field in _FIELDS.items()
            if (error := _error(field, getattr(self, name)))
        ]
        if errors:
            raise InvalidRequest(errors)

    def with_parsed(self, values: Mapping[str, object]) -> Self:
        """The same with some settings that were parsed, each within its bounds: nothing is checked again."""
        changed = object.__new__(type(self))
        for name in _FIELDS:
            object.__setattr__(changed, name, values[name] if name in values else getattr(self, name))
        return changed


def _error(field: Field, value: object) -> str:
    """Why the setting cannot have this value; empty where it can."""
    if value is None and field.default is None:
        return ""
    try:
        fits = field.parse(value) == value  # what a text would be parsed to is no setting yet
    except ValidationError as error:
        return str(error)
    return "" if fits else f"must be {field.allowed}, got {value!r}"
