"""The request of a study: a run with a search space, parsed identically for every entry point."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, Self, get_args

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError, Value, parse_fields
from backtest.rules.rule import PREFIX
from backtest.run.request import REQUEST_FIELDS, RunRequest
from backtest.studies import sampling
from backtest.studies.objective import OBJECTIVES
from backtest.studies.space import SPACE, Axis, parent_of, parse_space

SymbolsMode = Literal["together", "each"]
Sampler = Literal["grid", "random"]
Kind = Literal["sweep", "walk_forward"]

WALK_FORWARD_FIELDS: Final = (
    Field(name="train_bars", kind="int", label="Training bars", required=True, low=20, high=5_000_000,
          help="Bars on which the settings of a window are chosen."),
    Field(name="test_bars", kind="int", label="Test bars", required=True, low=1, high=5_000_000,
          help="Bars on which the chosen settings trade; also the step from window to window."),
    Field(name="anchored", kind="bool", label="Anchored", default=False,
          help="Every training begins at the first bar, so that it grows from window to window."),
)  # fmt: skip

STUDY_FIELDS: Final = (
    Field(name=SPACE, kind="object", label="Search space", required=True,
          help='Inputs to search: name to a list of values or to {"from":, "to":, "step":}. Names: params.<name> '
               "of the rule, params.constants.<name> of formulas, stop_loss_pct, take_profit_pct, "
               "trailing_stop_pct, slippage_bps, fee_rate, size."),
    Field(name="symbols_mode", kind="choice", label="Accounts", default="together", choices=get_args(SymbolsMode),
          help="together: one account, as in a run. each: every symbol an account of its own."),
    Field(name="sampler", kind="choice", label="Sampler", default="grid", choices=get_args(Sampler),
          help="grid: every combination. random: max_trials of them, none twice, the same for the same seed."),
    Field(name="max_trials", kind="int", label="Most trials", low=1, high=1e9,
          help="How many combinations a random sample has; a grid with more is refused."),
    Field(name="seed", kind="int", label="Seed", default=0, low=0, high=2**31 - 1,
          help="Seed of the random sample and of the bootstraps."),
    Field(name="objective", kind="choice", label="Objective", default="sharpe_ratio", choices=tuple(OBJECTIVES),
          help="Metric by which trials are ranked."),
    Field(name="minimum_trades", kind="int", label="Fewest trades", default=10, low=0, high=1_000_000,
          help="Trials with fewer trades are shown and never chosen."),
    Field(name="holdout_pct", kind="float", label="Hold-out", default=0.0, low=0, high=90, unit="%",
          help="Last part of the range, which no selection sees."),
    Field(name="walk_forward", kind="object", label="Walk-forward", default=None,
          help='{"train_bars":, "test_bars":, "anchored": false}. Empty: a sweep of the whole range.'),
    Field(name="study_id", kind="text", label="Study ID", max_length=36,
          help="UUID4 of the study; repeating it returns the same study. Empty: a new one."),
)  # fmt: skip

RUN_FIELDS_OF_A_STUDY: Final = tuple(field for field in REQUEST_FIELDS if field.name != "run_id")
"""The fields of a run that a study takes as well: all but the name of the run."""


@dataclass(frozen=True, slots=True)
class StudyLimits:
    """The most that a study may ask for."""

    trials: int = 1_000_000
    simulations: int = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """Windows of `train_bars` followed by `test_bars`, one `test_bars` after the other."""

    train_bars: int
    test_bars: int
    anchored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """One study as requested.

    Parameters
    ----------
    run : the run that every trial is, but for what is searched; its `run_id` is empty
    axes : the search space in the order of the grid: the last axis varies fastest
    sampled : combinations that are tried, refused ones included: the whole grid or `max_trials` of it
    """

    run: RunRequest
    axes: tuple[Axis, ...]
    symbols_mode: SymbolsMode
    sampler: Sampler
    max_trials: int | None
    seed: int
    objective: str
    minimum_trades: int
    holdout_pct: float
    walk_forward: WalkForward | None
    study_id: str

    @classmethod
    def parse(cls, raw: object, *, limits: StudyLimits | None = None) -> Self:
        """Read a request, or raise `InvalidRequest` with every field that is wrong."""
        if not isinstance(raw, Mapping):
            raise InvalidRequest([FieldError("", "the request must be a JSON object", raw)])
        raw = _with_numbers(raw)
        own = {field.name: raw[field.name] for field in STUDY_FIELDS if field.name in raw}
        values, errors = parse_fields(STUDY_FIELDS, own)
        # a field that could not be read has its default, so that the other checks find their mistakes, too
        values = {field.name: field.default for field in STUDY_FIELDS} | values
        run, wrong = _run(raw)
        axes, more = _axes(values, raw, limits or StudyLimits())
        windows, last = _walk_forward(values)
        errors += wrong + more + last + _id_errors(values)
        if run is None or errors:
            raise InvalidRequest(errors)
        chosen: dict[str, Any] = {name: value for name, value in values.items() if name != SPACE}
        chosen |= {"walk_forward": windows, "study_id": values["study_id"] or str(uuid.uuid4())}
        return cls(run=replace(run, run_id=""), axes=axes, **chosen)

    @property
    def kind(self) -> Kind:
        """What the study is: a walk-forward or a sweep."""
        return "walk_forward" if self.walk_forward else "sweep"

    @property
    def sampled(self) -> int:
        """Combinations that are looked at: the whole grid, or `max_trials` of it."""
        count = sampling.size(self.axes)
        return count if self.sampler == "grid" or self.max_trials is None else min(count, self.max_trials)

    @property
    def space(self) -> dict[str, tuple[Value, ...]]:
        """The values that are tried, by name, in the order of the grid."""
        return {axis.name: axis.values for axis in self.axes}

    def as_json(self) -> dict[str, Any]:
        """Every field with its value, such that `parse` gives the same request again."""
        run = self.run.as_json()
        for name in ("run_id", *(axis.name for axis in self.axes)):
            run.pop(name, None)
        own = {field.name: getattr(self, field.name) for field in STUDY_FIELDS if field.name != SPACE}
        own["walk_forward"] = asdict(self.walk_forward) if self.walk_forward else None
        return run | {SPACE: {axis.name: axis.written for axis in self.axes}} | own

    def spelled(self, known: Collection[str]) -> StudyRequest:
        """The same request with its symbols in the case in which they are known."""
        return replace(self, run=self.run.spelled(known))

    def run_with(self, chosen: Mapping[str, Value], *, run_id: str | None = None) -> RunRequest:
        """The ordinary run of these values of the axes, over the whole range of the request."""
        settings: dict[str, Any] = {name: value for name, value in chosen.items() if PREFIX not in name}
        return replace(
            self.run,
            params=self.params_with(chosen),
            config=replace(self.run.config, **settings) if settings else self.run.config,
            run_id=run_id or str(uuid.uuid4()),
        )

    def params_with(self, chosen: Mapping[str, Value]) -> dict[str, Value]:
        """The parameters of the rule with these values of the axes in them."""
        params = dict(self.run.params)
        for name, value in chosen.items():
            if not name.startswith(PREFIX):
                continue
            parameter, key = parent_of(name)
            inner = params.get(parameter)
            params[parameter] = {**(inner if isinstance(inner, dict) else {}), key: value} if key else value
        return params


def _run(raw: Mapping[str, Any]) -> tuple[RunRequest | None, list[FieldError]]:
    """The run of a study; what its rule says of the parameters is asked for each combination."""
    rest = {name: value for name, value in raw.items() if name not in {field.name for field in STUDY_FIELDS}}
    if "run_id" in rest:
        return None, [FieldError("run_id", "is not a field of a study; its name is study_id", rest["run_id"])]
    try:
        return RunRequest.parse(rest, check_rule=False), []
    except InvalidRequest as invalid:
        return None, list(invalid.errors)


def _with_numbers(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request with named numbers as objects where they are given as text: one of them may be searched."""
    rule_type, params = raw.get("rule_type"), raw.get("params")
    if not isinstance(rule_type, str) or not isinstance(params, Mapping):
        return raw
    try:
        fields = [field for field in rules.get(rule_type).params if field.kind == "numbers"]
        read = {field.name: field.parse(params[field.name]) for field in fields if field.name in params}
    except (InvalidRequest, ValidationError):  # told where the field itself is parsed
        return raw
    return {**raw, "params": {**params, **read}} if read else raw


