"""Studies over HTTP: submitted, checked, listed, paged through, exported, cancelled, completed, deleted."""

import csv
import io
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from backtest.prices.dataset import Dataset
from backtest.studies.execution import processors
from store.queries.studies import studies
from tests.web.conftest import complete
from tests.web.studies.conftest import STUDY, execute
from workflows.parsing.study_timer import StudyTimer
from workflows.studies import submission

TRIALS = 15  # of 6 x 3 pairs three have a fast average that is not faster than the slow one


def test_a_study_is_accepted_with_its_trials_and_where_to_watch_it(client):
    answer = client.post("/run_study", json=STUDY)

    study_id = answer.json["study_id"]
    assert (answer.status_code, answer.json["status"], answer.json["trials"]) == (202, "PENDING", TRIALS)
    assert answer.headers["Location"] == answer.json["links"]["self"] == f"/api/studies/{study_id}"


def test_a_check_tells_trials_simulations_and_seconds_and_stores_nothing(client):
    answer = client.post("/api/check_study", json=STUDY)

    assert answer.json | {"seconds": 0, "bars": 0} == {
        "ok": True, "trials": TRIALS, "refused": 3, "simulations": TRIALS, "chunks": 1, "bars": 0, "seconds": 0,
    }  # fmt: skip
    assert client.get("/api/studies").json["studies"] == []


def test_seconds_are_those_that_the_last_large_study_of_the_rule_took(
    client, finished_study, filled_database, monkeypatch
):
    study_id = finished_study()
    before = client.post("/api/check_study", json=STUDY).json
    monkeypatch.setattr(studies, "MEASURED_BARS", 1)
    with filled_database.write() as session:
        study = studies.get(session, study_id)
        study.attempts, study.completed_at = 1, study.started_at + timedelta(seconds=100.3)

    after = client.post("/api/check_study", json=STUDY).json
    other = client.post(
        "/api/check_study", json=STUDY | {"rule_type": "RSI", "space": {"params.period": [5, 9]}}
    )

    walked = client.post(
        "/api/check_study", json=STUDY | {"walk_forward": {"train_bars": after["bars"] - 10, "test_bars": 10}}
    )

    assert (before["seconds"], after["seconds"]) == (0.3, 100.3)
    assert other.json["seconds"] == 0.3
    # one window that trains on all bars but ten
    assert walked.json["seconds"] == round(100.0 * (2 - 10 / after["bars"]) + 0.3, 1)


@pytest.fixture
def two_processors(monkeypatch):
    """Two chunks are executed at once."""
    monkeypatch.setattr(processors, "available", lambda: 2)


@pytest.mark.parametrize(("timed", "shown"), [(80.0, 40.3), (None, 2.3)])
def test_a_large_study_is_timed_by_some_of_its_trials(client, monkeypatch, two_processors, timed, shown):
    asked = []

    def seconds(_self, planned, bars, hashes, payload):
        dataset = Dataset.decode(payload(hashes["SP500"]))
        asked.append((planned.trials, bars, dataset.symbol))
        return timed

    monkeypatch.setattr(submission, "SECONDS_A_BAR", 4.0 / work_of(client))
    monkeypatch.setattr(StudyTimer, "seconds", seconds)

    found = client.post("/api/check_study", json=STUDY).json

    assert found["seconds"] == shown  # two workers share it
    assert asked == [(TRIALS, found["bars"], "SP500")]


def test_a_large_study_is_timed_although_an_earlier_one_of_its_rule_was_measured(
    client, finished_study, filled_database, monkeypatch, two_processors
):
    study_id = finished_study()
    monkeypatch.setattr(studies, "MEASURED_BARS", 1)
    with filled_database.write() as session:
        study = studies.get(session, study_id)
        study.attempts, study.completed_at = 1, study.started_at + timedelta(seconds=100.3)
    monkeypatch.setattr(submission, "SECONDS_A_BAR", 4.0 / work_of(client))
    monkeypatch.setattr(StudyTimer, "seconds", lambda *_: 80.0)

    assert client.post("/api/check_study", json=STUDY).json["seconds"] == 40.3


def test_a_study_is_shared_by_no_more_processors_than_there_are(client, monkeypatch):
    monkeypatch.setattr(processors, "available", lambda: 1)
    monkeypatch.setattr(submission, "SECONDS_A_BAR", 1.5 / work_of(client))

    assert client.post("/api/check_study", json=STUDY).json["seconds"] == 1.8


def test_a_small_study_is_not_timed(client, monkeypatch, two_processors):
    monkeypatch.setattr(submission, "SECONDS_A_BAR", 1.9 / work_of(client))
    monkeypatch.setattr(StudyTimer, "seconds", pytest.fail)

    assert client.post("/api/check_study", json=STUDY).json["seconds"] == 1.2


