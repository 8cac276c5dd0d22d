"""Prices by upload: stored with a data-quality report, or refused by line."""

import io
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.web.conftest import PAGE

HEADER = "Date,Open,High,Low,Close,Volume\n"
ROWS = [f"2024-01-{day:02d},10,11,9,10.5,100" for day in range(2, 13) if day not in (6, 7)]
GOOD = HEADER + "\n".join(ROWS)


def upload(client, text, *, path="/datasets", symbol="ACME", **more):
    file = (io.BytesIO(text if isinstance(text, bytes) else text.encode()), "acme.csv")
    return client.post(
        path, data={"file": file, "symbol": symbol}, content_type="multipart/form-data", **more
    )


def test_an_upload_is_kept_certified_and_can_be_run_on(client):
    answer = upload(client, GOOD, path="/api/datasets")

    assert answer.status_code == 201
    assert (answer.json["symbol"], answer.json["bars"], answer.json["certificate"]["suspect_bars"]) == (
        "ACME",
        9,
        0,
    )
    assert "ACME" in client.get("/datasets").text
    assert "ACME" in [symbol["symbol"] for symbol in client.get("/api/symbols").json["symbols"]]
    assert client.get(f"/datasets/{answer.json['data_hash']}", headers=PAGE).status_code == 200


def test_a_csv_may_come_as_the_body_itself(client):
    answer = client.post("/api/datasets?symbol=ACME", data=GOOD, content_type="text/csv")

    assert (answer.status_code, answer.json["bars"]) == (201, 9)


def as_parquet(**changes):
    prices = {"Date": ["2024-01-02", "2024-01-03"], "Open": [10.0, 10.5], "High": [11.0, 11.0],
              "Low": [9.0, 10.0], "Close": [10.5, 10.75], "Volume": [100, 200]} | changes  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(pa.table(prices), buffer)
    return buffer.getvalue()


def test_a_parquet_file_is_kept_like_a_csv_as_a_form_or_as_the_body(client):
    by_form = upload(client, as_parquet(), path="/api/datasets")
    kind = "application/vnd.apache.parquet"
    as_body = client.post("/api/datasets?symbol=ACME", data=as_parquet(), content_type=kind)

    assert (by_form.status_code, by_form.json["bars"], by_form.json["last_bar"]) == (201, 2, "2024-01-03")
    assert as_body.json["data_hash"] == by_form.json["data_hash"]


def test_a_wrong_parquet_file_is_refused_by_row_and_field(client):
    answer = upload(client, as_parquet(Open=[10.0, -1.0]), path="/api/datasets")

    assert (answer.status_code, answer.json["errors"][0]["line"]) == (400, 2)
    assert answer.json["errors"][0]["field"] == "open"


def test_a_preview_tells_what_the_file_holds_and_keeps_nothing(client):
    found = upload(client, GOOD, path="/datasets/preview").json

    assert (found["bars"], found["first_bar"], found["rows"][0]["close"]) == (9, "2024-01-02", 10.5)
    assert "ACME" not in client.get("/datasets").text


TICKERS = "Date,Ticker,Open,High,Low,Close,Volume\n" + "".join(
    f"2024-01-0{day},{ticker},10,11,9,10.5,100\n" for ticker in ("AAA", "BBB") for day in (2, 3)
)


def test_every_symbol_of_a_file_is_kept(client):
    answer = upload(client, TICKERS, path="/api/datasets", symbol="")

    assert [stored["symbol"] for stored in answer.json["datasets"]] == ["AAA", "BBB"]
    assert answer.json["symbol"] == "AAA"
    page = client.get("/datasets").text
    assert ">AAA</a>" in page
    assert ">BBB</a>" in page


def test_a_symbol_of_a_file_that_no_request_can_name_is_refused_and_nothing_is_kept(client):
    answer = upload(client, TICKERS.replace("BBB", "B" * 40), path="/api/datasets", symbol="")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "symbol")
    assert ">AAA</a>" not in client.get("/datasets").text


def test_a_file_without_a_name_of_its_symbol_takes_that_of_the_file(client):
    assert upload(client, GOOD, path="/api/datasets", symbol="").json["symbol"] == "ACME"


DAY_OR_MONTH = "Date;Open;High;Low;Close;Volume\n03/04/2024;10;11;9;10;1\n04/04/2024;10;11;9;10;1\n"


