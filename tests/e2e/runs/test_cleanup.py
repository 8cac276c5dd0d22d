"""Nothing is left behind: success at once, failures after their time, and pods and artifacts with them."""

import time

import pytest

from tests.e2e.harness import variants
from tests.e2e.harness.cluster import until
from tests.e2e.harness.variants import living

LIVES = living(success=6, failure=12, completion=18)


def lived(cluster, workflow, *, seconds):
    """How long a workflow stayed after its end."""
    until(lambda: cluster.status(workflow).get("finishedAt"), 120, "the workflow has ended")
    begun = time.monotonic()
    until(lambda: not cluster.workflow(workflow), seconds + 60, f"{workflow} is cleaned up")
    return time.monotonic() - begun


def left_of(cluster, store, workflow):
    return {
        "pods": len(cluster.pods(**{"workflows.argoproj.io/workflow": workflow})),
        "artifacts": len(store.artifacts(workflow)),
        "results": len(cluster.task_results(workflow)),
    }


NOTHING = {"pods": 0, "artifacts": 0, "results": 0}


@pytest.mark.parametrize(
    ("change", "arguments", "phase", "ttl"),
    [
        ((), {}, "Succeeded", 6),
        ((), {"symbols": "NOWHERE"}, "Failed", 12),
        ((variants.trying_once, variants.unstartable), {}, "Error", 18),
    ],
    ids=["success", "failure", "error"],
)
def test_a_workflow_and_all_of_its_own_go_when_their_time_is_over(
    cluster, store, change, arguments, phase, ttl, record_property
):
    workflow = variants.start(cluster, LIVES, *change, **arguments)
    until(lambda: cluster.status(workflow).get("finishedAt"), 120, "the workflow has ended")
    ended = cluster.phase(workflow)

    seconds = lived(cluster, workflow, seconds=ttl)

    until(lambda: left_of(cluster, store, workflow) == NOTHING, 120, "pods and artifacts are gone too")
    record_property("seen", f"{ended}: due after {ttl} s, gone after {seconds:.0f} s, nothing left")
    assert ended == phase
    assert ttl - 2 <= seconds <= ttl + 15


def test_the_result_of_a_success_is_in_no_bucket_afterwards(cluster, product, store, record_property):
    run_id = product.submit()
    name = f"bt-{run_id}"
    until(lambda: store.artifacts(name), 180, "the artifact is there")

    product.ended(run_id)
    until(lambda: not cluster.workflow(name), 180, "the workflow is gone")

    until(lambda: left_of(cluster, store, name) == NOTHING, 120, "nothing is left")
