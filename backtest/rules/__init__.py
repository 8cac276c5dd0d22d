"""Trading rules by name: `names`, `get`, `build`; `Rule` is what a rule of one's own derives from."""

from backtest.rules.names import BUILT_IN
from backtest.rules.packages.catalogue import BrokenRule
from backtest.rules.packages.described import RuleNotLoaded
from backtest.rules.registry import UnknownRule, allow_installed, broken, build, get, names
from backtest.rules.rule import Prices, Rule

__all__ = ["BUILT_IN", "BrokenRule", "Prices", "Rule", "RuleNotLoaded", "UnknownRule", "allow_installed", "broken",
           "build", "get", "names"]  # fmt: skip
