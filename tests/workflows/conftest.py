"""A database with prices, and worker processes and steps on it; the cluster's side with a stand-in for Argo Server."""

import uuid

import pytest

from config import logs
from config.settings import Settings
from qa.harness.environment import TestEnvironment
from store.admin import accounts
from tests.workflows import argo_server
from tests.workflows.clusters import ClusterEnvironment


@pytest.fixture
def sqlite_settings(sqlite_url, tmp_path):
    """Settings for what needs no database of each kind."""
    return Settings(
        database_url=sqlite_url, library_dir=tmp_path / "library", bundle_dir=tmp_path / "bundles"
    )


@pytest.fixture
def environment(database_url, database, tmp_path):
    """An environment without processes; a test starts the workers and steps that it needs."""
    logs.configure(process="test", level="ERROR")
    environment = TestEnvironment(
        database_url, tmp_path / "environment", database=database, workers=0, web=False
    )
    yield environment
    environment.stop()


@pytest.fixture
def limit(request):
    """How many workflows may run at once; a test that counts gives its own."""
    return getattr(request, "param", 10)


@pytest.fixture
def cluster(environment, limit):
    """The cluster's side: the database, and a server that stands for Argo's."""
    with argo_server.serving() as server:
        yield ClusterEnvironment(environment, server, limit=limit)


@pytest.fixture
def accounts_of(database, mysql_server):
    """The address of the database with each account that a migration makes."""
    users = {role: f"{role.lower()}_{uuid.uuid4().hex[:8]}" for role in ("WRITER", "READER")}
    named = {f"{role}_USER": user for role, user in users.items()}
    accounts.grant(database.engine, named | {f"{role}_PASSWORD": "its-own" for role in users}, pods=10)
    yield {
        role: database.engine.url.set(username=user, password="its-own").render_as_string(hide_password=False)
        for role, user in users.items()
    }
    for user in users.values():
        mysql_server.execute(f"DROP USER '{user}'@'%'")
