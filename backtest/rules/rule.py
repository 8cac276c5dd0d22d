"""A trading rule: typed, bounded parameters, and from prices a target position at each bar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Sides
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, Value, parse_fields
from backtest.prices.bars import Bars
from backtest.rules.lines import Line
from backtest.rules.volume import refuse_unknown

PREFIX = "params."


class Prices:
    """The bars of one symbol as contiguous (T,) arrays, each taken out only when asked for."""

    __slots__ = ("_bars", "_column")

    def __init__(self, bars: Bars, column: int) -> None:
        self._bars, self._column = bars, column

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def open(self) -> Floats:
        """Opening prices."""
        return np.ascontiguousarray(self._bars.open[:, self._column])

    @property
    def high(self) -> Floats:
        """Highest prices."""
        return np.ascontiguousarray(self._bars.high[:, self._column])

    @property
    def low(self) -> Floats:
        """Lowest prices."""
        return np.ascontiguousarray(self._bars.low[:, self._column])

    @property
    def close(self) -> Floats:
        """Closing prices."""
        return np.ascontiguousarray(self._bars.close[:, self._column])

    @property
    def volume(self) -> Floats:
        """Shares traded, NaN where unknown; `UnknownVolume` where it is known on no bar."""
        unknown = np.isnan(self._bars.volume[:, self._column])
        refuse_unknown(self._bars.symbols[self._column], int(np.count_nonzero(unknown)), len(self))
        return np.ascontiguousarray(self._bars.volume[:, self._column])


class Rule(ABC):
    """A trading rule. Subclasses are frozen dataclasses whose fields are the parameters.

    A subclass names itself (`name`, `label`, `help`, `long`, `short`), describes each of its fields
    once in `params`, and implements `warmup` and `exposure`; `lines` is what a chart shows of it. `ascending`
    lists pairs of parameters of which the first must be smaller than the second. `needs_volume` says whether it
    reads the volume: a run on prices without volume is then refused.
    """

    __slots__ = ()

    name: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    long: ClassVar[str] = ""
    short: ClassVar[str] = ""
    params: ClassVar[tuple[Field, ...]] = ()
    ascending: ClassVar[tuple[tuple[str, str], ...]] = ()

    @property
    def needs_volume(self) -> bool:
        """Whether it reads the volume; a subclass that does sets it to True."""
        return False

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Bars before the first at which the rule can want a position."""

    @abstractmethod
    def exposure(self, prices: Prices) -> Sides:
        """The position wanted in one symbol at each close: 1 long, 0 flat, -1 short, NaN no change.

        Returns
        -------
        (T,) array of -1…1; the value at bar t uses bars <= t alone
        """

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        """What `exposure` compares, for a chart; nothing where the rule compares nothing that can be drawn."""
        return ()

    def target(self, bars: Bars) -> Floats:
        """The position wanted in each symbol at each close, shape (T, M), C-contiguous."""
        width = len(bars.symbols)
        with np.errstate(all="ignore"):  # prices beyond 1e150 overflow into comparisons that are false
            if width == 1:
                return np.asarray(self.exposure(Prices(bars, 0)), np.float64).reshape(-1, 1)
            target = np.empty((len(bars), width))
            for column in range(width):
                target[:, column] = self.exposure(Prices(bars, column))
        return target

    @classmethod
    def prepare(cls, rules: Sequence[Self], prices: Prices) -> None:
        """Have a sweep know what the exposures of several rules need, where that is computed faster side by side."""
        return

    @classmethod
    def mistakes(cls, values: Mapping[str, Value]) -> list[FieldError]:
        """What is wrong with parameters that are each within their bounds but do not fit together.

        `values` lacks those that are out of bounds themselves.
        """
        errors = []
        for lower, upper in cls.ascending:
            low, high = values.get(lower), values.get(upper)
            if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
                message = f"must be smaller than {upper} ({high:g}), got {low:g}"
                errors.append(FieldError(PREFIX + lower, message, low))
        return errors

    @classmethod
    def fitting(cls, values: Mapping[str, Value], columns: Mapping[str, NDArray[Any]]) -> Flags | None:
        """Which of many combinations fit together as far as their numbers decide it.

        A study asks `mistakes` of the first that fits: where it is free of them, so are all that fit.

        Parameters
        ----------
        values : the parameters that are the same in all, as far as they are within their bounds
        columns : (K,) the values of each of the others by its name; `constants.n` is one of named numbers

        Returns
        -------
        (K,) array; None where `mistakes` must be asked of each, because a subclass has its own
        """
        if getattr(cls.mistakes, "__func__", None) is not Rule.mistakes.__func__:  # type: ignore[attr-defined]
            return None
        found = np.ones(len(next(iter(columns.values()))), np.bool_)
        every: dict[str, Any] = {**values, **columns}
        for lower, upper in cls.ascending:
            if lower in every and upper in every:
                found &= every[lower] < every[upper]
        return found

    @classmethod
    def build(cls, params: Mapping[str, object]) -> Self:
        """The rule with these parameters, defaults for the rest, or `InvalidRequest` with every mistake."""
        return cls(**cls.values_of(params))  # the subclass is a dataclass of exactly these fields

    @classmethod
    def values_of(cls, params: Mapping[str, object]) -> dict[str, Value]:
        """Every parameter parsed, defaults for the rest, or `InvalidRequest` with every mistake."""
        values, errors = parse_fields(cls.params, params, prefix=PREFIX)
        errors += cls.mistakes(values)
        if errors:
            raise InvalidRequest(errors)
        return values
