"""Each mistake in a request is answered with field, value and what is allowed; nothing is stored."""

import io
import json
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest import rules
from backtest.run.request import REQUEST_FIELDS
from config.settings import Settings
from qa.fuzz.values import SCALARS, VALUES
from store.queries import datasets, presets, run_list
from tests.web.conftest import EACH, PAGE, SMALLEST, with_a_result
from web.application import create_app

MIB = 1024 * 1024
HEADER = "Date,Open,High,Low,Close,Volume\n"
ROWS = [f"2024-01-{day:02d},10,11,9,10.5,100" for day in (2, 3, 4, 5, 8, 9, 10)]
GOOD = HEADER + "\n".join(ROWS)
MANY = settings(EACH, max_examples=40)


def stored_rows(database):
    """Everything that a request could have left behind: runs, symbols with prices, presets."""
    with database.read() as session:
        stored = sum(run_list.count_by_status(session).values())
        symbols = [found.symbol for found in datasets.current(session)]
        return stored, symbols, [preset.name for preset in presets.list_all(session)]


NOTHING = (0, ["GOOG", "NASDAQ", "SP500"], [])


def is_problem(answer, *statuses):
    body = answer.json
    return (
        answer.status_code in statuses
        and answer.mimetype == "application/problem+json"
        and body["status"] == answer.status_code
        and bool(body["title"] and body["detail"])
    )


@pytest.mark.parametrize(
    ("changes", "field", "value", "allowed"),
    [
        ({"symbols": ["SP5000"]}, "symbols", "SP5000", "GOOG, NASDAQ, SP500"),
        ({"symbols": []}, "symbols", "[]", "a list of symbols"),
        ({"symbols": ["SP500", "SP500"]}, "symbols", "['SP500', 'SP500']", "more than once"),
        (
            {"start_date": "2019-01-01", "end_date": "2018-01-01"},
            "end_date",
            "2018-01-01",
            "after start date",
        ),
        ({"start_date": "1950-01-02", "end_date": "1951-01-02"}, "end_date", "1951-01-02", "1999-01-04"),
        ({"start_date": "2009-02-30"}, "start_date", "2009-02-30", "YYYY-MM-DD"),
        ({"start_date": 20090102}, "start_date", 20090102, "YYYY-MM-DD"),
        ({"rule_type": "MAGIC"}, "rule_type", "MAGIC", "MOVING_AVERAGE_CROSS"),
        ({"params": {"fast": 0, "slow": 30}}, "params.fast", 0, "a whole number from 1 up to 5000"),
        ({"params": {"fast": 10.5, "slow": 30}}, "params.fast", "10.5", "a whole number from 1 up to 5000"),
        ({"params": {"fast": "ten", "slow": 30}}, "params.fast", "ten", "a whole number from 1 up to 5000"),
        ({"params": [10, 30]}, "params", "[10, 30]", "an object of names and values"),
        ({"initial_capital": "plenty"}, "initial_capital", "plenty", "a number above 0"),
        ({"initial_capital": -5}, "initial_capital", -5, "a number above 0"),
        ({"initial_capital": 0}, "initial_capital", 0, "a number above 0"),
        ({"initial_capital": True}, "initial_capital", True, "a number above 0"),
        ({"fee_rate": -0.1}, "fee_rate", "-0.1", "a number from 0"),
        ({"direction": "sideways"}, "direction", "sideways", "long_only, long_short, short_only"),
        ({"benchmark": "NONE"}, "benchmark", "NONE", "GOOG, NASDAQ, SP500"),
    ],
)
def test_a_mistake_is_told_by_field_value_and_what_is_allowed_and_nothing_is_kept(
    client, filled_database, changes, field, value, allowed
):
    answer = client.post("/run_backtest", json=SMALLEST | changes)

    assert is_problem(answer, 400)
    [wrong] = [error for error in answer.json["errors"] if error["field"] == field]
    assert wrong["value"] == value
    assert allowed in wrong["message"]
    assert field in answer.json["detail"]
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize("name", ["fee", "Symbols", "initial_capital ", "", "__proto__", "運"])
def test_an_unknown_field_is_refused_and_the_known_ones_are_listed(client, filled_database, name):
    answer = client.post("/run_backtest", json=SMALLEST | {name: 1})

    assert is_problem(answer, 400)
    assert [error["field"] for error in answer.json["errors"]] == [name]
    assert "initial_capital" in answer.json["errors"][0]["message"]
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize(
    ("field", "message"),
    [("symbols", "is required"), ("rule_type", "is required"), ("start_date", "is required: a date")],
)
def test_a_missing_field_is_told_by_name(client, filled_database, field, message):
    answer = client.post(
        "/run_backtest", json={name: value for name, value in SMALLEST.items() if name != field}
    )

    assert is_problem(answer, 400)
    assert {error["field"]: error["message"] for error in answer.json["errors"]}[field].startswith(message)
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "must be JSON"),
        (b"{", "line 1 column 2"),
        (b'{"symbols": ["SP500"],}', "line 1 column 23"),
        (b'{"size": NaN}', "NaN is not JSON"),
        (b'{"size": -Infinity}', "-Infinity is not JSON"),
        (b"[]", "a JSON object"),
        (b'"text"', "a JSON object"),
        (b"null", "a JSON object"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'{"symbols": ["\\ud800"]}', "UTF-8"),
        (b"[" * 30_000 + b"]" * 30_000, "nested too deeply"),
        (b'{"size": ' + b"9" * 5_000 + b"}", "must be JSON"),
    ],
    ids=["empty", "cut", "comma", "nan", "infinity", "list", "text", "null", "utf16", "surrogate", "deep", "digits"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/run_backtest", "/api/strategies"])
def test_a_body_that_is_no_json_object_is_told_what_it_must_be(client, filled_database, path, body, message):
    answer = client.post(path, data=body, content_type="application/json")

    assert is_problem(answer, 400)
    assert message in answer.json["detail"]
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/run_backtest", "application/json"),
        ("/api/check", "application/json"),
        ("/api/datasets", "text/csv"),
    ],
)
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "image/png", "", "nonsense"])
def test_a_body_of_another_kind_is_refused_with_the_kinds_that_are_read(
    client, filled_database, path, allowed, kind
):
    answer = client.post(path, data=b"x", content_type=kind)

    assert is_problem(answer, 415)
    assert allowed in answer.json["detail"]
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize(
    ("path", "most"), [("/run_backtest", "1 MiB"), ("/api/check", "1 MiB"), ("/api/strategies", "64 KiB")]
)
def test_a_request_of_two_megabytes_is_refused_with_the_size_that_is_taken(
    client, filled_database, path, most, kind
):
    answer = client.post(path, data=b"a" * (2 * MIB), content_type=kind)

    assert is_problem(answer, 413)
    assert f"at most {most}" in answer.json["detail"]
    assert stored_rows(filled_database) == NOTHING


