"""Keeps secrets out of what leaves the process: by the name of their key, by their shape and by their value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from structlog.typing import EventDict, WrappedLogger

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(
    r"pass(word|wd)?$|secret|token|authorization|api_?key|dsn|database_?url|cookie|credential", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^\s:/@]*:(\S+)@")
_SHORTEST = 6
"""A shorter text is not looked for: it would hide ordinary words."""
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\w[\w+.-]*://[^\s:/@]*):\S*@"), rf"\1:{REDACTED}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b([\w-]*(?:password|passwd|secret|token|api_?key))(['\"]?\s*[=:]\s*)"
                r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"), rf"\1\2{REDACTED}"),
)  # fmt: skip


def secrets_in(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the variables whose names say that they are secret."""
    return tuple(value for name, value in variables.items() if _SECRET_NAME.search(name))


class Redaction:
    """A log processor that removes the given secrets, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = list(secrets)
        inside = [password for text in whole for password in _PASSWORD_IN_URL.findall(text)]
        known = {*whole, *inside, *map(unquote, inside)}
        self._secrets = sorted(
            (secret for secret in known if len(secret) >= _SHORTEST), key=len, reverse=True
        )

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: self.value(value, key) for key, value in event.items()}

    def value(self, value: Any, key: str = "") -> Any:
        """`value` without anything secret, to any depth."""
        if value is not None and _SECRET_NAME.search(key):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(part, str(name)) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part) for part in value]
        return value if isinstance(value, int | float | bool | None) else self.text(str(value))

    def text(self, text: str) -> str:
        """`text` without known secrets, credentials in addresses, and `name=secret` pairs."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        for pattern, replacement in _IN_TEXT:
            text = pattern.sub(replacement, text)
        return text
