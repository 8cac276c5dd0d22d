"""What is taken along: tables with every row, JSON, and the report."""

import base64
import csv
import io
import json
import re

import pyarrow.parquet
import pytest

from store.models import Trade
from tests.web.conftest import PAGE

RANGE = {"start_date": "2009-01-02", "end_date": "2010-12-31"}


def table(text):
    """The rows of a CSV as objects."""
    return list(csv.DictReader(io.StringIO(text)))


def test_the_profits_of_the_trades_add_up_to_the_profit_of_the_run(client, finished):
    run_id = finished(**RANGE)

    trades = table(client.get(f"/runs/{run_id}/trades.csv").text)

    metrics = client.get(f"/api/runs/{run_id}").json["metrics"]
    assert len(trades) == metrics["num_trades"]
    assert sum(float(trade["pnl"]) for trade in trades) == pytest.approx(metrics["final_equity"] - 100_000)
    assert sum(float(trade["entry_fee"]) + float(trade["exit_fee"]) for trade in trades) == pytest.approx(
        metrics["total_fees"]
    )


def test_trades_are_written_in_parts_without_a_gap_at_the_seams(client, filled_database, finished):
    run_id = finished(**RANGE)
    with filled_database.write() as session:
        pattern = session.query(Trade).filter_by(run_id=run_id, seq=0).one()
        columns = {column.name: getattr(pattern, column.name) for column in Trade.__table__.columns}
        last = session.query(Trade).filter_by(run_id=run_id).count()
        session.add_all(Trade(**columns | {"seq": seq}) for seq in range(last, 4_100))

    trades = table(client.get(f"/runs/{run_id}/trades.csv").text)

    assert [int(trade["seq"]) for trade in trades] == list(range(4_100))
    assert [int(trade["number"]) for trade in trades] == list(range(1, 4_101))


def test_the_equity_table_begins_with_the_capital_and_ends_with_the_final_equity(client, finished):
    run_id = finished(**RANGE)

    bars = table(client.get(f"/runs/{run_id}/equity.csv").text)

    final = client.get(f"/api/runs/{run_id}").json["metrics"]["final_equity"]
    assert (bars[0]["time"], float(bars[0]["equity"])) == ("2009-01-02T00:00:00", 100_000)
    assert (bars[-1]["time"], float(bars[-1]["equity"])) == ("2010-12-31T00:00:00", pytest.approx(final))
    assert len(bars) == 504


def test_parquet_holds_the_same_bars_as_the_csv(client, finished):
    run_id = finished(**RANGE)

    parquet = pyarrow.parquet.read_table(io.BytesIO(client.get(f"/runs/{run_id}/equity.parquet").data))

    bars = table(client.get(f"/runs/{run_id}/equity.csv").text)
    assert parquet.column_names == list(bars[0])
    for name in parquet.column_names[1:]:
        assert parquet[name].to_pylist() == [float(bar[name]) for bar in bars]


def test_a_trade_of_the_table_has_the_number_that_it_has_on_the_page(client, finished):
    run_id = finished()

    first = table(client.get(f"/runs/{run_id}/trades.csv").text)[0]
    page = client.get(f"/runs/{run_id}/trades/{first['seq']}", headers={"Accept": "text/html"}).text

    assert f'tabindex="-1">Trade {first["number"]} <span' in page
    assert client.get(f"/api/runs/{run_id}/trades/{first['seq']}").json["trade"]["seq"] == 0


def test_the_json_holds_the_request_every_figure_and_every_trade(client, finished):
    run_id = finished(**RANGE)

    answer = client.get(f"/runs/{run_id}/result.json")

    found = json.loads(answer.data)
    assert found["run"]["params"] == {"fast": 10, "slow": 30}
    assert found["result"]["metrics"]["num_trades"] == len(found["trades"])
    assert answer.headers["Content-Disposition"] == f'attachment; filename="result-{run_id}.json"'


@pytest.mark.parametrize("name", ["trades.csv", "equity.csv", "equity.parquet", "result.json", "report.html"])
def test_a_run_without_a_result_has_nothing_to_take_along(client, submit, name):
    answer = client.get(f"/runs/{submit()}/{name}")

    assert answer.status_code == 404
    assert "has no result" in answer.json["detail"]


def test_no_text_of_a_table_becomes_a_formula_of_a_spreadsheet(client, filled_database, finished):
    run_id = finished(**RANGE)
    with filled_database.write() as session:
        session.query(Trade).filter_by(run_id=run_id, seq=0).update({"symbol": "=HYPERLINK(1)"})

    trades = table(client.get(f"/runs/{run_id}/trades.csv").text)

    assert trades[0]["symbol"] == "'=HYPERLINK(1)"
    assert float(trades[0]["pnl"]) < 0


def test_the_report_has_four_pictures_the_heatmap_every_figure_and_what_repeats_it(client, finished):
    run_id = finished(**RANGE)

    page = client.get(f"/runs/{run_id}/report.html", headers=PAGE).text

    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(picture)[:8] for picture in pictures] == [b"\x89PNG\r\n\x1a\n"] * 4
    assert page.count("<tr><th>20") == 2
    assert client.get(f"/api/runs/{run_id}").json["result_hash"] in page
    assert " vs. hold</dd>" in page


def test_a_report_allows_its_own_style_alone_and_can_be_kept_as_a_file(client, finished):
    run_id = finished(**RANGE)

    shown = client.get(f"/runs/{run_id}/report.html", headers=PAGE)
    kept = client.get(f"/runs/{run_id}/report.html?download=true", headers=PAGE)

    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+' 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; "
        r"img-src data:; frame-ancestors 'none'",
        shown.headers["Content-Security-Policy"],
    )
    assert "Content-Disposition" not in shown.headers
    assert kept.headers["Content-Disposition"] == (
        f'attachment; filename="SP500-moving-average-cross-2009-2010-{run_id[:8]}.html"'
    )


def test_a_report_lists_the_warnings_before_the_figures(client, finished):
    page = client.get(f"/runs/{finished(initial_capital=100)}/report.html", headers=PAGE).text

    assert 0 < page.index("Before you trust this") < page.index('<dl class="kpis">')


def test_a_kept_report_is_called_by_the_name_of_its_run_in_plain_letters(client, finished):
    run_id = finished(**RANGE)
    client.patch(f"/api/runs/{run_id}", json={"name": '../"Größe" \r\nX: y' + "n" * 180})

    kept = client.get(f"/runs/{run_id}/report.html?download=true", headers=PAGE)

    name = kept.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="Gr-e-X-yn+-[0-9a-f]{8}\.html"', name)
    assert len(name) < 150


def test_a_report_holds_verdict_settings_curves_and_how_to_verify_and_asks_for_nothing(client, finished):
    run_id = finished(**RANGE, stop_loss_pct=5)

    page = client.get(f"/runs/{run_id}/report.html", headers=PAGE).text

    curves = json.loads(re.search(r'id="curves">(.*?)</script>', page)[1])
    metrics = client.get(f"/api/runs/{run_id}").json["metrics"]
    assert curves["curves"]["equity"][-1] == pytest.approx(metrics["final_equity"])
    assert len(curves["times"]) == len(curves["curves"]["benchmark"]) == 504
    assert '<p class="headline">' in page
    assert "Stop-loss</dt><dd>5%" in page
    assert f"POST /runs/{run_id}/verify" in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(?:src|href)=.(?!data:)", markup)
