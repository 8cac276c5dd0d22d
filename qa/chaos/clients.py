"""Clients that mean harm: half-sent bodies, answers that nobody reads, files that harm a parser, expanding arguments."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qa.chaos.experiment import Experiment
from qa.examples import REQUEST
from store.queries import datasets

_CLIENTS = 80
"""More than the web has threads."""
_ANSWER_SECONDS = 30.0
_SYMBOL = "HOSTILE"
_HEADER = b"Date,Open,High,Low,Close,Volume\n"
_ROW = b"2024-01-02,10,11,9,10.5,100\n"
_BODY = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: 400\r\n\r\n%s"
_TEXTS = ("{{=sprig.genPrivateKey('rsa')}}", "{{workflow.name}}", "{{inputs.parameters.x}}", "$(DB_PASSWORD)")


def scenario(experiment: Experiment, rounds: int) -> None:
    """Each kind as often: others are served meanwhile, what is sent is refused, and nothing of it is stored."""
    for _ in range(rounds):
        for kind, harm in _KINDS.items():
            if experiment.report.is_over:
                return
            experiment.report.inject(kind)
            harm(experiment, kind)
        experiment.assert_next_succeeds("clients")
        experiment.report.progress("clients")
    experiment.assert_consistent("clients")


def _held(*texts: bytes, receives: int | None = None) -> Callable[[Experiment, str], None]:
    """Many connections that send this and neither finish it nor read the answer."""

    def harm(experiment: Experiment, kind: str) -> None:
        with _connections(experiment.environment.port, texts, receives):
            _assert_served(experiment, kind)

    return harm


@contextmanager
def _connections(port: int, texts: tuple[bytes, ...], receives: int | None) -> Iterator[None]:
    with ExitStack() as stack:
        for number in range(_CLIENTS):
            client = stack.enter_context(socket.socket())
            if receives:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
            client.connect(("127.0.0.1", port))
            client.sendall(texts[number % len(texts)])
        yield


def _assert_served(experiment: Experiment, kind: str) -> None:
    """Probe, page and check of others, who come back when told to, are answered while the connections are open."""
    began = time.monotonic()
    ask = experiment.environment.request_with_retry
    answers = {path: ask("GET", path)[0] for path in ("/health", "/runs")}
    status, _ = ask("POST", "/api/check", REQUEST)
    taken = time.monotonic() - began
    if {*answers.values(), status} != {200} or taken > _ANSWER_SECONDS:
        experiment.report.violate(kind, "held up", f"{answers}, a check {status}, after {taken:.1f} s")


def _uploaded(content: Callable[[], bytes]) -> Callable[[Experiment, str], None]:
    """A price file that is refused, while a probe is answered, and of which no price is stored."""

    def harm(experiment: Experiment, kind: str) -> None:
        began = time.monotonic()
        ask = (
            experiment.environment.request_with_retry
        )  # a reader of the fault before may hold its place still
        status, answer = ask("POST", f"/api/datasets?symbol={_SYMBOL}", content())
        taken = time.monotonic() - began
        _assert_served(experiment, kind)
        if status not in (400, 413, 422):
            experiment.report.violate(kind, "silent", f"answered {status} {str(answer)[:300]}")
        if taken > _ANSWER_SECONDS:
            experiment.report.violate(kind, "held up", f"refused after {taken:.1f} s")
        with experiment.environment.database.read() as session:
            if datasets.current_of(session, [_SYMBOL]):
                experiment.report.violate(kind, "not whole", "its prices are stored")

    return harm


def _argued(changes: Callable[[str], Mapping[str, Any]]) -> Callable[[Experiment, str], None]:
    """Requests with texts that Argo or Kubernetes would expand; each is refused."""

    def harm(experiment: Experiment, kind: str) -> None:
        for text in _TEXTS:
            ask = experiment.environment.request_with_retry
            status, answer = ask("POST", "/run_backtest", REQUEST | changes(text))
            if status != 400:
                experiment.report.violate(kind, "silent", f"{text} was answered {status} {str(answer)[:300]}")

    return harm


def _parquet(columns: Mapping[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink)
    return sink.getvalue().to_pybytes()


def _equal_numbers() -> bytes:
    """A list of ten million equal numbers in a kilobyte or two."""
    return _parquet({"Date": ["2024-01-02"], "Close": pa.array([[1.0] * 10_000_000], pa.list_(pa.float64()))})


def _one_long_text() -> bytes:
    names = ("Open", "High", "Low", "Close", "Volume")
    return _parquet({"Date": ["x" * 2_000_000] * 1_000, **{name: [1.0] * 1_000 for name in names}})


def _half(path: bytes, kind: bytes, start: bytes) -> bytes:
    return _BODY % (path, kind, start)


_KINDS: Mapping[str, Callable[[Experiment, str], None]] = {
    f"{_CLIENTS} half-sent heads": _held(b"GET /runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"),
    f"{_CLIENTS} half-sent bodies": _held(
        _half(b"/sign-in", b"application/x-www-form-urlencoded", b"token=sbt_"),
        _half(b"/run_backtest", b"application/json", b"{"),
        _half(b"/api/datasets?symbol=X", b"text/csv", _HEADER),
    ),
    f"{_CLIENTS} readers that do not read": _held(
        b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 8, receives=1_024
    ),
    "CSV: a cell of 16,000 digits": _uploaded(lambda: _HEADER + _ROW.replace(b"10.5", b"9" * 16_000 + b"x")),
    "CSV: 200,000 such cells": _uploaded(lambda: _HEADER + _ROW.replace(b"10.5", b"9" * 60 + b"x") * 200_000),
    "CSV: a million columns": _uploaded(lambda: _HEADER + b"2024-01-02" + b",1" * 1_000_000),
    "CSV: NUL bytes": _uploaded(lambda: b"\0" * 1_000_000),
    "CSV: an open quote": _uploaded(lambda: _HEADER + _ROW + b'2024-01-03,"' + _ROW * 100_000),
    "Parquet: ten million equal numbers": _uploaded(_equal_numbers),
    "Parquet: one long text a thousand times": _uploaded(_one_long_text),
    "Parquet: cut": _uploaded(lambda: _one_long_text()[:-100]),
    "Parquet: nothing but its mark": _uploaded(lambda: b"PAR1" + b"\xff" * 4_000 + b"PAR1"),
    "argument: symbol that expands": _argued(lambda text: {"symbols": [text]}),
    "argument: benchmark that expands": _argued(lambda text: {"benchmark": text}),
    "argument: rule that expands": _argued(lambda text: {"rule_type": text}),
    "argument: formula that expands": _argued(
        lambda text: {"rule_type": "EXPRESSION", "params": {"entry": text, "exit": json.dumps(text)}}
    ),
    "argument: parameter that expands": _argued(lambda text: {"params": {text: 1}}),
}
