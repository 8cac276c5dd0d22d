"""One simulation: validates prices and targets, executes the engine, reads its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from backtest import engine
from backtest.arrays import Floats, Ints, Times
from backtest.errors import FieldError, InvalidRequest, InvalidTarget
from backtest.prices.bars import Bars
from backtest.simulation import backends, curves
from backtest.simulation.config import EngineConfig, SizeType
from backtest.simulation.trades import EXIT_REASONS, Fills, Trades, fills_of, trades_of

__all__ = ["EXIT_REASONS", "Fills", "OrderStatistics", "Simulation", "Trades", "simulate"]

REJECTIONS = ("direction", "no_next_bar", "too_small", "no_cash", "ruined")
_SIZE_KINDS = get_args(SizeType)
_BOUNDS = {"long_only": (0.0, 1.0), "long_short": (-1.0, 1.0), "short_only": (-1.0, 0.0)}


@dataclass(frozen=True, slots=True)
class OrderStatistics:
    """How many of the rule's signals became orders and fills, and why others did not.

    ``signals = unchanged + orders`` and ``orders = fills + all of rejected``; `cut` is the part of
    `fills` that came to fewer shares than ordered because free funds did not suffice.
    """

    signals: int
    unchanged: int
    orders: int
    cut: int
    rejected: Mapping[str, int]
    fills: int

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """The counts under their names."""
        plain = {name: int(getattr(self, name)) for name in ("signals", "unchanged", "orders", "cut")}
        return {**plain, "rejected": dict(self.rejected), "fills": self.fills}


@dataclass(frozen=True)
class Simulation:
    """The result of the engine: curves at each close, trades, order statistics and flags.

    `times`, `equity`, `cash` are (T,), `position` is (T, M) in shares, T counting from the first
    trading bar. `ambiguous_bars` counts the bars (of each symbol) on which stop and target were both
    touched. Equal input gives equal bytes.
    """

    times: Times
    equity: Floats
    cash: Floats
    position: Floats
    order_statistics: OrderStatistics
    ambiguous_bars: int
    ruined: bool
    same_bar_fill: bool
    initial_capital: float
    engine_version: int
    config: EngineConfig
    _bars: Bars = field(repr=False)
    _fill_rows: Floats = field(repr=False)
    _trade_rows: Floats = field(repr=False)

    @property
    def num_trades(self) -> int:
        """How many trades there are, without working them out."""
        return len(self._trade_rows)

    @cached_property
    def trades(self) -> Trades:
        """Every closing, worked out from the kernel's rows when first asked for."""
        return trades_of(self._trade_rows, self._bars, self.config)

    @cached_property
    def fills(self) -> Fills:
        """Every purchase and sale."""
        return fills_of(self._fill_rows)

    @cached_property
    def result_hash(self) -> str:
        """SHA-256 over version, settings, curves, trades, order statistics and flags in a canonical form."""
        head = {
            "engine_version": self.engine_version,
            "config": _canonical(asdict(self.config)),
            "funnel": self.order_statistics.as_dict(),
            "ambiguous_bars": self.ambiguous_bars,
            "ruined": self.ruined,
            "same_bar_fill": self.same_bar_fill,
        }
        digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
        for curve in (self.equity, self.cash, self.position):
            _update(digest, curve)
        for column in fields(Trades):
            _update(digest, getattr(self.trades, column.name))
        return digest.hexdigest()


