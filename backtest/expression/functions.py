"""The functions a formula may call, each with its arguments, their bounds and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np

from backtest import indicators
from backtest.arrays import Flags, Floats
from backtest.signals.crossings import crosses
from backtest.signals.positions import any_in_window

MAX_PERIOD: Final = 5_000


class Prices(Protocol):
    """What a formula is evaluated on: the bars of one symbol as (T,) arrays."""

    def __len__(self) -> int: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def volume(self) -> Floats: ...


class Truth(NamedTuple):
    """A condition at each bar: true, false, or neither where a value it needs is unknown."""

    true: Flags
    false: Flags


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a function.

    A `series` is a number that varies by bar, a `number` one that may be constant, a `condition` true or
    false at each bar; a `period` is a constant whole number of bars and a `constant` any constant number,
    within `low` and `high`.
    """

    name: str
    kind: Literal["series", "number", "condition", "period", "constant"] = "number"
    default: float | None = None
    low: float = 1
    high: float = MAX_PERIOD


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `compute` takes the prices and the arguments in order (series as (T,) arrays, periods as int).
    `lookback` takes the constant ones and tells how many bars it needs before its first value.
    Where `ascending`, the first constant argument must be smaller than the second; where `compares`, its
    two numbers must not both be constant. `needs_volume` says whether `compute` reads the volume.
    """

    name: str
    arguments: tuple[Argument, ...]
    help: str
    compute: Callable[..., Floats | Truth]
    lookback: Callable[..., int]
    result: Literal["number", "condition"] = "number"
    ascending: bool = False
    compares: bool = False
    needs_volume: bool = False

    @property
    def signature(self) -> str:
        """How it is called, with the defaults of what may be left out."""
        shown = (
            argument.name if argument.default is None else f"{argument.name}={argument.default:g}"
            for argument in self.arguments
        )  # fmt: skip
        return f"{self.name}({', '.join(shown)})"

    @property
    def reads_prices(self) -> bool:
        """Whether it varies by bar whatever its arguments are, as `atr(14)`."""
        return all(argument.kind in ("period", "constant") for argument in self.arguments)

    @property
    def required(self) -> int:
        """How many arguments may not be left out."""
        return sum(argument.default is None for argument in self.arguments)


def _volume_weighted_price(prices: Prices, period: int) -> Floats:
    traded = (prices.high + prices.low + prices.close) / 3 * prices.volume
    return indicators.sma(traded, period) / indicators.sma(prices.volume, period)


def _atr(prices: Prices, period: int) -> Floats:
    return indicators.average_true_range(prices.high, prices.low, prices.close, period)


def _adx(prices: Prices, period: int) -> Floats:
    return indicators.average_directional_index(prices.high, prices.low, prices.close, period)


def _crossing(first: Floats, second: Floats, side: int) -> Truth:
    crossed = crosses(first, second, side)
    return Truth(crossed, ~crossed & ~np.isnan(first) & ~np.isnan(second))


def _within(condition: Truth, window: int) -> Truth:
    possible = any_in_window(~condition.false, window)
    full = np.arange(len(possible)) >= window - 1
    return Truth(any_in_window(condition.true, window), ~possible & full)


def _period(default: float | None = None, *, low: float = 1, name: str = "n") -> Argument:
    return Argument(name, "period", default, low)


_X, _A, _B = Argument("x", "series"), Argument("a"), Argument("b")
_NUMBER = Argument("x")
_MACD = (_X, _period(12, low=2, name="fast"), _period(26, low=3, name="slow"),
         _period(9, low=2, name="signal"))  # fmt: skip
_BANDS = (_X, _period(20, low=2), Argument("k", "constant", 2, 0, 20))


def _macd(index: int) -> Callable[..., Floats]:
    return lambda prices, x, fast, slow, signal: indicators.macd(x, fast, slow, signal)[index]


def _band(index: int) -> Callable[..., Floats]:
    return lambda prices, x, n, k: indicators.bollinger_bands(x, n, k)[index]


def _full(*constants: float) -> int:
    return int(constants[0]) - 1


def _past(*constants: float) -> int:
    return int(constants[0])


def _none(*constants: float) -> int:
    return 0


def _macd_lookback(fast: float, slow: float, signal: float) -> int:
    return int(slow + signal) - 2


_ALL: tuple[Function, ...] = (
    Function("sma", (_X, _period()), "Simple moving average of the last n values.",
             lambda prices, x, n: indicators.sma(x, n), _full),
    Function("ema", (_X, _period()), "Exponential moving average, smoothing 2 / (n + 1).",
             lambda prices, x, n: indicators.ema(x, n), _full),
    Function("stddev", (_X, _period(low=2)), "Population standard deviation of the last n values.",
             lambda prices, x, n: indicators.standard_deviation(x, n), _full),
    Function("highest", (_X, _period()), "Highest of the last n values, including this bar.",
             lambda prices, x, n: indicators.highest(x, n), _full),
    Function("lowest", (_X, _period()), "Lowest of the last n values, including this bar.",
             lambda prices, x, n: indicators.lowest(x, n), _full),
    Function("momentum", (_X, _period()), "Change over n bars, in the unit of x.",
             lambda prices, x, n: indicators.momentum(x, n), _past),
    Function("roc", (_X, _period()), "Change over n bars in percent.",
             lambda prices, x, n: indicators.rate_of_change(x, n), _past),
    Function("rsi", (_X, _period(14, low=2)), "Relative strength index, 0 to 100.",
             lambda prices, x, n: indicators.rsi(x, n), _past),
    Function("macd", _MACD, "MACD line: fast minus slow exponential average.",
             _macd(0), _macd_lookback, ascending=True),
    Function("macd_signal", _MACD, "Signal line: exponential average of the MACD line.",
             _macd(1), _macd_lookback, ascending=True),
    Function("macd_histogram", _MACD, "MACD line minus its signal line.",
             _macd(2), _macd_lookback, ascending=True),
    Function("bbands_upper", _BANDS, "Upper Bollinger band: average plus k standard deviations.",
             _band(0), _full),
    Function("bbands_middle", _BANDS, "Middle Bollinger band: the average.", _band(1), _full),
    Function("bbands_lower", _BANDS, "Lower Bollinger band: average minus k standard deviations.",
             _band(2), _full),
    Function("atr", (_period(14),), "Average true range of the bars, in currency.",
             _atr, _past),
    Function("adx", (_period(14, low=2),), "Average directional index of the bars, 0 to 100.",
             _adx, lambda n: int(2 * n) - 1),
    Function("obv", (), "On-balance volume since the first bar.",
             lambda prices: indicators.on_balance_volume(prices.close, prices.volume), _none,
             needs_volume=True),
    Function("vwap", (_period(),), "Average of (high + low + close) / 3 over n bars, weighted by volume.",
             _volume_weighted_price, _full, needs_volume=True),
    Function("abs", (_NUMBER,), "Absolute value.", lambda prices, x: np.abs(x), _none),
    Function("sqrt", (_NUMBER,), "Square root; undefined below 0.", lambda prices, x: np.sqrt(x), _none),
    Function("log", (_NUMBER,), "Natural logarithm; undefined at and below 0.", lambda prices, x: np.log(x), _none),
    Function("exp", (_NUMBER,), "e to the power of x.", lambda prices, x: np.exp(x), _none),
    Function("min", (_A, _B), "The smaller of two values.", lambda prices, a, b: np.minimum(a, b), _none),
    Function("max", (_A, _B), "The larger of two values.", lambda prices, a, b: np.maximum(a, b), _none),
    Function("shift", (_X, _period()), "Value n bars earlier.",
             lambda prices, x, n: indicators.shifted(x, n), _past),
    Function("crosses_above", (_A, _B),
             "True on the bar on which a gets above b, having been below when they last differed.",
             lambda prices, a, b: _crossing(a, b, 1), lambda: 1, result="condition", compares=True),
    Function("crosses_below", (_A, _B),
             "True on the bar on which a gets below b, having been above when they last differed.",
             lambda prices, a, b: _crossing(a, b, -1), lambda: 1, result="condition", compares=True),
    Function("within", (Argument("condition", "condition"), _period()),
             "True where the condition is true on at least one of the last n bars, including this one.",
             lambda prices, condition, n: _within(condition, n), _full, result="condition"),
)  # fmt: skip

FUNCTIONS: Final[dict[str, Function]] = {function.name: function for function in _ALL}

SERIES: Final = {
    "open": "opening price of the bar",
    "high": "highest price of the bar",
    "low": "lowest price of the bar",
    "close": "closing price of the bar",
    "volume": "shares traded in the bar",
}
CONSTANTS: Final = {"true": True, "false": False}
