"""The cluster's code loads nothing of the local worker's."""

import subprocess
import sys
from pathlib import Path

from qa.harness.processes import ROOT

STEPS = ("compute", "keep", "reader")


def modules_of(package):
    folder = ROOT / "workflows" / package
    return [f"workflows.{package}.{path.stem}" for path in sorted(Path(folder).glob("[a-z]*.py"))]


def test_no_module_of_the_cluster_loads_one_of_the_local_worker():
    wanted = [
        *modules_of("cluster"),
        *modules_of("templates"),
        "workflows.reconcile",
        "workflows.launchers.argo",
    ]
    wanted += [f"workflows.steps.{step}" for step in STEPS]
    script = (
        "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; "
        "sys.exit(', '.join(name for name in sys.modules if name.startswith('workflows.local')) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", script, *wanted], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
