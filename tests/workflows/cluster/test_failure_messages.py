"""The failure of a run, from the nodes of its workflow."""

from workflows.cluster.failure_messages import failed_pods_of, failure_of, termination_message
from workflows.failures import Failure


def failures(*nodes):
    """The nodes of failed pods as Argo lists them."""
    named = [{"type": "Pod", "templateName": "engine", "phase": "Failed", **node} for node in nodes]
    return {str(number): node for number, node in enumerate(named)}


def test_the_step_that_said_why_is_heard_over_the_node_around_its_attempts():
    reported = failures(
        {
            "message": "main: Error (exit code 2): symbols: No price data for NOWHERE [invalid_request]",
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


def test_what_a_step_leaves_is_a_sentence_with_its_code_and_fits_into_what_kubernetes_keeps():
    left = termination_message(Failure("bad_rule", "규칙 " * 1_000 + "[sic]"))

    failure = failure_of(failed_pods_of(failures({"message": f"main: Error (exit code 2): {left}"})), "")

    assert len(left.encode()) <= 4_096
    assert left.startswith("규칙 규칙")
    assert (failure.code, failure.message[:5]) == ("bad_rule", "규칙 규칙")
