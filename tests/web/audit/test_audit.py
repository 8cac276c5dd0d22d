"""The audit trail: each change names its client, and is there if and only if the change is."""

import io
import json
import re

import pytest

from config import logs
from config.settings import Settings, SignIn
from store.models import Run
from store.queries import audit, tokens
from store.queries.audit import Action, Filter
from store.queries.tokens import Scope
from tests.store.builders import NOON
from tests.web.conftest import PAGE, SMALLEST, complete
from web.application import create_app

CSV = b"Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10.5,100\n"
BODY = {"symbols": ["GOOG"], "rule_type": "RSI", "params": {"period": 9}}


@pytest.fixture
def trail(filled_database):
    """Reads the trail, the oldest entry first: client, action, target and detail of each."""

    def trail():
        with filled_database.read() as session:
            entries, _ = audit.page(session, Filter(), before=None, limit=1_000)
        return [(entry.client, entry.action, entry.target_id, entry.detail) for entry in reversed(entries)]

    return trail


@pytest.fixture
def guarded(filled_database):
    """The application where every client needs a token."""
    settings = Settings(sign_in=SignIn(mode="tokens", is_chosen=True))
    return create_app(settings, database=filled_database)


@pytest.fixture
def bearer(filled_database):
    """Makes a token; gives its header and its client."""

    def bearer(scope, name="nightly"):
        with filled_database.write() as session:
            token, secret = tokens.issue(session, name=name, scope=scope, expires_at=None, now=NOON)
            return {"Authorization": f"Bearer {secret}"}, token.client

    return bearer


def test_every_change_of_a_run_names_the_client_and_what_changed(guarded, bearer, trail, filled_database):
    client, (header, who) = guarded.test_client(), bearer(Scope.ADMIN)
    waiting, done = (client.post("/run_backtest", json=SMALLEST, headers=header).json["run_id"] for _ in "ab")
    complete(filled_database, done)

    client.post(f"/runs/{waiting}/cancel", headers=header)
    client.patch(f"/api/runs/{done}", json={"name": "First", "starred": True}, headers=header)
    client.post(f"/runs/{done}/notes", data={"name": "Second", "tags": "a, b"}, headers=header)
    again = client.post(f"/runs/{done}/verify", headers=header).json["verification_run_id"]
    client.delete(f"/api/runs/{done}", headers=header)
    client.post(f"/runs/{waiting}/delete", headers=header)

    entries = trail()
    assert [(entry[0], entry[1], entry[2]) for entry in entries] == [
        (who, "run.cancel", waiting),
        (who, "run.annotate", done),
        (who, "run.annotate", done),
        (who, "run.verify", done),
        (who, "run.delete", done),
        (who, "run.delete", waiting),
    ]
    assert entries[0][3] == {"by": "nightly", "submitted_by": who}
    assert entries[1][3] == {
        "by": "nightly", "name": {"from": None, "to": "First"}, "starred": {"from": False, "to": True},
    }  # fmt: skip
    assert entries[2][3] == {
        "by": "nightly", "name": {"from": "First", "to": "Second"}, "tags": {"from": [], "to": ["a", "b"]},
    }  # fmt: skip
    assert entries[3][3] == {"by": "nightly", "executed_as": again}
    assert entries[4][3]["status"] == "SUCCEEDED"
    assert (entries[4][3]["symbols"], entries[4][3]["name"]) == (["SP500"], "Second")


def test_what_changes_nothing_leaves_no_entry(client, submit, trail):
    run_id = submit()
    client.post(f"/runs/{run_id}/cancel")

    client.post(f"/runs/{run_id}/cancel")
    client.patch(f"/api/runs/{run_id}", json={"starred": False})

    assert [entry[1] for entry in trail()] == ["run.cancel"]


def test_datasets_and_presets_name_who_brought_them(client, trail):
    uploaded = client.post("/api/datasets?symbol=ACME", data=CSV, content_type="text/csv").json
    form = {"file": (io.BytesIO(CSV + b"2024-01-04,10,11,9,10.5,100\n"), "acme.csv"), "symbol": "ACME"}
    client.post("/datasets", data=form)
    preset = client.post("/api/strategies", json={"name": "Nine", "request": BODY}).json["id"]
    client.post("/api/strategies", json={"name": "Nine", "request": BODY | {"params": {"period": 20}}})
    client.delete(f"/api/strategies/{preset}")

    entries = trail()
    assert {entry[0] for entry in entries} == {"address:127.0.0.1"}
    assert [entry[1] for entry in entries] == [
        "dataset.upload", "dataset.upload", "preset.create", "preset.change", "preset.delete",
    ]  # fmt: skip
    assert entries[0][2:] == (
        uploaded["data_hash"],
        {"symbol": "ACME", "bars": 2, "source": uploaded["source"]},
    )
    assert entries[4][2:] == (str(preset), {"name": "Nine", "saved_by": "address:127.0.0.1"})


def test_signing_in_and_out_names_the_session(guarded, bearer, trail):
    client, (header, who) = guarded.test_client(), bearer(Scope.READ)
    secret = header["Authorization"].removeprefix("Bearer ")

    client.post("/sign-in", data={"token": "sbt_wrong"}, headers=PAGE)
    client.post("/sign-in", data={"token": secret}, headers=PAGE)
    client.post("/sign-out", headers=PAGE | {"Sec-Fetch-Site": "same-origin"})

    (opened, ended) = trail()
    assert (opened[:2], opened[3]) == ((who, "session.open"), {"by": "nightly", "scope": "read"})
    assert (ended[:3], ended[3]) == ((who, "session.end", opened[2]), {"by": "nightly"})


