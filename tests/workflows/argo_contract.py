"""What `Argo` promises of a server, the real one or the one that stands for it: the same tests for both.

A module that takes these tests in gives two fixtures: `argo`, a client of a server with room for
workflows of ours, and `argo_settings`, from which tests make clients that are not welcome.
"""

import uuid
from dataclasses import replace

import pytest

from workflows.cluster import argo_client
from workflows.cluster.argo_client import Argo, ArgoForbidden, ArgoRefused, ArgoUnavailable, name_of

ARGUMENTS = {
    "symbols": "NOWHERE",
    "rule_type": "BUY_AND_HOLD",
    "start_date": "2017-01-03",
    "end_date": "2018-12-31",
}


def new_id():
    return str(uuid.uuid4())


def test_a_created_workflow_is_named_by_its_run_and_is_found_again(argo):
    run_id = new_id()

    created = argo.create(run_id, ARGUMENTS)

    status = argo.find(name_of(run_id))
    assert (created.name, created.run_id) == (f"bt-{run_id}", run_id)
    assert (status.uid, status.run_id) == (created.uid, run_id)
    assert status.arguments["symbols"] == "NOWHERE"


def test_creating_it_again_gives_the_one_that_is_there(argo):
    run_id = new_id()

    first, second = argo.create(run_id, ARGUMENTS), argo.create(run_id, ARGUMENTS)

    assert first.uid == second.uid


def test_a_workflow_that_does_not_exist_is_surely_none(argo):
    assert argo.find(name_of(new_id())) is None


def test_a_stopped_workflow_ends_and_stopping_what_is_gone_does_nothing(argo, wait):
    run_id = new_id()
    argo.create(run_id, ARGUMENTS)

    stopped, again = argo.stop(name_of(run_id)), argo.stop(name_of(new_id()))

    assert (stopped, again) == (True, False)
    wait(lambda: argo.find(name_of(run_id)).finished)
    assert "Terminate" in argo.find(name_of(run_id)).message


def test_every_workflow_of_ours_is_listed_soon(argo, wait):
    run_ids = {new_id() for _ in range(3)}
    for run_id in run_ids:
        argo.create(run_id, ARGUMENTS)

    wait(lambda: run_ids <= {workflow.run_id for workflow in argo.list()})


def test_a_template_that_is_not_installed_is_a_refusal_that_names_it(argo, monkeypatch):
    monkeypatch.setitem(argo_client.TEMPLATES, "run", "not-installed")

    with pytest.raises(ArgoRefused, match="the WorkflowTemplate not-installed is not installed"):
        argo.create(new_id(), ARGUMENTS)


def test_a_token_that_is_not_known_is_forbidden_and_is_not_quoted(argo_settings):
    stranger = Argo(replace(argo_settings, argo_token="an-unknown-token", argo_token_file=""))

    with pytest.raises(ArgoForbidden, match="rejected the service account") as caught:
        stranger.find(name_of(new_id()))

    assert "an-unknown-token" not in str(caught.value)


def test_another_namespace_than_ours_is_forbidden(argo_settings):
    elsewhere = Argo(replace(argo_settings, argo_namespace="kube-system"))

    with pytest.raises(ArgoForbidden, match="forbidden"):
        elsewhere.find(name_of(new_id()))


def test_where_no_server_listens_argo_is_unavailable_and_nothing_is_known(argo_settings):
    unavailable = Argo(replace(argo_settings, argo_server="https://127.0.0.1:9"))

    with pytest.raises(ArgoUnavailable, match="is unreachable"):
        unavailable.find(name_of(new_id()))
