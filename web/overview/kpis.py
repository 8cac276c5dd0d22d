"""The headline figures of a result, each held against the benchmark where it has that figure too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backtest.metrics.catalogue import CATALOGUE
from backtest.metrics.trade_statistics import FEW_TRADES
from backtest.plural import counted
from web.presentation.formatting import apart, figure, money, percent, probability, tone
from web.presentation.verdict import Figures, costs_of

_COMPARED = ("total_return", "cagr", "sharpe_ratio", "max_drawdown")
_SAME = 5e-5


@dataclass(frozen=True, slots=True)
class Kpi:
    """A headline figure: its text, its colour against holding, and what stands beside it."""

    name: str
    label: str
    text: str
    tone: str = ""
    delta: str = ""
    beside: str = ""


def kpis(own: Figures, held: Figures, reasons: Mapping[str, str], *, gross: float | None) -> list[Kpi]:
    """Return, growth, Sharpe ratio and drawdown against those of the benchmark, costs, and trades.

    Parameters
    ----------
    own, held : metrics of the run and of its benchmark by the same names
    reasons : why a metric of the run is undefined
    gross : profit before costs in currency
    """
    compared = [_compared(name, own, held, reasons) for name in _COMPARED]
    return [*compared, _costs(own, gross), _trades(own)]


def _compared(name: str, own: Figures, held: Figures, reasons: Mapping[str, str]) -> Kpi:
    metric, value, other = CATALOGUE[name], own.get(name), held.get(name)
    text = figure(value, metric.format)
    if value is None or other is None:
        return Kpi(name, metric.label, text, beside=_psr(own, name) or reasons.get(name, ""))
    idle = not own["num_trades"] or abs(value - other) < _SAME * max(1.0, abs(other))
    colour = "" if idle else tone(value - other)
    beside = ", ".join(filter(None, (f"hold {figure(other, metric.format)}", _psr(own, name))))
    return Kpi(name, metric.label, text, colour, f"{apart(value - other, metric.format)} vs. hold", beside)


def _psr(own: Figures, name: str) -> str:
    """The probability beside the Sharpe ratio; below thirty trades it would say more than the figures do."""
    psr, trades = own.get("psr"), own["num_trades"] or 0
    if name != "sharpe_ratio" or psr is None:
        return ""
    return f"PSR {probability(psr)}" + (
        f" ({counted(int(trades), 'trade')}: unreliable)" if trades < FEW_TRADES else ""
    )


def _costs(own: Figures, gross: float | None) -> Kpi:
    costs = costs_of(own)
    if gross is None or gross <= 0 or not costs:
        return Kpi("costs", "Costs", money(costs), beside="fees, slippage, borrow")
    return Kpi("costs", "Costs", money(costs), delta=f"{percent(costs / gross, 0)} of gross profit",
               beside="fees, slippage, borrow")  # fmt: skip


def _trades(own: Figures) -> Kpi:
    rate, factor = own.get("win_rate"), own.get("profit_factor")
    won = "" if rate is None else f"{percent(rate, 0)} won"
    return Kpi("num_trades", "Trades", figure(own["num_trades"], "count"), delta=won,
               beside="" if factor is None else f"profit factor {figure(factor, 'ratio')}")  # fmt: skip


def costs_ladder(own: Figures, alternatives: Mapping[str, Figures]) -> Iterator[dict[str, Any]]:
    """The run at none of its costs, at its own and at twice them; nothing where only its own is known."""
    known = {0: alternatives.get("without_costs"), 1: own, 2: alternatives.get("double_costs")}
    if known[0] is None:
        return
    for times, figures in known.items():
        if figures is not None:
            yield {"times": times, "figures": figures}
