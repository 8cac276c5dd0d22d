"""Structured logs on stdout: the run id on every line, JSON in production, never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(
    r"pass(word|wd)?$|secret|token|authorization|api_?key|dsn|database_?url|cookie|credential", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^\s:/@]*:(\S+)@")
_SHORTEST = 6
"""A shorter text is not looked for: it would hide ordinary words."""
_SELF_WILLED = ("gunicorn.error",)
"""Loggers that come with handlers of their own, which know nothing of our shape and of secrets."""
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\w[\w+.-]*://[^\s:/@]*):\S*@"), rf"\1:{REDACTED}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b([\w-]*(?:password|passwd|secret|token|api_?key))(['\"]?\s*[=:]\s*)"
                r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"), rf"\1\2{REDACTED}"),
)  # fmt: skip


class Redaction:
    """A processor that removes secrets by the name of their key, by their shape and by their value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted(
            (secret for secret in secrets if len(secret) >= _SHORTEST), key=len, reverse=True
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


_redaction = Redaction()


def redacted(text: str) -> str:
    """`text` without anything secret that this process knows of: for what is stored or answered, as for logs."""
    return _redaction.text(text)


class _Stdout(logging.Handler):
    """Writes to whatever stdout is at the moment; it may have been replaced since."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # a log line must never end what it tells about
            self.handleError(record)


def configure(
    *, process: str, level: str = "INFO", as_json: bool = False, secrets: Iterable[str] = ()
) -> None:
    """Send every log line of this process, ours and the libraries', to stdout in one shape.

    `process` is the part that speaks (web, worker, engine, persist); `secrets` are texts that no line
    may contain whatever it is about.
    """
    global _redaction
    _redaction = Redaction(secrets)
    shared = _shared(process)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = _Stdout()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redaction,
                _renderer(as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(
        "WARNING"
    )  # it speaks each time the version of the schema is asked for
    logging.captureWarnings(True)
    for name in _SELF_WILLED:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def configure_from(env: Mapping[str, str], *, process: str, secrets: Iterable[str] = ()) -> None:
    """Configure from LOG_LEVEL, LOG_FORMAT and FLASK_ENV, for processes that need no other setting.

    Every variable of the environment whose name says that it is secret is kept out of the lines.
    """
    level = env.get("LOG_LEVEL", "INFO").upper()
    production = env.get("FLASK_ENV") == "production"
    named = [value for name, value in env.items() if _SECRET_NAME.search(name)]
    inside = [found for text in [*secrets, *named] for found in _PASSWORD_IN_URL.findall(text)]
    inside += [unquote(found) for found in inside]
    configure(
        process=process,
        level=level if level in logging.getLevelNamesMapping() else "INFO",
        as_json=env.get("LOG_FORMAT", "json" if production else "readable") == "json",
        secrets=[*secrets, *named, *inside],
    )


def _shared(process: str) -> list[Processor]:
    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        name_process,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]


def _renderer(as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )


def about(run_id: str) -> AbstractContextManager[None]:
    """Put `run_id` on every line that is logged inside the block."""
    return structlog.contextvars.bound_contextvars(run_id=run_id)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
