"""The trials of one chunk, executed: each is a simulation of its own, its figures those of the ordinary run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from backtest.prices.dataset import Dataset
from backtest.studies.chunk import MAXIMA, ROWS, Chunk
from backtest.studies.execution.trials import Trials
from backtest.studies.plan import Plan, plan
from backtest.studies.request import StudyRequest
from backtest.studies.segments import account_range

Progress = Callable[[int], None]

REPORTED: Final = 256
"""Trials behind which progress is reported."""


def compute_chunk(
    request: StudyRequest,
    datasets: Mapping[str, Dataset],
    number: int,
    chunks: int,
    *,
    planned: Plan | None = None,
    on_progress: Progress | None = None,
) -> Chunk:
    """Execute the trials of chunk `number` of `chunks`; equal input gives equal bytes, however it is split.

    Parameters
    ----------
    datasets : by symbol, those of the request and its benchmark
    planned : the plan of the request where it is known already
    on_progress : called with the number of rows that are done, now and then

    Raises
    ------
    InvalidRequest
        Where the request does not fit the prices.
    InvalidTarget
        If the rule returns a wrong shape or a value outside -1…1.
    """
    planned = planned or plan(request)
    share = planned.share(number, chunks)
    parts, maxima, done = [], [], 0
    for symbols, trials in _by_account(planned, share):
        account = Trials(planned, account_range(request, symbols, datasets))
        for first in range(trials.start, trials.stop, REPORTED):
            part = np.arange(first, min(first + REPORTED, trials.stop))
            parts.append(account.execute(part))
            done += len(part)
            (on_progress or _ignore)(done)
        maxima.append(account.maxima.table.reshape(-1))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in ROWS}
    return Chunk(number, chunks, share.start, columns | {MAXIMA: np.array(maxima)})


def _ignore(rows: int) -> None:
    """Report no progress."""


def _by_account(planned: Plan, share: range) -> Iterator[tuple[tuple[str, ...], range]]:
    """The accounts that a share touches, each with its trials."""
    for place, symbols in enumerate(planned.accounts):
        first = place * planned.trials
        trials = range(max(share.start - first, 0), min(share.stop - first, planned.trials))
        if trials:
            yield symbols, trials
