"""Print the catalogue of metrics as docs/metrics.md contains it."""

from backtest.metrics.catalogue import as_markdown

print(as_markdown(), end="")
