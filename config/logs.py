"""Structured logs on stdout: the run id on every line, JSON in production, never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.redaction import Redaction
from config.settings import Settings

_WITH_OWN_HANDLERS = ("gunicorn.error",)
"""Loggers that come with handlers of their own, which neither format our lines nor redact them."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor of a terminal, reorders or ends a line, or cannot be written at all."""
Stream = Literal["stdout", "stderr"]
_MULTILINE = ("exception", "stack")
_RENDER_JSON = structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)

_redaction = Redaction()


def redacted(text: str) -> str:
    """`text` without anything secret that this process knows of: for what is stored or answered, as for logs."""
    return _redaction.text(text)


class _Stream(logging.Handler):
    """Writes to the stdout or stderr of the moment, which tests and supervisors may have replaced."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stream = getattr(sys, self._name)
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:  # a failing log line must not end the work that it reports
            self.handleError(record)


def configure_from(settings: Settings, *, process: str, stream: Stream = "stdout") -> None:
    """Configure the logs as the environment asks; no secret of the settings or of the environment is logged."""
    configure(
        process=process,
        level=settings.log_level,
        as_json=settings.log_format == "json",
        secrets=settings.secrets,
        stream=stream,
    )


def configure(
    *,
    process: str,
    level: str = "INFO",
    as_json: bool = False,
    secrets: Iterable[str] = (),
    stream: Stream = "stdout",
) -> None:
    """Send every log line of this process, ours and the libraries', to one stream in one format.

    `process` is the name on every line (web, worker, engine, persist); `secrets` are texts that no line may
    contain in any field.
    """
    global _redaction
    _redaction = Redaction(secrets)
    shared = _shared(process)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(_handler(shared, stream, as_json=as_json), level)


def _handler(shared: list[Processor], stream: Stream, *, as_json: bool) -> logging.Handler:
    handler = _Stream(stream)
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
    return handler


def _route_standard_logging(handler: logging.Handler, level: str) -> None:
    """Make `handler` the only one of the process, for the lines of libraries too."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel("WARNING")  # it logs each look at the version of the schema
    logging.captureWarnings(True)
    for name in _WITH_OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


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
        return _json
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )
    return lambda logger, method, event: console(logger, method, _escaped_event(event))


def _escaped_event(event: EventDict) -> EventDict:
    """The event with what is not for a terminal written as escapes: others chose parts of it."""
    return {_escaped(key): _escaped_value(value, key) for key, value in event.items()}


def _escaped_value(value: Any, key: str) -> Any:
    """The value with escapes; of anything but a text the renderer shows the `repr`, which has them."""
    if not isinstance(value, str):
        return value
    return "\n".join(map(_escaped, value.split("\n"))) if key in _MULTILINE else _escaped(value)


def _json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """The event in one line, with the escapes too that JSON allows and does not ask for."""
    line = _RENDER_JSON(logger, method, event)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", str(line))


def _escaped(text: str) -> str:
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def about(run_id: str) -> AbstractContextManager[None]:
    """Put `run_id` on every line that is logged inside the block."""
    return structlog.contextvars.bound_contextvars(run_id=run_id)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
