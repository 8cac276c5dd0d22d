"""The list of runs and the comparison of some of them."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backtest.metrics.catalogue import METRICS
from store.models import Run, Status
from store.queries import run_list, runs
from web.api.request_parsing import query_choice
from web.results.stored_curves import curves_of
from web.runs import columns, compare, list_query
from web.services import database
from web.submission import form

bp = Blueprint("pages", __name__)


@bp.get("/runs")
def list_runs() -> str:
    """Runs with search, filters, sorting and paging."""
    shown = columns.chosen(request.args)
    with database().read() as session:
        listing = list_query.read_listing(
            session, "pages.list_runs", request.args, with_metrics=not columns.read_from_the_row(shown)
        )
        count = list_query.count(session, listing)
    query = listing.query
    return render_template(
        "runs.html",
        runs=listing.page.runs,
        following=listing.next_address,
        beginning=list_query.address("pages.list_runs", request.args, after=None),
        newest_first=list_query.address("pages.list_runs", request.args, sort=None, order=None, after=None),
        filtered=query.filter != run_list.Filter(),
        narrowed=replace(query.filter, text="") != run_list.Filter(),
        count=count,
        columns=shown,
        every_column=columns.OFFERED,
        short=columns.SHORT,
        value=columns.value,
        sorts=list_query.SORTS,
        most_compared=compare.MOST,
        query=query,
        rules=form.every_rule(),
        statuses=list(Status),
        cleared=list_query.cleared("pages.list_runs", request.args),
        tagged=lambda tag: list_query.address("pages.list_runs", request.args, tag=tag, after=None),
        sort_link=lambda name: list_query.sorted_by("pages.list_runs", request.args, query, name),
    )


@bp.get("/compare")
def compare_runs() -> ResponseReturnValue:
    """Up to ten runs side by side: overlaid equity, metrics with differences, and what was asked for."""
    asked = list(dict.fromkeys(request.args.getlist("run")))
    run_ids = asked[: compare.MOST]
    if not run_ids:
        return redirect(url_for("pages.list_runs", status="SUCCEEDED"))
    with database().read() as session:
        compared: list[Run] = [runs.get(session, run_id) for run_id in run_ids]
    only_differences = request.args.get("differences") == "true"
    log = query_choice("scale", "linear", ("linear", "log")) == "log"
    return render_template(
        "compare.html",
        runs=compared,
        run_ids=run_ids,
        left_out=len(asked) - len(run_ids),
        drawing=compare.drawing(
            [
                (place, run, curves_of(run.run_id, run.result_hash))
                for place, run in enumerate(compared)
                if run.result_hash
            ],
            log=log,
        ),
        labels=compare.labels(compared),
        kept={"differences": "true" if only_differences else None, "scale": "log" if log else None},
        inputs=compare.input_rows(compared, only_differences=only_differences),
        metrics=compare.metric_rows(compared, METRICS, only_differences=only_differences),
        only_differences=only_differences,
    )