def work_of(client):
    """Bars that the trials of the study are simulated on."""
    return TRIALS * client.post("/api/check_study", json=STUDY).json["bars"]


def test_a_walk_forward_that_was_timed_tells_seconds_by_the_bars_of_its_windows(
    client, finished_study, filled_database, monkeypatch
):
    monkeypatch.setattr(studies, "MEASURED_BARS", 1)
    bars = client.post("/api/check_study", json=STUDY).json["bars"]
    study_id = finished_study(walk_forward={"train_bars": 100, "test_bars": 50})
    with filled_database.write() as session:
        study = studies.get(session, study_id)
        study.attempts, study.completed_at = 1, study.started_at + timedelta(seconds=100.3)

    sweep = client.post("/api/check_study", json=STUDY).json

    windows = -(-(bars - 100) // 50)
    assert sweep["seconds"] == round(100.0 * bars / (bars + 100 * windows) + 0.3, 1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"space": {}}, "space"),
        ({"space": {"params.nope": [1]}}, "space.params.nope"),
        ({"symbols": ["NONE"]}, "symbols"),
        ({"holdout_pct": 95}, "holdout_pct"),
        ({"walk_forward": {"train_bars": 100_000, "test_bars": 10}}, "walk_forward.train_bars"),
        ({"space": {"params.fast": {"from": 1, "to": 5_000_000, "step": 1}}}, "space.params.fast"),
        ({"run_id": "x"}, "run_id"),
    ],
)
def test_a_wrong_study_is_refused_by_the_name_of_its_field(client, changes, field):
    answer = client.post("/run_study", json=STUDY | changes)

    assert answer.status_code == 400
    assert field in {error["field"] for error in answer.json["errors"]}
    assert client.post("/api/check_study", json=STUDY | changes).json["ok"] is False


def test_the_same_study_id_gives_the_same_study_and_another_request_is_a_conflict(client, submit_study):
    study_id = submit_study()

    again = client.post("/run_study", json=STUDY | {"study_id": study_id})
    other = client.post("/run_study", json=STUDY | {"study_id": study_id, "seed": 1})

    assert (again.status_code, again.json["study_id"], other.status_code) == (202, study_id, 409)
    assert len(client.get("/api/studies").json["studies"]) == 1


def test_a_finished_study_says_what_it_found(client, finished_study):
    study = client.get(f"/api/studies/{finished_study()}").json

    account = study["summary"]["accounts"][0]
    assert (study["status"], study["done_chunks"], study["failures"]) == ("SUCCEEDED", 1, [])
    assert account["best"]["figures"]["sharpe_ratio"] > 0
    assert 0 <= account["statistics"]["deflated"]["probability"] <= 1


def test_pages_of_trials_in_order_are_the_whole_table_once(client, finished_study):
    address = f"/api/studies/{finished_study()}/trials?limit=4&sort=total_return&order=asc"

    found = []
    while address:
        page = client.get(address).json
        found += page["trials"]
        address = page["next"]

    returns = [trial["figures"]["total_return"] for trial in found]
    assert returns == sorted(returns)
    assert sorted(trial["trial"] for trial in found) == list(range(TRIALS))


def test_trials_are_filtered_by_the_value_of_an_input(client, finished_study):
    trials = client.get(f"/api/studies/{finished_study()}/trials?params.slow=40").json["trials"]

    assert {trial["values"]["params.slow"] for trial in trials} == {40}
    assert len(trials) == 6


@pytest.mark.parametrize(
    "query", ["sort=nope", "order=up", "limit=0", "after=x", "params.slow=41", "symbol=NONE"]
)
def test_a_wrong_query_of_trials_is_refused(client, finished_study, query):
    assert client.get(f"/api/studies/{finished_study()}/trials?{query}").status_code == 400


@pytest.mark.parametrize("objective", ["sharpe_ratio", "calmar_ratio", "volatility", "annual_return"])
def test_the_table_ranks_as_the_result_does(client, finished_study, objective):
    study_id = finished_study(objective=objective)
    best = client.get(f"/api/studies/{study_id}").json["summary"]["accounts"][0]["best"]
    order = "asc" if objective == "volatility" else "desc"

    first = client.get(f"/api/studies/{study_id}/trials?eligible=true&limit=1&order={order}").json["trials"][
        0
    ]

    assert first["trial"] == best["trial"]


def test_a_heatmap_shows_the_best_trial_of_each_cell(client, finished_study):
    study_id = finished_study()
    trials = client.get(f"/api/studies/{study_id}/trials").json["trials"]

    cells = client.get(f"/api/studies/{study_id}/heatmap").json

    assert (cells["x"], cells["y"]) == ("params.fast", "params.slow")
    expected = {(t["values"]["params.slow"], t["values"]["params.fast"]): t["objective"] for t in trials}
    for y, row in zip(cells["y_values"], cells["cells"], strict=True):
        assert row == [expected.get((y, x)) for x in cells["x_values"]]


