"""The client's promises once more, against the real Argo Server, with the token of the web's own account."""

import socket
from dataclasses import replace

import pytest

from config.settings import Settings
from tests.e2e.harness.cluster import Tunnel, run, until
from tests.e2e.harness.installation import ARGO, NAMESPACE
from tests.workflows.argo_contract import *  # noqa: F403 the contract's tests run here too
from tests.workflows.argo_contract import ARGUMENTS, new_id
from workflows.cluster.argo_client import Argo, ArgoUnavailable, name_of

HOST = "argo-server.argo"
"""The name in the server's certificate; it leads to the forwarded port while these tests run."""


@pytest.fixture(scope="module")
def address(installation):
    tunnel = Tunnel("-n", ARGO, "port-forward", "deployment/argo-server", ":2746")
    yield tunnel.address.removeprefix("http://").partition(":")[::2]
    tunnel.close()


@pytest.fixture
def argo_settings(address, cluster, monkeypatch, tmp_path):
    look_up = socket.getaddrinfo

    def led_here(host, *more, **named):
        return look_up(address[0] if host == HOST else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", led_here)
    authority = tmp_path / "ca.crt"
    authority.write_text(
        cluster.kubectl("get", "configmap", "argo-server-ca", "-o", r"jsonpath={.data.ca\.crt}")
    )
    return replace(
        Settings(),
        argo_server=f"https://{HOST}:{address[1]}",
        argo_token=run("kubectl", "-n", NAMESPACE, "create", "token", "dispatcher").strip(),
        argo_ca_file=str(authority),
        argo_namespace=NAMESPACE,
    )


@pytest.fixture
def argo(argo_settings, cluster):
    yield Argo(argo_settings)
    for seen in Argo(argo_settings).list():
        if seen.name.startswith("bt-") and seen.arguments.get("symbols") == ARGUMENTS["symbols"]:
            cluster.kubectl("delete", "workflow", seen.name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def wait():
    return lambda condition: until(condition, 180, "the server has done it")


def test_a_certificate_of_a_stranger_is_not_trusted(argo_settings):
    with pytest.raises(ArgoUnavailable, match="SSLError"):
        Argo(replace(argo_settings, argo_ca_file="")).find(name_of(new_id()))
