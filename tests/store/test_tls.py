"""MySQL over TLS: with DB_CA_FILE a connection is encrypted to the right server, or there is none."""

import subprocess

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from qa.harness import mysql
from store.session import Database


def certificate(folder, name, address="127.0.0.1"):
    """A self-signed certificate for an address, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=IP:{address}", "-out", made[0], "-keyout", made[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def encrypted(authority):
    """A server that takes no connection without TLS but from its own socket."""
    options = [f"--ssl-cert={authority[0]}", f"--ssl-key={authority[1]}", "--require-secure-transport=ON"]
    with mysql.running(*mysql.FAST, *options) as server:
        yield server


def opened(server, authority, **changes):
    url = make_url(server.url())
    parts = {
        "DB_HOST": url.host,
        "DB_PORT": str(url.port),
        "DB_NAME": url.database,
        "DB_USER": url.username,
        "DB_PASSWORD": url.password,
    }
    return Database.open(Settings.from_env(parts | {"DB_CA_FILE": str(authority)} | changes).database_url)


def test_with_the_authority_of_the_server_every_connection_is_encrypted(encrypted, authority):
    database = opened(encrypted, authority[0])

    with database.read() as session:
        name, cipher = session.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()

    database.close()
    assert (name, bool(cipher)) == ("Ssl_cipher", True)


def test_the_address_as_one_variable_takes_the_authority_too(encrypted, authority):
    settings = Settings.from_env({"DATABASE_URL": encrypted.url(), "DB_CA_FILE": str(authority[0])})
    database = Database.open(settings.database_url)

    database.ping()

    database.close()


def test_without_an_authority_connections_are_encrypted_too_and_share_what_they_need(encrypted):
    database = Database.open(encrypted.url())

    with database.engine.connect() as one, database.engine.connect() as other:
        cipher = one.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()[1]
        contexts = {id(each.connection.dbapi_connection.ctx) for each in (one, other)}

    database.close()
    assert (bool(cipher), len(contexts)) == (True, 1)


def test_a_server_of_another_authority_is_refused(encrypted, tmp_path):
    stranger, _key = certificate(tmp_path, "stranger")
    database = opened(encrypted, stranger)

    with pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        database.ping()


def test_a_certificate_for_another_host_is_refused(tmp_path):
    crt, key = certificate(tmp_path, "elsewhere", "192.0.2.1")
    with mysql.running(*mysql.FAST, f"--ssl-cert={crt}", f"--ssl-key={key}") as server:
        database = opened(server, crt)

        with pytest.raises(OperationalError, match="IP address mismatch"):
            database.ping()


def test_a_server_without_tls_is_refused_and_not_spoken_to_in_plain_text(authority):
    with mysql.running(*mysql.FAST, "--skip-ssl") as server:
        database = opened(server, authority[0])

        with pytest.raises(OperationalError, match="SSL is required"):
            database.ping()


def test_the_embedded_database_needs_no_authority():
    assert Settings.from_env({"DB_CA_FILE": "/nowhere"}).database_url == Settings().database_url
