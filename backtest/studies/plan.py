"""The trials of a study: which combinations its rule allows, and how they are shared among chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest import rules
from backtest.arrays import Flags, Ints
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Value, parse_fields
from backtest.rules.rule import PREFIX, Rule
from backtest.studies import sampling
from backtest.studies.request import StudyLimits, StudyRequest
from backtest.studies.space import SPACE, Axis, parent_of

_AT_ONCE: Final = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The trials of a request.

    Parameters
    ----------
    numbers : (N,) number in the grid of each trial; trial i is the combination `numbers[i]`
    refused : combinations that the rule does not allow, such as a fast average slower than the slow one
    """

    request: StudyRequest
    numbers: Ints
    refused: int

    @property
    def trials(self) -> int:
        """N, the combinations that are executed."""
        return len(self.numbers)

    @property
    def accounts(self) -> tuple[tuple[str, ...], ...]:
        """The symbols of each account: one of all of them, or one for each."""
        symbols = self.request.run.symbols
        return (symbols,) if self.request.symbols_mode == "together" else tuple((name,) for name in symbols)

    @property
    def rows(self) -> int:
        """Trials times accounts; row r is trial r % N of account r // N."""
        return self.trials * len(self.accounts)

    def values(self, trial: int) -> dict[str, Value]:
        """What trial `trial` has in place of the axes, by name."""
        return sampling.values_at(self.request.axes, int(self.numbers[trial]))

    def distinct(self, trials: Ints, axes: Sequence[Axis]) -> tuple[list[tuple[Value, ...]], Ints]:
        """The different combinations of some of the axes that these trials have, and where that of each trial is."""
        return sampling.distinct_at(self.request.axes, self.numbers[trials], axes)

    def columns(self, trials: Ints) -> dict[str, NDArray[Any]]:
        """The values of these trials, one array for each axis."""
        return sampling.columns_at(self.request.axes, self.numbers[trials])

    def share(self, number: int, chunks: int) -> range:
        """The rows of chunk `number` of `chunks`: contiguous, none left over, none twice."""
        if not 0 <= number < chunks <= self.rows:
            raise ValueError(
                f"chunk must be from 0 on and below {chunks} of at most {self.rows}, got {number}"
            )
        return range(number * self.rows // chunks, (number + 1) * self.rows // chunks)


def plan(request: StudyRequest, *, bars: int | None = None, limits: StudyLimits | None = None) -> Plan:
    """Find the trials of a request.

    Parameters
    ----------
    bars : bars of its range where they are known: then the windows of a walk-forward are checked and counted

    Raises
    ------
    InvalidRequest
        If the rule allows none of the combinations, or there would be too many simulations.
    """
    found: list[Ints] = []
    for first in range(0, request.sampled, _AT_ONCE):
        numbers = np.arange(first, min(first + _AT_ONCE, request.sampled))
        if request.sampler == "random":
            numbers = sampling.shuffled(sampling.size(request.axes), request.seed, numbers)
        found.append(numbers[_allowed(request, numbers)])
    planned = Plan(request, np.concatenate(found), request.sampled - sum(map(len, found)))
    if not planned.trials:
        raise InvalidRequest([_none_allowed(request)])
    _check_simulations(planned, bars, limits or StudyLimits())
    return planned


def simulations(planned: Plan, bars: int | None) -> int:
    """How many simulations a plan takes over so many bars: each window of a walk-forward is one more."""
    from backtest.studies.segments import windows

    walk = planned.request.walk_forward
    count = len(windows(walk, bars)) if walk and bars is not None else 0
    return planned.rows * (1 + count)


def work(planned: Plan, bars: int) -> int:
    """Bars times symbols that the engine runs over where accounts select on so many bars."""
    from backtest.studies.segments import simulated_bars

    return planned.rows * len(planned.accounts[0]) * simulated_bars(planned.request.walk_forward, bars)


def _check_simulations(planned: Plan, bars: int | None, limits: StudyLimits) -> None:
    count = simulations(planned, bars)
    if count > limits.simulations:
        message = f"would take {count:,} simulations, at most {limits.simulations:,} are allowed"
        raise InvalidRequest([FieldError(SPACE, message, count)])


def _allowed(request: StudyRequest, numbers: Ints) -> Flags:
    """Whether the rule allows each combination."""
    rule = rules.get(request.run.rule_type)
    columns = sampling.columns_at(request.axes, numbers)
    searched = {name: column for name, column in columns.items() if name.startswith(PREFIX)}
    if not searched:
        return np.full(len(numbers), not _mistakes(rule, request, {}))
    fixed, _ = parse_fields(rule.params, request.run.params)
    fitting = rule.fitting(fixed, {name.removeprefix(PREFIX): column for name, column in searched.items()})
    if fitting is None:
        return _each_allowed(rule, request, searched, len(numbers))
    if fitting.any() and _mistakes(rule, request, _first(searched, fitting)):
        return np.zeros(len(numbers), np.bool_)
    return fitting


def _first(columns: Mapping[str, NDArray[Any]], flags: Flags) -> dict[str, Value]:
    """The first combination for which a flag is set."""
    place = int(np.argmax(flags))
    return {name: column[place].item() for name, column in columns.items()}


def _each_allowed(
    rule: type[Rule], request: StudyRequest, columns: Mapping[str, NDArray[Any]], count: int
) -> Flags:
    """As a rule with a check of its own says, which is asked once for each different combination."""
    allowed = np.empty(count, np.bool_)
    known: dict[tuple[Value, ...], bool] = {}
    names = list(columns)
    for place, chosen in enumerate(zip(*(columns[name].tolist() for name in names), strict=True)):
        if chosen not in known:
            known[chosen] = not _mistakes(rule, request, dict(zip(names, chosen, strict=True)))
        allowed[place] = known[chosen]
    return allowed


def _mistakes(rule: type[Rule], request: StudyRequest, chosen: Mapping[str, Value]) -> list[FieldError]:
    values, errors = parse_fields(rule.params, request.params_with(chosen), prefix=PREFIX)
    return errors + rule.mistakes(values)


def _none_allowed(request: StudyRequest) -> FieldError:
    """Why the first combination is refused: no other is allowed either."""
    rule = rules.get(request.run.rule_type)
    numbers = np.arange(1)
    if request.sampler == "random":
        numbers = sampling.shuffled(sampling.size(request.axes), request.seed, numbers)
    first = sampling.values_at(request.axes, int(numbers[0]))
    searched = {parent_of(name)[0] for name in first if name.startswith(PREFIX)}
    errors = _mistakes(rule, request, first)
    reason = "; ".join(f"{error.field} {error.message}" for error in errors)
    field = SPACE if searched or not errors else errors[0].field
    return FieldError(field, f"must contain a combination that the rule allows; of the first, {reason}")
