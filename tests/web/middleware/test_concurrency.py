"""Limits: an answer says what is allowed and when to come back, however many replicas there are."""

import re
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

from config.settings import RequestLimits, Settings
from qa.harness.processes import LAST_RESORT_SECONDS, wait_until
from qa.harness.run_queue import add_samples
from store.queries import run_list, runs
from tests.web.conftest import PAGE, SMALLEST
from tests.web.submission.test_submit import FORM
from web.application import create_app
from web.middleware import concurrency
from web.middleware.concurrency import ConcurrencyLimit
from web.services import database

CSV = b"Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10.5,100\n"


@pytest.fixture
def replica(database):
    """Makes another replica of the web tier on one database."""
    add_samples(database)

    def replica(**limits):
        settings = Settings(database_url=str(database.engine.url), limits=replace(RequestLimits(), **limits))
        return create_app(settings, database=database).test_client()

    return replica


def stored(database):
    with database.read() as session:
        return sum(run_list.count_by_status(session).values())


def test_one_client_may_have_so_many_runs_waiting_over_all_replicas(replica, database):
    one, other = replica(waiting=2), replica(waiting=2)

    answers = [each.post("/run_backtest", json=SMALLEST) for each in (one, other, one)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert "at most 2 allowed per client" in answers[2].json["detail"]
    assert answers[2].headers["Retry-After"] == str(answers[2].json["retry_after_seconds"]) == "10"
    assert stored(database) == 2


def test_a_run_that_has_begun_makes_room_for_another(replica, database):
    client = replica(waiting=1)
    run_id = client.post("/run_backtest", json=SMALLEST).json["run_id"]
    refused = client.post("/run_backtest", json=SMALLEST)

    client.post(f"/runs/{run_id}/cancel")

    assert refused.status_code == 429
    assert client.post("/run_backtest", json=SMALLEST).status_code == 202


def test_clients_do_not_take_from_each_others_share(replica):
    client = replica(waiting=1, per_minute=1)

    answers = [
        client.post("/run_backtest", json=SMALLEST, environ_base={"REMOTE_ADDR": address})
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 429]


def test_a_minute_holds_so_many_submissions_and_then_one_by_one(replica):
    client = replica(per_minute=30)

    answers = [client.post("/run_backtest", json=SMALLEST)]
    while answers[-1].status_code == 202 and len(answers) < 300:  # on a slow machine some are free again
        answers.append(client.post("/run_backtest", json=SMALLEST))

    refused = answers[-1]
    assert len(answers) > 30
    assert refused.status_code == 429
    assert "at most 30 submissions per minute" in refused.json["detail"]
    assert refused.headers["Retry-After"] in ("1", "2")
    time.sleep(int(refused.headers["Retry-After"]) + 0.1)
    assert client.post("/run_backtest", json=SMALLEST).status_code == 202


def test_the_same_submission_again_costs_nothing_and_is_never_refused(replica, database):
    client = replica(waiting=1, per_minute=1)
    request = SMALLEST | {"run_id": "0b4b0e0a-7f4e-4f0c-9a53-0c3c9e3d3b11"}

    answers = [client.post("/run_backtest", json=request) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202] * 3
    assert stored(database) == 1


def test_twenty_submissions_at_the_same_moment_on_two_replicas_are_counted_exactly(replica, database):
    replicas = [replica(waiting=7, requests_at_once=20) for _ in range(2)]

    def submit(number):
        return replicas[number % 2].application.test_client().post("/run_backtest", json=SMALLEST).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(submit, range(20)))

    assert sorted(codes) == [202] * 7 + [429] * 13
    assert stored(database) == 7


def test_uploads_count_as_submissions(replica):
    client = replica(per_minute=2)

    codes = [
        client.post(f"/api/datasets?symbol=S{number}", data=CSV, content_type="text/csv").status_code
        for number in range(3)
    ]

    assert codes == [201, 201, 429]


def test_annotations_that_change_something_count_as_submissions(replica):
    client = replica(per_minute=3)
    run_id = client.post("/run_backtest", json=SMALLEST).json["run_id"]

    codes = [
        client.patch(f"/api/runs/{run_id}", json={"name": name}).status_code for name in ("a", "b", "b", "c")
    ]

    assert codes == [200, 200, 200, 429]
    assert client.get(f"/api/runs/{run_id}").json["name"] == "b"


def test_nothing_is_limited_where_nothing_is_said(replica, database):
    client = replica(waiting=0, per_minute=0)

    codes = {client.post("/run_backtest", json=SMALLEST).status_code for _ in range(40)}

    assert codes == {202}


def test_a_person_over_the_limit_gets_the_form_back_with_everything_typed(replica):
    client = replica(waiting=1)
    client.post("/run_backtest", data=FORM, headers=PAGE)

    answer = client.post("/run_backtest", data=FORM | {"params.fast": "17"}, headers=PAGE)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert "at most 1 allowed per client" in answer.text
    assert 'value="17"' in answer.text


