"""The pages, as a browser without scripts gets them."""

import re
from datetime import UTC, datetime

import pytest

from store.queries import results, runs
from tests.web.conftest import PAGE, with_a_result

TABS = ("overview", "trades", "returns", "risk", "settings")


def test_the_first_page_is_filled_with_an_example_that_can_be_submitted_as_it_stands(client, filled_database):
    page = client.get("/").text

    fields = dict(re.findall(r'name="([\w.]+)" value="([^"]*)"', page))
    fields |= {"rule_type": "MOVING_AVERAGE_CROSS"}
    answer = client.post("/run_backtest", data={name: value for name, value in fields.items() if value})
    assert answer.status_code == 202
    assert fields["symbols"] == "SP500"


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_of_a_result_is_shown_without_inline_script_or_style(client, finished, tab):
    page = client.get(f"/runs/{finished()}?tab={tab}", headers=PAGE)

    assert page.status_code == 200
    assert 'aria-current="page">' + tab.capitalize() in page.text
    assert not re.search(r"<script(?![^>]*src=)[^>]*>|\sstyle=|\son\w+=", page.text)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("former", "today"),
    [("stats", "overview"), ("equity", "returns"), ("drawdown", "risk"), ("portfolio", "trades")],
)
def test_a_link_of_an_earlier_release_leads_to_the_room_of_today(client, finished, former, today):
    page = client.get(f"/runs/{finished()}?tab={former}", headers=PAGE).text

    assert f'tab={today}#rooms" aria-current="page"' in page


def test_a_panel_is_the_page_without_what_all_rooms_share(client, finished):
    run_id = finished()

    page = client.get(f"/runs/{run_id}?tab=risk", headers=PAGE).text
    panel = client.get(f"/runs/{run_id}?tab=risk&part=panel", headers=PAGE).text

    assert panel.strip() in page
    assert "Worst drawdowns" in panel
    assert not re.search("<html|<nav|class=.kpis", panel)


def test_every_metric_opens_to_its_formula_inputs_and_what_other_tools_do(client, finished):
    page = client.get(f"/runs/{finished()}", headers=PAGE).text

    assert page.count('class="explain"') == page.count('id="metric-') > 45
    assert "P = 252 per year" in page
    assert "In other tools:" in page


def test_a_run_without_trades_is_explained_by_its_funnel_and_not_by_nothing(client, finished):
    run_id = finished(initial_capital=100)

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    assert "Why there are no trades" in page
    assert "Rejected: less than one share" in page
    assert "allow fractional shares" in page


def test_trades_are_sorted_filtered_and_paged(client, finished):
    run_id = finished(params={"fast": 2, "slow": 4}, start_date="1999-02-01")

    best_first = client.get(f"/runs/{run_id}?tab=trades&sort=pnl&order=desc", headers=PAGE).text
    second = client.get(f"/runs/{run_id}?tab=trades&page=2", headers=PAGE).text
    none = client.get(f"/runs/{run_id}?tab=trades&side=short", headers=PAGE).text

    gains = [
        float(text.replace(",", ""))
        for text in re.findall(r'num lead end gain">\+([\d,.]+)</td>', best_first)
    ]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 100
    assert "Page 2 of" in second
    assert "No trades match" in none