def test_what_a_file_leaves_open_is_asked_in_the_preview_and_answered_by_an_option(client):
    (question,) = upload(client, DAY_OR_MONTH, path="/datasets/preview").json["reading"]["questions"]
    refused = upload(client, DAY_OR_MONTH, path="/api/datasets")
    by_query = client.post("/api/datasets?symbol=ACME&dates=mdy", data=DAY_OR_MONTH, content_type="text/csv")

    assert question["option"] == "dates"
    assert {"dmy", "mdy"} <= set(question["choices"])
    assert (refused.status_code, "option dates" in refused.json["detail"]) == (400, True)
    assert (by_query.status_code, by_query.json["first_bar"]) == (201, "2024-03-04")


def test_an_option_with_a_value_that_it_cannot_have_is_named(client):
    answer = client.post("/api/datasets?symbol=ACME&dates=dym", data=GOOD, content_type="text/csv")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "options.dates")


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (GOOD.replace("2024-01-04,10", "2024-01-04,-1"), 4, "open"),
        (GOOD.replace("2024-01-04,10,11", "2024-01-04,10,8"), 4, "high"),
        (GOOD.replace("2024-01-05,10,11,9,10.5", "2024-01-04,10,11,9,10.6"), 5, "date"),
        (GOOD.replace("2024-01-04,10,11,9,10.5", "2024-01-04,10,11,9,ten"), 4, "close"),
    ],
    ids=["negative", "high below low", "duplicate date", "a word"],
)
def test_a_wrong_file_is_refused_by_line_and_nothing_is_kept(client, text, line, field):
    answer = upload(client, text, path="/api/datasets")

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert (answer.json["errors"][0]["line"], answer.json["errors"][0]["field"]) == (line, field)
    assert "ACME" not in client.get("/datasets").text


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00\x00", b"\x00" * 100, b"hello", HEADER.encode()])
def test_what_is_no_price_file_is_the_callers_mistake(client, text):
    assert upload(client, text, path="/api/datasets").status_code == 400


def test_a_wrong_file_on_the_page_comes_back_with_its_lines(client):
    page = upload(client, GOOD.replace("2024-01-04,10", "2024-01-04,-1"), headers=PAGE)

    assert page.status_code == 400
    assert "Line 4:" in page.text


def test_a_form_without_file_or_with_a_wrong_symbol_is_named(client):
    none = client.post("/api/datasets", data={"symbol": "ACME"}, content_type="multipart/form-data")
    wrong = upload(client, GOOD, path="/api/datasets", symbol="A B")

    assert (none.status_code, none.json["errors"][0]["field"]) == (400, "file")
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "symbol")


def test_the_list_tells_of_each_symbol_whether_its_prices_look_right(client):
    rows = [
        f"2024-01-{day:02d},10,11,9,10.5,100" for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19)
    ]
    split = [f"2024-01-{day},2.1,2.2,1.8,2.1,500" for day in (22, 23, 24, 25, 26)]
    text = "Date,Open,High,Low,Close,Volume\n" + "\n".join(rows + split)
    client.post("/api/datasets?symbol=SPLIT", data=text, content_type="text/csv")

    page = client.get("/datasets", headers=PAGE).text

    def quality(symbol):
        return re.sub(
            r"<[^>]+>", "", page.split(f">{symbol}</a></th>")[1].split('lead end">')[1].split("</td>")[0]
        )

    assert quality("GOOG") == "Clean"
    assert quality("SP500") == "1 gap"
    assert quality("SPLIT") == "1 suspect bar"


def test_the_page_of_a_dataset_draws_its_closes_and_lists_its_versions_newest_first(client):
    for close in ("10.5", "10.75"):
        text = f"Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,{close},100\n2024-01-03,10,11,9,10,100\n"
        hashed = client.post("/api/datasets?symbol=ACME", data=text, content_type="text/csv").json[
            "data_hash"
        ]

    page = client.get(f"/datasets/{hashed}", headers=PAGE).text

    versions = re.findall(r'<td class="mono lead"><a href="/datasets/(\w+)">', page)
    assert versions[0] == hashed
    assert len(versions) == 2
    assert page.count('<span class="tag">current</span>') == 1
    assert 'd="M0.0,0.0L1000.0,1000.0"' in page