def test_an_action_that_is_rolled_back_leaves_no_entry_and_no_line(
    client, submit, trail, monkeypatch, capsys
):
    run_id = submit()
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("web.services.Services.launcher", None)
    monkeypatch.setattr("workflows.failpoints.hit", lambda name: 1 / 0 if name == "cancel-written" else None)
    logs.configure(process="web", as_json=True)

    answer = client.post(f"/runs/{run_id}/cancel")

    assert (answer.status_code, trail()) == (500, [])
    assert client.get(f"/api/runs/{run_id}").json["status"] == "PENDING"
    assert '"event": "audit"' not in capsys.readouterr().out


def test_each_entry_is_logged_once_with_a_client_that_is_readable(guarded, bearer, capsys):
    client, (header, who) = guarded.test_client(), bearer(Scope.SUBMIT)
    run_id = client.post("/run_backtest", json=SMALLEST, headers=header).json["run_id"]
    logs.configure(process="web", as_json=True)
    capsys.readouterr()  # the submission was logged for a reader or for a program, as the test before had it

    client.post(f"/runs/{run_id}/cancel", headers=header)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["event"] == "audit"]
    assert (line["action"], line["client"], line["run_id"]) == ("run.cancel", who, run_id)
    assert re.fullmatch(r"token:\d+", line["client"])


def test_the_trail_is_for_admins_and_only_they_are_led_to_it(guarded, bearer):
    answers = {}
    for scope in Scope:
        header, _ = bearer(scope)
        client = guarded.test_client()
        answers[scope] = (
            client.get("/audit", headers=header | PAGE).status_code,
            client.get("/api/audit", headers=header).status_code,
            'href="/audit"' in client.get("/runs", headers=header | PAGE).text,
        )

    assert answers == {
        Scope.READ: (403, 403, False), Scope.SUBMIT: (403, 403, False), Scope.ADMIN: (200, 200, True),
    }  # fmt: skip


def test_the_page_is_empty_at_first_then_shows_each_entry_with_its_target(client, submit):
    empty = client.get("/audit", headers=PAGE).text
    run_id = submit()
    client.post(f"/runs/{run_id}/cancel")
    client.patch(f"/api/runs/{run_id}", json={"name": "<b>x</b>"})

    page = client.get("/audit", headers=PAGE).text

    assert "No entries yet" in empty
    assert f'href="/runs/{run_id}"' in page
    assert "run.cancel" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [("action=run.cancel", 1), ("action=run.annotate", 2), ("client=address:127.0.0.1", 3), ("client=token:1", 0),
     ("target={run}", 2), ("target={run}&action=run.cancel", 1)],
)  # fmt: skip
def test_entries_are_filtered_by_action_client_and_target(client, submit, query, found):
    run_id, other = submit(), submit()
    client.post(f"/runs/{run_id}/cancel")
    for each in (run_id, other):
        client.patch(f"/api/runs/{each}", json={"starred": True})

    address = query.format(run=run_id)
    listed = client.get(f"/api/audit?{address}").json
    page = client.get(f"/audit?{address}", headers=PAGE).text

    assert (len(listed["entries"]), listed["next"]) == (found, None)
    assert page.count('<tr><th scope="row"') == found
    assert found or "No entries match" in page


def test_pages_follow_one_another_and_show_each_entry_once(client, submit):
    run_id = submit()
    for number in range(7):
        client.patch(f"/api/runs/{run_id}", json={"name": f"name {number}"})

    names, address = [], "/api/audit?action=run.annotate&limit=3"
    while address:
        answer = client.get(address).json
        names += [entry["detail"]["name"]["to"] for entry in answer["entries"]]
        address = answer["next"]
    last = client.get("/audit?limit=3&before=4", headers=PAGE).text

    assert names == [f"name {number}" for number in reversed(range(7))]
    assert "First page" in last
    assert "Next →" not in last


@pytest.mark.parametrize(
    "query", ["action=run.steal", "before=x", "before=99999999999", "limit=0", "limit=201"]
)
def test_a_wrong_filter_is_named(client, query):
    answer = client.get(f"/api/audit?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, query.split("=")[0])


def test_a_detail_is_cut_to_a_bounded_size(filled_database, submit, trail):
    with filled_database.write() as session:
        for detail in ({"notes": "x" * 10_000}, {f"n{number}": "y" * 190 for number in range(50)}):
            audit.record(session, audit.Actor("token:1"), Action.RUN_ANNOTATE, "z" * 500, now=NOON, **detail)

    entries = trail()
    assert [len(json.dumps(entry[3])) <= audit.LONGEST_DETAIL for entry in entries] == [True, True]
    assert entries[0][3]["notes"].endswith("x…")
    assert len(entries[0][2]) == 128


def test_a_run_that_went_away_keeps_its_entries(client, submit, trail, filled_database):
    run_id = submit()
    client.post(f"/runs/{run_id}/cancel")
    client.delete(f"/api/runs/{run_id}")

    with filled_database.read() as session:
        assert session.get(Run, run_id) is None
    assert [entry[1] for entry in trail()] == ["run.cancel", "run.delete"]
