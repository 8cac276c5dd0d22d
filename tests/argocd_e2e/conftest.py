"""One Argo CD for all tests of releases; `make argocd-e2e` runs them, nothing else does."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator

import pytest
import requests

from tests.argocd_e2e import report
from tests.argocd_e2e.gitops import Gitops
from tests.e2e.harness.cluster import Tunnel, run

collect_ignore_glob = [] if os.environ.get("ARGOCD_E2E") else ["test_*.py"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note how each test went, and what it saw."""
    outcome = yield
    if outcome.when == "call" or outcome.outcome != "passed":
        report.add(outcome)
    return outcome


def pytest_sessionfinish() -> None:
    """Write the chapter where it was asked for."""
    if os.environ.get("ARGOCD_E2E_REPORT"):
        report.write()


@pytest.fixture(scope="session")
def gitops() -> Iterator[Gitops]:
    """Argo CD and the repository that it follows, before the first release."""
    made = Gitops()
    try:
        made.install()
        yield made
    finally:
        if os.environ.get("ARGOCD_E2E_KEEP") != "yes":
            made.remove()
        made.close()


@pytest.fixture(scope="session")
def proof(gitops: Gitops) -> Iterator[dict[str, str]]:
    """The address and the token with which a promotion asks Argo CD."""
    secret = gitops.argocd.get("api/v1/namespaces/argocd/secrets/argocd-initial-admin-secret")["data"][
        "password"
    ]
    certificate = gitops.argocd.get("api/v1/namespaces/argocd/secrets/argocd-secret")["data"]["tls.crt"]
    tunnel = Tunnel("-n", "argocd", "port-forward", "service/argocd-server", ":443")
    address = tunnel.address.replace("http://127.0.0.1", "https://localhost")
    with tempfile.NamedTemporaryFile(suffix=".crt") as authority:
        authority.write(base64.b64decode(certificate))
        authority.flush()
        login = {"username": "admin", "password": base64.b64decode(secret).decode()}
        answer = requests.post(f"{address}/api/v1/session", json=login, verify=authority.name, timeout=30)
        answer.raise_for_status()
        yield {
            "ARGOCD_SERVER": address,
            "ARGOCD_AUTH_TOKEN": answer.json()["token"],
            "ARGOCD_CA_FILE": authority.name,
        }
    tunnel.close()


@pytest.fixture(scope="session")
def version() -> str:
    """Which Argo CD this is."""
    image = run("kubectl", "-n", "argocd", "get", "deployment", "argocd-server", "-o", "jsonpath={..image}")
    return image.split()[0].rpartition(":")[2]