@pytest.mark.parametrize(
    ("limits", "changes", "field", "message"),
    [
        ({"symbols": 2}, {"symbols": ["SP500", "GOOG", "NASDAQ"]}, "symbols", "at most 2 symbols, got 3"),
        ({"symbols": 2}, {"symbols": "SP500,GOOG,NASDAQ"}, "symbols", "at most 2 symbols, got 3"),
        ({"params": 1}, {"params": {"fast": 10, "slow": 30}}, "params", "at most 1 parameters, got 2"),
        ({"bars": 5_000}, {}, "symbols", "have 5,031 bars in total, at most 5,000"),
        ({"bars": 6_000}, {"benchmark": "GOOG"}, "symbols", "bars in total, at most 6,000"),
    ],
    ids=["symbols", "symbols as text", "parameters", "bars", "bars with the benchmark's"],
)
def test_a_run_that_asks_for_too_much_is_told_the_field_and_what_is_allowed(
    replica, database, limits, changes, field, message
):
    client = replica(**limits)

    answer = client.post("/run_backtest", json=SMALLEST | changes)
    check = client.post("/api/check", json=SMALLEST | changes).json

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert message in answer.json["errors"][0]["message"]
    assert [error["message"] for error in check["errors"]] == [answer.json["errors"][0]["message"]]
    assert stored(database) == 0


def test_a_form_that_asks_for_too_much_shows_it_at_the_field(replica):
    client = replica(symbols=1)

    answer = client.post("/run_backtest", data=FORM | {"symbols": "SP500, GOOG"}, headers=PAGE)

    assert answer.status_code == 422
    assert "must have at most 1 symbols, got 2" in answer.text


def test_a_hundred_thousand_fields_parameters_or_symbols_are_refused_before_each_is_looked_at(replica):
    client = replica(request_kib=8_192)
    many = {f"x{number}": number for number in range(100_000)}

    began = time.thread_time()
    answers = [
        client.post("/run_backtest", json=body)
        for body in (
            SMALLEST | many,
            SMALLEST | {"params": many},
            SMALLEST | {"symbols": list(many)},
            SMALLEST | {"symbols": ",".join(many)},
        )
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(("path", "kind"), [("/run_backtest", "application/json"), ("/run_backtest", FORM)])
def test_a_body_over_the_limit_is_told_what_is_allowed(replica, path, kind):
    client = replica(request_kib=16)
    body = (
        {"data": FORM | {"notes": "x" * 20_000}}
        if kind is FORM
        else {"data": b" " * 20_000, "content_type": kind}
    )

    answer = client.post(path, **body)

    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    assert "at most 16 KiB are allowed" in answer.json["detail"]


def test_an_upload_over_the_limit_is_told_what_is_allowed_and_a_smaller_one_is_taken(database):
    add_samples(database)
    client = create_app(Settings(max_upload_mib=1), database=database).test_client()
    large = CSV + b"2024-01-04,10,11,9,10.5,100\n" * 50_000

    refused = client.post("/api/datasets?symbol=LARGE", data=large, content_type="text/csv")
    taken = client.post("/api/datasets?symbol=SMALL", data=CSV, content_type="text/csv")
    page = client.post("/datasets?symbol=LARGE", data=large, content_type="text/csv", headers=PAGE)

    assert (refused.status_code, taken.status_code, page.status_code) == (413, 201, 413)
    assert "at most 1 MiB" in refused.json["detail"]
    assert "at most 1 MiB" in page.text


def test_a_limit_lets_so_many_in_has_so_many_wait_and_refuses_the_rest_at_once():
    limit = ConcurrencyLimit(2, queue=2, wait_seconds=4 * LAST_RESORT_SECONDS)
    acquired = [limit.acquire(), limit.acquire()]
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(limit.acquire) for _ in range(2)]
        assert wait_until(lambda: limit.queued == 2)

        fifth = limit.acquire()
        limit.release()
        done, still_waiting = wait(waiting, LAST_RESORT_SECONDS, FIRST_COMPLETED)
        limit.release()

    assert (acquired, fifth) == ([True, True], False)
    assert (len(done), len(still_waiting)) == (1, 1)
    assert [each.result() for each in waiting] == [True, True]


def test_a_request_that_waits_for_too_long_is_refused():
    limit = ConcurrencyLimit(1, queue=1, wait_seconds=0.05)

    assert [limit.acquire(), limit.acquire()] == [True, False]


def test_a_full_server_says_so_at_once_stays_healthy_and_goes_on(replica, monkeypatch):
    monkeypatch.setattr(concurrency, "WAIT_SECONDS", 4 * LAST_RESORT_SECONDS)
    client = replica(requests_at_once=1)
    application = client.application
    limit = application.extensions[concurrency.EXTENSION]
    release, inside = threading.Event(), threading.Event()

    def slow(run_id):
        inside.set()
        release.wait(LAST_RESORT_SECONDS)
        return {"run_id": run_id}

    monkeypatch.setitem(application.view_functions, "api.run", slow)
    threads = ThreadPoolExecutor(4)
    working = threads.submit(lambda: application.test_client().get("/api/runs/1"))
    assert inside.wait(LAST_RESORT_SECONDS)
    waiting = [threads.submit(lambda: application.test_client().get("/api/rules")) for _ in range(3)]
    assert wait_until(lambda: limit.queued == 3)

    refused, page = client.get("/api/rules"), client.get("/runs", headers=PAGE)
    health = client.get("/health")
    still_working = not working.done()
    release.set()

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in (refused, page)] == [
        (503, "2")
    ] * 2
    assert "at capacity" in refused.json["detail"]
    assert "retry in 2 s" in page.text
    assert health.status_code == 200
    assert still_working
    assert [each.result().status_code for each in (working, *waiting)] == [200] * 4
    assert client.get("/api/rules").status_code == 200


