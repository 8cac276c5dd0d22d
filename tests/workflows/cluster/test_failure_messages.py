"""The failure of a run, from the nodes of its workflow."""

import json

from workflows.cluster.failure_messages import failed_pods_of, failure_of
from workflows.failures import Failure

MESSAGE = {"error_code": "invalid_request", "error_message": "symbols: No price data for NOWHERE"}


def failures(*nodes):
    """The nodes of failed pods as Argo lists them."""
    named = [{"type": "Pod", "templateName": "engine", "phase": "Failed", **node} for node in nodes]
    return {str(number): node for number, node in enumerate(named)}


def test_the_step_that_said_why_is_heard_over_the_node_around_its_attempts():
    reported = failures(
        {
            "message": f"main: Error (exit code 2): {json.dumps(MESSAGE)}",
            "finishedAt": "2026-01-05T12:00:05Z",
        },
        {"message": "retryStrategy.expression evaluated to false", "finishedAt": "2026-01-05T12:00:06Z"},
    )

    failure = failure_of(failed_pods_of(reported), "Failed")

    assert failure == Failure("invalid_request", "symbols: No price data for NOWHERE")


def test_where_every_attempt_ran_out_of_memory_that_is_the_reason():
    reported = failures(
        {"message": "OOMKilled (exit code 137)", "finishedAt": "2026-01-05T12:00:05Z"},
        {"message": "No more retries left", "finishedAt": "2026-01-05T12:00:06Z"},
    )

    assert failure_of(failed_pods_of(reported), "Failed").code == "out_of_memory"
