"""Alias of `backtest.precompile` under its first name, for images and scripts that call it."""

import sys

from backtest.precompile import main

if __name__ == "__main__":
    sys.exit(main())
