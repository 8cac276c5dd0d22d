"""What was done to prices at the import stands on the dataset, on the page of a run, and in its report."""

import pytest

from tests.web.conftest import PAGE

ROWS = "".join(f"2018-03-{day:02d},10,10.2,9,10.5,5.25,100\n" for day in range(1, 29))
FILE = f"Date,Open,High,Low,Close,Adj. Close,Volume\n2018-02-28,0,0,0,0,0,0\n{ROWS}"


@pytest.fixture
def run_id(client, finished):
    """A finished run on adjusted prices whose highs are below their closes."""
    answer = client.post("/api/datasets?symbol=ACME", data=FILE, content_type="text/csv")
    assert answer.status_code == 201
    return finished(
        symbols=["ACME"], start_date="2018-03-01", end_date="2018-03-28", rule_type="BUY_AND_HOLD", params={}
    )


def test_the_page_of_the_dataset_lists_what_was_repaired_and_how_prices_are_scaled(client, run_id):
    data_hash = client.get(f"/status/{run_id}").json["data_hashes"]["ACME"]

    page = client.get(f"/datasets/{data_hash}", headers=PAGE).text

    assert "Adjusted: open, high, low and close are scaled by Adj. Close." in page
    assert "28 highs and lows widened to hold open and close: repaired (2018-03-01, 2018-03-02" in page
    assert "1 row of zeros, as exports write for a holiday: left out (2018-02-28)" in page


def test_a_run_its_page_and_its_report_say_so(client, run_id):
    warnings = {one["code"]: one["message"] for one in client.get(f"/status/{run_id}").json["warnings"]}
    page = client.get(f"/runs/{run_id}?tab=settings", headers=PAGE).text
    report = client.get(f"/runs/{run_id}/report.html").text

    told = "28 highs and lows widened to hold open and close: repaired"
    assert told in warnings["repaired_prices"]
    for text in (page, report):
        assert told in text
        assert "open, high, low and close are scaled by Adj. Close" in text