def _axes(
    values: Mapping[str, Any], raw: Mapping[str, Any], limits: StudyLimits
) -> tuple[tuple[Axis, ...], list[FieldError]]:
    rule_type, space = raw.get("rule_type"), values[SPACE]
    if not isinstance(rule_type, str) or not isinstance(space, dict):
        return (), []
    try:
        rule = rules.get(rule_type)
    except InvalidRequest as invalid:
        return (), list(invalid.errors)
    axes, errors = parse_space(space, rule, most=limits.trials)
    errors += _fixed_errors(rule, raw, space)
    errors += _walked_errors(values, space)
    return axes, errors or _size_errors(values, axes, limits.trials)


def _walked_errors(values: Mapping[str, Any], space: Mapping[str, Any]) -> list[FieldError]:
    """The test bars of all windows are one simulation, which has one stop-loss and one fee throughout."""
    if values["walk_forward"] is None:
        return []
    message = (
        "cannot be searched in a walk-forward: its test bars are one account, whose settings do not change"
    )
    return [
        FieldError(f"{SPACE}.{name}", message, space[name]) for name in space if not name.startswith(PREFIX)
    ]


def _fixed_errors(
    rule: type[rules.Rule], raw: Mapping[str, Any], space: Mapping[str, Any]
) -> list[FieldError]:
    """What is wrong with the parameters that are not searched, and which are given in two places."""
    params = raw.get("params") or {}
    if not isinstance(params, Mapping):
        return []
    searched = {parent_of(name)[0] for name in space if name.startswith(PREFIX)}
    _, errors = parse_fields(rule.params, params, prefix=PREFIX)
    errors = [error for error in errors if error.field.removeprefix(PREFIX) not in searched]
    twice = [name for name in space if _is_fixed(name, raw, params)]
    return errors + [
        FieldError(f"{SPACE}.{name}", f"is given twice: in {SPACE} and as {name}; leave one out", space[name])
        for name in twice
    ]


