"""A dead process of this host is distinguished from a living one and from one of another host."""

import os
import subprocess

from workflows.local import lease


def name_of(process):
    return f"{lease.host_id()}:{process.pid}:{lease._started(process.pid)}"


def test_this_process_lives():
    assert not lease.is_dead(lease.owner())


def test_a_killed_process_is_dead_at_once_even_before_its_parent_noticed():
    process = subprocess.Popen(["sleep", "60"])
    name = name_of(process)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert lease.is_dead(name)
    process.wait()
    assert lease.is_dead(name)


def test_a_living_process_with_a_used_number_is_not_the_dead_one():
    started = lease.owner().rpartition(":")[2]

    assert lease.is_dead(f"{lease.host_id()}:{os.getpid()}:{int(started) - 1}")


def test_of_another_host_nothing_is_known():
    assert not lease.is_dead(f"elsewhere.0123456789ab:{2**22 + 1}:1")


def test_a_name_of_another_form_is_not_dead():
    assert not lease.is_dead("argo")


def test_a_name_fits_its_column():
    assert len(lease.owner()) <= 128
