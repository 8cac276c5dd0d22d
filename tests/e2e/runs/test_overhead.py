"""What a run in pods costs: against two pods of the same shape that do nothing, and where the time goes."""

import statistics
import time

import pytest

from tests.e2e.harness import moments, variants
from tests.e2e.harness.cluster import run
from tests.e2e.harness.installation import ARGO, argo_alone

ROUNDS = 5
GOAL = 1.25
pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


@pytest.fixture(scope="module")
def measured(cluster, product):
    """Seconds to each moment of several runs and of as many that do nothing, in turn."""
    found = {"run": [], "bare": []}
    for number in range(ROUNDS + 1):
        for kind, changes in (("bare", (variants.doing_nothing,)), ("run", ())):
            begun = time.monotonic()
            workflow = variants.start(cluster, variants.kept, *changes)
            seen = moments.watch(cluster, workflow, begun)
            if number:  # the first of each warms caches
                found[kind].append(seen)
            cluster.kubectl("delete", "workflow", workflow, "--wait=false")
    return found


def ends(seen):
    return sorted(each["end"] for each in seen)


def test_a_run_costs_at_most_a_quarter_more_than_two_pods_that_do_nothing(measured, record_property):
    bare, ours = (statistics.median(ends(measured[kind])) for kind in ("bare", "run"))

    listed = {kind: " ".join(f"{end:.2f}" for end in ends(measured[kind])) for kind in measured}
    record_property(
        "seen", f"ratio of the medians {ours / bare:.2f} (goal {GOAL}): run {ours:.2f} s, bare {bare:.2f} s"
    )
    record_property("table", table(measured))
    record_property("table", f"All of them, in seconds: run {listed['run']}; bare {listed['bare']}.")
    assert ours / bare <= GOAL


@pytest.fixture
def argos_own_settings(installation):
    """The controller as it is installed, without the requeue time of ours."""
    with argo_alone():
        run("kubectl", "-n", ARGO, "set", "env", "deployment/workflow-controller", "DEFAULT_REQUEUE_TIME-")
        installation.cluster.ready("deployment/workflow-controller", namespace=ARGO)
        yield
        installation.configure_argo()


def test_a_whole_run_takes_well_less_than_two_bare_pods_with_argos_own_settings(
    cluster, measured, argos_own_settings, record_property
):
    before = []
    for _ in range(2):
        begun = time.monotonic()
        workflow = variants.start(cluster, variants.kept, variants.doing_nothing)
        before.append(moments.watch(cluster, workflow, begun)["end"])
        cluster.kubectl("delete", "workflow", workflow, "--wait=false")

    ours = statistics.median(ends(measured["run"]))
    record_property("seen", f"run {ours:.1f} s here, bare {statistics.median(before):.1f} s there")
    assert ours < 0.7 * statistics.median(before)


def test_the_user_of_the_web_waits_no_longer_than_that(product, measured, record_property):
    waited = []
    for _ in range(3):
        begun = time.monotonic()
        product.ended(product.submit())
        waited.append(time.monotonic() - begun)

    median = statistics.median(waited)
    record_property("seen", f"median {median:.2f} s from the click to the result")
    assert median < statistics.median(ends(measured["run"])) + 2


def table(measured):
    """Where the time goes: the median of each span."""
    columns = {kind: zip(*map(moments.spans, measured[kind]), strict=True) for kind in ("run", "bare")}
    medians = {kind: [statistics.median(each) for each in columns[kind]] for kind in columns}
    rows = [
        f"| {words} | {run:.2f} s | {bare:.2f} s |"
        for (_, _, words), run, bare in zip(moments.SPANS, medians["run"], medians["bare"], strict=True)
    ]
    return "\n".join(["| where the time goes (medians) | run | bare |", "|---|---|---|", *rows])
