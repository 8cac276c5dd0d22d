"""What a child does with one dataset and the formulas that are being written: where each is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from backtest import rules
from backtest.errors import BacktestError
from backtest.expression.formula import Formula
from backtest.expression.preview import parts, preview
from backtest.prices.dataset import Dataset, make_dataset

_DIGITS: Final = 6
_WARM: Final = "rsi(close, 2) < 10 and close > sma(close, 3) and crosses_above(macd(close), 0)"


def warm_up() -> None:
    """Use once what previewing takes, so that a forked child finds it ready."""
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]").astype("datetime64[s]")
    column = np.linspace(10.0, 20.0, len(days))
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), column)
    payload = make_dataset("A", days, prices, source="").encode()
    answer(payload, {"formulas": [_WARM], "constants": {}, "first": 0, "stop": len(days), "parts": 10})


def answer(data: bytes | bytearray, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """The close of each part of a chart and every formula on these bars, or why there is none."""
    try:
        return _answer(bytes(data), about), []
    except BacktestError as error:
        return {"refused": str(error)}, []


def _answer(data: bytes, about: Mapping[str, Any]) -> dict[str, Any]:
    first, stop = about["first"], about["stop"]
    bars = Dataset.decode(data).bars.cut(0, stop)
    prices, starts = rules.Prices(bars, 0), parts(first, stop, about["parts"])
    formulas = [Formula.read(source, about["constants"]) for source in about["formulas"]]
    ends = np.append(starts[1:], stop) - 1
    return {
        "close": [float(f"{value:.{_DIGITS}g}") for value in prices.close[ends].tolist()],
        "formulas": [preview(formula, prices, first, stop, starts).as_json() for formula in formulas],
    }
