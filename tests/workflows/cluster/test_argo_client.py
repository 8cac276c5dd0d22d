"""The client of Argo Server: its contract, and an error for every failure that a server or a network can have."""

import time
from dataclasses import replace

import pytest

from tests.workflows import argo_server
from tests.workflows.argo_contract import *  # noqa: F403 the contract's tests run here too
from tests.workflows.argo_contract import ARGUMENTS, new_id
from tests.workflows.clusters import pod
from workflows.cluster import argo_client
from workflows.cluster.argo_client import (
    Argo,
    ArgoForbidden,
    ArgoRefused,
    ArgoUnavailable,
    WorkflowStatus,
    name_of,
)


@pytest.fixture
def server():
    with argo_server.serving() as server:
        yield server


@pytest.fixture
def argo_settings(server, sqlite_settings):
    return replace(
        sqlite_settings,
        argo_server=server.address,
        argo_token=argo_server.TOKEN,
        argo_namespace=argo_server.NAMESPACE,
    )


@pytest.fixture
def argo(argo_settings):
    return Argo(argo_settings)


@pytest.fixture
def wait():
    def until(condition):
        assert condition()

    return until


def test_a_workflow_of_ours_is_arguments_of_a_template_and_sets_nothing_that_strict_referencing_refuses(
    argo, server
):
    run_id = new_id()

    argo.create(run_id, ARGUMENTS)

    sent = server.workflows[name_of(run_id)]
    assert sent["spec"].keys() == {"arguments", "workflowTemplateRef", "ttlStrategy"}
    assert sent["spec"]["ttlStrategy"]["secondsAfterSuccess"] == 0  # nobody reads it in the Argo UI
    assert sent["metadata"].keys() - {"uid", "creationTimestamp", "resourceVersion"} == {
        "name",
        "namespace",
        "labels",
    }


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((400, {"message": "spec is invalid"}), ArgoRefused, "rejected the request: .*spec is invalid"),
        ((401, {"message": "token not valid"}), ArgoForbidden, "token not valid"),
        ((403, {"message": "may not"}), ArgoForbidden, "may not"),
        ((429, {"message": "slow down"}), ArgoUnavailable, "slow down"),
        ((500, {"message": "etcd is away"}), ArgoUnavailable, "etcd is away"),
        ((503, {"message": "starting"}), ArgoUnavailable, "starting"),
        ((502, "<html>bad gateway</html>"), ArgoUnavailable, "bad gateway"),
        ((500, {"error": "no message"}), ArgoUnavailable, "KeyError"),
        ((500, ["a list"]), ArgoUnavailable, "TypeError"),
        ((200, "<html>log in here</html>"), ArgoUnavailable, "JSONDecodeError"),
        ((200, "[1, 2]"), ArgoUnavailable, "TypeError"),
        ((200, {"metadata": {"name": 5}, "spec": []}), ArgoUnavailable, "fields do not fit"),
        ((200, {"spec": {}}), ArgoUnavailable, "fields do not fit|without name or uid"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, tuple) else None,
)
def test_every_bad_answer_is_an_error_of_ours(server, argo, answer, error, message):
    server.answer = answer

    with pytest.raises(error, match=message):
        argo.create(new_id(), ARGUMENTS)


@pytest.mark.parametrize("method", ["find", "stop"])
def test_a_server_error_is_never_taken_for_a_workflow_that_does_not_exist(server, argo, method):
    server.answer = (500, {"message": "etcd is away"})

    with pytest.raises(ArgoUnavailable):
        getattr(argo, method)(name_of(new_id()))


def test_an_answer_that_was_lost_is_asked_for_and_not_guessed(server, argo):
    run_id = new_id()
    server.swallow = True
    lost = server.post

    def answer_from_now_on(*request):
        created = lost(*request)
        server.post = lost
        return created

    def answering(*request):
        server.swallow = False
        return server_get(*request)

    server_get, server.get, server.post = server.get, answering, answer_from_now_on

    created = argo.create(run_id, ARGUMENTS)

    assert created.run_id == run_id
    assert [verb for verb, _ in server.asked] == ["POST", "GET"]
    assert list(server.workflows) == [name_of(run_id)]


def test_a_submission_that_never_arrived_is_unavailable_and_there_is_no_workflow(server, argo):
    server.answer = (503, {"message": "starting"})
    find = server.get

    def found(*request):
        server.answer = None
        return find(*request)

    server.get = found
    server.post = lambda *_: argo_server.error(503, 14, "starting")

    with pytest.raises(ArgoUnavailable, match="starting"):
        argo.create(new_id(), ARGUMENTS)

    assert server.workflows == {}


