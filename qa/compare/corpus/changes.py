"""Changing requests: annotate, cancel, verify and delete runs; save and delete presets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qa.compare.corpus.submissions import CANCELLED, DELETED, SHOWN, request, run_id
from qa.compare.steps import Step, get, send, send_form, send_json

_UNKNOWN = "00000000-0000-4000-8000-000000000000"
_ANNOTATIONS: tuple[Any, ...] = (
    *({"name": "A name"}, {"notes": "Two\nlines <b>"}, {"tags": ["kept", "b", "kept"]}, {"tags": "kept, c"}),
    *(
        {"starred": True},
        {"starred": "no"},
        {"starred": "maybe"},
        {"name": None},
        {"name": ""},
        {"name": "x" * 201},
    ),
    *(
        {},
        {"tags": 5},
        {"tags": ["x" * 41]},
        {"tags": [f"t{number}" for number in range(21)]},
        {"tags": ["a\u0000"]},
    ),
    *(
        {"notes": "x" * 10_001},
        {"unknown": 1},
        {"status": "FAILED"},
        [],
        "x",
        None,
        {"name": "=1", "starred": 1},
    ),
    {"name": "Another", "notes": "", "tags": ["kept"], "starred": True},
)
_PRESETS: tuple[Any, ...] = (
    *(
        {"name": "One", "request": {"rule_type": "RSI"}},
        {"name": "Two", "request": {}},
        {"name": "", "request": {}},
    ),
    *(
        {"name": "x" * 101, "request": {}},
        {"name": 5, "request": {}},
        {"request": {}},
        {"name": "Three"},
        {},
        [],
    ),
    *(
        {"name": "Four", "request": []},
        {"name": "Four", "request": {"unknown": 1}},
        {"name": "a\nb", "request": {}},
    ),
    *(
        {"name": "Five", "request": {}, "more": 1},
        {"name": " One ", "request": {"fee_rate": 0.5, "run_id": "x"}},
    ),
    {"name": "Six", "request": {"params": {"fast": 1}, "symbols": ["SP500"], "fractional": True}},
)


def steps() -> Iterator[Step]:
    """Annotate, verify, cancel and delete runs."""
    yield from _annotated(run_id(SHOWN[0]))
    yield from _verified()
    yield from _cancelled()
    yield from _deleted(run_id(DELETED))
    yield from _refused()


def _annotated(run: str) -> Iterator[Step]:
    for body in _ANNOTATIONS:
        yield send_json(f"/api/runs/{run}", body, method="PATCH", note=repr(body)[:40])
    yield send(f"/api/runs/{run}", b"{", "application/json", method="PATCH", note="no JSON")
    yield send(f"/api/runs/{run}", b"{}", "text/plain", method="PATCH", note="as text")
    yield send_json(f"/api/runs/{_UNKNOWN}", {"name": "x"}, method="PATCH")
    yield send_form(
        f"/runs/{run}/notes", {"name": "By form", "tags": "kept, form", "notes": "Text", "other": "x"}
    )
    yield send_form(f"/runs/{run}/notes", {"name": "x" * 201})
    yield send_form(f"/runs/{_UNKNOWN}/notes", {"name": "x"})
    yield get(f"/api/runs/{run}", note="annotated")
    yield get(f"/status/{run}?charts=false", note="annotated")
    yield get(f"/runs/{run}", page=True, note="annotated")


def _verified() -> Iterator[Step]:
    for label in SHOWN:
        yield Step("POST", f"/runs/{run_id(label)}/verify", b"", note=label)
    yield send_form(f"/runs/{run_id(SHOWN[0])}/verify", {})
    for run in (run_id(CANCELLED), _UNKNOWN):
        yield Step("POST", f"/runs/{run}/verify", b"")
        yield send_form(f"/runs/{run}/verify", {})


def _cancelled() -> Iterator[Step]:
    for run in (run_id(SHOWN[0]), run_id(CANCELLED), _UNKNOWN):
        yield Step("POST", f"/runs/{run}/cancel", b"")
        yield send_form(f"/runs/{run}/cancel", {})
        yield send_json(f"/runs/{run}/cancel", {})


def _deleted(run: str) -> Iterator[Step]:
    for note in ("", "again"):
        yield Step("DELETE", f"/api/runs/{run}", note=note)
    yield from (
        get(f"/{path}", note="deleted")
        for path in (f"status/{run}", f"api/runs/{run}", f"runs/{run}/trades.csv")
    )
    yield get(f"/runs/{run}", page=True, note="deleted")
    form = run_id("by form")
    yield send_form(f"/runs/{form}/delete", {})
    yield send_form(f"/runs/{form}/delete", {}, note="again")


def _refused() -> Iterator[Step]:
    """Cross-site requests and foreign Host headers."""
    run = run_id(SHOWN[0])
    for headers in (
        {"Origin": "http://other.example"},
        {"Referer": "http://other.example/page"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "http://other.example"},
        {"Host": "other.example"},
    ):
        for page in (True, False):
            yield send_form(f"/runs/{run}/notes", {"name": "x"}, page=page, note=str(headers), **headers)


def presets() -> Iterator[Step]:
    """Save, list and delete presets of the form."""
    path = "/api/strategies"
    yield get(path)
    for body in _PRESETS:
        yield send_json(path, body, note=repr(body)[:40])
    yield get(path, note="saved")
    form = {"preset_name": "By form", "symbols": ["SP500", "GOOG"], "rule_type": "MACD", "params.fast": "5"}
    yield send_form(path, form)
    yield send_form(path, {"preset_name": ""})
    yield send_form(path, form | {"unknown": "1"}, page=False)
    yield send_json(path, {"name": "Run", "request": request("MACD", "GOOG")})
    for number in ("1", "1", "99", "0", "-1", "x", "99999999999"):
        yield Step("DELETE", f"{path}/{number}")
    yield from (send_form(f"{path}/{number}/delete", {}) for number in ("2", "2", "99999999999"))
    yield get(path, note="some deleted")
    yield get("/", page=True, note="with presets")
