"""Trading rules by name: `names`, `get`, `build`; `Rule` is what a rule of one's own derives from."""

from backtest.rules.registry import BUILT_IN, BrokenRule, UnknownRule, broken, build, get, names
from backtest.rules.rule import Prices, Rule

__all__ = ["BUILT_IN", "BrokenRule", "Prices", "Rule", "UnknownRule", "broken", "build", "get", "names"]
