"""Two backends, one source: the compiled engine gives the bytes of the interpreted one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backtest import jit
from backtest.simulation import backends
from backtest.simulation.simulate import simulate
from tests.backtest.markets import random_config, random_market, random_target

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("block", range(10))
def test_both_backends_give_the_same_bytes_in_300_random_cases(block):
    differing = []
    for case in range(300):
        random = np.random.default_rng([block, case])
        count, width = int(random.integers(1, 60)), int(random.choice([1, 1, 2, 4]))
        market, target = random_market(random, count, width), random_target(random, count, width)
        config, start = random_config(random), int(random.integers(0, count))

        plain = simulate(market, target, config, start=start, backend="interpreted")
        fast = simulate(market, target, config, start=start, backend="jit")

        if plain.result_hash != fast.result_hash:
            differing.append((block, case))

    assert differing == []


def test_a_short_run_is_interpreted_and_a_long_one_compiled(monkeypatch):
    monkeypatch.setattr(jit, "_loaded", [])

    chosen = [backends.chosen("auto", size) for size in (5_000, 1_000_000)]

    assert chosen == ["interpreted", "jit"]


def test_once_the_compiled_engine_is_loaded_it_is_taken():
    backends.compiled_engine()

    assert backends.chosen("auto", 5_000) == "jit"


def test_what_was_compiled_is_kept_where_numba_is_told_to(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-m", "backtest.gears", "--kernel-only"], cwd=ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("compiled in ")
    assert list(tmp_path.rglob("*.nbc"))


def test_a_read_only_cache_is_copied_to_where_it_can_be_used(tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "engine.nbc").write_bytes(b"machine code")
    monkeypatch.setattr(os, "access", lambda folder, mode: False)

    copy = jit._writable(kept)

    assert copy != kept
    assert (copy / "engine.nbc").read_bytes() == b"machine code"
    shutil.rmtree(copy)
