"""Folders of bundles vanish with their worker, at the latest when the next one comes."""

import signal
import subprocess
import sys

from workflows.local.scratch import Scratch, sweep


def test_a_folder_is_private_and_gone_when_closed(tmp_path):
    scratch = Scratch(tmp_path)
    scratch.of("run").mkdir()
    mode = scratch.folder.stat().st_mode & 0o777

    scratch.close()

    assert (mode, list(tmp_path.iterdir())) == (0o700, [])


def test_the_folder_of_a_living_process_is_left_alone(tmp_path):
    scratch = Scratch(tmp_path)

    assert sweep(tmp_path) == 0
    assert scratch.folder.exists()
    scratch.close()


def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path):
    script = (
        "import time; from pathlib import Path; from workflows.local.scratch import Scratch; "
        f"s = Scratch(Path({str(tmp_path)!r})); s.of('run').mkdir(); "
        "print('there', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = len(list(tmp_path.iterdir()))

    mine = Scratch(tmp_path)

    assert left == 1
    assert list(tmp_path.iterdir()) == [mine.folder]
    mine.close()


def test_dropping_a_run_that_left_nothing_is_no_error(tmp_path):
    scratch = Scratch(tmp_path)

    scratch.drop("run")

    assert not scratch.of("run").exists()
    scratch.close()


def test_a_strange_folder_is_not_touched(tmp_path):
    (tmp_path / "notes").mkdir()

    sweep(tmp_path)

    assert (tmp_path / "notes").exists()
