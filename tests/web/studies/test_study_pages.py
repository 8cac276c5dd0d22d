"""The pages of studies as the server renders them, which is all that a browser without scripts needs."""

import re
from datetime import UTC, datetime

import pytest

from store.queries.studies import studies
from tests.web.conftest import PAGE


@pytest.mark.parametrize("room", ["heatmap", "trials", "parameters", "overfitting"])
def test_every_room_of_a_study_is_rendered_while_it_waits_and_when_it_has_ended(
    client, submit_study, finished_study, room
):
    for study_id in (submit_study(seed=1), finished_study()):
        answer = client.get(f"/studies/{study_id}?tab={room}", headers=PAGE)

        assert answer.status_code == 200
        assert "Moving average cross" in answer.text


def test_the_heatmap_has_a_cell_for_each_trial_with_its_value(client, finished_study):
    page = client.get(f"/studies/{finished_study()}", headers=PAGE).text

    assert len(re.findall(r"<rect [^>]*data-trial=", page)) == 15
    assert re.search(r"<title>fast \d+, slow \d+: −?\d\.\d\d</title>", page)


def test_the_windows_of_a_walk_forward_are_a_table(client, finished_study):
    study_id = finished_study(walk_forward={"train_bars": 750, "test_bars": 250})

    page = client.get(f"/studies/{study_id}?tab=walk-forward", headers=PAGE).text

    assert page.count('<th scope="row"') == 8
    assert "Out of sample" in page


def test_the_list_names_each_study_with_its_best_trial(client, finished_study):
    study_id = finished_study()

    page = client.get("/studies", headers=PAGE).text

    assert f'href="/studies/{study_id}"' in page
    assert re.search(r'data-label="Best Sharpe">\d\.\d\d<', page)


def test_a_study_that_argo_was_given_with_a_mistake_shows_its_sentence_and_can_be_deleted(
    client, filled_database
):
    study_id = "123e4567-e89b-42d3-a456-426614174000"
    refused = studies.Refused(
        study_id=study_id,
        received={"symbols": "NOWHERE<b>", "space": {}},
        symbols=["NOWHERE<b>"],
        rule_type="",
        message="symbols: No price data for NOWHERE",
        workflow_name="by-hand",
        workflow_uid="6c6b5ad2-9b42-4f3c-9f0e-0a4e1d2f3a4b",
    )
    with filled_database.write() as session:
        studies.add_refused(session, refused, now=datetime.now(UTC))

    listed, page = client.get("/studies", headers=PAGE), client.get(f"/studies/{study_id}", headers=PAGE)
    answer, trials = (client.get(f"/api/studies/{study_id}{part}") for part in ("", "/trials"))
    finish = client.post(f"/studies/{study_id}/finish", json={})

    assert listed.status_code == 200
    assert "No price data for NOWHERE" in page.text
    assert "<b>" not in page.text.replace("NOWHERE&lt;b&gt;", "")
    assert answer.json["error_message"] == "symbols: No price data for NOWHERE"
    assert (trials.status_code, finish.status_code) == (409, 409)
    assert client.delete(f"/api/studies/{study_id}").status_code == 204
