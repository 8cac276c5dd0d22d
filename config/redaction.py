"""Keeps secrets out of what leaves the process: by the name of their key, by their shape and by their value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from structlog.typing import EventDict, WrappedLogger

REDACTED = "[redacted]"
LONGEST_LINE = 2_000
"""Characters of a line that are kept: what others send must not make the search for secrets long."""
_MARGIN = 1_000
"""Characters beyond them that are searched too: a secret that begins within the line may end after it."""
_MOST_LINES = 400
_CUT = "…[cut]"
_SECRET_NAME = re.compile(
    r"pass(word|wd)?$|secret|token|authorization|api_?key|dsn|database_?url|cookie|credential", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^\s:/@]{0,128}:(\S{1,512})@")
_SHORTEST = 6
"""A shorter text is not looked for: it would hide ordinary words."""
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://[^\s:/@]{0,128}):\S{0,512}@"), rf"\1:{REDACTED}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)(password|passwd|secret|token|api_?key)(['\"]?\s*[=:]\s*)"
                r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"), rf"\1\2{REDACTED}"),
)  # fmt: skip
"""Each begins with a fixed text and repeats nothing that it could match in two ways, so that its time is linear."""
_CLIENT_KEYS = ("actor", "client")
_CLIENT_OF_TOKEN = re.compile(r"token:\d+")
"""The name of a program: the number of its token, which is no secret and looks like one."""


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
            is_name = key in _CLIENT_KEYS and _CLIENT_OF_TOKEN.fullmatch(value)
            return value if is_name else self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(part, str(name)) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part) for part in value]
        return value if isinstance(value, int | float | bool | None) else self.text(str(value))

    def text(self, text: str) -> str:
        """`text` without known secrets, credentials in addresses, and `name=secret` pairs; long lines are cut."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        lines = text.split("\n")
        if len(lines) > _MOST_LINES:  # a traceback ends with the error
            lines = [lines[0], _CUT, *lines[-_MOST_LINES:]]
        return "\n".join(map(_redacted_line, lines))


def _redacted_line(line: str) -> str:
    is_long = len(line) > LONGEST_LINE + _MARGIN
    line = line[: LONGEST_LINE + _MARGIN]
    for pattern, replacement in _IN_TEXT:
        line = pattern.sub(replacement, line)
    return line[:-_MARGIN] + _CUT if is_long else line