def test_a_server_that_does_not_answer_in_time_is_unavailable(argo, server, monkeypatch):
    monkeypatch.setattr(argo_client, "_ANSWER_SECONDS", 0.2)
    server.get = lambda *_: time.sleep(1) or (200, {})

    with pytest.raises(ArgoUnavailable, match="ReadTimeout"):
        argo.find(name_of(new_id()))


def test_a_name_that_another_run_has_taken_is_refused(server, argo):
    run_id = new_id()
    argo.create(run_id, ARGUMENTS)
    server.workflows[name_of(run_id)]["metadata"]["labels"]["run_id"] = "another-run"

    with pytest.raises(ArgoRefused, match=r"is another run's \(another-run\)"):
        argo.create(run_id, ARGUMENTS)


def test_a_bug_of_ours_in_reading_an_answer_is_no_outage(argo, monkeypatch):
    run_id = new_id()
    argo.create(run_id, ARGUMENTS)
    monkeypatch.setattr(argo_client, "_status_of", lambda answer: {}["a mistake"])

    for call in (lambda: argo.create(new_id(), ARGUMENTS), lambda: argo.find(name_of(run_id)), argo.list):
        with pytest.raises(KeyError, match="a mistake"):
            call()


def test_a_long_list_is_read_to_its_end(server, argo):
    server.page_size = 2
    run_ids = {new_id() for _ in range(5)}
    for run_id in run_ids:
        argo.create(run_id, ARGUMENTS)

    assert {workflow.run_id for workflow in argo.list()} == run_ids


def test_a_renewed_token_is_used_at_once(server, argo_settings, tmp_path):
    token = tmp_path / "token"
    argo = Argo(replace(argo_settings, argo_token_file=str(token)))
    token.write_text("the-old-one")
    with pytest.raises(ArgoForbidden):
        argo.find("bt-x")

    token.write_text(f"{argo_server.TOKEN}\n")

    assert argo.find("bt-x") is None
    assert server.tokens == ["Bearer the-old-one", f"Bearer {argo_server.TOKEN}"]


def test_a_token_file_that_is_missing_is_forbidden_and_named(argo_settings, tmp_path):
    argo = Argo(replace(argo_settings, argo_token_file=str(tmp_path / "none")))

    with pytest.raises(ArgoForbidden, match="the token file cannot be read"):
        argo.find("bt-x")


def test_without_an_address_argo_is_unavailable(argo_settings):
    with pytest.raises(ArgoUnavailable, match="is unreachable"):
        Argo(replace(argo_settings, argo_server="")).find("bt-x")


def test_a_certificate_authority_that_is_missing_is_unavailable(argo_settings):
    settings = replace(argo_settings, argo_server="https://127.0.0.1:9", argo_ca_file="/nowhere/ca.crt")

    with pytest.raises(ArgoUnavailable, match="ca.crt"):
        Argo(settings).find("bt-x")


def test_a_workflow_of_the_argo_ui_without_a_run_id_is_named_by_its_uid(server, argo):
    server.workflows["by-hand"] = {
        "metadata": {"name": "by-hand", "uid": "1234", "labels": {"app": "backtest"}},
        "spec": {"arguments": {"parameters": [{"name": "run_id", "value": ""}]}},
        "status": {"storedWorkflowTemplateSpec": {"arguments": {"parameters": [{"name": "fee_rate", "value": "0"}]}}},
    }  # fmt: skip

    workflow = argo.find("by-hand")

    assert (workflow.run_id, workflow.phase) == ("1234", "Pending")
    assert workflow.arguments == {"fee_rate": "0", "run_id": ""}


def test_a_list_holds_the_state_of_runs_and_studies_and_neither_nodes_nor_arguments(server, argo):
    run_id, study_id = new_id(), new_id()
    argo.create(run_id, ARGUMENTS)
    argo.create_study("study-1", study_id, ARGUMENTS)
    server.move("study-1", "Running", nodes=[pod("plan", "Succeeded"), pod("chunk", "Running")])

    run, study = argo.list()

    assert [(each.run_id, each.kind) for each in (run, study)] == [(run_id, "run"), (study_id, "study")]
    assert (study.phase, study.progress) == ("Running", (1, 2))
    assert (study.nodes, study.arguments) == ({}, {})
    assert len(argo.find("study-1").nodes) == 2


def test_the_phase_of_a_step_is_that_of_its_newest_pod():
    nodes = {
        "a": {"templateName": "engine", "type": "Retry", "phase": "Running", "startedAt": "3"},
        "b": {"templateName": "engine", "type": "Pod", "phase": "Failed", "startedAt": "1"},
        "c": {"templateName": "engine", "type": "Pod", "phase": "Running", "startedAt": "2"},
    }
    workflow = WorkflowStatus(name="bt-x", uid="1", run_id="x", phase="Running", nodes=nodes)

    assert (workflow.phase_of("engine"), workflow.phase_of("persist"), workflow.finished) == (
        "Running",
        "",
        False,
    )
