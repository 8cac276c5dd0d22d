"""What a study found as output parameters of its workflow, for people of the Argo UI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows.cluster import figures

NAMES = ("trials", "best_return", "best_sharpe_ratio", "deflated")


def leave(folder: Path, summary: Mapping[str, Any] | None) -> None:
    """Leave each figure of the first account in a file of its name; nothing where there is no result."""
    if summary is not None:
        figures.write(folder, texts_of(summary))


def texts_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """Each figure as it is read; "n/a" where it is undefined."""
    account = summary["accounts"][0]
    best = account["best"]["figures"] if account["best"] else {}
    deflated = account["statistics"]["deflated"] or {}
    return {
        "trials": f"{summary['trials']:,}",
        "best_return": _text("{:.2%}", best.get("total_return")),
        "best_sharpe_ratio": _text("{:.2f}", best.get("sharpe_ratio")),
        "deflated": _text("{:.0%}", deflated.get("probability")),
    }


def _text(form: str, value: float | None) -> str:
    return "n/a" if value is None else form.format(value)
