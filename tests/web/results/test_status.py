"""Watching a run over HTTP, and everything it gives once it is done."""

import base64
import csv
import gzip
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from store.queries import results, runs


def test_a_queued_run_says_how_many_are_before_it(client, submit):
    first, second = submit(), submit(size=50)

    assert client.get(f"/status/{first}").json["waiting_before"] == 0
    assert client.get(f"/status/{second}").json["waiting_before"] == 1
    assert client.get(f"/status/{second}").json["metrics"] is None


def test_a_finished_run_has_figures_curves_trades_and_charts(client, finished):
    status = client.get(f"/status/{finished()}").json

    assert (status["status"], status["progress"], status["error_message"]) == ("SUCCEEDED", 1.0, None)
    assert status["metrics"]["num_trades"] == len(status["trades"]) == 43
    assert status["metrics"]["final_equity"] == pytest.approx(146_648.36, abs=0.01)
    assert status["equity_curve"][-1] == {"time": "2018-12-31", "equity": status["metrics"]["final_equity"]}
    assert min(point["drawdown"] for point in status["drawdown_curve"]) == status["metrics"]["max_drawdown"]
    assert all(base64.b64decode(chart).startswith(b"\x89PNG") for chart in status["charts"].values())
    assert {"equity", "drawdown", "trades"} <= status["charts"].keys()


def test_charts_can_be_left_out_and_curves_thinned(client, finished):
    status = client.get(f"/status/{finished()}?charts=false&points=100").json

    assert status["charts"] == {}
    assert len(status["equity_curve"]) <= 102
    assert status["curve_bars"] == 2516


def test_a_failed_run_says_why(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(
            session,
            run_id,
            code="out_of_memory",
            message="The step ran out of memory.",
            now=datetime.now(UTC),
        )

    status = client.get(f"/status/{run_id}").json

    assert (status["status"], status["error_code"]) == ("FAILED", "out_of_memory")
    assert status["error_message"] == "The step ran out of memory."


def test_an_unknown_run_is_404_and_a_wrong_option_400_as_problems(client, finished):
    missing, wrong = client.get("/status/nothing"), client.get(f"/status/{finished()}?points=1")

    assert (missing.status_code, missing.mimetype) == (404, "application/problem+json")
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "points")


def test_a_finished_run_is_sent_once_and_again_only_after_it_was_annotated(client, finished):
    run_id = finished()
    etag = client.get(f"/status/{run_id}").headers["ETag"]

    same = client.get(f"/status/{run_id}", headers={"If-None-Match": etag})
    client.patch(f"/api/runs/{run_id}", json={"name": "mine"})
    changed = client.get(f"/status/{run_id}", headers={"If-None-Match": etag})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_large_answers_are_compressed_for_those_who_take_it(client, finished):
    run_id = finished()

    zipped = client.get(f"/status/{run_id}?charts=false", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/status/{run_id}?charts=false")

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 3


def test_what_many_watch_is_compressed_once(client, finished, monkeypatch):
    path, compressed, compress = f"/status/{finished()}?charts=false&points=99", [], gzip.compress
    monkeypatch.setattr(
        gzip, "compress", lambda *given, **more: compressed.append(1) or compress(*given, **more)
    )

    small = [client.get(path, headers={"Accept-Encoding": "gzip"}) for _ in range(3)]
    plain = client.get(path)

    assert len(compressed) == 1
    assert {gzip.decompress(answer.data) for answer in small} == {plain.data}
    assert {answer.headers["ETag"] for answer in small} == {plain.headers["ETag"]}


def test_curves_keep_their_extremes_when_thinned_and_show_all_bars_when_zoomed(client, finished):
    run_id = finished()
    whole = client.get(f"/api/runs/{run_id}/curves?names=equity,drawdown&points=60").json
    first, last = (int(datetime(2018, month, 1, tzinfo=UTC).timestamp()) for month in (1, 3))

    part = client.get(f"/api/runs/{run_id}/curves?names=equity&points=60&from={first}&to={last}").json

    metrics = client.get(f"/api/runs/{run_id}").json["metrics"]
    assert len(whole["times"]) <= 62
    assert min(whole["drawdown"]) == pytest.approx(metrics["max_drawdown"])
    assert whole["equity"][-1] == pytest.approx(metrics["final_equity"])
    assert (
        part["bars_in_range"] == len(part["times"]) == 21 + 19 + 1 + 2
    )  # two months, 1 March, a bar beyond each edge


def test_price_and_derived_curves_lie_on_the_same_bars(client, finished):
    run_id = finished()

    curves = client.get(
        f"/api/runs/{run_id}/curves?names=price,cumulative_return,rolling_sharpe,trade_pnl&points=9000"
    ).json

    assert {len(values) for name, values in curves.items() if isinstance(values, list)} == {2516}
    assert curves["price"][-1] == pytest.approx(2506.85, abs=0.01)
    assert sum(curves["trade_pnl"]) == pytest.approx(46_648.36, abs=0.1)
    assert curves["rolling_sharpe"][0] is None


def test_exports_hold_every_trade_and_bar(client, finished):
    run_id = finished()

    trades = list(csv.DictReader(io.StringIO(client.get(f"/runs/{run_id}/trades.csv").text)))
    bars = list(csv.DictReader(io.StringIO(client.get(f"/runs/{run_id}/equity.csv").text)))
    whole = json.loads(client.get(f"/runs/{run_id}/result.json").text)

    assert len(trades) == len(whole["trades"]) == 43
    assert len(bars) == 2516
    assert sum(float(trade["pnl"]) for trade in trades) == pytest.approx(46_648.36, abs=0.01)
    assert float(bars[-1]["equity"]) == whole["result"]["metrics"]["final_equity"]


def test_the_report_is_one_file_that_loads_nothing(client, finished):
    page = client.get(f"/runs/{finished()}/report.html")

    assert page.status_code == 200
    assert page.text.count("data:image/png;base64,") == 4
    assert re.findall(r"<script([^>]*)>", page.text) == [' type="application/json" id="curves"', "", ""]
    assert not re.findall(r"""<[^>]*\s(?:src|href|action)=["'](?!data:)[^>]*>""", page.text)
    assert "default-src 'none'; script-src 'sha256-" in page.headers["Content-Security-Policy"]


def test_a_queued_run_can_be_cancelled_once(client, submit):
    run_id = submit()

    first, second = (client.post(f"/runs/{run_id}/cancel").json for _ in range(2))

    assert (first["cancelled"], first["status"]) == (True, "CANCELLED")
    assert (second["cancelled"], second["status"]) == (False, "CANCELLED")


def test_what_many_watch_is_put_together_once_and_again_after_it_was_annotated(client, finished, monkeypatch):
    run_id, read, get = finished(), [], results.get
    monkeypatch.setattr(results, "get", lambda *given: read.append(1) or get(*given))
    path = f"/status/{run_id}?charts=false&points=77"

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: client.application.test_client().get(path).data, range(24)))
    client.patch(f"/api/runs/{run_id}", json={"name": "mine"})

    assert len(set(answers)) == 1
    assert len(read) == 1
    assert client.get(path).json["name"] == "mine"
