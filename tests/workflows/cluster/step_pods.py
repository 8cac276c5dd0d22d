"""The steps of a run as Argo runs them: by arguments and environment, with a termination message."""

import json
import subprocess
import sys

from qa.harness.processes import ROOT
from tests.workflows.clusters import arguments_of

UID = "6c6b5ad2-9b42-4f3c-9f0e-0a4e1d2f3a4b"


class Pods:
    """Runs steps on one database, each with the arguments of the same workflow."""

    def __init__(self, environment, folder):
        self._environment, self._folder = environment, folder
        self.bundle, self.termination_log = folder / "bundle", folder / "termination-log"
        self.termination_log.touch()

    def run(self, step, run_id, *more, arguments=None, package="workflows.steps", **environment):
        return subprocess.run(
            [sys.executable, "-m", f"{package}.{step}", "--run-id", run_id, *map(str, more)],
            cwd=ROOT,
            env=self.variables((arguments or arguments_of()) | {"run_id": run_id}) | environment,
            capture_output=True,
            text=True,
        )

    def variables(self, arguments):
        """What a pod of the workflow with these arguments runs with."""
        listed = [{"name": name, "value": value} for name, value in arguments.items()]
        return self._environment.environment(
            PARAMETERS=json.dumps(listed), TERMINATION_LOG=str(self.termination_log)
        )

    def engine(self, run_id, **more):
        return self.run("compute", run_id, "--bundle", self.bundle, **more)

    def persist(self, run_id, *, uid=UID, figures=None, **more):
        which = ("--workflow-name", "bt-x", "--workflow-uid", uid)
        which += ("--figures", figures) if figures else ()
        return self.run("keep", run_id, "--bundle", self.bundle, *which, **more)

    def termination_message(self):
        return self.termination_log.read_text(encoding="utf-8")
