"""The processors that a process may use."""

import os

import pytest

from backtest.studies.execution.processors import available

CORES = len(os.sched_getaffinity(0))


def quota_of(root, name, text, own="0::/pod\n"):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    (root / "own").write_text(own)
    return available(root=root, own=root / "own")


def test_without_a_quota_the_affinity_counts(tmp_path):
    assert available(root=tmp_path, own=tmp_path / "none") == CORES
    assert quota_of(tmp_path, "pod/cpu.max", "max 100000\n") == CORES


@pytest.mark.parametrize("name", ["pod/cpu.max", "cpu.max"])
def test_a_quota_counts_in_the_group_and_in_those_around_it(tmp_path, name):
    assert quota_of(tmp_path, name, "50000 100000\n") == 1
    assert quota_of(tmp_path, name, "900000 100000\n") == min(CORES, 9)


def test_a_quota_of_the_first_version_counts(tmp_path):
    (tmp_path / "cpu" / "pod").mkdir(parents=True)
    (tmp_path / "cpu" / "pod" / "cpu.cfs_period_us").write_text("100000\n")

    assert quota_of(tmp_path, "cpu/pod/cpu.cfs_quota_us", "100000\n", "4:cpu,cpuacct:/pod\n") == 1
