"""The accounts of MySQL: what each may do and what not, on a database that is served meanwhile."""

import uuid
from contextlib import closing, contextmanager

import pymysql
import pytest
from sqlalchemy import create_engine, make_url, text

from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from qa.harness.mysql import PASSWORD, USER
from store import schema
from store.__main__ import main
from store.admin import accounts
from store.errors import StoreError, is_unreachable
from store.models import Base
from store.session import Database

DDL = (
    "CREATE TABLE mine (n INT)",
    "ALTER TABLE runs ADD COLUMN mine INT",
    "DROP TABLE presets",
    "CREATE INDEX mine ON runs (status)",
    "TRUNCATE TABLE trades",
    "CREATE VIEW mine AS SELECT 1",
    "GRANT SELECT ON runs TO CURRENT_USER()",
)


@pytest.fixture
def names(mysql_server):
    """Accounts of the test's own, by the variables that name them."""
    tag = uuid.uuid4().hex[:8]
    users = {f"{role}_USER": f"{role.lower()}_{tag}" for role in ("MIGRATION", "WRITER", "READER")}
    yield users | {name.replace("_USER", "_PASSWORD"): f"{name}-secret" for name in users}
    for user in users.values():
        mysql_server.execute(f"DROP USER IF EXISTS '{user}'@'%'")


@pytest.fixture
def database(mysql_url):
    database = Database.open(mysql_url)
    yield database
    database.close()


def grant(database, names):
    return accounts.grant(database.engine, names, pods=10)


@contextmanager
def connected(database, names, role):
    url = make_url(database.engine.url)
    password = names[f"{role}_PASSWORD"]
    place = {"host": url.host, "port": url.port, "database": url.database, "autocommit": True}
    with closing(pymysql.connect(user=names[f"{role}_USER"], password=password, **place)) as connection:
        yield connection.cursor()


def url_of(database, names, role):
    url = database.engine.url.set(username=names[f"{role}_USER"], password=names[f"{role}_PASSWORD"])
    return url.render_as_string(hide_password=False)


def refused(cursor, statements):
    """The statements that the server denies the account, of these."""
    denied = []
    for statement in statements:
        try:
            cursor.execute(statement)
        except pymysql.err.OperationalError as error:
            assert "denied" in str(error)
            denied.append(statement)
    return denied


def test_the_migration_account_migrates_a_new_database_and_the_second_grant_lets_the_others_in(
    database, names
):
    before = grant(database, names)
    migrating = Database.open(url_of(database, names, "MIGRATION"))

    schema.upgrade(migrating.engine)
    migrating.close()
    grant(database, names)

    assert [dict(account.rights) for account in before[1:]] == [{}, {}]
    with connected(database, names, "WRITER") as cursor:
        for table in Base.metadata.tables:
            assert refused(cursor, [f"SELECT * FROM {table}", f"DELETE FROM {table}"]) == []
        assert cursor.execute("SELECT version_num FROM alembic_version") == 1


def test_the_account_of_web_dispatcher_and_persist_changes_data_and_no_definition(database, names):
    schema.upgrade(database.engine)
    grant(database, names)

    with connected(database, names, "WRITER") as cursor:
        assert refused(cursor, DDL) == list(DDL)
        others = ["DELETE FROM alembic_version", "SELECT * FROM mysql.user"]
        assert refused(cursor, others) == others
        now = "UTC_TIMESTAMP(), UTC_TIMESTAMP()"
        inserted = f"INSERT INTO presets (name, body, created_at, updated_at) VALUES ('a', '{{}}', {now})"
        assert cursor.execute(inserted) == 1
        assert cursor.execute("UPDATE presets SET name = 'b'") == 1


def test_the_product_serves_with_the_account_that_has_no_definitions(database, names):
    schema.upgrade(database.engine)
    grant(database, names)
    serving = Database.open(url_of(database, names, "WRITER"))

    schema.require_head(serving.engine)
    with serving.write() as session:
        session.execute(text("DELETE FROM runs"))
    serving.close()


