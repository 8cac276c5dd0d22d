"""The named points of a run: the list is what the code reaches, and only an armed point does anything."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from workflows.failpoints import POINTS
from workflows.local.step_failures import Step

ROOT = Path(__file__).parents[2]
REACH = re.compile(r'failpoints\.reach\(f?"([a-z-]*(?:\{job\.step\})?[a-z-]*)"\)')


def reached_in_the_code():
    for path in sorted((ROOT / "workflows").rglob("*.py")):
        for name in REACH.findall(path.read_text(encoding="utf-8")):
            yield from {name.replace("{job.step}", step) for step in Step}


def reach(folder, name):
    script = f"from workflows import failpoints; failpoints.reach({name!r}); print('went on')"
    environment = os.environ | ({"FAULT_POINTS": str(folder)} if folder else {})
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)


def test_the_list_of_points_is_what_the_code_reaches():
    listed = [point.name for point in POINTS]

    assert sorted(reached_in_the_code()) == sorted(listed)
    assert len(set(listed)) == len(listed)


def test_a_process_that_reaches_an_armed_point_dies_as_by_kill_9_and_only_once(tmp_path):
    (tmp_path / "claim-written").touch()

    first, second = reach(tmp_path, "claim-written"), reach(tmp_path, "claim-written")

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, b"")
    assert (second.returncode, second.stdout) == (0, b"went on\n")
    assert list(tmp_path.iterdir()) == []


def test_another_point_or_no_folder_stops_nobody(tmp_path):
    (tmp_path / "claim-written").touch()

    other, without = reach(tmp_path, "claim-committed"), reach(None, "claim-written")

    assert (other.returncode, without.returncode) == (0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["claim-written"]