def simulate(
    bars: Bars,
    target: Floats,
    config: EngineConfig,
    *,
    start: int = 0,
    backend: backends.Backend = "auto",
) -> Simulation:
    """Trade a target over bars and account for every cent.

    Parameters
    ----------
    bars : T bars of M symbols
    target : (T,) or (T, M) array of -1…1 or NaN
        The exposure wanted from each close on; NaN is no change.
    config : capital, costs, sizing, exits, fill
    start : index of the first trading bar; those before only warmed the rule up
    backend : how the kernel is executed; the result is the same to the last bit

    Raises
    ------
    InvalidTarget
        If the target's shape is wrong or a value lies outside -1…1; names the bar.
    InvalidRequest
        If `start` or `backend` is not one of those allowed.
    """
    targets = checked_target(bars, target)
    if not 0 <= start < len(bars):
        raise _invalid("start", f"must be a bar from 0 to {len(bars) - 1}, got {start}", start)
    if backend not in backends.BACKENDS:
        raise _invalid("backend", f"must be one of {', '.join(backends.BACKENDS)}, got {backend!r}", backend)
    traded = bars.cut(start, len(bars)) if start else bars
    signals = signals_of(targets[start:])
    tables = _execute(traded, signals, targets[start:].ravel()[signals], config, backend)
    return _read(traded, len(signals), config, *tables)


def checked_target(bars: Bars, target: Floats) -> Floats:
    """The target as a (T, M) float64 array, or `InvalidTarget` with the first wrong bar."""
    shape = (len(bars), len(bars.symbols))
    values = np.asarray(target, dtype=np.float64)
    if values.shape == shape[:1] and shape[1] == 1:
        values = values.reshape(shape)
    if values.shape != shape:
        raise InvalidTarget(f"target must have the shape {shape} of the bars, got {np.shape(target)}")
    wrong = np.abs(values) > 1.0
    if wrong.any():
        row, column = np.unravel_index(int(np.argmax(wrong)), shape)
        day, symbol = str(bars.times[row])[:10], bars.symbols[column]
        raise InvalidTarget(
            f"{symbol} {day} (bar {row}): target must be between -1 and 1, or NaN, got {values[row, column]:g}"
        )
    return np.ascontiguousarray(values)


def signals_of(targets: Floats) -> Ints:
    """Flat indices of the signals: finite targets that differ from the bar before; a first 0 is none."""
    stated = np.empty(targets.shape, dtype=np.bool_)
    stated[0] = targets[0] != 0.0
    np.not_equal(targets[1:], targets[:-1], out=stated[1:])
    changes = np.flatnonzero(stated)
    values = targets.ravel()[changes]
    signals: Ints = changes[values == values]  # NaN equals nothing, itself included
    return signals


def settings_of(config: EngineConfig, width: int) -> list[float]:
    """The row of settings in the engine's units and order."""
    lowest, highest = _BOUNDS[config.direction]
    size = config.size / 100.0 / width if config.size_type == "percent" else config.size
    return [
        config.fee_rate,
        config.fee_per_share,
        config.fee_min,
        config.slippage_bps / 10_000.0,
        float(_SIZE_KINDS.index(config.size_type)),
        float(size),
        float(config.fractional),
        lowest,
        highest,
        float(config.fill == "close"),
        (config.stop_loss_pct or 0.0) / 100.0,
        (config.take_profit_pct or 0.0) / 100.0,
        (config.trailing_stop_pct or 0.0) / 100.0,
        config.borrow_rate / config.periods_per_year,
    ]


def most_fills(signals: int) -> int:
    """The most fills that so many signals can lead to: two legs each, and the end of each entry."""
    return 3 * signals


def most_trades(signals: int) -> int:
    """The most trades that so many signals can lead to."""
    return 2 * signals


def most_steps(bars: int, signals: int, config: EngineConfig) -> int:
    """The most bars on which the cash can change."""
    return bars if config.borrow_rate > 0.0 else min(bars, most_fills(signals))


