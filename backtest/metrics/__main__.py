"""Print the catalogue of figures as docs/metrics.md holds it."""

from backtest.metrics.catalogue import as_markdown

print(as_markdown(), end="")
