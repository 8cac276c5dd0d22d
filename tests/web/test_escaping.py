"""Markup in every free text that a client can give, looked for on every page as the server sends it."""

import base64
import hashlib
import io
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from store.queries import runs
from tests.web.conftest import PAGE, SMALLEST, complete
from tests.web.submission.test_submit import FORM

NASTY = "<script>alert(1)</script>"
QUOTED = "\"'><img src=x onerror=alert(1)>"
MARKUP = re.compile(r"<script>alert|<img src=x|javascript:alert", re.IGNORECASE)
CSV = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10.5,100\n"


def pages_of(run_id):
    tabs = [f"/runs/{run_id}?tab={tab}" for tab in ("overview", "trades", "returns", "risk", "settings")]
    return ["/", "/runs", "/datasets", "/docs", f"/compare?run={run_id}", f"/runs/{run_id}/report.html",
            f"/?run={run_id}", *tabs]  # fmt: skip


@pytest.fixture(params=[NASTY, QUOTED], ids=["element", "attribute"])
def nasty(request):
    return request.param


def test_what_people_write_about_a_run_is_text_on_every_page(client, finished, nasty):
    run_id = finished()

    client.patch(f"/api/runs/{run_id}", json={"name": nasty, "notes": nasty, "tags": [nasty]})
    client.post("/api/strategies", json={"name": nasty, "request": SMALLEST | {"symbols": [nasty]}})

    pages = {path: client.get(path, headers=PAGE) for path in pages_of(run_id)}
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(pages, 200)
    assert [path for path, page in pages.items() if MARKUP.search(page.text)] == []
    assert sum("alert(1)" in page.text for page in pages.values()) >= 10


@pytest.mark.parametrize("name", ["symbols", "rule_type", "params.fast", "params.entry", "start_date", "fee_rate",
                                  "benchmark", "run_id", "size_type", "unknown"])  # fmt: skip
def test_what_is_typed_into_the_form_comes_back_as_text(client, name, nasty):
    typed = FORM | {name: nasty} | ({"rule_type": "EXPRESSION"} if name == "params.entry" else {})

    answer = client.post("/run_backtest", data=typed, headers=PAGE)

    assert answer.status_code == 400
    assert MARKUP.search(answer.text) is None


@pytest.mark.parametrize("path", ["/?symbols={}", "/?run={}", "/?preset={}", "/runs?q={}", "/runs?tag={}", "/runs?sort={}",
                                  "/runs/{}", "/compare?run={}", "/datasets/{}", "/{}", "/sign-in?next={}",
                                  "/fragments/params?rule_type={}"])  # fmt: skip
def test_what_an_address_holds_comes_back_as_text(client, path, nasty):
    answer = client.get(path.format(quote(nasty, safe="")), headers=PAGE)

    assert answer.status_code < 500
    assert MARKUP.search(answer.text) is None


def test_a_file_is_never_named_by_its_sender_and_its_name_is_text(
    client, filled_database, nasty, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = [
        f"{nasty}.csv",
        "../../escaped.csv",
        "/etc/escaped.csv",
        "..\\escaped.csv",
        "C:\\x\\escaped.csv",
        "\x00.csv",
    ]

    answers = [client.post("/datasets", data={"file": (io.BytesIO(b"no prices"), name), "symbol": nasty}, headers=PAGE)
               for name in names]  # fmt: skip

    assert {answer.status_code for answer in answers} == {400}
    assert [answer.text for answer in answers if MARKUP.search(answer.text)] == []
    assert list(tmp_path.rglob("*escaped*")) == []


def test_a_path_as_the_name_of_a_file_becomes_a_refused_symbol_and_no_file(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    answer = client.post(
        "/datasets", data={"file": (io.BytesIO(CSV.encode()), "../../x y.csv")}, headers=PAGE
    )

    assert answer.status_code == 400
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {"backtest"}


def test_markup_is_no_symbol_and_the_refusal_shows_it_as_text(client):
    answer = client.post(
        "/datasets", data={"file": (io.BytesIO(CSV.encode()), "x.csv"), "symbol": "<B>X</B>"}, headers=PAGE
    )

    assert answer.status_code == 400
    assert "<B>" not in answer.text
    assert "&lt;B&gt;" in answer.text


def test_the_message_of_a_failed_run_is_text(client, filled_database, submit, nasty):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(session, run_id, code=nasty[:20], message=nasty, now=datetime.now(UTC))

    pages = [client.get(path, headers=PAGE).text for path in (f"/runs/{run_id}", "/runs", "/")]

    assert [page for page in pages if MARKUP.search(page)] == []
    assert "alert(1)" in pages[0]


def test_an_expression_with_markup_is_text_on_the_page_of_its_run(client, filled_database):
    expression = "close > open and close < 1e9"
    body = SMALLEST | {"rule_type": "EXPRESSION", "params": {"entry": expression, "exit": "close < 1"}}
    run_id = client.post("/run_backtest", json=body).json["run_id"]
    complete(filled_database, run_id)

    page = client.get(f"/runs/{run_id}", headers=PAGE).text

    assert "close &gt; open" in page
    assert "close < 1e9" not in page


def test_no_page_has_inline_script_style_or_handler_and_each_has_the_whole_policy(client, finished):
    run_id = finished()
    inline = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)

    for path in [*pages_of(run_id), "/runs/none", "/nowhere", f"/datasets/{'0' * 64}"]:
        answer = client.get(path, headers=PAGE)
        policy = answer.headers["Content-Security-Policy"]
        assert inline.search(_without_its_own_scripts(answer)) is None, path
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def _without_its_own_scripts(answer):
    """The page without the scripts that its policy names by their hash, and without data: the report holds both."""

    def removed(script):
        digest = base64.b64encode(hashlib.sha256(script[2].encode()).digest()).decode()
        is_known = f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
        return "" if is_known or 'type="application/json"' in script[1] else script[0]

    without_scripts = re.sub(r"<script([^>]*)>(.*?)</script>", removed, answer.text, flags=re.DOTALL)
    return re.sub(r"<style>.*?</style>", "", without_scripts, flags=re.DOTALL)