def test_an_account_that_could_do_everything_here_and_elsewhere_loses_all_that_it_does_not_need(
    database, names, mysql_server
):
    """As the image of MySQL makes the application's account, and worse."""
    schema.upgrade(database.engine)
    name, user = database.engine.url.database, names["WRITER_USER"]
    pattern = name.replace("_", r"\_")
    mysql_server.execute(
        f"CREATE USER '{user}'@'%' IDENTIFIED BY 'old'",
        f"GRANT ALL ON `{pattern}`.* TO '{user}'@'%' WITH GRANT OPTION",
        f"GRANT ALL ON `{name}`.runs TO '{user}'@'%'",
        f"GRANT CREATE USER, RELOAD ON *.* TO '{user}'@'%'",
    )

    grant(database, names)

    with connected(database, names, "WRITER") as cursor:
        assert refused(cursor, DDL) == list(DDL)
        assert refused(cursor, ["CREATE USER mine", "FLUSH TABLES"]) == ["CREATE USER mine", "FLUSH TABLES"]
        assert cursor.execute("SELECT * FROM runs") == 0


def test_granting_again_changes_nothing_but_the_password(database, names):
    schema.upgrade(database.engine)
    grant(database, names)
    with database.engine.connect() as connection:
        held = accounts._held(connection, names["READER_USER"])

    grant(database, names | {"READER_PASSWORD": "another"})

    with database.engine.connect() as connection:
        assert accounts._held(connection, names["READER_USER"]) == held == {("`datasets`", "SELECT")}
    with pytest.raises(pymysql.err.OperationalError, match="denied"), connected(database, names, "READER"):
        pass


def test_the_account_of_the_engine_step_reads_prices_and_nothing_else(database, names):
    schema.upgrade(database.engine)
    grant(database, names)

    with connected(database, names, "READER") as cursor:
        assert cursor.execute("SELECT * FROM datasets") == 0
        others = [f"SELECT * FROM {table}" for table in Base.metadata.tables if table != "datasets"]
        assert refused(cursor, others) == others
        changes = ["DELETE FROM datasets", "INSERT INTO datasets (symbol) VALUES ('x')", *DDL]
        assert refused(cursor, changes) == changes


def test_a_step_cannot_take_every_connection_and_one_too_many_is_something_to_try_again(database, names):
    schema.upgrade(database.engine)
    accounts.grant(database.engine, names, pods=1)
    engine = create_engine(url_of(database, names, "READER"), pool_size=5)

    with engine.connect(), engine.connect():
        with pytest.raises(Exception, match="max_user_connections") as caught:
            engine.connect()
        database.ping()

    engine.dispose()
    assert is_unreachable(caught.value)


def test_where_the_server_can_limit_an_account_a_statement_of_a_step_ends(database, names):
    schema.upgrade(database.engine)
    grant(database, names)

    with connected(database, names, "READER") as cursor:
        cursor.execute("SELECT @@max_statement_time")
        assert float(cursor.fetchone()[0]) == 120


def test_a_migration_that_waits_for_a_table_gives_up_before_everybody_waits_for_it(
    database, names, monkeypatch
):
    monkeypatch.setattr(schema, "_TABLE_WAIT_SECONDS", 1)
    schema.upgrade(database.engine)
    grant(database, names)
    with connected(database, names, "READER") as step, database.engine.connect() as migrating:
        step.execute("BEGIN")
        step.execute("SELECT * FROM datasets")

        schema._lock(migrating)
        with pytest.raises(Exception, match="Lock wait timeout"):
            migrating.execute(text("ALTER TABLE datasets ADD COLUMN mine INT"))
        schema._unlock(migrating)


def test_the_command_grants_what_the_environment_names_and_says_what(database, names, monkeypatch, capsys):
    schema.upgrade(database.engine)
    monkeypatch.setenv("DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    for name in ("READER_USER", "READER_PASSWORD"):
        monkeypatch.setenv(name, names[name])

    assert main(["accounts"]) == Exit.OK

    assert capsys.readouterr().out == f"{names['READER_USER']}: granted on datasets\n"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "set MIGRATION_USER, WRITER_USER or READER_USER"),
        ({"WRITER_USER": "web"}, "WRITER_PASSWORD is missing, but required by WRITER_USER"),
        ({"WRITER_USER": USER, "WRITER_PASSWORD": PASSWORD}, f"{USER} cannot grant to itself"),
    ],
)
def test_a_mistake_in_the_environment_changes_no_account(database, variables, message):
    with pytest.raises((SettingsError, StoreError), match=message):
        grant(database, variables)


def test_a_file_has_no_accounts(sqlite_url, names):
    database = Database.open(sqlite_url)

    with pytest.raises(StoreError, match="an SQLite file has no accounts"):
        grant(database, names)
    database.close()


def test_the_number_of_connections_follows_the_pods_at_once():
    account = accounts._wanted(
        {"READER_USER": "engine", "READER_PASSWORD": "x"}, set(), Settings().max_study_pods
    )[0]

    assert account.connections == 20
