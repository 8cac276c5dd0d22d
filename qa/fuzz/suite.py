"""A hundred thousand bad inputs against the real application: each refused by name, quickly, and nothing stored."""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from backtest import rules, samples
from backtest.errors import BacktestError, InvalidRequest
from backtest.run import outcome
from backtest.run.request import RunRequest
from backtest.studies.request import STUDY_FIELDS
from config import logs
from config.settings import RequestLimits, Settings
from qa import reliability
from qa.examples import MINIMAL, SMALL_STUDY
from qa.fuzz import formulas, pricefiles, values
from qa.harness.run_queue import add_samples
from store import schema
from store.session import Database
from web.api import openapi
from web.application import create_app
from workflows.cluster import parameters

_LIMIT_SECONDS = 30.0
"""No input may take longer, not even one of 60 MiB."""
_MEMORY_MIB = 1_024
"""So much may the process grow by the largest of them."""
_ENDPOINTS = (("POST", "/api/strategies"), ("POST", "/run_backtest"), ("PATCH", f"/api/runs/{uuid.uuid4()}"))
_QUERIES = (
    "q", "symbol", "status", "tag", "sort", "order", "after", "limit", "created_from", "created_to", "starred",
)  # fmt: skip


@dataclass
class Outcome:
    """What was sent, by kind, and every answer that must not be."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    """Seconds, by kind."""
    violations: list[str] = field(default_factory=list)
    memory_mib: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0

    def note(self, kind: str, seconds: float, *, refused: bool) -> None:
        """Count one input."""
        self.tried[kind] += 1
        self.refused[kind] += refused
        self.longest[kind] = max(self.longest.get(kind, 0.0), seconds)
        if seconds > _LIMIT_SECONDS:
            self.violate(kind, f"took {seconds:.0f} s")

    def violate(self, kind: str, text: str) -> None:
        """Add an answer that must not be."""
        self.violations.append(f"{kind}: {text[:400]}")


class Target:
    """The application on a database of its own, and a connection that sees whether the database was written."""

    def __init__(self, client: FlaskClient, path: Path, outcome: Outcome) -> None:
        self.client, self.outcome = client, outcome
        self._watching = sqlite3.connect(path)

    def send(self, kind: str, method: str, path: str, **sent: Any) -> None:
        """Send one input; what is not accepted must be answered as the caller's error and leave no trace."""
        before, started = self._version(), time.perf_counter()
        answer = self.client.open(path, method=method, **sent)
        seconds, status = time.perf_counter() - started, answer.status_code
        rejected = (
            status == 200
            and answer.is_json
            and isinstance(answer.json, dict)
            and answer.json.get("ok") is False
        )
        refused = rejected or 400 <= status < 500
        self.outcome.note(kind, seconds, refused=refused)
        if status >= 500:
            self.outcome.violate(kind, f"{status} for {_shown(method, path, sent)}")
        if refused and self._version() != before:
            self.outcome.violate(kind, f"something was stored by {_shown(method, path, sent)}")
        if refused and not _names_its_fields(status, answer.json if answer.is_json else None):
            self.outcome.violate(
                kind, f"{status} names no field for {_shown(method, path, sent)}: {answer.text}"
            )

    def send_json(self, kind: str, method: str, path: str, body: Any) -> None:
        """Send JSON as a program would."""
        text = json.dumps(body).replace('"1e999"', "1e400")
        self.send(kind, method, path, data=text, content_type="application/json")

    def _version(self) -> int:
        """Changes whenever another connection has written to the file."""
        number: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        return number


def _names_its_fields(status: int, body: Any) -> bool:
    """Whether a refusal is a problem+json, and names its fields where they can be wrong."""
    if status == 200:
        return bool(body["errors"]) and all("field" in error and error["message"] for error in body["errors"])
    if not isinstance(body, Mapping) or body.get("status") != status or not body.get("detail"):
        return False
    return status != 400 or (bool(body.get("errors")) and all("field" in error for error in body["errors"]))


def _shown(method: str, path: str, sent: Mapping[str, Any]) -> str:
    return f"{method} {path} {str(sent.get('data', sent))[:200]}"


@contextmanager
def application(folder: Path, outcome: Outcome) -> Iterator[Target]:
    """The application with the bundled prices and nothing else."""
    logs.configure(process="bad-input", level="CRITICAL")
    path = folder / "backtest.sqlite3"
    database = Database.open(f"sqlite:///{path}")
    schema.upgrade(database.engine)
    add_samples(database)
    unlimited = RequestLimits(waiting=0, per_minute=0)  # what is looked for is behind the share of a client
    app = create_app(Settings(database_url=f"sqlite:///{path}", limits=unlimited), database=database)
    yield Target(app.test_client(), path, outcome)
    database.close()


