"""Verify: a second execution is a run of its own, whose stored result is compared with the first one's."""

import pytest
from sqlalchemy import text, update

from store.models import Run
from store.queries import audit, results, runs
from tests.web.conftest import PAGE, complete


@pytest.fixture
def verified(client, filled_database, finished):
    """A finished run whose second execution has ended; what was stored may be changed before it is compared."""

    def verified(*changes, **request):
        run_id = finished(**request)
        with filled_database.write() as session:
            for statement in changes:
                session.execute(text(statement))
        answer = client.post(f"/runs/{run_id}/verify")
        complete(filled_database, answer.json["verification_run_id"])
        return run_id, client.get(f"/runs/{run_id}/verification").json

    return verified


def test_verify_computes_nothing_in_the_web_and_submits_an_ordinary_run_on_the_same_prices(
    client, filled_database, finished, monkeypatch
):
    run_id = finished(fee_rate=0.002)
    monkeypatch.setattr("backtest.run.outcome.run", lambda *_: pytest.fail("the web executed a rule"))

    answer = client.post(f"/runs/{run_id}/verify")

    again = answer.json["verification_run_id"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/runs/{run_id}/verification")
    assert (answer.json["status"], answer.json["identical"]) == ("PENDING", None)
    with filled_database.read() as session:
        first, second = runs.get(session, run_id), runs.get(session, again)
        assert runs.request_json(second) == runs.request_json(first) | {"run_id": again}
        assert (second.data_hashes, second.verifies) == (first.data_hashes, run_id)
        [entry] = audit.page(session, audit.Filter(action="run.verify"), before=None, limit=9)[0]
    assert (entry.target_id, entry.detail["executed_as"]) == (run_id, again)


def test_a_second_execution_that_gives_the_same_is_identical(verified):
    _, compared = verified()

    assert (compared["status"], compared["identical"], compared["first_difference"]) == (
        "SUCCEEDED",
        True,
        None,
    )
    assert compared["stored_result_hash"] == compared["computed_result_hash"]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("UPDATE trades SET exit_fill = exit_fill + 1 WHERE seq = 2", "trade 3 (SP500): exit_fill was"),
        ("UPDATE trades SET mae_pct = -99 WHERE seq = 0", "trade 1 (SP500): mae_pct was -99.0"),
        ("DELETE FROM trades WHERE seq = 0", "stored: "),
        ("UPDATE results SET equity = benchmark", "the trades are identical; the curve equity differs"),
        ("UPDATE results SET exposure = benchmark", "the curve exposure differs"),
    ],
)
def test_a_result_that_was_altered_is_found_out_under_its_true_hash(verified, change, difference):
    _, compared = verified(change)

    assert compared["identical"] is False
    assert difference in compared["first_difference"]


def test_figures_that_were_altered_under_the_true_hash_are_found_out(client, filled_database, finished):
    run_id = finished()
    with filled_database.write() as session:
        run = session.get(Run, run_id)
        run.metrics = run.metrics | {"total_return": 9.99}

    complete(filled_database, client.post(f"/runs/{run_id}/verify").json["verification_run_id"])

    compared = client.get(f"/runs/{run_id}/verification").json
    assert compared["identical"] is False
    assert compared["first_difference"].startswith("the metric total_return was 9.99, is ")


def test_a_result_of_an_older_release_is_compared_by_what_it_holds(verified):
    _, compared = verified("UPDATE runs SET result_hash = 'of-version-1'")

    assert compared["identical"] is True


@pytest.mark.parametrize(("version", "is_explained"), [(1, True), (2, False)])
def test_a_difference_is_explained_by_the_release_that_stored_the_result(
    client, filled_database, finished, version, is_explained
):
    run_id = finished()
    with filled_database.write() as session:
        result = results.get(session, run_id)
        result.summary = result.summary | {"result_hash_version": version}
        session.execute(text("UPDATE trades SET size = size + 1 WHERE seq = 0"))

    complete(filled_database, client.post(f"/runs/{run_id}/verify").json["verification_run_id"])

    message = client.get(f"/runs/{run_id}/verification").json["message"]
    assert ("stored by an older release" in message) is is_explained


def test_the_page_shows_progress_then_hashes_engine_and_images(client, filled_database, finished):
    run_id = finished()
    with filled_database.write() as session:
        session.execute(update(Run).values(image_tag="acme/stock-backtest:29b139e"))

    page = client.post(f"/runs/{run_id}/verify", headers=PAGE, follow_redirects=True).text
    assert "The run is being executed again." in page
    assert 'id="watch"' in page
    with filled_database.read() as session:
        again = runs.verification_of(session, run_id).run_id
    complete(filled_database, again)
    page = client.get(f"/runs/{run_id}/verification", headers=PAGE).text

    assert "Identical: a second execution" in page
    assert page.count(client.get(f"/api/runs/{run_id}").json["result_hash"][:24]) == 2
    assert "version 1 then, 1 now" in page
    assert "acme/stock-backtest:29b139e then" in page


def test_a_second_execution_that_fails_says_why(client, filled_database, finished):
    run_id = finished()
    again = client.post(f"/runs/{run_id}/verify").json["verification_run_id"]
    client.post(f"/runs/{again}/cancel")

    compared = client.get(f"/runs/{run_id}/verification").json

    assert compared["identical"] is None
    assert compared["message"] == "The second execution is CANCELLED: Cancelled on request."


def test_while_one_is_open_no_other_is_submitted_and_an_ended_one_is_replaced(
    client, filled_database, finished
):
    run_id = finished()

    first, second = (client.post(f"/runs/{run_id}/verify").json["verification_run_id"] for _ in range(2))
    complete(filled_database, first)
    third = client.post(f"/runs/{run_id}/verify").json["verification_run_id"]

    assert first == second != third
    with filled_database.read() as session:
        assert runs.find(session, first) is None
        assert results.get(session, first) is None


def test_second_executions_are_in_no_list_and_go_with_their_run(client, filled_database, verified):
    run_id, compared = verified()

    listed = [run["run_id"] for run in client.get("/api/runs").json["runs"]]
    client.delete(f"/api/runs/{run_id}")

    assert listed == [run_id]
    assert client.get(f"/api/runs/{compared['verification_run_id']}").status_code == 404


def test_what_was_never_verified_says_how(client, finished):
    run_id = finished()

    answer = client.get(f"/runs/{run_id}/verification")

    assert answer.status_code == 404
    assert f"POST /runs/{run_id}/verify executes it again" in answer.json["detail"]