def upload(client, content, *, path="/api/datasets", symbol="ACME", **more):
    file = (io.BytesIO(content if isinstance(content, bytes) else content.encode()), "acme.csv")
    return client.post(
        path, data={"file": file, "symbol": symbol}, content_type="multipart/form-data", **more
    )


@pytest.mark.parametrize(
    ("content", "line", "field", "message"),
    [
        (GOOD.replace("04,10,11,9,10.5", "04,10,11,9,ten"), 4, "close", "'ten'"),
        (GOOD.replace("2024-01-04,10,11,9,10.5", "2024-01-03,10,11,9,10"), 4, "date", "2024-01-03 occurs twice"),
        (GOOD.replace("04,10,11,9", "04,-10,11,9"), 4, "open", "-10"),
        (GOOD.replace("04,10,11,9", "04,10,8,9"), 4, "high", "8"),
        (GOOD.replace("2024-01-04", "2024-13-04"), 4, "date", "2024-13-04"),
        (GOOD.replace("04,10,11,9,10.5,100", "04,10,11"), 4, "file", "has 3 columns where the header has 6"),
        (GOOD.replace("2024-01-04", "2024-01-0\u00e4").encode("latin-1"), 4, "date", "2024-01-0\u00e4"),
        (GOOD.encode("utf-16") + b"\x00", 8, "file", "utf-16"),
        (GOOD.replace("Close", "Final"), 1, "close", "Final"),
        (HEADER, None, "file", "there is not a single row of prices"),
        (b"", None, "file", "is empty"),
        (b"PK\x03\x04" + b"\x00" * 100, None, "file", "Excel"),
        (GOOD + "\x00", 8, "file", "NUL"),
    ],
    ids=["letters", "duplicate date", "negative price", "high below low", "no date", "short line",
         "latin-1", "utf-16", "no close", "header only", "empty", "workbook", "binary"],
)  # fmt: skip
def test_a_wrong_price_file_is_told_by_line_and_field_and_nothing_is_kept(
    client, filled_database, content, line, field, message
):
    answer = upload(client, content)

    assert is_problem(answer, 400)
    first = answer.json["errors"][0]
    assert (first["line"], first["field"]) == (line, field)
    assert message in first["message"]
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize("symbol", ["A B", "x" * 33, "A,B", "\x07"])
def test_a_symbol_that_cannot_be_a_name_is_refused(client, filled_database, symbol):
    answer = upload(client, GOOD, symbol=symbol)

    assert is_problem(answer, 400)
    assert answer.json["errors"][0]["field"] == "symbol"
    assert stored_rows(filled_database) == NOTHING


