"""The name under which `backtest.precompile` was first released: ``python -m backtest.gears``."""

import sys

from backtest.precompile import main

if __name__ == "__main__":
    sys.exit(main())
