"""The short version of what `make faults` does to studies."""

import random

from qa.chaos import studies
from qa.chaos.experiment import Experiment
from qa.chaos.report import Report
from qa.harness.environment import TestEnvironment


def test_five_kills_in_the_midst_of_studies_lose_nothing_and_leave_the_same_bytes(tmp_path):
    environment = TestEnvironment(
        f"sqlite:///{tmp_path / 'backtest.sqlite3'}", tmp_path / "environment", web=False, workers=1
    )
    experiment = Experiment(environment, Report("SQLite"))
    try:
        environment.launch(WORKER_SLOTS="2")
        studies.scenario(experiment, studies.SMALL, 5, random.Random(1))
    finally:
        environment.stop()

    assert experiment.report.violations == []
    assert experiment.report.injected.total() >= 5
