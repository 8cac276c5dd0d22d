"""Presets: one body a name, stored as it was given."""

from datetime import timedelta

from store.queries import presets
from tests.store.builders import NOON

LATER = NOON + timedelta(hours=1)


def saved(database, name, body, now=NOON):
    with database.write() as session:
        return presets.save(session, name, body, now=now).id


def listed(database):
    with database.read() as session:
        return [(preset.name, preset.body) for preset in presets.list_all(session)]


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
