"""Kill -9 in the midst of studies: nothing is lost, and the result has the same bytes as that of an undisturbed one."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import psutil
from sqlalchemy import func, select

from qa.chaos.experiment import Experiment
from qa.examples import MILLION, sweep
from store.models import Status, Study, StudyChunk
from store.queries.studies import studies
from workflows.studies import submission

KIND: Final = "kill -9 in the midst of a study"
_LONGEST_PAUSE_SECONDS: Final = 0.2
_LONGEST_STUDY_SECONDS: Final = 1_800.0
"""A million trials in 1,000 chunks, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Load:
    """A study, the chunks that share its trials, and how many processes are killed while it runs."""

    request: dict[str, Any]
    chunks: int
    kills: int


SMALL: Final = Load(sweep((2, 33, 1), (40, 359, 1)), chunks=40, kills=8)
"""10,240 trials."""
LARGE: Final = Load(MILLION, chunks=1_000, kills=100)
"""A million trials."""


def scenario(experiment: Experiment, load: Load, kills: int, chance: random.Random) -> None:
    """Kill so many processes of workers, some in each study, and compare every study with one left in peace."""
    undisturbed = _ended(experiment, _submit(experiment, load)).result_hash
    while kills > 0 and not experiment.report.is_over:
        study_id = _submit(experiment, load)
        kills -= _kill_within(experiment, study_id, min(kills, load.kills), chance)
        _assert_whole(experiment, _ended(experiment, study_id), undisturbed)
        experiment.report.progress(KIND)
    experiment.assert_consistent(KIND)


def _submit(experiment: Experiment, load: Load) -> str:
    environment = experiment.environment
    settings = replace(environment.settings, worker_slots=load.chunks)
    return submission.submit(load.request, settings=settings, database=environment.database).study_id


def _kill_within(experiment: Experiment, study_id: str, kills: int, chance: random.Random) -> int:
    """Kill while the study runs, each time after another chunk was stored; how many were killed."""
    environment = experiment.environment
    killed = 0
    while killed < kills:
        done = _get(experiment, study_id).done_chunks
        environment.until(lambda done=done: _has_moved(experiment, study_id, done), what="a chunk is stored")
        time.sleep(chance.random() * _LONGEST_PAUSE_SECONDS)
        processes = _processes(experiment)
        if _get(experiment, study_id).ended:
            return killed
        if processes and environment.kill(chance.choice(processes)):
            killed += 1
            experiment.report.inject(KIND)
        environment.supervise()
    return killed


def _has_moved(experiment: Experiment, study_id: str, done: int) -> bool:
    study = _get(experiment, study_id)
    return study.ended or study.done_chunks > done


def _processes(experiment: Experiment) -> list[int]:
    """The workers, their fork servers and the processes of steps, as they are now."""
    pids: list[int] = []
    for worker in experiment.environment.workers:
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(worker.pid).children(recursive=True)
            pids += [worker.pid, *(process.pid for process in found)]
    return pids


def _get(experiment: Experiment, study_id: str) -> Study:
    with experiment.environment.database.read() as session:
        return studies.get(session, study_id)


def _ended(experiment: Experiment, study_id: str) -> Study:
    experiment.environment.until(
        lambda: _get(experiment, study_id).ended,
        seconds=_LONGEST_STUDY_SECONDS,
        what=f"study {study_id} ends",
    )
    return _get(experiment, study_id)


def _assert_whole(experiment: Experiment, study: Study, expected: str | None) -> None:
    """Every chunk is stored, once, and the bytes are the expected ones."""
    with experiment.environment.database.read() as session:
        own = StudyChunk.study_id == study.study_id
        stored = session.scalar(select(func.count()).select_from(StudyChunk).where(own))
    found = f"{study.study_id} {study.status} {study.error_message} {stored} of {study.chunks} chunks"
    if study.status != Status.SUCCEEDED or study.missing_chunks or stored != study.chunks:
        experiment.report.violate(KIND, "lost", found)
    elif study.result_hash != expected:
        experiment.report.violate(KIND, "not whole", f"{found}: {study.result_hash} is not {expected}")
