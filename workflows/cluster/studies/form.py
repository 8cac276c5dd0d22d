"""The request of a study as arguments of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backtest.studies.request import RUN_FIELDS_OF_A_STUDY, STUDY_FIELDS
from workflows.cluster import parameters

STUDY: Final = parameters.Form((*RUN_FIELDS_OF_A_STUDY, *STUDY_FIELDS, parameters.DATA_HASHES), "study_id")
STUDY_ID: Final = parameters.id_of(STUDY.id)
_MOST_BYTES: Final = 100_000
"""Of all arguments: they are one variable of the plan pod, and Linux takes 128 KiB for one."""


def arguments_of(study_id: str, request: Mapping[str, Any], data_hashes: Mapping[str, str]) -> dict[str, str]:
    """The workflow arguments of a stored study; of a request that is too long for them its id alone.

    Every argument is there: one that is left out would be the template's example.
    """
    arguments = parameters.arguments_of(request, data_hashes, STUDY) | {STUDY.id: study_id}
    if sum(len(value.encode()) for value in arguments.values()) <= _MOST_BYTES:
        return arguments
    return dict.fromkeys(arguments, "") | {STUDY.id: study_id}


def names_alone(arguments: Mapping[str, str]) -> bool:
    """Whether the arguments say nothing but which stored study it is."""
    return not any(value for name, value in arguments.items() if name != STUDY.id)
