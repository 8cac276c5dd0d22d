"""Studies of the environment under test, and the same ones computed here."""

from __future__ import annotations

import uuid
from typing import Any

from backtest import samples
from backtest.studies.chunk import join
from backtest.studies.compute import compute_chunk
from backtest.studies.plan import plan
from backtest.studies.request import StudyLimits, StudyRequest
from qa.examples import sweep
from tests.e2e.harness.cluster import until
from tests.e2e.harness.product import ENDED, Product

STUDY: dict[str, Any] = sweep((2, 201, 1), (2, 1001, 1))
"""180,000 trials in eleven chunks, which some pods share where a pod is for a second."""


def submit(product: Product, **changes: Any) -> str:
    """Submit a study as the page does; its id."""
    body = STUDY | changes | {"study_id": str(uuid.uuid4())}
    answer = product.call("POST", "/run_study", json=body)
    assert answer.status_code == 202, answer.text
    return str(body["study_id"])


def study(product: Product, study_id: str) -> dict[str, Any]:
    """What the web says about a study; empty where it knows none."""
    answer = product.call("GET", f"/api/studies/{study_id}")
    return dict(answer.json()) if answer.status_code == 200 else {}


def ended(product: Product, study_id: str, *, seconds: float = 500) -> dict[str, Any]:
    """The study once it has ended."""
    until(
        lambda: study(product, study_id).get("status") in ENDED,
        seconds,
        f"study {study_id} has ended",
        pause=0.5,
    )
    return study(product, study_id)


def succeeded(product: Product, study_id: str, *, seconds: float = 500) -> dict[str, Any]:
    """The study once it has SUCCEEDED with nothing missing."""
    found = ended(product, study_id, seconds=seconds)
    assert found["status"] == "SUCCEEDED", found["error_message"]
    assert (found["done_chunks"], found["missing_chunks"]) == (found["chunks"], 0)
    stored = product.sql(
        f"SELECT COUNT(*), COUNT(DISTINCT number) FROM study_chunks WHERE study_id = '{study_id}'"
    )
    assert stored == [[str(found["chunks"])] * 2]
    return found


def local_hash(**changes: Any) -> str:
    """The hash of the study computed here as one chunk."""
    request = StudyRequest.parse(STUDY | changes, limits=StudyLimits(2**40, 2**40))
    prices = {symbol: samples.load(symbol) for symbol in request.run.symbols}
    planned = plan(request, limits=StudyLimits(2**40, 2**40))
    return join([compute_chunk(request, prices, 0, 1, planned=planned)], planned.rows, planned.trials).digest
