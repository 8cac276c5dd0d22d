"""The arguments of a workflow that computes what of a run's result survives: those of the run, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field
from backtest.studies.statistics.deflated import Tried
from store.queries.studies.robustness import WORKFLOW_PREFIX
from workflows.cluster import parameters
from workflows.steps.summary import is_count, is_number

TRIED: Final = Field(
    name="tried",
    kind="object",
    label="Trials",
    help="Everything tried on this rule and these prices, as the ledger holds it: trials, and the mean and the "
    "variance of their Sharpe ratios a period.",
)
FORM: Final = parameters.Form((*parameters.FIELDS, TRIED), "run_id")
_NAMES: Final = ("trials", "mean", "variance")


def name_of(run_id: str, asked_at: datetime) -> str:
    """The name of the workflow: another one each time that it is asked for."""
    return f"{prefix_of(run_id)}{int(asked_at.timestamp())}"


def prefix_of(run_id: str) -> str:
    """What the names of all workflows of a run begin with."""
    return f"{WORKFLOW_PREFIX}{run_id}-"


def arguments_of(
    request: Mapping[str, Any], data_hashes: Mapping[str, str], tried: Tried | None
) -> dict[str, str]:
    """The workflow arguments of a stored run; raises `InvalidRequest` where Argo would evaluate one of them."""
    known = {name: getattr(tried, name) for name in _NAMES} if tried else None
    return parameters.arguments_of({**request, TRIED.name: known}, data_hashes, FORM)


def read(arguments: Mapping[str, str], run_id: str) -> tuple[dict[str, Any], dict[str, str], Tried | None]:
    """The raw request, the pinned prices and what was tried; None is the run alone.

    Raises
    ------
    InvalidRequest
        As `parameters.read` does, where no prices are pinned, and where `tried` is not what the ledger writes.
    """
    raw, hashes = parameters.read(arguments, run_id, FORM)
    stated = raw.pop(TRIED.name, None)
    if not hashes:
        text = "must name the prices of a run with a result: ask for its robustness on the page of the run"
        raise InvalidRequest([FieldError(parameters.DATA_HASHES.name, text, {})])
    return raw, hashes, None if stated is None else _tried(stated)


def _tried(stated: Mapping[str, Any]) -> Tried:
    trials, *moments = (stated.get(name, "") for name in _NAMES)
    if stated.keys() == set(_NAMES) and is_count(trials) and trials and all(map(is_number, moments)):
        return Tried(trials, *map(float, moments))
    text = f"must be a count from 1 and two numbers: {', '.join(_NAMES)}"
    raise InvalidRequest([FieldError(TRIED.name, text, dict(stated))])
