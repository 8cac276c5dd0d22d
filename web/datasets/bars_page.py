"""One page of the bars of a dataset, the newest first."""

from __future__ import annotations

from typing import Any, Final

from backtest.prices.dataset import Dataset

_ROWS: Final = 100
_COLUMNS: Final = ("open", "high", "low", "close", "volume")


def bars_page(dataset: Dataset, page: int) -> dict[str, Any]:
    """The rows of a page, counted from 1 and at most the last one, and how many pages there are."""
    pages = -(-len(dataset) // _ROWS)
    page = min(page, pages)
    stop = len(dataset) - (page - 1) * _ROWS
    bars = dataset.bars.cut(max(0, stop - _ROWS), stop)
    columns = [getattr(bars, name)[:, 0].tolist() for name in _COLUMNS]
    times = [str(time).replace("T", " ").removesuffix(" 00:00:00") for time in bars.times]
    return {"rows": list(zip(times, *columns, strict=True))[::-1], "page": page, "pages": pages}
