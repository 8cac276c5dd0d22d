"""The pages of studies: the list, and one study with its rooms."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from backtest.studies.objective import FIGURES
from store.models import Status, Study
from store.queries.studies import chunks, studies
from web.api.request_parsing import query_choice
from web.runs.compare import MOST
from web.services import database
from web.studies import listing, shown, trial_query
from web.studies.pictures import charts, heatmap_picture, heatmap_room, names, verdict, walk_picture
from web.studies.shown import Shown

ROOMS: Final = ("heatmap", "trials", "parameters", "overfitting", "walk-forward")

bp = Blueprint("study_pages", __name__)


@bp.get("/studies")
def list_studies() -> str:
    """Studies, the newest first."""
    with database().read() as session:
        found, following = listing.read(session, "study_pages.list_studies")
        best = {study.study_id: _best(studies.summary_of(session, study.study_id)) for study in found}
    return render_template("studies/list.html", studies=found, following=following, best=best)


@bp.get("/studies/<study_id>")
def show(study_id: str) -> ResponseReturnValue:
    """One study: what it found in words, and the room that the address names."""
    room = query_choice("tab", "heatmap", ROOMS)
    symbol = request.args.get("symbol", "")
    with database().read() as session:
        study = studies.get(session, study_id)
        if not study.chunks:
            return render_template("studies/refused.html", study=study)
        table = shown.read(session, study, symbol)
        summary = studies.summary_of(session, study_id)
        failures = chunks.failures(session, study_id, limit=3)
        waiting = studies.waiting_before(session, study) if study.status == Status.PENDING else 0
    account = _account(summary, table)
    page: dict[str, Any] = {
        "study": study, "summary": summary, "account": account, "failures": failures, "waiting": waiting,
        "room": room, "rooms": _rooms(study), "symbol": symbol, "table": table,
        "known": int(table.known.sum()), "objective": table.planned.request.objective,
        "accounts": table.planned.accounts, "shown": heatmap_picture.shown, "settings": names.settings,
        "axis_name": names.axis_name, "axis_value": names.axis_value,
        "headline": verdict.headline(account) if account else None,
        "sentences": list(verdict.sentences(summary, account)) if summary and account else [],
    }  # fmt: skip
    return render_template(f"studies/{room}.html", **page, **_content(room, table, account))


def _rooms(study: Study) -> list[str]:
    return [room for room in ROOMS if room != "walk-forward" or study.kind == "walk_forward"]


def _account(summary: dict[str, Any] | None, table: Shown) -> dict[str, Any] | None:
    accounts: list[dict[str, Any]] = summary["accounts"] if summary else []
    return next((account for account in accounts if account["symbols"] == list(table.symbols)), None)


def _best(summary: dict[str, Any] | None) -> dict[str, Any] | None:
    """The first account with its best trial, for the list."""
    return summary["accounts"][0] if summary else None


def _content(room: str, table: Shown, account: dict[str, Any] | None) -> dict[str, Any]:
    """What the room shows besides."""
    if room == "heatmap":
        return heatmap_room.values(table, account)
    if room == "trials":
        return {
            "page": trial_query.page(table, request.args),
            "columns": trial_query.columns(request.args.getlist("columns")),
            "every_column": FIGURES,
            "most_compared": MOST,
        }
    if room == "walk-forward":
        walk = account["walk_forward"] if account else None
        return {
            "walk": walk,
            "picture": walk and walk_picture.picture(walk),
            "drifts": walk and walk_picture.drifts(walk),
        }
    if room == "parameters":
        parts = account["statistics"]["parameters"] if account else []
        return {"parameters": [part | {"picture": charts.slices(part["values"])} for part in parts]}
    return _overfitting(table, account) if room == "overfitting" else {}


def _overfitting(table: Shown, account: dict[str, Any] | None) -> dict[str, Any]:
    ratios = table.figures["sharpe_ratio"][table.known]
    found = account["statistics"] if account else {}
    marks = {"best": float(table.figures["sharpe_ratio"][table.best])} if table.best is not None else {}
    deflated = found.get("deflated")
    if deflated and deflated["ratio"] and table.best is not None:
        marks["luck"] = deflated["expected"] * _yearly(table, deflated)
    overfitting = found.get("overfitting")
    return {
        "distribution": charts.histogram(ratios, marks),
        "splits": charts.scatter(overfitting["pairs"]) if overfitting else None,
        "logits": charts.bars(overfitting["logits"]) if overfitting else None,
    }


def _yearly(table: Shown, deflated: dict[str, Any]) -> float:
    """What makes a Sharpe ratio a period one of a year: √P."""
    assert table.best is not None
    return float(table.figures["sharpe_ratio"][table.best]) / float(deflated["ratio"])