class Rows(io.RawIOBase):
    """A price file that never ends; counts what was read of it."""

    def __init__(self):
        self.taken = 0
        self._row = b"2024-01-02,10,11,9,10.5,100\n"

    def readable(self):
        return True

    def readinto(self, buffer):
        rest = self.taken % len(self._row)
        count = min(len(buffer), len(self._row) - rest)
        buffer[:count] = self._row[rest : rest + count]
        self.taken += count
        return count


def test_a_price_file_of_100_mb_is_refused_with_the_size_that_is_taken(client, filled_database):
    row = "2024-01-02,10,11,9,10.5,100\n"
    large = (HEADER + row * (100_000_000 // len(row))).encode()
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="acme.csv"\r\n\r\n'
    form = {"data": head + large + b"\r\n--cut--\r\n", "content_type": "multipart/form-data; boundary=cut"}

    as_body = client.post("/api/datasets?symbol=ACME", data=large, content_type="text/csv")
    as_form = client.post("/api/datasets", **form)

    assert is_problem(as_body, 413)
    assert is_problem(as_form, 413)
    assert "at most 64 MiB" in as_body.json["detail"]
    assert stored_rows(filled_database) == NOTHING


def test_a_file_sent_in_chunks_is_read_no_further_than_is_taken_and_never_kept_in_part(filled_database):
    small = replace(Settings(), database_url=str(filled_database.engine.url), max_upload_mib=1)
    client = create_app(small, database=filled_database).test_client()
    rows = Rows()

    answer = client.post(
        "/api/datasets?symbol=ACME",
        content_type="text/csv",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": io.BufferedReader(rows), "wsgi.input_terminated": True},
    )

    assert is_problem(answer, 413)
    assert rows.taken <= 2 * MIB
    assert stored_rows(filled_database) == NOTHING


def test_a_person_gets_the_page_back_with_what_was_wrong(client, filled_database):
    form = client.post("/run_backtest", data={"symbols": "NONE"}, headers=PAGE)
    file = upload(client, GOOD.replace("04,10,11,9", "04,-10,11,9"), path="/datasets", headers=PAGE)

    assert [(answer.status_code, answer.mimetype) for answer in (form, file)] == [(400, "text/html")] * 2
    assert "is required" in form.text
    assert "Line 4" in file.text
    assert stored_rows(filled_database) == NOTHING


@pytest.mark.parametrize(
    "run_id", ["none", "0", "a" * 2_000, "%00", "%F0%9F%9A%80", "..%2F..", "%ff", "' OR 1=1 --", "{{7*7}}"]
)
@pytest.mark.parametrize(
    "path",
    ["/status/{}", "/runs/{}", "/api/runs/{}", "/runs/{}/trades.csv", "/api/runs/{}/curves", "/datasets/{}"],
)
def test_what_is_not_there_is_404_whatever_it_is_called(client, path, run_id):
    answer = client.get(path.format(quote(run_id, safe="%")))

    assert is_problem(answer, 404)
    assert "49" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=ten", "limit"), ("limit=٣", "limit"),
        ("sort=notes", "sort"), ("order=up", "order"), ("status=DONE", "status"), ("starred=2", "starred"),
        ("created_from=yesterday", "created_from"), ("created_to=9999-12-31", "created_to"),
        ("after=x", "after"), ("after=bnVsbA", "after"), ("q=" + "x" * 201, "q"), ("symbol=%00", "symbol"),
    ],
)  # fmt: skip
def test_a_wrong_query_of_the_list_is_told_by_its_name(client, query, field):
    answer = client.get(f"/api/runs?{query}")

    assert is_problem(answer, 400)
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""), ({"name": 5}, "name"), ({"name": "x" * 201}, "name"), ({"tags": "a" * 41}, "tags"),
        ({"tags": [1]}, "tags"), ({"starred": "maybe"}, "starred"), ({"status": "SUCCEEDED"}, "status"),
    ],
)  # fmt: skip
def test_a_wrong_annotation_is_told_by_its_name_and_changes_nothing(client, submit, body, field):
    run_id = submit()

    answer = client.patch(f"/api/runs/{run_id}", json=body)

    assert is_problem(answer, 400)
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert client.get(f"/api/runs/{run_id}").json["name"] is None


def test_an_idempotency_key_that_is_too_long_is_refused(client, filled_database):
    answer = client.post("/run_backtest", json=SMALLEST, headers={"Idempotency-Key": "k" * 129})

    assert is_problem(answer, 400)
    assert answer.json["errors"][0]["field"] == "Idempotency-Key"
    assert stored_rows(filled_database) == NOTHING


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client of one application, and a finished run in it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('bad_input') / 'record.sqlite3'}"
    with with_a_result(url) as (app, run_id):
        yield app.test_client(), run_id


