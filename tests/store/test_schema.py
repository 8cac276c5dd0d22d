"""The schema is migrated from nothing to head, and a database behind it is refused."""

import os
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from store import schema
from store.__main__ import main
from store.errors import SchemaAhead, SchemaBehind
from store.models import Base
from store.session import Database


@pytest.fixture
def empty(database_url):
    database = Database.open(database_url)
    yield database
    database.close()


def differences(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)


def test_the_migrations_from_nothing_to_head_give_exactly_the_tables_of_the_models(empty):
    before, after = schema.upgrade(empty.engine)

    assert (before, after) == (None, schema.head())
    assert differences(empty.engine) == []


def test_a_column_that_only_the_database_has_would_be_seen(empty):
    schema.upgrade(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("ALTER TABLE presets ADD COLUMN colour INTEGER"))

    assert [(change[0], change[3].name) for change in differences(empty.engine)] == [
        ("remove_column", "colour")
    ]


def test_every_check_constraint_of_the_models_is_in_the_database(empty):
    schema.upgrade(empty.engine)

    names = {check["name"] for check in inspect(empty.engine).get_check_constraints("runs")}

    assert "ck_runs_status_known" in names


def test_versions_are_numbers_in_the_order_in_which_they_are_applied():
    """A release knows a later version of the schema, whose migration it does not have, by its number."""
    versions = [each.revision for each in ScriptDirectory(str(schema._FOLDER)).walk_revisions()]

    assert versions == sorted(versions, reverse=True)
    assert all(len(each) == 4 and each.isdigit() for each in versions)


def test_there_is_one_head_and_one_way_to_it():
    script = ScriptDirectory(str(schema._FOLDER))

    assert script.get_heads() == [schema.head()]
    assert all(not revision.is_branch_point for revision in script.walk_revisions())


def test_an_upgrade_of_a_database_at_head_changes_nothing(empty):
    schema.upgrade(empty.engine)

    assert schema.upgrade(empty.engine) == (schema.head(), schema.head())


def test_several_upgrades_at_once_wait_for_each_other_and_all_end_at_head(database_url, empty):
    command = [sys.executable, "-m", "store", "upgrade"]
    environment = os.environ | {"DATABASE_URL": database_url}

    started = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(4)
    ]
    output = [process.communicate(timeout=600)[0] for process in started]

    assert [process.returncode for process in started] == [0] * 4, output
    assert all(text.startswith(f"schema is at {schema.head()}") for text in output)
    assert differences(empty.engine) == []


def test_the_tables_can_be_taken_away_again_and_come_back(empty):
    schema.upgrade(empty.engine)
    with empty.engine.connect() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        schema.command.downgrade(config, "base")
        connection.commit()

    assert set(inspect(empty.engine).get_table_names()) == {"alembic_version"}
    schema.upgrade(empty.engine)
    assert differences(empty.engine) == []


def test_an_empty_database_is_refused_with_what_it_has_what_is_needed_and_what_to_do(empty):
    with pytest.raises(SchemaBehind) as refused:
        schema.require_head(empty.engine)

    assert str(refused.value) == (
        f"the database's schema is at nothing, this release needs {schema.head()}: run python -m store upgrade"
    )


def test_a_database_of_another_release_is_refused_by_the_name_of_its_version(empty):
    schema.upgrade(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(SchemaBehind, match=f"is at 0000, this release needs {schema.head()}"):
        schema.require_head(empty.engine)


def test_a_database_at_head_is_accepted(empty):
    schema.upgrade(empty.engine)

    assert schema.require_head(empty.engine) is None


@pytest.fixture
def rolled_back(empty):
    """A database that a later release has migrated."""
    schema.upgrade(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    return empty


def test_after_a_rollback_the_later_schema_is_sufficient_and_an_upgrade_leaves_it_alone(rolled_back):
    assert schema.require_sufficient(rolled_back.engine) == "9999"
    assert schema.upgrade(rolled_back.engine) == ("9999", "9999")
    assert schema.current(rolled_back.engine) == "9999"


def test_after_a_rollback_the_gate_of_a_release_opens(rolled_back, database_url, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert [main([command]) for command in ("upgrade", "current")] == [0, 0]

    assert capsys.readouterr().out.splitlines() == [
        "schema is at 9999, nothing to do",
        f"schema is at 9999, this release needs {schema.head()}",
    ]


def test_what_must_know_every_table_is_refused_on_a_later_schema(rolled_back):
    with pytest.raises(SchemaAhead, match=f"is at 9999, which a later release made.* knows {schema.head()}"):
        schema.require_head(rolled_back.engine)


def test_on_the_command_line_current_tells_the_version_and_upgrade_that_there_is_nothing_to_do(
    database_url, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)

    codes = [main([command]) for command in ("current", "upgrade", "upgrade", "current")]

    head = schema.head()
    assert codes == [1, 0, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        f"schema is at nothing, this release needs {head}",
        f"schema is at {head}, was at nothing",
        f"schema is at {head}, nothing to do",
        f"schema is at {head}, this release needs {head}",
    ]


def test_on_the_command_line_a_database_that_is_away_asks_to_try_again_and_tells_no_secret(
    monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://root:marked-secret@127.0.0.1:1/record")

    assert main(["upgrade"]) == os.EX_TEMPFAIL

    output = capsys.readouterr().err
    assert "check that it is running and that DATABASE_URL is correct, then try again" in output
    assert "marked-secret" not in output


def test_on_the_command_line_a_migration_that_was_cut_off_is_a_fault_and_not_tried_again(
    database_url, empty, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (run_id INTEGER)"))

    assert main(["upgrade"]) == 1

    assert "the database cannot be used: OperationalError" in capsys.readouterr().err
