"""`python -m backtest.samples` writes the quick copies of the CSV files anew."""

from __future__ import annotations

from backtest.prices.reading.reader import read_prices
from backtest.samples import FOLDER, SOURCE, SYMBOLS

for symbol in SYMBOLS:
    content = (FOLDER / f"{symbol}.csv").read_bytes()
    dataset = read_prices(content, file=f"{symbol}.csv", symbol=symbol, source=SOURCE).symbols[0].dataset
    (FOLDER / f"{symbol}.dataset").write_bytes(dataset.encode())
    print(f"{symbol}: {len(dataset)} bars, {dataset.data_hash}")
