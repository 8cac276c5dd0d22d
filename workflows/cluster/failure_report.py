"""The report of a failed run as a page of its own, which the Argo UI shows beside the workflow."""

from __future__ import annotations

from html import escape
from pathlib import Path

from config import logs
from workflows.cluster import parameters
from workflows.failures import Failure

_NAME = "report.html"
_LONGEST = 2_000
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:44rem;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.4rem}.error{border-left:4px solid #b42318;background:#fdf0ef;padding:.75rem 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;vertical-align:top;"
    "border-bottom:1px solid #d8dee4;overflow-wrap:anywhere}tr.wrong{background:#fdf0ef}code{font-size:.9em}"
)
log = logs.get(__name__)


def leave(failure: Failure, arguments: str, folder: Path) -> None:
    """Write the report where Argo takes it as an artifact; the run has failed, so that an error here is logged alone."""
    try:
        (folder / _NAME).write_text(page(failure, parameters.from_json(arguments)), encoding="utf-8")
    except (OSError, ValueError, LookupError) as error:
        log.warning("failure report could not be written", error=str(error))


def page(failure: Failure, arguments: dict[str, str]) -> str:
    """The sentence, and each argument, those that the sentence names marked; no script and nothing from elsewhere."""
    said = logs.redacted(failure.message)
    rows = "".join(
        _row(name, value, is_wrong=_names(said, name)) for name, value in arguments.items() if value
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest failed</title><style>{_STYLE}</style>'
        f'<h1>This backtest failed</h1><p class="error">{escape(said)}<br><code>{escape(failure.code)}</code></p>'
        f"<p>Correct the arguments and submit the workflow again: Resubmit, with the parameters to be edited.</p>"
        f"<table><tr><th>Argument<th>Value</tr>{rows}</table></html>"
    )


def _row(name: str, value: str, *, is_wrong: bool) -> str:
    mark = ' class="wrong"' if is_wrong else ""
    return f"<tr{mark}><td>{escape(name[:64])}<td>{escape(value[:_LONGEST])}</tr>"


def _names(said: str, name: str) -> bool:
    return f"{name}:" in said or f"{name}." in said