def run(*, inputs: int, number: int, progress: Callable[[str], None]) -> Outcome:
    """Try about so many inputs; `number` seeds all that is random."""
    outcome, started = Outcome(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, application(Path(name), outcome) as target:
        start = _memory_mib()
        for title, attack in ATTACKS.items():
            attack(target, inputs, number)
            progress(f"{outcome.tried.total():,} inputs, {len(outcome.violations)} wrong answers: {title}")
        outcome.memory_mib = (start, _memory_mib())
    if outcome.memory_mib[1] - start > _MEMORY_MIB:
        outcome.violate("memory", f"grew from {start:.0f} to {outcome.memory_mib[1]:.0f} MiB")
    outcome.seconds = time.monotonic() - started
    return outcome


def fields(target: Target, inputs: int, number: int) -> None:
    """Every field of a request, as JSON and as a form, any value in it."""
    for name in values.NAMES:
        _each(values.VALUES, inputs * 40 // 100 // len(values.NAMES) // 2, number, lambda value, name=name: [
            target.send_json("field of the request", "POST", path, MINIMAL | {name: value})
            for path in ("/run_backtest", "/api/check")
        ])  # fmt: skip
        _each(values.TEXTS, inputs * 10 // 100 // len(values.NAMES), number, lambda text, name=name: target.send(
            "field of the form", "POST", "/api/check", data={"symbols": "SP500", name: text.encode("utf-8", "replace")}
        ))  # fmt: skip


def rule_parameters(target: Target, inputs: int, number: int) -> None:
    """Every parameter of every rule."""
    for rule_type in rules.names():
        known = [parameter.name for parameter in rules.get(rule_type).params] + ["unknown"]
        drawn = st.dictionaries(st.sampled_from(known), values.VALUES, max_size=3) | values.VALUES
        _each(drawn, inputs * 12 // 100 // len(rules.names()), number, lambda params, rule_type=rule_type: target.send_json(
            "parameter of a rule", "POST", "/api/check", MINIMAL | {"rule_type": rule_type, "params": params}
        ))  # fmt: skip


def workflow_parameters(target: Target, inputs: int, number: int) -> None:
    """Every parameter of a workflow, as the steps read them."""
    kind, good = "parameter of a workflow", parameters.arguments_of(RunRequest.parse(MINIMAL).as_json(), {})

    def read(name: str, text: str) -> None:
        started, refused = time.perf_counter(), False
        try:
            raw, _ = parameters.read(good | {name: text}, str(uuid.uuid4()))
            RunRequest.parse(raw)
        except InvalidRequest as invalid:
            refused = True
            if not invalid.errors:
                target.outcome.violate(kind, f"{name}={text!r} names no field")
        except Exception as error:  # whatever else it is, it is what is looked for
            target.outcome.violate(kind, f"{name}={text!r}: {error!r}")
        target.outcome.note(kind, time.perf_counter() - started, refused=refused)

    for wanted in parameters.FIELDS:
        _each(values.TEXTS, inputs * 15 // 100 // len(parameters.FIELDS), number,
              lambda text, name=wanted.name: read(name, text))  # fmt: skip


