"""The page that describes every rule, written from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator

from backtest.expression.functions import CONSTANTS, FUNCTIONS, SERIES
from backtest.expression.parser import MAX_CALLS, MAX_DEPTH, MAX_NODES
from backtest.expression.tokens import MAX_LENGTH
from backtest.fields import Field
from backtest.rules.names import BUILT_IN
from backtest.rules.packages.catalogue import LONGEST_LABEL, LONGEST_TEXT, MOST_PARAMS
from backtest.rules.packages.installed import GROUP
from backtest.rules.registry import get
from backtest.rules.rule import Rule

_OPENING = """\
# Rules

*Written by `python -m backtest.rules > docs/rules.md`; a test compares.*

A rule looks at the prices up to a close and sets the target position from there on: long, flat or
short. The order is filled at the next bar's open (or at that close with `fill=close`). Common to all rules:

* A position is held until the target position changes; there is no trading in between.
* `direction` sets the permitted sides. `long_only`, the default, turns every short below into flat,
  `short_only` every long.
* Indicators warm up on the bars before `start_date`, where there are any. Before a rule's warm-up is over it
  is flat. A target position that already exists on the first day of trading is entered with the first order.
* With several symbols, each is evaluated on its own prices alone.
* No rule sees the future: tests cut the prices at random bars and compare, and so does every run.
* A rule or formula that reads volume (`VOLUME_BREAKOUT`, `volume`, `obv`, `vwap`) is refused on prices whose volume is
  unknown, and says which symbol that is; every other rule runs on them.
* A parameter out of its bounds, of the wrong type or unknown is rejected by name, never replaced by a default.

"""

_LANGUAGE = f"""\
## Formula reference

A formula is a condition that is true or false at each bar, as in

    close > sma(close, 200) and rsi(close, 14) < 30

* **Series**: {{series}}.
* **Numbers**: `20`, `0.5`, `1e6`, and the names of `constants`: with `n=20`, `sma(close, n)` is `sma(close, 20)`. A
  study can search them as `params.constants.n`. Upper and lower case are the same; nothing else can be named.
* **Arithmetic**: `+ - * / ^`, unary `-`, parentheses. `^` is a power, taken from the right (`2 ^ 3 ^ 2` is
  `2 ^ 9`) and before a minus (`-2 ^ 2` is -4).
* **Comparisons**: `< <= > >= == !=`. They chain: `30 < rsi(close, 14) <= 70` means both. `==` is exact.
* **Logic**: `not`, then `and`, then `or`; the constants {{constants}}.
* `macd`, its signal and its histogram are TA-Lib's: the fast average starts late, together with the slow one, and the
  first `slow + signal - 2` bars are unknown. So `macd(close)` is `ema(close, 12) - ema(close, 26)` only after some 100
  bars. The rules `MACD` and `RSI_MACD` use the same lines.
* A series is asked for where a function looks over bars: `rsi(14)` is refused, `rsi(close, 14)` is meant.
* Numbers and conditions are never mixed: `close and open` and `(close > open) + 1` are errors.

Precedence, from lowest to highest: `or`, `and`, `not`, comparisons, `+ -`, `* /`, unary `-`, `^`.

**Unknown values.** A value is unknown before an indicator's first full period, after a division by zero,
and where arithmetic overflows or is not defined. A comparison with an unknown value is neither true nor
false, and `not` does not make it true; `and` and `or` are unknown unless the other side decides. What is
unknown counts as not true. An indicator over a series with an unknown bar starts afresh after it.

**Crossings.** `crosses_above(a, b)` is true on the bar on which a is above b, having been below it when the
two last differed. Lines equal to 1e-11 of b do not differ. `MOVING_AVERAGE_CROSS` uses the same definition.

**Bounds.** At most {MAX_LENGTH} characters, {MAX_NODES} names, numbers and operators, {MAX_CALLS} function
calls and {MAX_DEPTH} levels of nesting. `n` and its like are whole constant numbers; none looks into the
future. Formulas are parsed and evaluated by this project; they are never executed as Python.

| function | meaning | returns a |
|---|---|---|
"""

_OWN = f"""\

## Custom rules

A rule is a frozen dataclass that derives from `backtest.rules.Rule`, in a package of your own:

```python
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest.fields import Field
from backtest.rules import Prices, Rule


@dataclass(frozen=True, slots=True)
class HigherClose(Rule):
    \"\"\"Long on every bar that closes higher than some bars before.\"\"\"

    name = "HIGHER_CLOSE"
    label = "Higher close"
    help = "Holds what closes higher than it did."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="bars", kind="int", label="Bars", default=1, low=1, high=100, help="How far back."),
    )

    bars: int = 1

    @property
    def warmup(self) -> int:
        return self.bars

    def exposure(self, prices: Prices) -> np.ndarray:
        close = prices.close
        higher = np.zeros(len(close))
        higher[self.bars :] = close[self.bars :] > close[: -self.bars]
        return higher
```

