"""The operations guide on a real cluster: its own commands, read out of it, and what they must have shown."""

import json
import re

import pytest

from argocd import release
from tests.docs import guide
from tests.e2e.harness.cluster import name_of, until
from tests.e2e.harness.guide_installation import IMAGE, NAMESPACE
from tests.k8s.manifests import overlay

pytestmark = pytest.mark.timeout(900)
CHAPTERS = (6, 2, 7, 8, 9, 10, 12, 13, 14, 15)
"""Further chapters with commands for a cluster; chapter 5 makes the environment."""
SIGN_IN = 16
"""The chapter that turns sign-in on."""


@pytest.fixture(scope="module")
def said(guide_installation):
    """What the commands of each chapter said, in the order of an operator."""
    return {
        number: [guide_installation.shell.run(commands) for commands in guide.chapter(number, "cluster")]
        for number in CHAPTERS
    }


@pytest.fixture
def closed(guide_installation, said):
    """The output of the commands about sign-in; afterwards sign-in is off again."""
    yield [guide_installation.shell.run(commands) for commands in guide.chapter(SIGN_IN, "cluster")]
    guide_installation.shell.run(
        "git checkout k8s/overlays/local\nkubectl apply -k k8s/overlays/local\n"
        "kubectl -n $N rollout status deployment/web --timeout=600s\n"
    )


def test_no_chapter_with_commands_for_a_cluster_is_left_out():
    everything = [
        text for number in sorted((5, *CHAPTERS, SIGN_IN)) for text in guide.chapter(number, "cluster")
    ]

    assert everything == guide.commands("cluster")


def test_the_environment_comes_up_whole(guide_installation, record_property):
    wanted = {each["metadata"]["name"] for each in overlay("local") if each["kind"] == "Deployment"}

    deployments = json.loads(guide_installation.cluster.kubectl("get", "deployments", "-o", "json"))["items"]

    assert {each["metadata"]["name"] for each in deployments} == wanted
    assert all(each["status"]["readyReplicas"] == each["status"]["replicas"] for each in deployments)
    record_property("seen", f"{len(deployments)} deployments and MySQL in {NAMESPACE}")


def test_every_pod_of_ours_runs_the_image_that_the_overlay_names(guide_installation):
    pods = guide_installation.cluster.pods(app="web") + guide_installation.cluster.pods(app="dispatcher")

    assert {each["spec"]["containers"][0]["image"] for each in pods} == {IMAGE}


def test_the_schema_is_what_the_release_needs(said):
    first, last = said[6][0].splitlines()[-1], said[6][0]

    assert "this release needs" in first
    assert "Succeeded" in last


def test_the_account_of_the_web_may_start_runs_and_neither_delete_them_nor_read_secrets(said):
    lines = said[7][0].splitlines()

    assert lines[-3:] == ["yes", "no", "no"]


def test_a_run_from_argo_and_one_through_the_web_succeed_and_a_wrong_one_is_explained(
    guide_installation, said
):
    product = guide_installation.product()
    try:
        by_argo, by_web, failed = said[8]
        ended = product.ended(re.search(r'"run_id":\s*"([0-9a-f-]{36})"', by_web)[1])
        runs = product.call("GET", "/api/runs").json()["runs"]
    finally:
        product.close()

    assert "Succeeded" in by_argo
    assert ended["status"] == "SUCCEEDED"
    assert {each["status"] for each in runs} >= {"SUCCEEDED", "FAILED"}
    assert "NOWHERE" in failed
    assert failed.rstrip().endswith("the database is consistent")


def test_a_success_of_the_web_leaves_no_workflow_and_those_of_the_argo_ui_and_failures_stay(
    guide_installation, said
):
    assert said[8]

    def kept():
        workflows = guide_installation.cluster.workflows(app="backtest")
        return sorted((each["status"]["phase"], name_of(each).startswith("bt-")) for each in workflows)

    expected = [("Failed", False), ("Succeeded", False)]
    until(lambda: kept() == expected, 180, "the failure and the success of the Argo UI are left")


def test_the_story_of_a_run_is_found_by_its_id(said):
    (story,) = said[9]

    assert "engine" in story
    assert "NOWHERE" in story


def test_every_step_of_looking_for_a_fault_works_on_a_healthy_environment(said):
    entry, web, database, runs, store = said[14]

    assert "ingress.networking.k8s.io/web" in entry
    assert "Running" in web
    assert "this release needs" in database
    assert "workflow-controller" in runs
    assert "service/s3" in store


def test_the_last_backup_says_how_much_it_kept(said):
    assert "kept /backups/stock_backtest-" in said[13][0]
    assert "kept /backups/stock_backtest-" in said[15][-1]


def test_the_database_is_whole_after_the_restore_of_the_guide(said):
    assert said[13][1].rstrip().endswith("the database is consistent")


def test_with_sign_in_a_token_is_accepted_until_it_is_revoked_and_nothing_else_is(guide_installation, closed):
    rolled, used, ended, pruned = closed

    assert "successfully rolled out" in rolled
    assert '"symbols"' in used
    assert "error: 401" in used
    assert "nightly, submit" in ended
    assert "error: 401" in ended
    assert "0 entries deleted" in pruned
    assert guide_installation.cluster.kubectl("get", "secret", "metrics-token", "-o", "name")


def test_the_overlay_of_the_guide_is_not_one_that_a_promotion_moves():
    assert "local" not in release.ORDER
