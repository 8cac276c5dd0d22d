"""Pictures of a run, drawn by Matplotlib (Agg, object interface) as PNG; cached per process."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached

from web.presentation.decimation import Floats, downsample
from web.results.stored_curves import Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 1_500
_CACHED = 64
_INK, _ACCENT, _MUTED, _GAIN, _LOSS = "#1d2433", "#2f5bd7", "#9aa3b2", "#18794e", "#b4232f"

_drawing = Lock()
"""Matplotlib does not promise to draw from several threads; charts that are drawn already do not wait for it."""


def _cache_key(run_id: str, result_hash: str, _curves: Curves, _pnl: Floats) -> tuple[str, str]:
    return run_id, result_hash


@cached(LRUCache(_CACHED), key=_cache_key, condition=Condition())
def of_run(_run_id: str, _result_hash: str, curves: Curves, pnl: Floats) -> dict[str, str]:
    """The charts of a result by name, each a PNG in Base64; drawn once for all who ask at the same time."""
    with _drawing:
        return _draw_all(curves, pnl)


def _draw_all(curves: Curves, pnl: Floats) -> dict[str, str]:
    equity, benchmark = curves.by_name["equity"], curves.by_name["benchmark"]
    drawdown, exposure = curves.by_name["drawdown"], curves.by_name["exposure"]
    chosen = downsample([equity, drawdown], _POINTS)
    times = curves.times[chosen]

    def equity_chart(axes: Axes) -> None:
        axes.plot(times, benchmark[chosen], color=_MUTED, linewidth=1, label="Benchmark")
        axes.plot(times, equity[chosen], color=_ACCENT, linewidth=1.4, label="Equity")
        axes.legend(frameon=False, loc="upper left")

    def drawdown_chart(axes: Axes) -> None:
        axes.fill_between(times, 100 * drawdown[chosen], 0, color=_LOSS, alpha=0.25, linewidth=0)
        axes.plot(times, 100 * drawdown[chosen], color=_LOSS, linewidth=1)

    def exposure_chart(axes: Axes) -> None:
        axes.fill_between(
            times, 100 * exposure[chosen], 0, color=_ACCENT, alpha=0.25, linewidth=0, step="post"
        )

    def trades_chart(axes: Axes) -> None:
        shown = downsample([pnl], _POINTS) if len(pnl) else np.arange(0)
        values = pnl[shown]
        axes.bar(shown + 1, values, color=np.where(values >= 0, _GAIN, _LOSS), width=0.8)
        axes.axhline(0, color=_INK, linewidth=0.6)

    return {
        "equity": _png("Equity and benchmark", equity_chart),
        "drawdown": _png("Drawdown, %", drawdown_chart),
        "trades": _png("Profit and loss of each trade", trades_chart),
        "exposure": _png("Exposure, % of equity", exposure_chart),
    }


def _png(title: str, draw: Callable[[Axes], None]) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # costs start-up time, most answers need none
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), dpi=100, layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    try:
        axes: Any = figure.add_subplot()
        axes.set_title(title, loc="left", fontsize=11, color=_INK, fontweight="bold")
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.grid(axis="y", color="#e6e9ef", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=_INK, length=0)
        draw(axes)
        buffer = io.BytesIO()
        canvas.print_png(buffer)  # type: ignore[no-untyped-call]
        return base64.b64encode(buffer.getvalue()).decode("ascii")
    finally:
        figure.clear()
