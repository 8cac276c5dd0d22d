"""What the engine step hands to the persist step is cut, altered, exchanged or gone."""

from __future__ import annotations

from qa.chaos.corruptions import CORRUPTIONS
from qa.chaos.experiment import Experiment


def scenario(experiment: Experiment, rounds: int) -> None:
    """Corrupt the bundle of a run in every way, so often; each run fails and says how."""
    for _ in range(rounds):
        for corruption, message in CORRUPTIONS.items():
            if experiment.report.is_over:
                return
            kind = f"bundle: {corruption}"
            run_id = experiment.submit(rule_type="CORRUPTING", params={"corruption": corruption})
            experiment.report.inject(kind)
            experiment.assert_invariants(kind, allowed={"bad_result": message})
            row = experiment.environment.row(run_id)
            if row.get("error_code") != "bad_result":
                experiment.report.violate(kind, "silent", f"{run_id} {dict(row)}")
        experiment.assert_next_succeeds("bundle")
        experiment.report.progress("bundles")
    experiment.assert_consistent("bundles")