def test_signing_in_takes_a_part_of_the_slots_and_the_pages_go_on(replica, monkeypatch):
    monkeypatch.setattr(concurrency, "WAIT_SECONDS", 0.0)
    application = replica(requests_at_once=8).application
    release, inside = threading.Event(), threading.Semaphore(0)

    def slow():
        inside.release()
        release.wait(LAST_RESORT_SECONDS)
        return "signed in"

    monkeypatch.setitem(application.view_functions, "sign_in.by_token", slow)
    threads = ThreadPoolExecutor(2)
    working = [threads.submit(lambda: application.test_client().post("/sign-in")) for _ in range(2)]
    assert all(inside.acquire(timeout=LAST_RESORT_SECONDS) for _ in working)

    refused = application.test_client().post("/sign-in").status_code
    page = application.test_client().get("/runs", headers=PAGE).status_code
    release.set()

    assert (refused, page) == (503, 200)
    assert [each.result().status_code for each in working] == [200, 200]


def test_a_slot_is_given_back_whatever_became_of_the_request(replica, monkeypatch):
    client = replica(requests_at_once=1)
    monkeypatch.setitem(client.application.view_functions, "api.run", lambda run_id: 1 / 0)

    codes = [
        client.get(path).status_code for path in ("/api/runs/1", "/nowhere", "/api/runs/1", "/api/rules")
    ]

    assert codes == [500, 404, 500, 200]


def test_the_address_that_a_proxy_tells_counts_only_where_a_proxy_is_trusted(filled_database):
    forwarded = {"X-Forwarded-For": "192.0.2.7"}
    codes = {}
    for hops in (0, 1):
        settings = Settings(trusted_proxies=hops, limits=replace(RequestLimits(), waiting=1 + hops))
        client = create_app(settings, database=filled_database).test_client()
        codes[hops] = client.post("/run_backtest", json=SMALLEST, headers=forwarded).status_code

    with filled_database.read() as session:
        clients = {run.client for run in session.query(runs.Run)}
    assert codes == {0: 202, 1: 202}
    assert clients == {"address:127.0.0.1", "address:192.0.2.7"}


def test_every_endpoint_of_a_part_is_one_of_the_application(replica):
    known = set(replica().application.view_functions)

    assert known >= concurrency._HEAVY | concurrency._FROM_RESULTS | concurrency._SIGN_IN
    assert not concurrency._HEAVY & concurrency._FROM_RESULTS


WHOLE = re.compile(
    r"^(?!/health|/ready).*(check|candles|markers|curves|rolling|heatmap|/trials$|/charts/|\.(csv|parquet|json|html|png)$)"
)
"""Addresses that answer with, or from, prices, curves, trades or trials as a whole."""


def test_whatever_takes_prices_curves_trades_or_trials_as_a_whole_has_a_part_of_the_slots(replica):
    rules = replica().application.url_map.iter_rules()
    whole = {rule.endpoint for rule in rules if WHOLE.search(rule.rule)} - {"docs.description"}

    assert whole - concurrency._HEAVY - concurrency._FROM_RESULTS == set()
    assert {"curves.curves", "study_api.heatmap", "study_exports.trials_csv", "datasets.candles"} <= whole


def test_checks_and_charts_wait_for_one_another_and_not_for_uploads_nor_pages_for_them(replica, monkeypatch):
    filled = database_of(replica().application)
    monkeypatch.setattr(concurrency, "WAIT_SECONDS", 0.05)
    blocked, free = threading.Event(), threading.Event()

    def slow(*_arguments):
        blocked.set()
        free.wait(LAST_RESORT_SECONDS)
        return {"ok": True}

    monkeypatch.setattr("web.submission.submit._plan", slow)
    app = create_app(
        Settings(database_url=str(filled.engine.url), limits=replace(RequestLimits(), requests_at_once=4)),
        database=filled,
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(app.test_client().post, "/api/check", json=SMALLEST)
        blocked.wait(LAST_RESORT_SECONDS)
        client = app.test_client()
        second = client.post("/api/check", json=SMALLEST)
        chart = client.get("/api/runs/none/curves")
        page = client.get("/runs")
        upload = client.post("/api/datasets?symbol=ACME", data=CSV, content_type="text/csv")
        free.set()

    assert first.result().status_code == 200
    assert [second.status_code, chart.status_code] == [503, 503]
    assert [page.status_code, upload.status_code] == [200, 201]


def database_of(app):
    with app.app_context():
        return database()