def send(client, method, path, body):
    """Send a body of JSON; numbers too large for it become 1e400, which JSON has and no computer."""
    text = json.dumps(body).replace('"1e999"', "1e400")
    return client.open(path, method=method, data=text, content_type="application/json")


@pytest.mark.parametrize("field", [field.name for field in REQUEST_FIELDS])
def test_no_value_of_a_field_of_the_request_makes_a_5xx(served, field):
    client, _ = served

    @MANY
    @given(value=VALUES)
    def each(value):
        answer = send(client, "POST", "/run_backtest", SMALLEST | {field: value})
        assert answer.status_code in (202, 409) or is_problem(answer, 400), answer.text
        checked = send(client, "POST", "/api/check", SMALLEST | {field: value})
        assert checked.status_code == 200, checked.text

    each()


@pytest.mark.parametrize("rule_type", rules.names())
def test_no_value_of_a_parameter_of_a_rule_makes_a_5xx(served, rule_type):
    client, _ = served
    names = [field.name for field in rules.get(rule_type).params] + ["unknown"]

    @MANY
    @given(params=st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    def each(params):
        answer = send(client, "POST", "/run_backtest", SMALLEST | {"rule_type": rule_type, "params": params})
        assert answer.status_code == 202 or is_problem(answer, 400), answer.text

    each()


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "/api/strategies", ("name", "request")),
        ("PATCH", "/api/runs/{}", ("name", "notes", "tags", "starred")),
        ("POST", "/api/check", ("symbols", "params", "rule_type")),
    ],
)
def test_no_body_of_another_door_makes_a_5xx(served, method, path, fields):
    client, run_id = served
    names = st.sampled_from(fields) | st.text(max_size=5)

    @settings(MANY, max_examples=150)
    @given(body=st.dictionaries(names, VALUES, max_size=4) | VALUES)
    def each(body):
        answer = send(client, method, path.format(run_id), body)
        assert answer.status_code in (200, 201) or is_problem(answer, 400, 404), answer.text

    each()


@pytest.mark.parametrize("value", ["1e400", "[-1e400]", '{"deep": [1e400]}'])
def test_a_preset_with_a_number_that_cannot_be_kept_is_refused_by_its_field(client, filled_database, value):
    text = f'{{"name": "mine", "request": {{"size": {value}, "fee_rate": 0}}}}'

    answer = client.post("/api/strategies", data=text, content_type="application/json")

    assert is_problem(answer, 400)
    assert [error["field"] for error in answer.json["errors"]] == ["request.size"]
    assert stored_rows(filled_database) == NOTHING


def test_a_preset_may_hold_a_wrong_filling_and_the_form_shows_it(client):
    body = {"name": "mine", "request": {"size": "a lot", "symbols": [], "params": None, "fee_rate": 10**400}}

    saved = client.post("/api/strategies", json=body)

    assert saved.status_code == 201
    assert client.get("/", query_string={"preset": saved.json["id"]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (
            "/api/runs",
            ("q", "symbol", "status", "tag", "sort", "order", "after", "limit", "created_from", "created_to"),
        ),
        (
            "/runs",
            ("q", "symbol", "status", "tag", "sort", "order", "after", "limit", "created_from", "created_to"),
        ),
        ("/status/{}", ("charts", "points")),
        ("/api/runs/{}/curves", ("names", "symbol", "from", "to", "points")),
        ("/api/symbols", ("q", "limit")),
        ("/runs/{}", ("tab", "sort", "order", "page", "symbol", "side", "exit_reason")),
        ("/compare", ("run", "differences")),
        ("/", ("run", "preset", "symbols", "rule_type")),
    ],
)
def test_no_query_string_makes_a_5xx(served, path, names):
    client, run_id = served

    @settings(MANY, max_examples=60)
    @given(query=st.dictionaries(st.sampled_from(names), SCALARS.map(str), max_size=3))
    def each(query):
        query = {name: text.encode("utf-8", "replace") for name, text in query.items()}
        answer = client.get(path.format(run_id), query_string=query)
        assert answer.status_code < 500, answer.text

    each()


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_a_number_in_an_address_that_no_column_can_hold_is_an_address_that_does_not_exist(
    client, submit, number
):
    rules = [rule for rule in client.application.url_map.iter_rules() if "<int:" in rule.rule]
    own = submit()
    asked = [(method, rule.rule) for rule in rules for method in rule.methods & {"GET", "POST", "DELETE"}]

    answers = [
        client.open(re.sub(r"<int:\w+>", str(number), path).replace("<run_id>", own), method=method)
        for method, path in asked
    ]

    assert len(answers) >= 5
    assert {answer.status_code for answer in answers} <= {404, 405}
    assert 404 in {answer.status_code for answer in answers}
