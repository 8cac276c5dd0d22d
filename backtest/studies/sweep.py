"""One rule over a grid of parameters, or over many markets: every combination its own account.

Each combination is a whole simulation by the same compiled engine as a single run, with all costs,
exits and rejections. Of each its statistics are stored, not its curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest import jit, rules
from backtest.arrays import Flags, Floats, Ints
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Value, parse_fields
from backtest.prices.bars import PRICES, Bars
from backtest.prices.calendar import Year
from backtest.rules.averages import MovingAverageCross
from backtest.signals import sma_cross_jit
from backtest.simulation import backends
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import checked_target, settings_of
from backtest.studies.execution.processors import available

TARGETS_BYTES = 64_000_000
"""The most memory that targets waiting for their simulation may take at once."""

Terms = tuple[Floats, float, Floats, Flags]
"""Of K markets: settings (K, S), capital, periods a year (K,), and (K, T) whether a bar ends a period; (K, 0)
where every bar does."""

_CHUNKS_PER_CORE = 8


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Statistics of N simulations, one array of length N each; fractions, not percent.

    `params` holds the parameters of each (for a batch: nothing), in the order of the grid with its
    last name varying fastest. `refused` counts the combinations that the rule does not allow, such
    as a fast average slower than the slow one. A NaN is an undefined value: the Sharpe ratio of an
    equity that never moved. Returns are those of `simulate`, counted from the initial capital; volatility and
    Sharpe ratio take the periods a year from the bars, and of bars within the day one return a session, as
    the metrics of a run do.
    """

    params: Mapping[str, NDArray[Any]]
    final_equity: Floats
    total_return: Floats
    volatility: Floats
    sharpe_ratio: Floats
    max_drawdown: Floats
    num_trades: Ints
    ruined: Flags
    refused: int = 0

    def __len__(self) -> int:
        return len(self.final_equity)


def sweep(
    bars: Bars,
    rule_type: str,
    grid: Mapping[str, Sequence[Value]],
    config: EngineConfig,
    *,
    start: int = 0,
) -> SweepResult:
    """Simulate a rule with every combination of the values in `grid`.

    Parameters
    ----------
    bars : the prices, the first `start` bars of which only warm up
    rule_type : name of the rule; parameters that the grid does not name take their defaults
    config : as for a run; its `periods_per_year` is found from the bars

    Raises
    ------
    InvalidRequest
        If the rule, a name in the grid, one of its values, a setting or `start` is wrong.
    """
    _check_start(start, bars)
    rule = rules.get(rule_type)
    columns, refused = _combinations(rule, grid)
    years = [Year.of(bars.times, bars.timeframe)]
    terms = _terms([bars], years, config, len(bars.symbols), start)
    if rule is MovingAverageCross and len(bars.symbols) == 1:
        table = _crossings(bars, columns, terms, start)
    else:
        table = _by_targets(bars, rule, columns, terms, start)
    return _result({name: columns[name] for name in grid}, table, refused)


def batch(markets: Sequence[Bars], rule: rules.Rule, config: EngineConfig, *, start: int = 0) -> SweepResult:
    """Simulate one rule on each of many markets of one length, each with an account of its own."""
    return Batch(markets).run(rule, config, start=start)


class Batch:
    """Many markets of one length and one number of symbols, laid out once for any number of runs."""

    def __init__(self, markets: Sequence[Bars]) -> None:
        shapes = {market.close.shape for market in markets}
        if len(shapes) != 1:
            raise _invalid("markets", f"must be bars of the same shape, got {sorted(shapes)}", len(markets))
        self.markets = tuple(markets)
        self._prices = [np.stack([getattr(market, name) for market in markets]) for name in PRICES]
        self._years = [Year.of(market.times, market.timeframe) for market in markets]

    def run(self, rule: rules.Rule, config: EngineConfig, *, start: int = 0) -> SweepResult:
        """Simulate the rule on each market; the statistics are in the order of the markets."""
        _check_start(start, self.markets[0])
        width = len(self.markets[0].symbols)
        terms = _terms(self.markets, self._years, config, width, start)
        prices = [values[:, start:].reshape(len(self.markets), -1) for values in self._prices]
        each = np.arange(len(self.markets))
        if isinstance(rule, MovingAverageCross) and rule.kind == "sma" and width == 1:
            table = _kernel().simulate_sma_crosses(
                *prices, self._prices[3][:, :, 0], rule.fast, rule.slow, start, *terms, _chunks()
            )
            return _result({}, table, 0)
        targets = (checked_target(market, rule.target(market))[start:] for market in self.markets)
        return _result({}, _simulate_targets(prices, each, targets, width, terms), 0)


