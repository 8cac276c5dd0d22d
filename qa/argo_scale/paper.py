"""100,000 settings of 500 symbols on 100 pods of 4 processors: what it takes, from parts that are measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest import samples
from backtest.studies.chunk import Chunk, join
from backtest.studies.compute import compute_chunk
from backtest.studies.execution.estimate import estimate
from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest
from config.settings import Settings
from qa import machine
from store import packing
from workflows.studies import sharing, submission

SETTINGS, SYMBOLS, PODS, PROCESSORS = 100_000, 500, 100, 4
ROWS: Final = SETTINGS * SYMBOLS
_DAYS: Final = {"symbols": ["SP500"], "start_date": "2009-01-02", "end_date": "2018-12-31"}
STUDIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "MOVING_AVERAGE_CROSS": {"space": {
        "params.fast": {"from": 5, "to": 50, "step": 1}, "params.slow": {"from": 60, "to": 200, "step": 2},
    }},
    "RSI": {"space": {
        "params.period": {"from": 5, "to": 30, "step": 1}, "params.oversold": {"from": 15, "to": 35, "step": 1},
        "params.overbought": [65, 70, 75],
    }},
    "MACD": {"space": {
        "params.fast": {"from": 5, "to": 20, "step": 1}, "params.slow": {"from": 25, "to": 50, "step": 1},
        "params.signal": [5, 9, 13],
    }},
    "BOLLINGER_BANDS": {"space": {
        "params.period": {"from": 10, "to": 60, "step": 1}, "params.deviations": {"from": 1, "to": 3, "step": 0.1},
    }},
}  # fmt: skip
_POD_SECONDS: Final = 7.0
"""From a pod that is created to one that is gone, without its work; see docs/e2e.md."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What one row of a study takes: seconds by rule, bytes as encoded and as stored, seconds to store and to join."""

    seconds: dict[str, float]
    encoded: float
    stored: float
    store_seconds: float
    join_seconds: float


def measured() -> Parts:
    """Time a study of each rule, and what is done with its rows."""
    prices = {"SP500": samples.load("SP500")}
    seconds, chunk = {}, None
    for rule, asked in STUDIES.items():
        request = StudyRequest.parse({"rule_type": rule, **_DAYS, **asked})
        planned = plan(request)
        seconds[rule] = estimate(planned, prices).seconds / planned.rows
        chunk = chunk or compute_chunk(request, prices, 0, 1, planned=planned)
    assert chunk is not None
    return _with_rows(seconds, chunk)


def _with_rows(seconds: dict[str, float], chunk: Chunk) -> Parts:
    began = time.process_time()
    encoded = chunk.encode()
    payload = packing.pack(encoded)
    figures = np.array(
        [chunk.columns[name][:, 0] for name in ("final_equity", "sharpe_ratio")] * 3 + [[0] * len(chunk)]
    )
    stored = len(payload) + len(packing.pack(figures.astype("<f8").tobytes()))
    stored_in = time.process_time() - began
    began = time.process_time()
    join([chunk], len(chunk), len(chunk))
    rows = len(chunk)
    return Parts(
        seconds, len(encoded) / rows, stored / rows, stored_in / rows, (time.process_time() - began) / rows
    )


def table(parts: Parts) -> str:
    """The estimate as a page says it."""
    lines = [
        f"Written by `python -m qa.argo_scale paper`, on {machine.facts()}. {SETTINGS:,} settings of {SYMBOLS} symbols "
        f"of 2,516 bars, each an account of its own: {ROWS:,} simulations, on {PODS} pods of {PROCESSORS} "
        "processors. A part "
        "that is measured here is marked with *; the start of a pod is that of [e2e.md](e2e.md).",
        "",
        "| rule | µs a simulation* | one processor | all 400 at work | pods | until their last chunk |",
        "|---|---|---|---|---|---|",
    ]
    for rule, each in parts.seconds.items():
        total = each * ROWS
        pods = min(
            sharing.pods_of(total / PROCESSORS, ROWS, seconds_a_pod=Settings().study_pod_seconds),
            sharing.MOST_PODS,
        )
        rounds = -(-pods // PODS)
        wall = total / (min(pods, PODS) * PROCESSORS) + rounds * _POD_SECONDS
        lines.append(
            f"| `{rule}` | {each * 1e6:.1f} | {total / 60:,.0f} min | {total / (PODS * PROCESSORS):,.0f} s | "
            f"{pods} pods, {rounds} × {_POD_SECONDS:.0f} s | {wall / 60:.1f} min |"
        )
    return "\n".join([*lines, "", *_limits(parts)])


def _limits(parts: Parts) -> list[str]:
    rows_a_chunk = submission.ROWS_A_CHUNK
    chunks = -(-ROWS // rows_a_chunk)
    memory = Settings().step_memory_mib << 20
    return [
        "| what | how much | where it ends |",
        "|---|---|---|",
        f"| artifacts | {parts.encoded:.0f} B a row*, {parts.encoded * ROWS / 1e9:.1f} GB | the store's disk |",
        f"| database | {chunks:,} rows of `study_chunks`, {parts.stored:.0f} B a row*, {parts.stored * ROWS / 1e9:.1f} GB | "
        "one statement of some MB a chunk: `max_allowed_packet`, and the disk |",
        f"| persist | {parts.store_seconds * 1e6:.1f} µs a row* to encode and compress, "
        f"{parts.store_seconds * ROWS / 60:.0f} min, one pod | its deadline of 30 min |",
        f"| judge and persist | every row in memory, {parts.encoded:.0f} B*: {parts.encoded * ROWS / 1e9:.1f} GB | "
        f"**first of all**: `STEP_MEMORY_MIB` {Settings().step_memory_mib} holds "
        f"{memory * 0.6 / parts.encoded / 1e6:.1f} million rows |",
        "| workflow object | two nodes a pod, about 3 kB | 1 MiB: 200 pods are some 600 kB before compression |",
        f"| limits | `MAX_SIMULATIONS_PER_STUDY` {Settings().limits.simulations:,} refuses it before anything breaks | "
        "raise it together with `STEP_MEMORY_MIB`, or submit a study for every few symbols |",
        "",
        "So today the whole is submitted as studies of a few symbols each: a ledger counts them together all the same. Each "
        "of 10,000,000 rows needs `STEP_MEMORY_MIB` of "
        f"{parts.encoded * 1e7 / 0.6 / 2**20:,.0f} for judge and persist alone.",
    ]
