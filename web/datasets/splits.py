"""Applying a split that prices are not adjusted for: a new version of the dataset, which becomes the current one."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.splits import apply_split
from store.models import StoredDataset
from store.queries import datasets
from store.queries.audit import Action
from web.api import serializers
from web.api.request_parsing import json_object
from web.datasets.uploads import store_dataset
from web.services import database

_FIELDS = ("date", "ratio")
bp = Blueprint("splits", __name__)


@bp.post("/datasets/<data_hash>/splits")
def by_form(data_hash: str) -> ResponseReturnValue:
    """Apply the split of the form, then show the new version."""
    stored = _applied(data_hash, request.form.get("date"), request.form.get("ratio"))
    return redirect(url_for("datasets.detail", data_hash=stored.data_hash), 303)


@bp.post("/api/datasets/<data_hash>/splits")
def by_json(data_hash: str) -> ResponseReturnValue:
    """Apply the split of the JSON object."""
    raw = json_object()
    unknown = [
        FieldError(name, f"is not a known field; allowed: {', '.join(_FIELDS)}")
        for name in sorted(set(raw) - set(_FIELDS))
    ]
    if unknown:
        raise InvalidRequest(unknown)
    return jsonify(serializers.dataset(_applied(data_hash, raw.get("date"), raw.get("ratio")))), 201


def _applied(data_hash: str, date: object, ratio: object) -> StoredDataset:
    with database().read() as session:
        datasets.listed(session, data_hash)
        dataset = datasets.load(session, data_hash)
    return store_dataset(apply_split(dataset, date, ratio), Action.DATASET_SPLIT)
