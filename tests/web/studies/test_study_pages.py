"""The pages of studies as the server renders them, which is all that a browser without scripts needs."""

import re

import pytest

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
