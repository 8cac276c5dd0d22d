"""The searched inputs of a study as people read them: as in the label of a run, options with their unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backtest.run.request import REQUEST_FIELDS
from web.presentation import run_settings
from web.submission.form import typed

_OPTIONS = {field.name: field for field in REQUEST_FIELDS}


def axis_name(name: str) -> str:
    """`params.fast` → fast, `stop_loss_pct` → stop-loss."""
    if field := _OPTIONS.get(name):
        return f"{field.label[:1].lower()}{field.label[1:]}"
    return name.removeprefix("params.").removeprefix("constants.").replace("_", " ")


def axis_value(name: str, value: Any) -> str:
    """A value of that input with its unit; `off` where an option is not set."""
    if field := _OPTIONS.get(name):
        text = run_settings.shown(field, value)
        return "off" if text == "Off" else text
    return "off" if value is None else typed(value)


def settings(values: Mapping[str, Any]) -> str:
    """The values of the searched inputs in one line."""
    return ", ".join(f"{axis_name(name)} {axis_value(name, value)}" for name, value in values.items())
