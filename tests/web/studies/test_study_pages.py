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


def test_the_windows_of_a_walk_forward_are_a_table_beside_their_account_and_the_drift_of_their_settings(
    client, finished_study
):
    study_id = finished_study(walk_forward={"train_bars": 750, "test_bars": 250}, minimum_trades=1)

    page = client.get(f"/studies/{study_id}?tab=walk-forward", headers=PAGE).text

    assert page.count('<th scope="row"') == 8
    assert "Out of sample" in page
    lines = re.findall(r'<polyline class="line (\w+)" points="([^"]*)"', page)
    assert [name for name, _ in lines] == ["best_in_sample", "benchmark", "equity"]
    assert {points.count(",") for _, points in lines} == {300}
    assert len(re.findall(r'<line class="axis" ', page)) == 7
    assert [name for name in ("fast", "slow") if f'aria-label="{name} of each window"' in page] == [
        "fast",
        "slow",
    ]


THREE = {"space": {"params.fast": [5, 10], "params.slow": [20, 40, 80], "stop_loss_pct": [None, 5]}}


def test_three_inputs_are_small_heatmaps_on_one_scale_and_can_be_taken_together(client, finished_study):
    study_id = finished_study(**THREE)

    each = client.get(f"/studies/{study_id}", headers=PAGE).text
    whole = client.get(f"/studies/{study_id}?each=none", headers=PAGE).text

    assert re.findall(r'<h3 class="small" id="part-\d">([^<]*)<', each) == [
        "stop-loss off",
        "stop-loss 5%",
    ]
    assert (each.count('class="heat-cells"'), len(re.findall("data-trial=", each))) == (2, 12)
    assert (whole.count('class="heat-cells"'), len(re.findall("data-trial=", whole))) == (1, 6)


@pytest.mark.parametrize(
    ("scale", "middle"), [("zero", "grey: 0.00"), ("holding", "holding"), ("sequential", "middle: ")]
)
def test_the_colours_stand_for_distances_from_zero_from_holding_or_from_the_lowest(
    client, finished_study, scale, middle
):
    study_id = finished_study()

    page = client.get(f"/studies/{study_id}?scale={scale}", headers=PAGE).text
    summary = client.get(f"/api/studies/{study_id}").json["summary"]["accounts"][0]

    legend = re.search(r'<div class="heat-legend.*?</div>', page, re.S)[0]
    fills = set(
        re.findall(
            r'<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="[\d.]+" fill="(#\w+)" data-trial', page
        )
    )
    assert middle in legend
    assert (f"grey: {summary['holding']['sharpe_ratio']:.2f}, holding" in legend) == (scale == "holding")
    assert ("#00224e" in fills and "#fee838" in fills) == (scale == "sequential")


def test_the_columns_of_the_table_are_chosen_and_kept_when_it_is_sorted(client, finished_study):
    study_id = finished_study()

    page = client.get(
        f"/studies/{study_id}?tab=trials&columns=final_equity&columns=num_trades", headers=PAGE
    ).text

    heads = re.findall(r'<th scope="col" class="num" [^>]*><a href="([^"]*)">([^<]*)<', page)
    assert [name for _, name in heads] == ["Trial", "fast", "slow", "Sharpe ratio", "Equity", "Trades"]
    assert all("columns=final_equity" in address and "columns=num_trades" in address for address, _ in heads)


def test_selected_trials_are_opened_as_runs_side_by_side_and_no_more_than_ten(client, finished_study):
    study_id = finished_study()

    opened = client.post(f"/studies/{study_id}/compare", data={"trial": ["0", "3", "0"]}, headers=PAGE)
    refused = [
        client.post(f"/studies/{study_id}/compare", data={"trial": trials}, headers=PAGE).status_code
        for trials in ([], ["x"], [str(number) for number in range(11)], ["99999"])
    ]

    runs = re.findall("run=([0-9a-f-]{36})", opened.location)
    assert [client.get(f"/api/runs/{run_id}").json["params"] for run_id in runs] == [
        {"fast": 5, "slow": 20}, {"fast": 10, "slow": 20},
    ]  # fmt: skip
    assert refused == [400, 400, 400, 400]


def test_the_room_of_overfitting_says_what_the_best_trial_is_worth(client, finished_study):
    study_id = finished_study(holdout_pct=20)

    page = client.get(f"/studies/{study_id}?tab=overfitting", headers=PAGE).text

    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    for said in ("Expected of the best by luck", "With the independent ones alone", "SPA", "Reality Check",
                 "Rank of the winner out of sample", "Hold-out from"):  # fmt: skip
        assert said in text


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
