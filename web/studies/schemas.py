"""What the HTTP interface answers about studies, field by field; OpenAPI is generated from it."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from web.api.schema_types import Fraction, Json, StatusName, Timestamp, Values
from web.api.schemas import FieldError


class StudyAccepted(TypedDict):
    """A submitted study, and where to watch it."""

    study_id: str
    status: StatusName
    trials: int
    links: dict[str, str]


class StudyCheck(TypedDict):
    """What a study would do, or what is wrong with it."""

    ok: bool
    errors: NotRequired[list[FieldError]]
    trials: NotRequired[int]
    refused: NotRequired[int]
    simulations: NotRequired[int]
    chunks: NotRequired[int]
    pods: NotRequired[int]
    bars: NotRequired[int]
    seconds: NotRequired[float]


class StudyCancelled(TypedDict):
    """Whether this request cancelled the study, and its status now."""

    study_id: str
    cancelled: bool
    status: StatusName


class Study(TypedDict):
    """A study: what was asked for, how far it is, and what was found once it is there."""

    study_id: str
    status: StatusName
    progress: Fraction
    kind: str
    symbols: list[str]
    rule_type: str
    trials: int
    refused: int
    simulations: int
    chunks: int
    done_chunks: int
    missing_chunks: int
    error_code: str | None
    error_message: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    result_hash: str | None
    request: NotRequired[Json]
    data_hashes: NotRequired[dict[str, str]]
    waiting_before: NotRequired[int]
    summary: NotRequired[Json | None]
    failures: NotRequired[list[Json]]
    links: NotRequired[dict[str, str]]


class Studies(TypedDict):
    """A page of studies, and the address of the next one."""

    studies: list[Study]
    next: str | None


class Trial(TypedDict):
    """One combination of the space with its figures."""

    trial: int
    values: Json
    figures: dict[str, float | None]
    objective: float | None
    eligible: bool


class Trials(TypedDict):
    """A page of trials, and the address of the next one."""

    trials: list[Trial]
    known: int
    next: str | None


class Heatmap(TypedDict):
    """One value for each pair of values of two inputs; null where no trial is known."""

    x: str
    y: str | None
    x_values: list[Json | float | str | bool | None]
    y_values: list[Json | float | str | bool | None]
    value: str
    cells: list[Values]
    trials: list[list[int | None]]


class TrialRun(TypedDict):
    """The ordinary run of a trial."""

    run_id: str
    links: dict[str, str]
