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
        "robustness": url_for("robustness.show", run_id=run_id),
    }


def of_study(study_id: str) -> dict[str, str]:
    """The addresses of a study, by what is found there."""
    return {
        "self": url_for("study_api.study", study_id=study_id),
        "page": url_for("study_pages.show", study_id=study_id),
        "trials": url_for("study_api.trials", study_id=study_id),
        "trials_csv": url_for("study_exports.trials_csv", study_id=study_id),
        "trials_parquet": url_for("study_exports.trials_parquet", study_id=study_id),
        "heatmap": url_for("study_api.heatmap", study_id=study_id),
        "cancel": url_for("study_actions.cancel", study_id=study_id),
        "finish": url_for("study_actions.finish", study_id=study_id),
    }
