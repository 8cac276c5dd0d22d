"""How much of one run's result survives: other costs, other fills, other starts, chance. `robustness` is the way in."""

from backtest.robustness.report import robustness

__all__ = ["robustness"]