@pytest.mark.parametrize("value", ["median", "profitable", "plateau"])
def test_a_heatmap_of_one_input_takes_the_others_together(client, finished_study, value):
    study_id = finished_study(space={"params.fast": [5, 10, 15]})

    cells = client.get(f"/api/studies/{study_id}/heatmap?value={value}").json

    assert cells["y"] is None
    assert [len(row) for row in cells["cells"]] == [3]


def test_exports_hold_every_trial(client, finished_study):
    study_id = finished_study()

    rows = list(csv.DictReader(io.StringIO(client.get(f"/studies/{study_id}/trials.csv").text)))
    table = pq.read_table(io.BytesIO(client.get(f"/studies/{study_id}/trials.parquet").data))

    assert len(rows) == table.num_rows == TRIALS
    assert [float(row["sharpe_ratio"]) for row in rows] == table["sharpe_ratio"].to_pylist()


def test_a_text_of_a_study_is_no_formula_in_a_spreadsheet(client, finished_study):
    formulas = ["-close < 1", "close > sma(close, 3)"]
    study_id = finished_study(
        rule_type="EXPRESSION", params={"exit": "close < sma(close, 3)"}, space={"params.entry": formulas}
    )

    rows = list(csv.DictReader(io.StringIO(client.get(f"/studies/{study_id}/trials.csv").text)))

    assert [row["params.entry"] for row in rows] == ["'-close < 1", "close > sma(close, 3)"]


def test_the_number_of_a_trial_that_no_study_has_is_not_found(client, finished_study):
    study_id = finished_study()

    for number in (TRIALS, 2**31, 2**63, 10**30):
        answer = client.post(f"/studies/{study_id}/trials/{number}/run")
        assert (answer.status_code // 100, answer.mimetype) == (4, "application/problem+json")


def test_a_trial_opened_as_a_run_has_its_figures(client, filled_database, finished_study):
    study_id = finished_study()
    trial = client.get(f"/api/studies/{study_id}/trials?limit=1").json["trials"][0]

    opened = client.post(f"/studies/{study_id}/trials/{trial['trial']}/run")
    complete(filled_database, opened.json["run_id"])

    metrics = client.get(f"/api/runs/{opened.json['run_id']}").json["metrics"]
    assert {name: metrics[name] for name in trial["figures"]} == trial["figures"]
    page = client.get(f"/runs/{opened.json['run_id']}", headers={"Accept": "text/html"}).text
    assert f'<a href="/studies/{study_id}">Trial {trial["trial"]} of a study</a>' in page
    assert client.post(f"/studies/{study_id}/trials/999/run").status_code == 400


def test_every_symbol_on_its_own_has_a_table_of_its_own(client, finished_study):
    study_id = finished_study(symbols=["SP500", "NASDAQ"], symbols_mode="each")

    first, second = (
        client.get(f"/api/studies/{study_id}/trials?symbol={symbol}&sort=trial&order=asc").json["trials"]
        for symbol in ("SP500", "NASDAQ")
    )

    assert [trial["values"] for trial in first] == [trial["values"] for trial in second]
    assert first[0]["figures"] != second[0]["figures"]


def test_a_cancelled_study_can_be_completed_and_a_complete_one_not(client, filled_database, submit_study):
    study_id = submit_study()

    cancelled = client.post(f"/studies/{study_id}/cancel").json
    again = client.post(f"/studies/{study_id}/finish")
    execute(filled_database, study_id)

    assert (cancelled["cancelled"], cancelled["status"]) == (True, "CANCELLED")
    assert (again.status_code, again.json["status"]) == (202, "PENDING")
    assert client.get(f"/api/studies/{study_id}").json["status"] == "SUCCEEDED"
    assert client.post(f"/studies/{study_id}/finish").status_code == 409


def test_an_open_study_is_not_deleted_and_an_ended_one_is(client, submit_study):
    study_id = submit_study()

    open_one = client.delete(f"/api/studies/{study_id}").status_code
    client.post(f"/studies/{study_id}/cancel")

    assert open_one == 409
    assert client.delete(f"/api/studies/{study_id}").status_code == 204
    assert client.get(f"/api/studies/{study_id}").status_code == 404
    actions = [entry["action"] for entry in client.get("/api/audit").json["entries"]]
    assert actions[:2] == ["study.delete", "study.cancel"]


def test_studies_are_listed_in_pages_the_newest_first(client, submit_study):
    ids = [submit_study(seed=seed) for seed in range(3)]

    first = client.get("/api/studies?limit=2").json
    second = client.get(first["next"]).json

    listed = [study["study_id"] for study in first["studies"] + second["studies"]]
    assert listed == ids[::-1]
    assert second["next"] is None
