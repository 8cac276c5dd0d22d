"""What the HTTP interface answers for charts of trades: candles, and one trade with what was known then."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from web.api import schemas
from web.api.schema_types import Timestamp, Values


class Line(TypedDict):
    """A series of the run's rule, one value for each candle; null where it is not known."""

    label: str
    values: Values


class Level(TypedDict):
    """A constant that a series of the rule is compared with."""

    label: str
    value: float


class Pane(TypedDict):
    """Series of one scale: `price`, or a scale of their own that is named after them."""

    name: str
    lines: list[Line]
    levels: list[Level]


class Candles(TypedDict):
    """Prices of a symbol; each candle stands for `bars_per_candle` bars and has the time of its first."""

    symbol: str
    timeframe: str
    bars: int
    bars_in_range: int
    bars_per_candle: int
    times: list[int]
    open: Values
    high: Values
    low: Values
    close: Values
    volume: Values
    panes: list[Pane]
    note: str


class RollingMetrics(TypedDict):
    """Metrics of the last `window` returns at each close that ends a period; null before there are enough."""

    bars: int
    bars_in_range: int
    window: int
    times: list[int]
    rolling_return: Values
    rolling_volatility: Values
    rolling_sharpe: Values
    rolling_beta: Values
    benchmark_rolling_return: Values
    benchmark_rolling_volatility: Values
    benchmark_rolling_sharpe: Values


class KnownValue(TypedDict):
    """The value of a series of the rule, or of a level, at one bar."""

    label: str
    pane: str
    value: float | None
    level: bool


class Decision(TypedDict):
    """The bar at whose close the rule decided, and what it compared there."""

    time: Timestamp
    close: float
    lines: list[KnownValue]


class ExitLevel(TypedDict):
    """The price at which a stop or a target closes the position; a trailing stop as it stood at the exit."""

    name: str
    percent: float
    price: float
    best: NotRequired[float]


class TradeCosts(TypedDict):
    """What lies between the profit before costs and the profit."""

    gross: float
    entry_fee: float
    exit_fee: float
    slippage: float
    borrow: float
    net: float


class TradeStory(TypedDict):
    """One trade with what was known when it began and ended; no decision where a level or the end closed it."""

    trade: schemas.Trade
    entry: Decision | None
    exit: Decision | None
    levels: list[ExitLevel]
    why: str
    costs: TradeCosts


class Clause(TypedDict):
    """One of the conditions that `and` and `or` join in a formula, and on how many bars it is true."""

    text: str
    true_on: int


class FormulaPreview(TypedDict):
    """On how many bars a formula is true, and on how many in each part of the chart."""

    field: str
    true_on: int
    ticks: list[int]
    clauses: list[Clause]


class Preview(TypedDict):
    """Where the formulas of a request are true on the bars of its first symbol, or what is wrong with it."""

    ok: bool
    errors: NotRequired[list[schemas.FieldError]]
    symbol: NotRequired[str]
    bars: NotRequired[int]
    first_bar: NotRequired[str]
    last_bar: NotRequired[str]
    close: NotRequired[list[float]]
    formulas: NotRequired[list[FormulaPreview]]
