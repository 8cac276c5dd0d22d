"""Print the reference of the rules: ``python -m backtest.rules > docs/rules.md``."""

from backtest.rules.reference import page

if __name__ == "__main__":
    print(page(), end="")