def _execute(
    bars: Bars, signals: Ints, targets: Floats, config: EngineConfig, backend: backends.Backend
) -> tuple[Floats, Floats, Floats, Floats]:
    """Run the engine by the chosen backend; account, steps, fills and trades as tables."""
    count, width = bars.close.shape
    sizes = (
        engine.ACCOUNT_WIDTH,
        engine.BOOK_WIDTH * width,
        engine.STEP_WIDTH * most_steps(count, len(signals), config),
        engine.FILL_WIDTH * most_fills(len(signals)),
        engine.TRADE_WIDTH * most_trades(len(signals)),
    )
    prices = [values.reshape(-1) for values in (bars.open, bars.high, bars.low, bars.close)]
    settings = settings_of(config, width)
    run: Callable[..., None] = engine.run
    if backends.chosen(backend, bars.close.size) == "jit":
        run = backends.compiled_engine().run
        tables = [np.zeros(size) for size in sizes]
        tables[0][engine.CASH] = config.initial_capital
        run(count, width, *prices, signals, targets, np.array(settings), *tables)
    else:
        lists = [[0.0] * size for size in sizes]
        lists[0][engine.CASH] = float(config.initial_capital)
        plain = [values.tolist() for values in (*prices, signals, targets)]
        run(count, width, *plain, settings, *lists)
        tables = [np.array(values) for values in lists]
    account, _, steps, fills, trades = tables
    return account, steps, fills, trades


def _read(
    bars: Bars,
    signals: int,
    config: EngineConfig,
    account: Floats,
    steps: Floats,
    fills: Floats,
    rows: Floats,
) -> Simulation:
    fill_rows = _table(fills, account[engine.FILLS], engine.FILL_WIDTH)
    cash_rows = _table(steps, account[engine.STEPS], engine.STEP_WIDTH)
    cash = curves.steps(cash_rows, 1, first=float(config.initial_capital), bars=len(bars))
    position = _position_curve(fill_rows, *bars.close.shape)
    equity = position[:, 0] * bars.close[:, 0]
    equity += cash
    for column in range(1, position.shape[1]):
        equity += position[:, column] * bars.close[:, column]
    return Simulation(
        times=bars.times,
        equity=equity,
        cash=cash,
        position=position,
        order_statistics=_order_statistics(signals, account),
        ambiguous_bars=int(account[engine.AMBIGUOUS]),
        ruined=bool(account[engine.RUINED]),
        same_bar_fill=config.fill == "close",
        initial_capital=float(config.initial_capital),
        engine_version=engine.ENGINE_VERSION,
        config=config,
        _bars=bars,
        _fill_rows=fill_rows,
        _trade_rows=_table(rows, account[engine.TRADES], engine.TRADE_WIDTH),
    )


def _table(flat: Floats, rows: float, width: int) -> Floats:
    return flat[: int(rows) * width].reshape(-1, width)


def _position_curve(fills: Floats, bars: int, width: int) -> Floats:
    """The shares of each symbol at each close, (T, M): those after the last fill until then."""
    if width == 1:
        return curves.steps(fills, 2, first=0.0, bars=bars).reshape(bars, 1)
    by_symbol = fills[np.argsort(fills[:, 1], kind="stable")]
    edges = np.searchsorted(by_symbol[:, 1], np.arange(width + 1))
    position = np.empty((width, bars))
    for symbol in range(width):
        own = by_symbol[edges[symbol] : edges[symbol + 1]]
        position[symbol] = curves.steps(own, 2, first=0.0, bars=bars)
    return np.ascontiguousarray(position.T)


def _order_statistics(signals: int, account: Floats) -> OrderStatistics:
    codes = (engine.DIRECTION, engine.NO_NEXT_BAR, engine.TOO_SMALL, engine.NO_CASH, engine.RUIN)
    unchanged = int(account[engine.UNCHANGED])
    return OrderStatistics(
        signals=signals,
        unchanged=unchanged,
        orders=signals - unchanged,
        cut=int(account[engine.CUT]),
        rejected=MappingProxyType(
            {name: int(account[code]) for name, code in zip(REJECTIONS, codes, strict=True)}
        ),
        fills=int(account[engine.FILLED]),
    )


def _canonical(settings: Mapping[str, object]) -> dict[str, object]:
    """Whole numbers as floats where a float is meant, so that 5 and 5.0 are one setting."""
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in settings.items()
    }


def _update(digest: hashlib._Hash, values: NDArray[np.generic]) -> None:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    digest.update(f"{little.dtype.str}{little.shape}".encode())
    digest.update(np.ascontiguousarray(little).tobytes())


def _invalid(field: str, message: str, value: object) -> InvalidRequest:
    return InvalidRequest([FieldError(field, message, value)])
