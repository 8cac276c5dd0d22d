"""List the rules of installed packages as web and dispatcher know them: `python -m backtest.rules.packages`.

No line of a package is executed where `RULE_CATALOGUE` names a file.
"""

from __future__ import annotations

import sys

from backtest.console.printable import printable
from backtest.rules.packages import source


def main() -> int:
    """Print each rule, and each that cannot be used with the reason; 1 if there is one of these."""
    known = source.obtain()
    for rule in known.rules.values():
        print(f"{rule.name}: {printable(rule.label)}")
    for broken in known.broken:
        print(printable(str(broken)), file=sys.stderr)
    if not known.rules and not known.broken:
        print("no installed package offers a rule")
    return 1 if known.broken else 0


if __name__ == "__main__":
    sys.exit(main())
