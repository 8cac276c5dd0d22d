"""One environment for all tests on a cluster; `make e2e` runs them, `make test` does not."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e import report
from tests.e2e.cluster import Cluster
from tests.e2e.guided import Guided
from tests.e2e.product import Product
from tests.e2e.stage import Stage
from tests.e2e.store import Store

collect_ignore_glob = [] if os.environ.get("E2E") else ["test_*.py"]
_KEPT = pytest.StashKey[report.Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the report."""
    if os.environ.get("E2E"):
        config.stash[_KEPT] = report.Report()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of the report's chapters."""
    chapters = list(report.CHAPTERS)
    items.sort(key=lambda item: chapters.index(item.path.stem) if item.path.stem in chapters else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep how each test went, and what it saw."""
    found = yield
    if found.when == "call" or found.outcome != "passed":
        item.config.stash[_KEPT].add(found)
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report where it was asked for."""
    if (path := os.environ.get("E2E_REPORT")) and _KEPT in session.config.stash:
        session.config.stash[_KEPT].write(path)


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The environment, made for this session alone; E2E_KEEP=yes leaves it for a look."""
    stage = Stage()
    try:
        if os.environ.get("E2E_KEEP") != "yes" or not stage.installed:
            stage.install()
        yield stage
        if os.environ.get("E2E_KEEP") != "yes":
            stage.remove()
    finally:
        stage.close()


@pytest.fixture(scope="session")
def cluster(stage: Stage) -> Cluster:
    """The namespace under test."""
    return stage.cluster


@pytest.fixture(scope="session")
def store(stage: Stage) -> Store:
    """The artifact store behind it."""
    return Store()


@pytest.fixture(scope="session")
def product(stage: Stage) -> Iterator[Product]:
    """The product in it."""
    product = Product(stage.cluster, stage.passwords["mysql-secret"])
    yield product
    product.close()


@pytest.fixture(scope="session")
def guided() -> Iterator[Guided]:
    """The environment that the operations guide makes, for this session alone; E2E_KEEP=yes leaves it."""
    guided = Guided()
    try:
        if os.environ.get("E2E_KEEP") == "yes" and guided.installed:
            guided.take_up()
        else:
            guided.install()
        yield guided
        if os.environ.get("E2E_KEEP") != "yes":
            guided.remove()
    finally:
        guided.close()
