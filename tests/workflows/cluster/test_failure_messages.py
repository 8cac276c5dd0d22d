"""The exit handler's words, from what Argo hands it."""

import json

from workflows.cluster.failure_messages import broken_in, explain
from workflows.failures import Failure

SAID = {"error_code": "invalid_request", "error_message": "symbols: has no prices for NOWHERE"}


def failures(*nodes):
    """As the controller writes them: JSON inside of a quoted string."""
    named = [{"templateName": "engine", "phase": "Failed", **node} for node in nodes]
    return json.dumps(json.dumps(named))


def test_the_step_that_said_why_is_heard_over_the_node_around_its_attempts():
    told = failures(
        {
            "message": f"main: Error (exit code 2): {json.dumps(SAID)}",
            "finishedAt": "2026-01-05T12:00:05Z",
        },
        {"message": "retryStrategy.expression evaluated to false", "finishedAt": "2026-01-05T12:00:06Z"},
    )

    found = explain(broken_in(told), "Failed")

    assert found == Failure("invalid_request", "symbols: has no prices for NOWHERE")


def test_where_every_attempt_ran_out_of_memory_that_is_the_reason():
    told = failures(
        {"message": "OOMKilled (exit code 137)", "finishedAt": "2026-01-05T12:00:05Z"},
        {"message": "No more retries left", "finishedAt": "2026-01-05T12:00:06Z"},
    )

    assert explain(broken_in(told), "Failed").code == "out_of_memory"
