"""Failpoints: the list is what the code hits, and only an armed one does anything."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from workflows.failpoints import POINTS, STUDY_POINTS
from workflows.local.step_failures import Step

ROOT = Path(__file__).parents[2]
HIT = re.compile(r'failpoints\.hit\(f?"([a-z-]*(?:\{job\.step\})?[a-z-]*)"\)')


def hit_in_the_code():
    for path in sorted((ROOT / "workflows").rglob("*.py")):
        for name in HIT.findall(path.read_text(encoding="utf-8")):
            yield from {name.replace("{job.step}", step) for step in Step}


def hit(folder, name):
    script = f"from workflows import failpoints; failpoints.hit({name!r}); print('went on')"
    environment = os.environ | ({"FAULT_POINTS": str(folder)} if folder else {})
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)


def test_the_list_of_failpoints_is_what_the_code_hits():
    listed = [point.name for point in (*POINTS, *STUDY_POINTS)]

    assert sorted(set(hit_in_the_code())) == sorted(listed)
    assert len(set(listed)) == len(listed)


def test_a_process_that_hits_an_armed_failpoint_dies_as_by_kill_9_and_only_once(tmp_path):
    (tmp_path / "claim-written").touch()

    first, second = hit(tmp_path, "claim-written"), hit(tmp_path, "claim-written")

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, b"")
    assert (second.returncode, second.stdout) == (0, b"went on\n")
    assert list(tmp_path.iterdir()) == []


def test_another_failpoint_or_no_folder_kills_no_process(tmp_path):
    (tmp_path / "claim-written").touch()

    other, without = hit(tmp_path, "claim-committed"), hit(None, "claim-written")

    assert (other.returncode, without.returncode) == (0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["claim-written"]