`exposure` gets one symbol's open, high, low, close and volume as arrays of T bars and returns the target
position at each close: 1 long, 0 flat, -1 short, a fraction between, NaN for no change. Override `target` to
look at all symbols at once, and `mistakes` to reject parameters that do not fit together. Set `needs_volume = True` in a
rule that reads `prices.volume`: a run of it on prices without volume is refused before it starts.

Register it under the rule's name in the entry-point group `{GROUP}` of your package's `pyproject.toml`:

```toml
[project.entry-points."{GROUP}"]
HIGHER_CLOSE = "your_package:HigherClose"
```

Once installed, it appears wherever the built-in rules do. A rule that cannot be loaded, has a name that is
taken, or does not derive from `Rule` is left out; a request for it states why, and `backtest.rules.broken()`
lists all of them.

Your code is imported in the engine step and on the command line alone. The other processes know a rule by its
description: name, texts, parameters, `ascending`, `needs_volume`. `python -m backtest.rules.describe` writes it, in a
child process without secrets, with 4 GiB of memory, 30 seconds and 1 MB for all packages together. So

* a label has at most {LONGEST_LABEL} characters, a help {LONGEST_TEXT:,}, printable and without `{{{{` and `$(`;
* there are at most {MOST_PARAMS} parameters, and the default of each is a value that it allows, or None;
* `ascending` and the bounds of parameters are checked when a run is submitted; what your `mistakes` finds besides, and
  a warm-up that is longer than the prices, is a warning or an error of the run itself.

A running process keeps the description that it has: restart web and dispatcher after an installation.

For a cluster build an image of your own and write the description into it, so that no pod but the engine's ever
executes a line of a package:

```dockerfile
FROM ghcr.io/owner/stock-backtest:COMMIT
USER root
RUN pip --python /opt/venv/bin/python install --no-cache-dir your-package==1.0 \\
    && python -m backtest.rules.describe > "$RULE_CATALOGUE"
USER 10001:10001
```

`RULE_CATALOGUE` names the file, in each of our images `/app/rule-catalogue.json`. No process describes rules then: an
image with a package and without the file has rules that cannot be used, and says how to write it. `python -m
backtest.rules.packages` lists what a container knows, with the reason for each rule that cannot be used.

Entry points for plugins of libraries, such as `numba_extensions`, are not loaded in any process of the product: import
in your rule's module what it needs. A package that installs a `.pth` file or a `sitecustomize` module is executed by
Python itself in every process of its image. Look for these, or give the new image to the engine's container alone and
the file to the others.
"""


def page() -> str:
    """The reference of all built-in rules and of the language of formulas, as Markdown."""
    rules = [get(name) for name in BUILT_IN]
    contents = "".join(f"* [`{rule.name}`](#{rule.name.lower()}): {rule.help}\n" for rule in rules)
    return f"{_OPENING}{contents}\n{''.join(section(rule) for rule in rules)}{_language()}{_OWN}"


def section(rule: type[Rule]) -> str:
    """What one rule does and takes, as Markdown."""
    head = f"## {rule.name}\n\n**{rule.label}.** {rule.help}\n\n* Long {rule.long}\n* Short {rule.short}\n"
    if not rule.params:
        return f"{head}\nIt has no parameters.\n\n"
    rows = "".join(f"| {' | '.join(_cells(field))} |\n" for field in rule.params)
    order = "".join(f"`{low}` must be smaller than `{high}`. " for low, high in rule.ascending)
    table = f"| parameter | default | allowed | meaning |\n|---|---|---|---|\n{rows}"
    return f"{head}{_warmup(rule)}\n{table}\n" + (f"{order.strip()}\n\n" if order else "")


def _warmup(rule: type[Rule]) -> str:
    if any(field.required for field in rule.params):
        return "* Warm-up: as many bars as its formulas look back.\n"
    return f"* Warm-up with the defaults: {rule.build({}).warmup} bars.\n"


def _cells(field: Field) -> Iterator[str]:
    yield f"`{field.name}`"
    yield "required" if field.required else f"`{field.default}`" if field.default not in ("", {}) else "empty"
    yield field.allowed + (f" ({field.unit})" if field.unit else "")
    yield field.help


def _language() -> str:
    series = ", ".join(f"`{name}` ({meaning})" for name, meaning in SERIES.items())
    constants = " and ".join(f"`{name}`" for name in CONSTANTS)
    rows = "".join(f"| `{item.signature}` | {item.help} | {item.result} |\n" for item in FUNCTIONS.values())
    return _LANGUAGE.format(series=series, constants=constants) + rows
