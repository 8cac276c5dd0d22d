"""One environment for all tests on a cluster; `make e2e` runs them, `make test` does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.harness import report
from tests.e2e.harness.cluster import Cluster
from tests.e2e.harness.guide_installation import GuideInstallation
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.product import Product
from tests.e2e.harness.store import Store

collect_ignore_glob = [] if os.environ.get("E2E") else ["*"]
_KEEP = os.environ.get("E2E_KEEP") == "yes"
_REPORT = pytest.StashKey[report.Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the report."""
    if os.environ.get("E2E"):
        config.stash[_REPORT] = report.Report()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of the report's chapters."""
    chapters = list(report.CHAPTERS)
    items.sort(key=lambda item: chapters.index(item.path.stem) if item.path.stem in chapters else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add to the report how each test went, and what it saw."""
    outcome = yield
    if outcome.when == "call" or outcome.outcome != "passed":
        item.config.stash[_REPORT].add(outcome)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report where it was asked for."""
    if (path := os.environ.get("E2E_REPORT")) and _REPORT in session.config.stash:
        session.config.stash[_REPORT].write(path)


@contextmanager
def installed(installation: Any) -> Iterator[Any]:
    """An installation for this session alone; E2E_KEEP=yes leaves it for a look and takes it up again."""
    try:
        if _KEEP and installation.installed:
            installation.take_up()
        else:
            installation.install()
        yield installation
        if not _KEEP:
            installation.cluster.remove()
    finally:
        installation.close()


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The environment of the tests' own overlay."""
    with installed(Installation()) as installation:
        yield installation


@pytest.fixture(scope="session")
def cluster(installation: Installation) -> Cluster:
    """The namespace under test."""
    return installation.cluster


@pytest.fixture(scope="session")
def store(installation: Installation) -> Store:
    """The artifact store behind it."""
    return Store()


@pytest.fixture(scope="session")
def product(installation: Installation) -> Iterator[Product]:
    """The product in it."""
    product = Product(installation.cluster, installation.passwords["mysql-secret"])
    yield product
    product.close()


@pytest.fixture(scope="session")
def guide_installation() -> Iterator[GuideInstallation]:
    """The environment that the operations guide makes."""
    with installed(GuideInstallation()) as installation:
        yield installation
