"""Compiling ahead of time, in the background of a fresh installation."""

import fcntl

import pytest

from backtest import jit, precompile


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """How often everything was compiled, in a cache of its own."""
    done = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(precompile, "warm_up", lambda: done.append(1))
    monkeypatch.setattr(precompile, "_give_way", lambda: None)
    return done


def test_everything_is_compiled_once_for_one_content_and_one_processor(compiled, monkeypatch):
    for _ in range(2):
        precompile.in_background()
    assert len(compiled) == 1
    assert precompile.is_done()

    monkeypatch.setenv("NUMBA_CPU_NAME", "another")

    assert not precompile.is_done()


def test_a_process_that_finds_another_one_compiling_leaves_it_alone(compiled):
    jit.cache_root().mkdir()
    with (jit.cache_root() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        precompile.in_background()

    assert (compiled, precompile.is_done()) == ([], False)


def test_a_read_only_cache_is_left_as_it_is(compiled, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/no/such/folder")

    precompile.in_background()

    assert compiled == []
