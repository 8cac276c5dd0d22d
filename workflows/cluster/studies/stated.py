"""What the judge step states of a study, compared with what chunks and prices say: rule packages run where it is written.

Everything that follows without executing a rule is computed again. What does not (the deflated ratio, the account of a
walk-forward, the hold-out) has known types and bounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import sqrt
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from backtest.arrays import Ints
from backtest.metrics.account import Undefined
from backtest.prices.dataset import Dataset
from backtest.run.recomputed import differences
from backtest.studies.chunk import Chunk, join
from backtest.studies.execution.trials import Trials
from backtest.studies.plan import Plan
from backtest.studies.result import HOLDOUT_METRICS, traded
from backtest.studies.segments import AccountRange, account_range
from backtest.studies.statistics.deflated import Deflated
from backtest.studies.statistics.judgement import Judgement
from backtest.studies.table import TrialTable, span_of, table_of, trial_json
from workflows.errors import BundleAltered, BundleContradicted, BundleTooLarge
from workflows.failures import Failure
from workflows.steps.summary import Shape, check_plain, check_shape, is_count, is_number, is_text, is_texts

_MOST_MIB: Final = 64
_DEEPEST: Final = 14
_MOST_NAMED: Final = 3


def _is_number_or_none(value: object) -> bool:
    return value is None or is_number(value)


def _is_days(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_text, value))


def _is_trial(value: object) -> bool:
    return value is None or is_count(value)


_HOLDOUT: Final[Mapping[str, Shape]] = {
    "first_bar": is_text, "last_bar": is_text, "bars": is_count,
    "metrics": dict.fromkeys(HOLDOUT_METRICS, _is_number_or_none),
}  # fmt: skip
_WALK_FORWARD: Final[Mapping[str, Shape]] = {
    "first_bar": is_text, "last_bar": is_text, "bars": is_count, "metrics": {},
    "efficiency": _is_number_or_none,
    "windows": [
        {
            "train": _is_days, "test": _is_days, "test_bars": is_count, "trial": _is_trial,
            "score": _is_number_or_none, "annual_return_in_sample": _is_number_or_none,
            "total_return": _is_number_or_none, "num_trades": is_count,
        }
    ],
    "drift": {"changes": is_count, "flat_windows": is_count, "values": {}},
}  # fmt: skip
_ACCOUNT: Final[Mapping[str, Shape]] = {"statistics": {"reasons": is_texts}}


def read(path: Path) -> dict[str, Any] | Failure | None:
    """The summary in the judge's file, the failure in it, or None where there is neither; `BundleError` otherwise."""
    if not path.is_file():  # Kubernetes makes a folder where an optional artifact is missing
        return None
    if path.stat().st_size > _MOST_MIB << 20:
        raise BundleTooLarge(f"the result of the study is larger than {_MOST_MIB} MiB")
    try:
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and "error_code" in content:
            return Failure.from_json(content)
    except (ValueError, RecursionError) as error:
        raise BundleAltered(f"the result of the study is not readable: {error}") from error
    summary = content.get("summary") if isinstance(content, dict) else None
    return summary if isinstance(summary, dict) else None


def check(
    summary: Mapping[str, Any], planned: Plan, prices: Mapping[str, Dataset], found: Sequence[Chunk]
) -> None:
    """Raise `BundleContradicted` where the summary is not that of these chunks, or holds what no summary does."""
    check_plain("summary", summary, _DEEPEST)
    expected = _expected(planned, prices, found)
    accounts = summary.get("accounts")
    if not isinstance(accounts, list) or len(accounts) != len(expected["accounts"]):
        raise BundleContradicted("the summary has other accounts than the study")
    wrong = differences(summary, {name: value for name, value in expected.items() if name != "accounts"})
    for stated, own in zip(accounts, expected["accounts"], strict=True):
        check_shape("account", stated, _ACCOUNT)
        wrong = _chained(wrong, _account_differences(stated, own))
        _check_unexecuted(stated)
    if named := list(islice(wrong, _MOST_NAMED)):
        raise BundleContradicted("; ".join(named))


def _chained(*parts: Any) -> Any:
    for part in parts:
        yield from part


def _account_differences(stated: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    facts = {name: value for name, value in own.items() if name != "statistics"}
    return _chained(differences(stated, facts), differences(stated["statistics"], own["statistics"]))


def _check_unexecuted(stated: Mapping[str, Any]) -> None:
    """What only the execution of a rule tells has its type at least."""
    deflated = dict.fromkeys(Deflated.__slots__, is_number)
    for name, value, shape in (
        ("deflated", stated["statistics"].get("deflated"), deflated),
        ("holdout", stated.get("holdout"), _HOLDOUT),
        ("walk_forward", stated.get("walk_forward"), _WALK_FORWARD),
    ):
        if value is not None:
            check_shape(name, value, shape)


def _expected(planned: Plan, prices: Mapping[str, Dataset], found: Sequence[Chunk]) -> dict[str, Any]:
    """The summary as far as it follows from the chunks."""
    everything = join(found, planned.rows, planned.trials)
    columns, known = everything.columns, everything.known
    accounts = []
    for place, symbols in enumerate(planned.accounts):
        part = slice(place * planned.trials, (place + 1) * planned.trials)
        own = account_range(planned.request, symbols, prices)
        rows = {name: values[part] for name, values in columns.items()}
        table = table_of(planned, own, rows, known[part])
        judgement = Judgement(
            table, cast(Trials, _Unexecuted.of(planned, own)), rows["sums"], rows["squares"],
            everything.maxima[place], None,
        )  # fmt: skip
        accounts.append(_account(planned, own, table, judgement))
    return {
        "kind": planned.request.kind,
        "objective": planned.request.objective,
        "trials": planned.trials,
        "refused": planned.refused,
        "rows": {"all": planned.rows, "missing": int(planned.rows - known.sum())},
        "accounts": accounts,
    }


def _account(planned: Plan, own: AccountRange, table: TrialTable, judgement: Judgement) -> dict[str, Any]:
    statistics = judgement.as_json()
    for name in ("deflated", "reasons"):
        del statistics[name]
    return {
        **traded(own, table),
        "best": None if table.best is None else trial_json(planned, table, table.best),
        "statistics": statistics,
    }


@dataclass(frozen=True, slots=True)
class _Unexecuted:
    """What statistics read of an account of trials, none of which is executed here."""

    planned: Plan
    periods: int
    root: float
    risk_free: float = 0.0

    @classmethod
    def of(cls, planned: Plan, own: AccountRange) -> _Unexecuted:
        span = span_of(own)
        return cls(planned, span.periods, sqrt(span.periods_per_year))

    def returns(self, trials: Ints) -> NoReturn:
        """Raises `Undefined`: a rule would have to be executed."""
        raise Undefined("undefined: no rule is executed here")
