"""Masks values that differ between any two executions of the same product."""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime, timedelta

_TIMESTAMP = re.compile(r"\b(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?")
_DIGIT = re.compile(r"\d")
_DURATION = re.compile(r"(\"(?:elapsed_seconds|retry_after_seconds)\": ?)[-+.\de]+")
_SHOWN_DURATION = re.compile(r"\b\d+ (?:h \d+ min|min \d+ s|min|ms|s)\b|\b\d+\.\d+ s\b")
_CURSOR = re.compile(r"(?<=after=)[\w-]+")
_ASSET_VERSION = re.compile(r"(?<=[?;&]v=)[0-9a-f]{6,64}")
_STYLE_HASH = re.compile(r"'sha256-[^']+'")
_FORM_TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+')
_ETAG = re.compile(r'^(W/)?"[^"]*"$')
_COOKIE = re.compile(r"^([^=;]+)=[^;]+")
_EXPIRES = re.compile(r"(?i)expires=[^;]+")


class Masks:
    """The masks of one product: values of this execution, and timestamps since the comparison began."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._today = datetime.now(UTC).date()

    def name(self, value: str, name: str) -> None:
        """Replace `value` by `name` from now on."""
        self._names[value] = f"<{name}>"

    def text(self, text: str) -> str:
        """Mask any text: registered values, recent timestamps, measured durations, cursors, asset versions."""
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        text = _CURSOR.sub(lambda found: self._cursor(found[0]), text)
        text = _TIMESTAMP.sub(self._timestamp, text)
        return _ASSET_VERSION.sub("<version>", _DURATION.sub(r'\1"<seconds>"', text))

    def page(self, html: str) -> str:
        """Mask a page, which also shows durations and contains CSRF tokens."""
        return _SHOWN_DURATION.sub("<duration>", _FORM_TOKEN.sub("<csrf>", self.text(html)))

    def header(self, name: str, value: str) -> str:
        """Mask a header; of an ETag only weak or strong is compared, and Allow is an unordered set."""
        value = _STYLE_HASH.sub("'<hash>'", self.text(value))
        if name == "etag":
            return _ETAG.sub(lambda found: f'{found[1] or ""}"<etag>"', value)
        if name == "allow":
            return ", ".join(sorted(value.split(", ")))
        if name == "set-cookie":
            return _EXPIRES.sub("Expires=<time>", _COOKIE.sub(r"\1=<secret>", value))
        if name == "retry-after" and value.isdigit():
            return "<seconds>"
        return value

    def _timestamp(self, found: re.Match[str]) -> str:
        """Zero the digits of a recent timestamp, keeping its format; timestamps of prices stay."""
        try:
            distance = date.fromisoformat(found[1]) - self._today
        except ValueError:
            return found[0]
        return _DIGIT.sub("0", found[0]) if abs(distance) <= timedelta(days=1) else found[0]

    def _cursor(self, cursor: str) -> str:
        """The decoded cursor, since it contains timestamps; an undecodable one stays."""
        try:
            return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        except ValueError:
            return cursor
