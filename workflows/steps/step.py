"""What every step does around its work: arguments, settings, logs, and an exit code for every way to fail."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import UNAVAILABLE, is_denied, reason
from workflows import process

log = logs.get(__name__)


def parser(module: str, description: str | None, *, bundle: str = "") -> argparse.ArgumentParser:
    """The arguments that steps share: the run and, where `bundle` says purpose of the token, a folder."""
    parser = argparse.ArgumentParser(prog=f"python -m workflows.steps.{module}", description=description)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    if bundle:
        parser.add_argument("--bundle", required=True, type=Path, metavar="DIR", help=bundle)
    return parser


def crashed(error: Exception) -> Exit:
    """Log an unexpected error: the parent process sees the exit code alone."""
    log.exception("step failed", error=str(error))
    return Exit.CRASHED


def run(
    name: str, run_id: str, work: Callable[[Settings], int], *, on_error: Callable[[Exception], int] = crashed
) -> int:
    """Do the work of a step and return its exit code; `name` is the process that its log lines name.

    A database that is unavailable is TRY_AGAIN and too little memory is OUT_OF_MEMORY in every step;
    what any other error means is for `on_error` to say.
    """
    with logs.about(run_id):
        try:
            return work(_settings(name))
        except UNAVAILABLE as error:
            if is_denied(error):
                return crashed(error)
            log.warning("database unavailable", error=reason(error))
            return Exit.TRY_AGAIN
        except MemoryError:
            process.lift_memory_limit()
            log.error("step out of memory")
            return Exit.OUT_OF_MEMORY
        except Exception as error:  # the step's own edge: nothing above it could report the error
            return on_error(error)


def _settings(name: str) -> Settings:
    """The settings, as which the logs are configured; what is wrong with them is logged as JSON."""
    try:
        settings = of_environment(tuple(os.environ.items()))
    except SettingsError:
        logs.configure(process=name, as_json=True)
        raise
    logs.configure_from(settings, process=name)
    return settings


@lru_cache(maxsize=1)
def of_environment(variables: tuple[tuple[str, str], ...]) -> Settings:
    """The settings in these variables; forked steps inherit those that the fork server has read."""
    return Settings.from_env(dict(variables))