def study_fields(target: Target, inputs: int, number: int) -> None:
    """Every field of a study, and what is searched."""
    kind = "field of a study"
    searched = st.sampled_from(("params.fast", "params.slow", "fee_rate", "stop_loss_pct", "params", "{{x}}"))
    spaces = st.dictionaries(searched, values.VALUES, min_size=1, max_size=3)
    drawn = [(field.name, values.VALUES) for field in STUDY_FIELDS] + [("space", spaces)]

    def send(name: str, value: Any) -> None:
        for path in ("/api/check_study", "/run_study"):
            target.send_json(kind, "POST", path, SMALL_STUDY | {name: value})

    for name, strategy in drawn:
        _each(strategy, inputs * 4 // 100 // len(drawn), number, lambda value, name=name: send(name, value))


def bodies(target: Target, inputs: int, number: int) -> None:
    """Whatever else takes a body or a query."""
    names = st.sampled_from(("name", "request", "notes", "tags", "starred", *values.NAMES))
    drawn = st.dictionaries(names, values.VALUES) | values.VALUES
    for method, path in _ENDPOINTS:

        def as_json(body: Any, method: str = method, path: str = path) -> None:
            target.send_json("body of another endpoint", method, path, body)

        def as_bytes(body: bytes, method: str = method, path: str = path) -> None:
            target.send("bytes as JSON", method, path, data=body, content_type="application/json")

        _each(drawn, inputs * 4 // 100 // len(_ENDPOINTS), number, as_json)
        _each(st.binary(max_size=60), inputs * 2 // 100 // len(_ENDPOINTS), number, as_bytes)
    queries = st.dictionaries(st.sampled_from(_QUERIES), values.SCALARS.map(str), min_size=1, max_size=3)

    def ask(query: dict[str, str]) -> None:
        sent = {name: text.encode("utf-8", "replace") for name, text in query.items()}
        target.send("query of the list", "GET", "/api/runs", query_string=sent)

    _each(queries, inputs * 4 // 100, number, ask)


def expressions(target: Target, inputs: int, number: int) -> None:
    """Formulas that nest, loop, allocate or reach for attributes; the dearest that is allowed is computed."""
    kind = "formula"

    def check(text: str) -> None:
        params = {"entry": text, "exit": "close > 1"}
        target.send_json(kind, "POST", "/api/check", MINIMAL | {"rule_type": "EXPRESSION", "params": params})

    for text in (*formulas.HOSTILE, *formulas.BOUNDLESS):
        check(text)
    _each(formulas.FORMULAS, inputs * 6 // 100, number, check)
    request = RunRequest.parse(
        MINIMAL | {"rule_type": "EXPRESSION", "params": {"entry": formulas.DEAREST, "exit": formulas.DEAREST}}
    )
    started = time.perf_counter()
    with suppress(BacktestError):
        outcome.run(request, {"SP500": samples.load("SP500")})
    target.outcome.note("the dearest formula, computed", time.perf_counter() - started, refused=False)


def files(target: Target, inputs: int, number: int) -> None:
    """Broken price files: the corpus at both endpoints, the large ones, and random damage."""

    def upload(kind: str, content: bytes) -> None:
        target.send(
            kind, "POST", "/api/datasets?symbol=ACME", data=content, content_type="application/octet-stream"
        )

    for _, content in pricefiles.corpus():
        upload("broken price file", content)
        target.send(
            "broken price file",
            "POST",
            "/datasets/preview?symbol=ACME",
            data=content,
            content_type="text/csv",
        )
    if inputs >= 10_000:
        for _, content in pricefiles.large():
            upload("large price file", content)
        for content in _made_elsewhere():
            upload("hostile price file", content)
    chance = random.Random(number)
    for _ in range(inputs * 8 // 100):
        upload("randomly damaged price file", pricefiles.damaged(chance))


def _made_elsewhere() -> Iterator[bytes]:
    """The hostile files, packed by a child process: their three gigabytes are not the application's memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        yield from pool.map(_hostile, pricefiles.HOSTILE)


def _hostile(name: str) -> bytes:
    return pricefiles.HOSTILE[name]()


def described(target: Target, inputs: int, number: int) -> None:
    """Every operation of the OpenAPI, with requests that break its schema."""
    schema_of = schemathesis.openapi.from_wsgi("/openapi.json", target.client.application)
    operations = [
        (path, method) for path, methods in openapi.document()["paths"].items() for method in methods
    ]
    for path, method in operations:
        drawn = schema_of[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE)
        with suppress(Unsatisfiable):  # nothing can be wrong where there is nothing to send
            _each(drawn, inputs * 5 // 100 // len(operations), number, lambda case: _call(target, case))


def _call(target: Target, case: Any) -> None:
    started = time.perf_counter()
    answer = case.call(headers={"Accept-Encoding": "identity"})
    refused = 400 <= answer.status_code < 500
    target.outcome.note("request against the OpenAPI", time.perf_counter() - started, refused=refused)
    if answer.status_code >= 500:
        target.outcome.violate(
            "request against the OpenAPI", f"{answer.status_code} for {case.as_curl_command()}"
        )


ATTACKS: Mapping[str, Callable[[Target, int, int], None]] = {
    "fields": fields,
    "parameters of rules": rule_parameters,
    "parameters of workflows": workflow_parameters,
    "fields of studies": study_fields,
    "bodies and queries": bodies,
    "formulas": expressions,
    "price files": files,
    "OpenAPI": described,
}


def _each(
    strategy: st.SearchStrategy[Any], count: int, number: int, attempt: Callable[[Any], object]
) -> None:
    """Attempt that many draws of the strategy, the same ones for the same number."""

    @seed(number)
    @settings(max_examples=max(1, count), deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def each(drawn: Any) -> None:
        attempt(drawn)

    each()


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def section(outcome: Outcome, command: str) -> list[str]:
    """The section of the page."""
    rows = [
        f"| {kind} | {count:,} | {outcome.refused[kind]:,} | {1_000 * outcome.longest[kind]:,.0f} |"
        for kind, count in outcome.tried.items()
    ]
    return [
        f"{reliability.measured(command)} The whole application on a database of its own; hypothesis draws values for "
        "fields and parameters, schemathesis requests that break the description, price files come from a corpus and from "
        "random damage. A refused input is answered 4xx as problem+json that names the field, and SQLite's "
        "`data_version` proves that nothing was written. What chance made valid is taken, and not counted as refused.",
        "",
        "| input | tried | refused | longest ms |",
        "|---|---:|---:|---:|",
        *rows,
        f"| **all** | **{outcome.tried.total():,}** | **{outcome.refused.total():,}** | |",
        "",
        f"Answers that must not be (5xx, no field named, something stored, too late): **{len(outcome.violations)}**, in "
        f"{outcome.seconds / 60:.0f} minutes. The process had {outcome.memory_mib[0]:.0f} MiB before and "
        f"{outcome.memory_mib[1]:.0f} MiB at most, with files of 60 MiB among them. Price files are parsed by a child "
        "process, which is not counted.",
        *reliability.missed(outcome.violations, otherwise=""),
    ]
