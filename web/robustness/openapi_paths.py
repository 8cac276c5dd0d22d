"""The paths of the OpenAPI description about what of results survives, and about everything that was tried."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from web.api.operations import Operation, operation, query, required, whole
from web.ledger import schemas as ledger_schemas
from web.robustness import schemas

_results = partial(operation, "results")
_studies = partial(operation, "studies")
_RUN = required("run_id", "path", {"type": "string", "minLength": 1, "maxLength": 36})
_FINGERPRINT = required("fingerprint", "path", {"type": "string", "minLength": 1, "maxLength": 64})
_OFFSET: Final[Any] = query("offset", whole(0, 1_000_000), "How many are left out, as `next` says.")

ROBUSTNESS: dict[str, dict[str, Operation]] = {
    "/api/runs/{run_id}/robustness": {
        "get": _results(
            "What of a result survives other costs, fills, starts and chance",
            {200: schemas.Robustness},
            (404,),
            parameters=[_RUN],
        )
    },
    "/runs/{run_id}/robustness": {
        "post": _results(
            "Have computed what of a result survives",
            {202: schemas.Robustness},
            (404, 409),
            parameters=[_RUN],
        )
    },
}
LEDGER: dict[str, dict[str, Operation]] = {
    "/api/ledger": {
        "get": _studies(
            "Everything tried, by rule, symbols and timeframe",
            {200: ledger_schemas.Ledger},
            (400,),
            parameters=[_OFFSET],
        )
    },
    "/api/ledger/{fingerprint}": {
        "get": _studies(
            "What was tried on one rule and its prices, and by which requests",
            {200: ledger_schemas.LedgerSources},
            (404,),
            parameters=[_FINGERPRINT],
        )
    },
}
