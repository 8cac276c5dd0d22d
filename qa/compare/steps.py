"""Builds requests, sends them to both products, and compares the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from qa.compare.answers import Answer, differences
from qa.compare.product import Product
from qa.compare.report import Report

PAGE = {"Accept": "text/html,application/xhtml+xml"}
_BOUNDARY = "boundary-of-the-comparison"
_IS_RUN = re.compile(r"/api/runs/[0-9a-f-]{36}")
_RESULT_HASH = re.compile(r'"result_hash": ?"([0-9a-f]+)"')
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Step:
    """One request. Placeholders `{name}` stand for values captured from earlier answers.

    `keep` maps names of values to capture to the patterns that match them in headers or body.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    keep: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = self.path if len(self.path) <= 100 else f"{self.path[:99]}…"
        kind = " as a page" if self.headers.get("Accept", "").startswith("text/html") else ""
        return f"{self.method} {shown}{kind}{f' ({self.note})' if self.note else ''}"

    @property
    def is_read_only(self) -> bool:
        """Whether no later step depends on it."""
        return self.method in _SAFE_METHODS and not self.keep


def get(path: str, *, page: bool = False, note: str = "", keep: Mapping[str, str] | None = None) -> Step:
    """A GET request of a program or a browser."""
    return Step("GET", path, headers=PAGE if page else {}, note=note, keep=keep or {})


def send_json(
    path: str, body: object, *, method: str = "POST", note: str = "", keep: Mapping[str, str] | None = None
) -> Step:
    """A request with a JSON body."""
    return send(path, json.dumps(body).encode(), "application/json", method=method, note=note, keep=keep)


def send(
    path: str,
    body: bytes,
    kind: str,
    *,
    method: str = "POST",
    note: str = "",
    headers: Mapping[str, str] | None = None,
    keep: Mapping[str, str] | None = None,
) -> Step:
    """A request with a body of this content type; no header if it is empty."""
    typed = {"Content-Type": kind} if kind else {}
    return Step(method, path, body, typed | dict(headers or {}), note, keep or {})


def send_form(
    path: str, fields: Mapping[str, Any], *, page: bool = True, note: str = "", **headers: str
) -> Step:
    """A URL-encoded form."""
    body = urlencode(fields, doseq=True).replace("%7B", "{").replace("%7D", "}").encode()
    accepted = (PAGE if page else {}) | {name.replace("_", "-"): value for name, value in headers.items()}
    return send(path, body, "application/x-www-form-urlencoded", note=note, headers=accepted)


def send_file(
    path: str,
    fields: Mapping[str, str],
    file: tuple[str, bytes] | None,
    *,
    page: bool = False,
    note: str = "",
) -> Step:
    """A multipart form with a file."""
    parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
    if file is not None:
        parts.append(_part(f'name="file"; filename="{file[0]}"', file[1]))
    body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    return send(path, body, kind, note=note, headers=PAGE if page else {})


def _part(disposition: str, content: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


class Runner:
    """Sends each step to both products and reports differences."""

    def __init__(self, products: Sequence[Product], report: Report, selected: frozenset[str]) -> None:
        self.products, self._report, self._selected = products, report, selected

    def run(self, part: str, steps: Iterable[Step]) -> None:
        """Send the steps; of a part that is not selected only those that later steps depend on."""
        is_selected = part in self._selected
        with ThreadPoolExecutor(len(self.products)) as pool:
            for step in steps:
                if is_selected or not step.is_read_only:
                    old, new = pool.map(lambda product, step=step: _sent(product, step), self.products)
                    if is_selected:
                        self._compare(part, step, old, new)

    def both(self, action: Any) -> list[Any]:
        """Apply an action to both products concurrently."""
        with ThreadPoolExecutor(len(self.products)) as pool:
            return list(pool.map(action, self.products))

    def _compare(self, part: str, step: Step, old: Answer, new: Answer) -> None:
        left, right = self.products
        self._report.add(part, str(step), differences(old, new, (left.masks, right.masks)))
        if _IS_RUN.fullmatch(step.path) and step.method == "GET":
            self._count_result(old, new)

    def _count_result(self, old: Answer, new: Answer) -> None:
        """Count runs with equal and different result hashes."""
        hashes = [_RESULT_HASH.findall(answer.text) for answer in (old, new)]
        if hashes[0]:
            self._report.result_hashes[hashes[0] == hashes[1]] += 1


def _sent(product: Product, step: Step) -> Answer:
    body = None if step.body is None else _filled(product, step.body)
    headers = {name: product.filled(value) for name, value in step.headers.items()}
    answer = product.request(step.method, product.filled(step.path), body, headers)
    product.keep_from(answer, step.keep)
    return answer


def _filled(product: Product, body: bytes) -> bytes:
    """The body with placeholders replaced; it need not be text."""
    for name, value in product.kept.items():
        body = body.replace(f"{{{name}}}".encode(), value.encode())
    return body
