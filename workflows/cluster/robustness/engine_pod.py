"""The engine step of a robustness in a pod: the request from the workflow's arguments, prices read-only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from backtest import rules
from backtest.robustness import robustness
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from workflows import failpoints, limits
from workflows.cluster import engine_pod, failure_messages, parameters, pod_memory
from workflows.cluster.robustness import form
from workflows.steps import step, work

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Compute what of a result survives; a failure leaves a termination message."""
    rules.allow_installed()
    arguments = step.parser("robustness", __doc__, bundle="where the answer goes").parse_args(argv)
    return step.run(
        "engine",
        arguments.run_id,
        lambda settings: _run(settings, arguments.run_id, arguments.bundle),
        on_error=lambda error: work.failed(error, failure_messages.leave),
    )


def _run(settings: Settings, run_id: str, path: Path) -> Exit:
    pod_memory.limit(os.environ)
    raw, hashes, tried = form.read(parameters.from_json(os.environ["PARAMETERS"]), run_id)
    loaded = engine_pod.load(settings, limits.read(raw, settings.limits), hashes)
    failpoints.hit("robustness-begun")
    answer = robustness(loaded.request, loaded.datasets, tried=tried)
    path.write_text(json.dumps(answer, allow_nan=False), encoding="utf-8")
    log.info("robustness computed", verdict=answer["verdict"])
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
