"""Saved fillings of the form, by program and by form."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from config.settings import RequestLimits, Settings, SignIn
from store.queries import tokens
from store.queries.tokens import Scope
from tests.store.builders import NOON
from tests.web.conftest import PAGE
from web.application import create_app

BODY = {"symbols": ["GOOG"], "rule_type": "RSI", "params": {"period": 9}, "stop_loss_pct": 4.5}


@pytest.fixture
def save(client):
    """Saves a preset; gives the answer."""
    return lambda name="Nine", body=BODY: client.post("/api/strategies", json={"name": name, "request": body})


def test_a_name_used_again_replaces_what_it_held(client, save):
    first = save().json

    second = save(body=BODY | {"params": {"period": 20}}).json

    assert second["id"] == first["id"]
    assert [preset["request"]["params"] for preset in client.get("/api/strategies").json["strategies"]] == [
        {"period": 20}
    ]


def test_presets_are_listed_by_name(client, save):
    for name in ("Zebra", "Apple", "Mango"):
        save(name)

    assert [preset["name"] for preset in client.get("/api/strategies").json["strategies"]] == [
        "Apple",
        "Mango",
        "Zebra",
    ]


def test_a_form_is_saved_with_everything_that_was_typed_and_comes_back_filled(client):
    typed = {"preset_name": "Slow pair", "symbols": "SP500, GOOG", "rule_type": "MOVING_AVERAGE_CROSS",
             "params.fast": "21", "params.slow": "84", "fee_rate": "0.002", "benchmark": ""}  # fmt: skip

    saved = client.post("/api/strategies", data=typed, headers=PAGE)
    page = client.get(saved.location, headers=PAGE).text

    assert saved.status_code == 303
    for name, value in (("symbols", "SP500, GOOG"), ("params.fast", "21"), ("fee_rate", "0.2")):
        assert f'name="{name}" value="{value}"' in page
    assert ">Slow pair</a>" in page


def test_a_preset_fills_its_own_parameters_and_not_those_of_the_example(client, save):
    preset_id = save(body={"rule_type": "MACD", "params": {"fast": 3}}).json["id"]

    page = client.get(f"/?preset={preset_id}").text

    assert 'name="params.fast" value="3"' in page
    assert 'name="params.slow" value="26"' in page


def test_a_deleted_preset_is_gone_and_deleting_it_again_says_so(client, save):
    preset_id = save().json["id"]

    by_form = client.post(f"/api/strategies/{preset_id}/delete", headers=PAGE)
    again = client.delete(f"/api/strategies/{preset_id}")

    assert (by_form.status_code, by_form.location) == (303, "/")
    assert (again.status_code, again.json["detail"]) == (404, f"there is no preset {preset_id}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"request": BODY}, "name"),
        ({"name": " ", "request": BODY}, "name"),
        ({"name": "x" * 101, "request": BODY}, "name"),
        ({"name": "Nine"}, "request"),
        ({"name": "Nine", "request": {"symbol": "GOOG"}}, "request.symbol"),
        ({"name": "Nine", "request": BODY, "owner": "me"}, "owner"),
    ],
)
def test_a_wrong_preset_is_refused_by_its_field_and_not_kept(client, body, field):
    answer = client.post("/api/strategies", json=body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)
    assert client.get("/api/strategies").json == {"strategies": []}


def test_a_preset_that_is_not_there_leaves_the_example(client):
    assert 'name="symbols" value="SP500"' in client.get("/?preset=99").text


def test_a_preset_over_64_kib_is_refused(client, save):
    answer = save(body=BODY | {"params": {"text": "x" * 70_000}})

    assert (answer.status_code, client.get("/api/strategies").json) == (413, {"strategies": []})
    assert "at most 64 KiB are allowed" in answer.json["detail"]


def test_saving_presets_costs_a_client_its_quota(filled_database):
    settings = Settings(limits=replace(RequestLimits(), per_minute=2))
    client = create_app(settings, database=filled_database).test_client()

    codes = [
        client.post("/api/strategies", json={"name": f"n{number}", "request": BODY}).status_code
        for number in range(3)
    ]

    assert codes == [201, 201, 429]


def test_another_clients_preset_is_changed_by_an_admin_alone(filled_database):
    app = create_app(Settings(sign_in=SignIn(mode="tokens", is_chosen=True)), database=filled_database)
    with filled_database.write() as session:
        owner, other, admin = (
            {
                "Authorization": f"Bearer {tokens.issue(session, name='t', scope=scope, expires_at=None, now=NOON)[1]}"
            }
            for scope in (Scope.SUBMIT, Scope.SUBMIT, Scope.ADMIN)
        )

    def codes(who):
        return app.test_client().post("/api/strategies", json={"name": "Nine", "request": BODY}, headers=who)

    answers = [codes(who) for who in (owner, other, owner, admin)]

    assert [answer.status_code for answer in answers] == [201, 403, 201, 201]
    assert "was saved by another client" in answers[1].json["detail"]


def test_the_home_page_loads_no_bodies_of_presets(client, save, filled_database):
    save()
    statements = []
    event.listen(filled_database.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))

    assert "Nine" in client.get("/", headers=PAGE).text
    assert not any("presets.body" in sql for sql in statements)
