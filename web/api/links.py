"""Where everything about a run is."""

from __future__ import annotations

from flask import url_for


def of_run(run_id: str) -> dict[str, str]:
    """The addresses of a run, by what is found there."""
    return {
        "status": url_for("status.show", run_id=run_id),
        "page": url_for("result_page.show", run_id=run_id),
        "self": url_for("api.run", run_id=run_id),
        "cancel": url_for("run_actions.cancel", run_id=run_id),
        "trades_csv": url_for("exports.trades_csv", run_id=run_id),
        "equity_csv": url_for("exports.equity_csv", run_id=run_id),
        "result_json": url_for("exports.result_json", run_id=run_id),
        "report": url_for("exports.report", run_id=run_id),
    }