def _is_fixed(name: str, raw: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    if not name.startswith(PREFIX):
        return raw.get(name) is not None
    parameter, key = parent_of(name)
    inner = params.get(parameter)
    return key in inner if key and isinstance(inner, Mapping) else inner is not None and not key


def _size_errors(values: Mapping[str, Any], axes: tuple[Axis, ...], most: int) -> list[FieldError]:
    count, wanted = sampling.size(axes), values["max_trials"]
    if values["sampler"] == "random":
        if wanted is None:
            return [FieldError("max_trials", "is required where sampler is random: how many are drawn")]
        if wanted > most:
            return [FieldError("max_trials", f"must be at most {most:,}, got {wanted:,}", wanted)]
        if count > sampling.LARGEST:
            return [FieldError(SPACE, f"must have at most 2^62 combinations, got {count:.2e}")]
        return []
    if count > min(most, wanted or most):
        message = (
            f"has {count:,} combinations, at most {min(most, wanted or most):,} are allowed: take larger "
        )
        return [FieldError(SPACE, message + "steps, or sampler random with max_trials", count)]
    return []


def _walk_forward(values: Mapping[str, Any]) -> tuple[WalkForward | None, list[FieldError]]:
    raw = values["walk_forward"]
    if raw is None:
        return None, []
    found, errors = parse_fields(WALK_FORWARD_FIELDS, raw, prefix="walk_forward.")
    chosen: dict[str, Any] = found
    return (None, errors) if errors else (WalkForward(**chosen), [])


def _id_errors(values: Mapping[str, Any]) -> list[FieldError]:
    study_id = values.get("study_id")
    if not study_id:
        return []
    try:
        parsed = uuid.UUID(study_id)
    except ValueError:
        parsed = uuid.UUID(int=0)
    if parsed.version == 4 and str(parsed) == study_id:
        return []
    message = "must be a UUID4 such as 123e4567-e89b-42d3-a456-426614174000"
    return [FieldError("study_id", message, study_id)]