@cache
def _kernel() -> ModuleType:
    """`backtest.studies.batch_kernel` compiled, calling the compiled engine and crossings."""
    import numba

    numba.set_num_threads(min(available(), numba.config.NUMBA_NUM_THREADS))
    cross = sma_cross_jit.kernel()
    imports = {name: getattr(cross, name) for name in ("crossovers", "hold_average_cross", "order_lines")}
    imports["run"] = backends.compiled_engine().run
    return jit.load(Path(__file__).with_name("batch_kernel.py"), imports=imports, outlined={"simulate"})


def _combinations(
    rule: type[rules.Rule], grid: Mapping[str, Sequence[Value]]
) -> tuple[dict[str, NDArray[Any]], int]:
    """One array for each parameter of the rule, over all combinations it allows, and how many it refuses."""
    axes = [np.array(values) for values in _parsed(rule, grid).values()]
    mesh = [axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")]
    columns = dict(zip((field.name for field in rule.params), mesh, strict=True))
    count = len(mesh[0]) if mesh else 1
    allowed = np.ones(count, dtype=np.bool_)
    for lower, upper in rule.ascending:
        allowed &= columns[lower] < columns[upper]
    if rule.mistakes.__func__ is not rules.Rule.mistakes.__func__:  # type: ignore[attr-defined]
        for index in np.flatnonzero(allowed):
            allowed[index] = not rule.mistakes(_parameters(columns, int(index)))
    if not allowed.any():
        names = ", ".join(f"{low} < {high}" for low, high in rule.ascending)
        raise _invalid("grid", f"must contain a combination that the rule allows ({names})", dict(grid))
    return {name: values[allowed] for name, values in columns.items()}, int(count - allowed.sum())


def _parsed(rule: type[rules.Rule], grid: Mapping[str, Sequence[Value]]) -> dict[str, list[Any]]:
    """The values of each parameter: those of the grid, checked one by one, or the default."""
    errors: list[FieldError] = []
    parsed: dict[str, list[Any]] = {}
    defaults, _ = parse_fields(rule.params, {})
    for name, values in {**{name: [default] for name, default in defaults.items()}, **grid}.items():
        parsed[name] = []
        if not values:
            errors.append(FieldError(f"grid.{name}", "must contain at least one value", values))
        for value in values:
            checked, wrong = parse_fields(rule.params, {name: value}, prefix="grid.")
            errors += [error for error in wrong if error.field == f"grid.{name}"]
            parsed[name].append(checked.get(name))
    if errors:
        raise InvalidRequest(errors)
    return {field.name: parsed[field.name] for field in rule.params}


def _parameters(columns: Mapping[str, NDArray[Any]], index: int) -> dict[str, Value]:
    """The parameters of one combination as plain values."""
    return {name: values[index].item() for name, values in columns.items()}


def _crossings(bars: Bars, columns: Mapping[str, NDArray[Any]], terms: Terms, start: int) -> Floats:
    """A grid of moving average crosses: each average is computed once, a combination is two of them."""
    close = np.ascontiguousarray(bars.close[:, 0])
    kinds = (columns["kind"] == "ema").astype(np.int64)
    longest = int(columns["slow"].max()) + 1
    fast, slow = kinds * longest + columns["fast"], kinds * longest + columns["slow"]
    codes = np.unique(np.concatenate((fast, slow)))
    lines = np.empty((len(codes), len(close)))
    for row, code in enumerate(codes.tolist()):
        lines[row] = MovingAverageCross.line(close, code % longest, ("sma", "ema")[code // longest])
    prices = [getattr(bars, name)[start:].reshape(1, -1) for name in PRICES]
    firsts, seconds = np.searchsorted(codes, fast), np.searchsorted(codes, slow)
    return _simulate_crossings(prices, np.zeros_like(firsts), lines, firsts, seconds, terms, start)


def _by_targets(
    bars: Bars, rule: type[rules.Rule], columns: Mapping[str, NDArray[Any]], terms: Terms, start: int
) -> Floats:
    """Any rule: the target of each combination, then its simulation; a few targets in memory at a time."""
    count = len(next(iter(columns.values()))) if columns else 1
    prices = [getattr(bars, name)[start:].reshape(1, -1) for name in PRICES]
    targets = (
        checked_target(bars, rule.build(_parameters(columns, index)).target(bars))[start:]
        for index in range(count)
    )
    return _simulate_targets(prices, np.zeros(count, dtype=np.int64), targets, len(bars.symbols), terms)


def _simulate_crossings(
    prices: list[Floats], markets: Ints, lines: Floats, firsts: Ints, seconds: Ints, terms: Terms,
    start: int,
) -> Floats:  # fmt: skip
    table: Floats = _kernel().simulate_crossings(
        *prices, markets, lines, firsts, seconds, start, *terms, _chunks()
    )
    return table


def _simulate_targets(
    prices: list[Floats], markets: Ints, targets: Iterator[Floats], width: int, terms: Terms
) -> Floats:
    size = prices[0].shape[1]
    waiting = np.empty((min(len(markets), max(1, TARGETS_BYTES // (8 * size))), size))
    tables = []
    for first in range(0, len(markets), len(waiting)):
        part = markets[first : first + len(waiting)]
        for row in range(len(part)):
            waiting[row] = next(targets).reshape(-1)
        tables.append(
            _kernel().simulate_targets(*prices, part, waiting[: len(part)], width, *terms, _chunks())
        )
    return np.concatenate(tables)


def _terms(
    markets: Sequence[Bars], years: Sequence[Year], config: EngineConfig, width: int, start: int
) -> Terms:
    """What the kernel must know of settings and calendars, of each market its own."""
    settings = [settings_of(replace(config, periods_per_year=year.bars), width) for year in years]
    periods = np.array([float(year.periods) for year in years])
    ends = np.zeros((len(markets), 0), np.bool_)
    if any(year.sessions for year in years):
        ends = np.stack([_ends(market, year, start) for market, year in zip(markets, years, strict=True)])
    return np.array(settings), float(config.initial_capital), periods, ends


def _ends(market: Bars, year: Year, start: int) -> Flags:
    """Whether each traded bar ends a period."""
    traded = market.times[start:]
    ends = np.ones(len(traded), np.bool_)
    if year.sessions is not None:
        ends[:] = False
        ends[year.sessions.closes(traded)] = True
    return ends


def _chunks() -> int:
    """Into how many parts the simulations are divided: a few for each core, so that none waits long."""
    return _CHUNKS_PER_CORE * available()


def _result(params: Mapping[str, NDArray[Any]], table: Floats, refused: int) -> SweepResult:
    columns = np.ascontiguousarray(table.T)
    return SweepResult(
        params=params,
        final_equity=columns[0],
        total_return=columns[1],
        volatility=columns[2],
        sharpe_ratio=columns[3],
        max_drawdown=columns[4],
        num_trades=columns[5].astype(np.int64),
        ruined=columns[6] > 0.0,
        refused=refused,
    )


def _check_start(start: int, bars: Bars) -> None:
    if not 0 <= start < len(bars):
        raise _invalid("start", f"must be a bar from 0 to {len(bars) - 1}, got {start}", start)


def _invalid(field: str, message: str, value: object) -> InvalidRequest:
    return InvalidRequest([FieldError(field, message, value)])