def test_a_failed_run_shows_its_message_and_the_way_on(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(
            session, run_id, code="timeout", message="Stopped after 600 seconds.", now=datetime.now(UTC)
        )

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    assert "Stopped after 600 seconds." in page
    assert f"/?run={run_id}" in page


def test_duplicating_a_run_fills_the_form_with_all_of_it(client, finished):
    run_id = finished(params={"fast": 7, "slow": 77, "kind": "ema"}, stop_loss_pct=4.5, symbols=["GOOG"],
                      start_date="2005-01-03", end_date="2010-01-04")  # fmt: skip

    page = client.get(f"/?run={run_id}").text

    for name, value in (
        ("symbols", "GOOG"),
        ("params.fast", "7"),
        ("params.slow", "77"),
        ("stop_loss_pct", "4.5"),
    ):
        assert f'name="{name}" value="{value}"' in page
    assert '<option value="ema" selected>' in page


def test_changing_the_rule_without_scripts_keeps_the_rest_of_the_form(client):
    page = client.get("/?rule_type=RSI&symbols=GOOG&fee_rate=0.002&start_date=2005-01-03&params.fast=5").text

    assert 'name="params.oversold" value="30"' in page
    assert 'name="fee_rate" value="0.2"' in page
    assert 'name="symbols" value="GOOG"' in page
    assert "params.fast" not in page


def test_runs_are_searched_sorted_and_paged_by_keyset(client, finished):
    made = [finished(params={"fast": fast, "slow": 30}) for fast in (5, 10, 15)]
    returns = {run_id: client.get(f"/api/runs/{run_id}").json["metrics"]["total_return"] for run_id in made}

    first = client.get("/api/runs?sort=total_return&order=desc&limit=2").json
    rest = client.get(first["next"]).json

    listed = [run["run_id"] for run in first["runs"] + rest["runs"]]
    assert listed == sorted(made, key=returns.get, reverse=True)
    assert rest["next"] is None
    assert client.get("/runs?sort=sharpe_ratio&limit=2", headers=PAGE).text.count('name="run"') == 2


@pytest.mark.parametrize(
    "query", ["sort=magic", "limit=0", "after=x", "status=LOST", "created_from=yesterday"]
)
def test_a_wrong_filter_is_named(client, query):
    answer = client.get(f"/api/runs?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, query.split("=")[0])


def test_names_notes_tags_and_stars_are_kept_and_found_and_escaped(client, finished):
    run_id = finished()
    nasty = "<script>alert(1)</script>"

    client.patch(
        f"/api/runs/{run_id}", json={"name": nasty, "notes": nasty, "tags": ["a", nasty], "starred": True}
    )

    pages = [client.get(path, headers=PAGE).text for path in ("/", "/runs", "/runs?tag=a&starred=true", f"/runs/{run_id}",
             f"/runs/{run_id}/report.html", f"/compare?run={run_id}")]  # fmt: skip
    assert all("<script>alert" not in page for page in pages)
    assert all("&lt;script&gt;" in page for page in pages)


def test_runs_are_compared_with_what_differs_alone_if_wished(client, finished):
    one, other = finished(), finished(params={"fast": 20, "slow": 60})

    everything = client.get(f"/compare?run={one}&run={other}", headers=PAGE).text
    differences = client.get(f"/compare?run={one}&run={other}&differences=true", headers=PAGE).text

    assert everything.count("<path class") == 3  # both runs, and holding
    assert "Initial capital" in everything
    assert "Initial capital" not in differences
    assert "Fast average" in differences


def test_runs_that_differ_in_a_stop_alone_are_told_apart_wherever_they_are_listed(client, finished):
    usual = {"slippage_bps": 5}
    run_ids = [
        finished(**usual),
        finished(**usual, stop_loss_pct=5),
        finished(**usual, stop_loss_pct=10, params={"fast": 12, "slow": 30}),
    ]

    pages = (
        "/",
        "/runs",
        f"/compare?run={'&run='.join(run_ids)}",
        *(f"/runs/{run_id}" for run_id in run_ids),
    )
    texts = [client.get(path, headers=PAGE).text for path in pages]

    for text in texts[:2]:
        assert all(label in text for label in ("default settings", "stop-loss 5%", "fast 12, stop-loss 10%"))
    assert all(label in texts[2] for label in ("fast 10", "stop-loss 5%", "fast 12, stop-loss 10%"))
    assert ["default settings" in text for text in texts[3:]] == [True, False, False]
    assert "stop-loss 5%" in texts[4]


def test_a_deleted_run_is_gone_and_an_open_one_cannot_be_deleted(client, finished, submit):
    done, still_open = finished(), submit(size=50)

    assert client.delete(f"/api/runs/{done}").status_code == 204
    assert client.get(f"/api/runs/{done}").status_code == 404
    assert client.delete(f"/api/runs/{still_open}").status_code == 409


def test_a_preset_is_saved_loaded_and_deleted(client):
    body = {"symbols": ["GOOG"], "rule_type": "RSI", "params": {"period": 9}}

    saved = client.post("/api/strategies", json={"name": "Nine", "request": body})
    page = client.get(f"/?preset={saved.json['id']}").text
    gone = client.delete(f"/api/strategies/{saved.json['id']}")

    assert saved.status_code == 201
    assert 'name="params.period" value="9"' in page
    assert gone.status_code == 204
    assert client.get("/api/strategies").json == {"strategies": []}


def test_an_error_is_a_page_for_people_and_a_problem_for_programs(client):
    page, problem = client.get("/runs/nothing", headers=PAGE), client.get("/runs/nothing")

    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no run nothing." in page.text
    assert problem.mimetype == "application/problem+json"


def test_pages_answer_the_same_on_mysql(mysql_url, monkeypatch):
    with with_a_result(mysql_url) as (app, run_id):
        client = app.test_client()
        answers = {path: client.get(path, headers=PAGE).status_code for path in pages_of(run_id)}

    assert answers == dict.fromkeys(answers, 200)


def pages_of(run_id):
    return [*(f"/runs/{run_id}?tab={tab}" for tab in TABS), "/", "/runs?q=SP500&sort=total_return", "/datasets",
             f"/status/{run_id}", f"/compare?run={run_id}", "/ready", "/metrics"]  # fmt: skip


@pytest.mark.parametrize(("outcome", "tone", "other"), [("won", "gain", "loss"), ("lost", "loss", "gain")])
def test_trades_are_narrowed_to_those_that_won_or_lost(client, finished, outcome, tone, other):
    run_id = finished(start_date="2014-01-02")

    page = client.get(f"/runs/{run_id}?tab=trades&outcome={outcome}", headers=PAGE).text

    pnl = [trade["pnl"] for trade in client.get(f"/runs/{run_id}/result.json").json["trades"]]
    count = sum((value > 0) == (outcome == "won") for value in pnl)
    rows = page[page.index("<tbody>") : page.index("</tbody>")]
    assert rows.count(f"lead end {tone}") == rows.count("<tr ") == count
    assert f"lead end {other}" not in rows
    assert f'{count} trades <span class="muted">of {len(pnl)}</span>' in page


def test_a_trade_that_was_open_at_the_end_is_marked(client, finished):
    run_id = finished(rule_type="BUY_AND_HOLD", params={})

    page = client.get(f"/runs/{run_id}?tab=trades", headers=PAGE).text

    assert page.count('<span class="tag">Open at end</span>') == 1


def test_the_figures_on_top_tell_their_distance_to_holding_and_are_coloured_by_it(client, finished):
    run_id = finished()

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    metrics = client.get(f"/api/runs/{run_id}").json["metrics"]
    apart = 100 * (metrics["total_return"] - metrics["benchmark_return"])
    assert metrics["total_return"] > 0 > apart
    assert f'<span class="delta">{apart:+,.1f} pp vs. hold</span>'.replace("-", "\u2212") in page
    assert f'<dd class="loss">{100 * metrics["total_return"]:.2f}%</dd>' in page
    assert page.count('<div class="kpi">') == 6


def test_the_verdict_stands_above_the_figures_in_every_room(client, finished):
    run_id = finished(stop_loss_pct=5)

    for tab in TABS:
        page = client.get(f"/runs/{run_id}?tab={tab}", headers=PAGE).text
        assert 0 < page.index("to holding SP500: ") < page.index('<dl class="kpis">')
    assert "Before costs +" in page
    assert "The 5% stop-loss " in page


def test_a_result_of_an_older_release_is_compared_by_its_curves(client, filled_database, finished):
    run_id = finished()
    new = client.get(f"/runs/{run_id}", headers=PAGE).text
    with filled_database.write() as session:
        result = results.get(session, run_id)
        summary = {**result.summary}
        del summary["benchmark_metrics"], summary["alternatives"]
        result.summary = summary

    old = client.get(f"/runs/{run_id}", headers=PAGE).text

    rows = re.compile(r'<tr id="metric-.*?</tr>', re.DOTALL)
    assert rows.findall(old) == rows.findall(new)
    assert "re-investment left out" in old
    assert "was not simulated by the release that stored this result" in old


def test_the_benchmark_has_every_figure_that_equity_decides(client, finished):
    status = client.get(f"/status/{finished()}?charts=false").json

    held, own = status["benchmark_metrics"], status["metrics"]
    assert held["total_return"] == own["benchmark_return"]
    assert held["max_drawdown"] == own["benchmark_max_drawdown"]
    assert held["volatility"] == pytest.approx(own["benchmark_volatility"])
    assert {"sharpe_ratio", "sortino_ratio", "calmar_ratio", "psr"} <= held.keys()
    assert status["alternatives"].keys() == {"without_costs", "double_costs"}


def test_the_worst_drawdowns_are_listed_the_deepest_first_and_an_open_one_is_marked(client, finished):
    run_id = finished()

    page = client.get(f"/runs/{run_id}?tab=risk", headers=PAGE).text

    table = page[page.index('id="worst-title"') :].partition("</table>")[0]
    depths = [float(text.replace("\u2212", "-")) for text in re.findall(r'num loss lead">([^<]+)%', table)]
    metrics = client.get(f"/api/runs/{run_id}").json["metrics"]
    assert depths == sorted(depths)
    assert depths[0] == pytest.approx(100 * metrics["max_drawdown"], abs=0.005)
    assert '<span class="tag">Not recovered</span>' in page
