"""A database with prices, and worker processes and steps on it; the cluster's side with a stand-in for Argo Server."""

import pytest

from config import logs
from config.settings import Settings
from qa.environment import TestEnvironment
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
