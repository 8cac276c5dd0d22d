"""Compares two HTTP answers: status, headers, and body by content type."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from qa.compare import json_diff, openapi, page_text
from qa.compare.masks import Masks
from qa.compare.report import Difference, Kind, page_words, structure, text_differences

_UNCOMPARED = frozenset({"date", "content-length"})
"""Headers that depend on the clock or on the length of a masked body."""
_COUNT = re.compile(r"\d+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def mimetype(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def content(self) -> bytes:
        """The decompressed body."""
        is_packed = self.headers.get("content-encoding") == "gzip" and self.body
        return gzip.decompress(self.body) if is_packed else self.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def whole(self) -> str:
        """Headers and body, from which values for later requests are captured."""
        return "".join(f"{name}: {value}\n" for name, value in self.headers.items()) + f"\n{self.text}"


def differences(old: Answer, new: Answer, masks: tuple[Masks, Masks]) -> Iterator[Difference]:
    """All differences; bodies are compared only if status and content type are equal."""
    if old.status != new.status:
        yield structure(f"status {old.status} → {new.status}", old.text[:200], new.text[:200])
    yield from _of_headers(old, new, masks)
    if old.mimetype == new.mimetype and old.status == new.status:
        yield from _of_bodies(old, new, masks)


def _of_headers(old: Answer, new: Answer, masks: tuple[Masks, Masks]) -> Iterator[Difference]:
    for name in sorted({*old.headers, *new.headers} - _UNCOMPARED):
        left, right = (
            mask.header(name, answer.headers[name]) if name in answer.headers else "(absent)"
            for mask, answer in zip(masks, (old, new), strict=True)
        )
        if left != right:
            yield structure(f"header {name}", left, right)


def _of_bodies(old: Answer, new: Answer, masks: tuple[Masks, Masks]) -> Iterable[Difference]:
    left, right = masks
    if openapi.is_description(old.text):
        return openapi.differences(old.text, new.text)
    if "json" in old.mimetype:
        return json_diff.document_differences(_json(old, left), _json(new, right))
    if old.mimetype == "text/html":
        return page_words(page_text.words(left.page(old.text)), page_text.words(right.page(new.text)))
    if old.mimetype in ("text/css", "text/javascript", "application/javascript"):
        return page_words(old.text.split(), new.text.split())
    if old.mimetype == "text/csv":
        return table_differences(left.text(old.text), right.text(new.text))
    if old.mimetype == "text/plain" and "# TYPE" in old.text:
        return metric_differences(old.text, new.text)
    return bytes_differences(old.content, new.content)


def _json(answer: Answer, mask: Masks) -> str:
    """The masked body; in 429 answers all numbers are masked, since the time to wait is measured."""
    text = mask.text(answer.text)
    return _COUNT.sub("<n>", text) if answer.status == _TOO_MANY else text


def table_differences(old: str, new: str) -> Iterator[Difference]:
    """Rows of a CSV that differ in any byte."""
    before, after = old.split("\n"), new.split("\n")
    if len(before) != len(after):
        yield structure("(number of rows)", len(before), len(after))
    for number, (left, right) in enumerate(zip(before, after, strict=False), start=1):
        if left != right:
            yield structure(f"row [{number}]", left, right)


def metric_differences(old: str, new: str) -> Iterator[Difference]:
    """Differences in names, types, labels and help of metrics; values are not compared."""
    before, after = _metrics(old), _metrics(new)
    yield from json_diff.differences(before, after)


def _metrics(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in filter(None, text.splitlines()):
        if line.startswith("# "):
            _, kind, name, value = line.split(" ", 3)
            found.setdefault(name, {})["description" if kind == "HELP" else kind] = value
        else:
            found.setdefault(line.rpartition(" ")[0], {})
    return found


def bytes_differences(old: bytes, new: bytes) -> Iterator[Difference]:
    """Binary content."""
    if old != new:
        yield structure("(content)", _described(old), _described(new))


def _described(content: bytes) -> str:
    return f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()[:12]}, {content[:40]!r}"


def output_differences(name: str, old: str, new: str) -> Iterator[Difference]:
    """Output of a command: numbers are compared structurally, words as text."""
    numbers = [_NUMBER.findall(text) for text in (old, new)]
    if numbers[0] != numbers[1]:
        yield from _as_structure(f"{name} (numbers)", page_words(*numbers))
    yield from text_differences(name, _NUMBER.sub("#", old), _NUMBER.sub("#", new))


def _as_structure(path: str, found: Iterable[Difference]) -> Iterator[Difference]:
    for each in found:
        yield Difference(Kind.STRUCTURE, path, each.old or "(none)", each.new or "(none)")
