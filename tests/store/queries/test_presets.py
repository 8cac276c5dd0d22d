"""Presets: one body a name, stored as it was given, changed by its owner and admins alone."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert

from store.errors import Conflict, NotAllowed
from store.models import Preset
from store.queries import presets
from tests.store.builders import NOON

LATER = NOON + timedelta(hours=1)


def saved(database, name, body, now=NOON):
    with database.write() as session:
        return presets.save(session, name, body, now=now)[0].id


def listed(database):
    with database.read() as session:
        return [(preset.name, preset.body) for preset in presets.list_all(session, with_bodies=True)]


def test_presets_are_listed_by_name_with_the_body_in_the_order_it_was_given(database):
    saved(database, "weekly", {"slow": 30, "fast": 10})
    saved(database, "daily", {})

    presets_by_name = listed(database)

    assert presets_by_name == [("daily", {}), ("weekly", {"slow": 30, "fast": 10})]
    assert list(presets_by_name[1][1]) == ["slow", "fast"]


def test_saving_a_name_again_replaces_its_body_and_keeps_its_id_and_birthday(database):
    first = saved(database, "mine", {"size": 1})
    second = saved(database, "mine", {"size": 2}, LATER)

    with database.read() as session:
        preset = presets.find(session, first)
    assert first == second
    assert (preset.body, preset.created_at, preset.updated_at) == ({"size": 2}, NOON, LATER)


def test_names_that_differ_in_case_are_different_presets(database):
    saved(database, "Mine", {"size": 1})
    saved(database, "mine", {"size": 2})

    assert len(listed(database)) == 2


def test_a_name_may_be_in_any_script(database):
    saved(database, "Überkreuz 移動平均 🚀", {"params": {"text": "é"}})

    assert listed(database) == [("Überkreuz 移動平均 🚀", {"params": {"text": "é"}})]


def test_a_deleted_preset_is_gone_and_cannot_be_deleted_again(database):
    preset_id = saved(database, "mine", {})

    with database.write() as session:
        answers = [presets.remove(session, preset_id) for _ in range(2)]

    assert answers == [True, False]
    with database.read() as session:
        assert presets.find(session, preset_id) is None


def saved_by(database, client, *, is_admin=False, size=1):
    with database.write() as session:
        return presets.save(session, "mine", {"size": size}, client=client, is_admin=is_admin, now=NOON)


def test_a_preset_is_changed_by_the_client_that_saved_it_and_by_admins(database):
    changes = [
        saved_by(database, "token:1"),
        saved_by(database, "token:1", size=2),
        saved_by(database, "token:2", is_admin=True, size=3),
        saved_by(database, "token:1", size=4),
    ]

    assert [is_new for _, is_new in changes] == [True, False, False, False]
    assert listed(database) == [("mine", {"size": 4})]


@pytest.mark.parametrize("owner", ["token:1", None])
def test_another_clients_preset_stays_and_the_reason_says_what_to_do(database, owner):
    saved_by(database, owner)

    with pytest.raises(
        NotAllowed, match="'mine' was saved by another client: choose another name, or ask an admin"
    ):
        saved_by(database, "token:2", size=2)

    assert listed(database) == [("mine", {"size": 1})]


def test_there_are_at_most_500_presets_and_those_that_are_there_can_still_be_changed(database):
    rows = [
        {"name": f"n{n}", "body": {}, "created_at": NOON, "updated_at": NOON} for n in range(presets.MOST)
    ]
    with database.write() as session:
        session.execute(insert(Preset), rows)

    with pytest.raises(Conflict, match="there are 500 presets, the most that are stored"):
        saved(database, "one more", {})

    assert saved(database, "n7", {"size": 2})


def test_a_list_of_presets_loads_no_bodies(database):
    saved(database, "mine", {"size": 1})
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))

    with database.read() as session:
        assert [preset.name for preset in presets.list_all(session)] == ["mine"]

    assert len([sql for sql in statements if "FROM presets" in sql]) == 1
    assert not any("body" in sql for sql in statements)
