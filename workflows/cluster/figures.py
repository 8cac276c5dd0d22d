"""The figures of a stored run as output parameters of its workflow, for people of the Argo UI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import logs

NAMES = ("total_return", "sharpe_ratio", "num_trades")
log = logs.get(__name__)


def texts_of(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Each figure as it is read: a return in percent, a ratio of two digits; "n/a" where it is undefined."""
    formats = {"total_return": "{:.2%}", "sharpe_ratio": "{:.2f}", "num_trades": "{:,.0f}"}
    values = {name: metrics.get(name) for name in NAMES}
    return {name: "n/a" if value is None else formats[name].format(value) for name, value in values.items()}


def leave(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Leave each figure in a file of its name."""
    write(folder, texts_of(metrics))


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts for Argo; the result is stored, so that a failure here is logged alone."""
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        log.warning("figures could not be left for Argo", error=str(error))
