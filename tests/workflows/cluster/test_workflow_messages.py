"""A failed workflow has the sentence of its run as its own message, in the list of the Argo UI."""

from dataclasses import replace

import pytest
import requests

from tests.workflows.clusters import pod
from workflows.cluster import workflow_messages
from workflows.cluster.argo_client import name_of
from workflows.cluster.workflow_messages import WorkflowMessages

SENTENCE = "symbols: No price data for NOWHERE"
FAILED_POD = pod("engine", "Failed", message=f"main: Error (exit code 2): {SENTENCE} [invalid_request]")


class KubernetesApi:
    """Notes what it is asked to patch, or is away."""

    def __init__(self):
        self.patched, self.is_away = [], False

    def patch(self, address, *, json, headers, verify):
        if self.is_away:
            raise requests.ConnectionError("refused")
        self.patched.append((address, json, headers["Content-Type"], verify))
        answer = requests.Response()
        answer.status_code = 200
        return answer


@pytest.fixture
def api(monkeypatch):
    api = KubernetesApi()
    monkeypatch.setattr(workflow_messages, "TimeoutSession", lambda: api)
    return api


@pytest.fixture
def in_cluster(cluster):
    """The reconciler as it runs in a pod, where Kubernetes names its API server."""
    settings = replace(cluster.settings, kubernetes_host="10.0.0.1", kubernetes_ca_file="/ca.crt")
    cluster.reconciler._messages = WorkflowMessages(settings, cluster.argo)
    return cluster


def test_a_failed_run_of_the_web_gives_its_workflow_the_sentence(in_cluster, api):
    run_id = in_cluster.submit()
    in_cluster.dispatcher.start(run_id)
    in_cluster.move(run_id, "Failed", nodes=[FAILED_POD])

    in_cluster.reconciler.once()

    address = (
        "https://10.0.0.1:443/apis/argoproj.io/v1alpha1/namespaces/stock-backtest/workflows/"
        f"{name_of(run_id)}"
    )
    merged = ("application/merge-patch+json", "/ca.crt")
    assert api.patched == [(address, {"status": {"message": SENTENCE}}, *merged)]


def test_a_workflow_with_a_mistake_has_it_as_soon_as_argo_has_ended_it(in_cluster, api):
    in_cluster.by_hand(symbols="NO WHERE")
    in_cluster.reconciler.once()
    before = list(api.patched)
    in_cluster.server.move("by-hand", "Failed", nodes=[FAILED_POD])

    in_cluster.reconciler.once()
    in_cluster.reconciler.once()

    assert before == []
    assert [each[1] for each in api.patched] == [{"status": {"message": SENTENCE}}]


def test_a_message_of_argo_is_never_replaced_and_an_api_that_is_away_stops_nothing(in_cluster, api):
    stopped, failed = in_cluster.submit(), in_cluster.submit()
    for run_id in (stopped, failed):
        in_cluster.dispatcher.start(run_id)
    in_cluster.argo.stop(name_of(stopped))
    in_cluster.move(failed, "Failed", nodes=[FAILED_POD])
    api.is_away = True

    in_cluster.reconciler.once()

    assert api.patched == []
    assert {in_cluster.status(stopped), in_cluster.status(failed)} == {"FAILED"}


def test_a_study_that_its_plan_step_refused_has_the_sentence_as_soon_as_argo_has_ended_it(in_cluster, api):
    in_cluster.argo.create_study("by-hand", "6c6b5ad2-9b42-4f3c-9f0e-0a4e1d2f3a4b", {"symbols": "NOWHERE"})
    in_cluster.reconciler._studies._messages = in_cluster.reconciler._messages
    in_cluster.reconciler.once()
    refused = pod("plan", "Failed", message=f"main: Error (exit code 2): {SENTENCE} [invalid_request]")
    in_cluster.server.move("by-hand", "Failed", nodes=[refused])

    in_cluster.reconciler.once()
    in_cluster.reconciler.once()

    (patch,) = api.patched
    assert patch[0].endswith("/workflows/by-hand")
    assert patch[1] == {"status": {"message": SENTENCE}}


def test_a_robustness_that_its_engine_step_refused_has_the_sentence_as_soon_as_argo_has_ended_it(
    in_cluster, api
):
    in_cluster.argo.create_robustness("by-hand", "6c6b5ad2-9b42-4f3c-9f0e-0a4e1d2f3a4b", {"symbols": "SP500"})
    in_cluster.reconciler._robustness._messages = in_cluster.reconciler._messages
    in_cluster.reconciler.once()
    refused = pod("engine", "Failed", message=f"main: Error (exit code 2): {SENTENCE} [invalid_request]")
    in_cluster.server.move("by-hand", "Failed", nodes=[refused])

    in_cluster.reconciler.once()
    in_cluster.reconciler.once()

    assert [each[1] for each in api.patched] == [{"status": {"message": SENTENCE}}]
