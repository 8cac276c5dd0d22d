"""What the engine step states of a robustness: rule packages run where it is written.

Types and bounds of everything that is stored and shown are checked; the run's own figures are compared with its result,
and checks and verdict with what follows from the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from backtest.robustness import basis, costs, report, variations
from backtest.run.recomputed import differences
from backtest.studies.statistics.deflated import Deflated
from workflows.errors import BundleAltered, BundleContradicted, BundleTooLarge
from workflows.steps.summary import Shape, check_plain, check_shape, is_count, is_number, is_text, is_texts

_MOST_BYTES: Final = 1 << 20
_DEEPEST: Final = 6
_MOST_NAMED: Final = 3


def _is_number_or_none(value: object) -> bool:
    return value is None or is_number(value)


_FIGURES: Final[Mapping[str, Shape]] = dict.fromkeys(basis.SHOWN, _is_number_or_none)
_BREAK_EVEN: Final[Mapping[str, Shape]] = {"bps": _is_number_or_none, "reason": is_text}
_PERCENTS: Final = ("p5", "p50", "p95")
_PERCENTILES: Final[Mapping[str, Shape]] = dict.fromkeys(_PERCENTS, is_number)
_SHAPE: Final[Mapping[str, Shape]] = {
    "figures": _FIGURES,
    "costs": [{"multiple": is_count}],
    "break_even": {"return": _BREAK_EVEN, "benchmark": _BREAK_EVEN},
    "fills": [{"fill": is_text, "figures": _FIGURES}],
    "starts": [{"first_bar": is_text, "figures": _FIGURES}],
    "reasons": is_texts,
}
_UNLESS_UNDEFINED: Final[Mapping[str, Shape]] = {
    "bands": {
        "paths": is_count, "seed": is_count, "block": is_number,
        "annual_return": _PERCENTILES, "max_drawdown": _PERCENTILES,
        "sharpe_ratio": dict.fromkeys(_PERCENTS, _is_number_or_none),
    },
    "order_of_trades": {
        "paths": is_count, "seed": is_count, "max_drawdown": _PERCENTILES, "actual": is_number,
        "share_shallower": is_number,
    },
    "luck": {
        "paths": is_count, "seed": is_count, "total_return": _PERCENTILES, "actual": is_number, "share_below": is_number,
    },
    "deflated": dict.fromkeys(Deflated.__slots__, is_number),
}  # fmt: skip
"""Each is None where it is undefined, and `reasons` says why."""
_JUDGED: Final = ("checks", "verdict")


def read(path: Path, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The answer in a file, about the run with these metrics.

    Raises
    ------
    BundleError
        Where the file is no answer, or says something else than the run's result or itself.
    """
    if not path.is_file():  # Kubernetes makes a folder where an artifact is missing
        raise BundleAltered("the engine step left no answer")
    if path.stat().st_size > _MOST_BYTES:
        raise BundleTooLarge(f"the answer is larger than {_MOST_BYTES:,} bytes")
    try:
        answer = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleAltered(f"the answer is not readable: {error}") from error
    check(answer, metrics)
    checked: dict[str, Any] = answer
    return checked


def check(answer: object, metrics: Mapping[str, Any]) -> None:
    """Raise `BundleContradicted` where this is not an answer about the run with these metrics."""
    check_plain("answer", answer, _DEEPEST)
    if not isinstance(answer, dict) or answer.keys() != {*_SHAPE, *_UNLESS_UNDEFINED, *_JUDGED}:
        raise BundleContradicted("the answer does not hold what an answer holds")
    check_shape("answer", answer, _SHAPE)
    for name, shape in _UNLESS_UNDEFINED.items():
        if answer[name] is not None:
            check_shape(name, answer[name], shape)
        elif name not in answer["reasons"]:
            raise BundleContradicted(f"{name} is undefined without a reason")
    _check_variations(answer)
    expected = {"figures": {name: metrics.get(name) for name in basis.SHOWN}, **report.judged(answer)}
    if named := list(islice(differences(answer, expected), _MOST_NAMED)):
        raise BundleContradicted("; ".join(named))


def _check_variations(answer: Mapping[str, Any]) -> None:
    """The variations are those that are asked for, in their order."""
    for step in answer["costs"]:
        if step.get("figures") is not None:
            check_shape("costs", step, {"figures": _FIGURES})
    stated = [step["multiple"] for step in answer["costs"]], [step["fill"] for step in answer["fills"]]
    if stated != (list(costs.MULTIPLES), list(variations.FILLS)):
        raise BundleContradicted("the answer has other costs or fills than are asked for")
    if not 0 < len(answer["starts"]) <= variations.STARTS:
        raise BundleContradicted("the answer has no first bars, or too many")
