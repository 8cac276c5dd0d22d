"""What people do with a run afterwards, by form."""

from datetime import UTC, datetime

import pytest

from store.models import Run, Trade
from store.queries import runs
from tests.web.conftest import PAGE


def post(client, run_id, action, **form):
    return client.post(f"/runs/{run_id}/{action}", data=form, headers=PAGE)


def test_name_notes_and_tags_of_a_form_are_kept_and_the_star_is_untouched(client, finished):
    run_id = finished()
    post(client, run_id, "notes", starred="true")

    answer = post(
        client, run_id, "notes", name="Slow", notes="Looks good.\nToo good?", tags="keeper, ten years,,keeper"
    )

    found = client.get(f"/api/runs/{run_id}").json
    assert (answer.status_code, answer.location) == (303, f"/runs/{run_id}")
    assert (found["name"], found["notes"]) == ("Slow", "Looks good.\nToo good?")
    assert found["tags"] == ["keeper", "ten years"]
    assert found["starred"] is True


def test_a_run_with_a_name_still_tells_its_symbols_and_rule(client, finished):
    run_id = finished()
    post(client, run_id, "notes", name="The example")

    paths = ("/", "/runs", f"/runs/{run_id}", f"/runs/{run_id}/report.html")
    pages = [client.get(path, headers=PAGE).text for path in paths]

    assert all("The example" in page and "SP500 · Moving average cross" in page for page in pages)
    compared = client.get(f"/compare?run={run_id}", headers=PAGE).text
    assert all(text in compared for text in ("The example", "SP500", "Moving average cross"))


def test_notes_are_cleared_by_an_empty_form(client, finished):
    run_id = finished()
    post(client, run_id, "notes", name="Slow", notes="Old", tags="a")

    post(client, run_id, "notes", name="", notes="", tags="")

    found = client.get(f"/api/runs/{run_id}").json
    assert (found["name"] or "", found["notes"] or "", found["tags"]) == ("", "", [])


@pytest.mark.parametrize(
    ("form", "field"),
    [({"name": "x" * 201}, "name"), ({"tags": "x" * 41}, "tags"), ({"tags": ",".join(map(str, range(21)))}, "tags"),
     ({}, "")],
)  # fmt: skip
def test_a_wrong_note_is_named_and_changes_nothing(client, finished, form, field):
    run_id = finished()

    answer = client.post(f"/runs/{run_id}/notes", data=form)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)
    assert client.get(f"/api/runs/{run_id}").json["tags"] == []


def test_the_page_asks_before_it_deletes_and_then_everything_is_gone(client, filled_database, finished):
    run_id = finished()
    assert "Delete permanently" in client.get(f"/runs/{run_id}?tab=settings", headers=PAGE).text

    answer = post(client, run_id, "delete")

    with filled_database.read() as session:
        assert session.get(Run, run_id) is None
        assert session.query(Trade).filter_by(run_id=run_id).count() == 0
    assert (answer.status_code, answer.location) == (303, "/runs")


def test_an_open_run_cannot_be_deleted_and_the_page_says_what_to_do(client, submit):
    run_id = submit()

    answer = post(client, run_id, "delete")

    assert answer.status_code == 409
    assert "cancel" in answer.text
    assert client.get(f"/api/runs/{run_id}").status_code == 200


def test_cancelling_leads_back_to_the_run_which_says_so(client, submit):
    run_id = submit()

    answer = post(client, run_id, "cancel")

    page = client.get(answer.location, headers=PAGE).text
    assert (answer.status_code, answer.location) == (303, f"/runs/{run_id}")
    assert "Cancelled on request." in page
    assert "Edit &amp; rerun" in page


def test_a_run_that_succeeded_stays_as_it_is_when_cancelled(client, finished):
    run_id = finished()

    assert client.post(f"/runs/{run_id}/cancel").json == {
        "run_id": run_id,
        "cancelled": False,
        "status": "SUCCEEDED",
    }


def test_what_has_no_result_cannot_be_verified(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(session, run_id, code="crash", message="Killed.", now=datetime.now(UTC))

    answer = client.post(f"/runs/{run_id}/verify")

    assert answer.status_code == 409
    assert "is FAILED" in answer.json["detail"]
