"""The first step of a run: request and prices in, a result bundle out."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError

from backtest.errors import BacktestError, InvalidRequest
from backtest.run import outcome
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import StoreError
from workflows import failpoints, process
from workflows.steps import bundle, tables
from workflows.steps.database import record
from workflows.steps.source import FileSource, RecordSource, Source

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the run and write its bundle; a failure leaves a bundle that says why."""
    arguments = _arguments(argv)
    with logs.about(arguments.run_id):
        try:
            return _compute(_source(arguments), arguments.run_id, arguments.bundle)
        except (InterfaceError, OperationalError) as error:
            log.warning("the database is away", error=str(error.orig))
            return Exit.TRY_AGAIN
        except MemoryError:
            process.lift_memory_limit()
            log.error("the step ran out of memory")
            return Exit.OUT_OF_MEMORY
        except (BacktestError, SettingsError, StoreError) as error:
            return _refuse(error, arguments)
        except OSError as error:
            return _give_up(error, arguments, Exit.TRY_AGAIN)
        except Exception as error:  # the step's own edge: whatever it was, the run's owner is told
            return _give_up(error, arguments, Exit.CRASHED)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.steps.engine", description=__doc__)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    parser.add_argument("--bundle", required=True, type=Path, metavar="DIR", help="where the result goes")
    parser.add_argument(
        "--request", type=Path, metavar="FILE", help="the request as JSON, not from the database"
    )
    parser.add_argument("--prices", type=Path, metavar="DIR", help="encoded datasets; goes with --request")
    arguments = parser.parse_args(argv)
    if (arguments.request is None) != (arguments.prices is None):
        parser.error("--request and --prices go together")
    return arguments


def _source(arguments: argparse.Namespace) -> Source:
    if arguments.request is not None:
        logs.configure_from(Settings.from_env(os.environ), process="engine")
        return FileSource(arguments.request, arguments.prices, arguments.run_id)
    settings = Settings.from_env(os.environ)
    logs.configure_from(settings, process="engine")
    return RecordSource(record(settings.database_url), arguments.run_id)


def _compute(source: Source, run_id: str, folder: Path) -> int:
    failpoints.reach("engine-begun")
    work = source.begin()
    if work is None:
        log.info("the run has ended already, nothing to do")
        return Exit.OK
    failpoints.reach("prices-loaded")
    log.info("run begins", symbols=work.request.symbols, rule_type=work.request.rule_type)
    found = outcome.run(work.request, work.datasets, on_progress=source.report)
    failpoints.reach("outcome-computed")
    files = {
        bundle.SUMMARY: json.dumps(found.summary, allow_nan=False).encode(),
        bundle.TRADES: tables.trades_to_parquet(found, work.request.symbols),
        bundle.CURVES: tables.curves_to_parquet(found),
    }
    bundle.write(folder, run_id, files)
    log.info("run computed", bars=found.summary["bars"], trades=len(found.trades))
    return Exit.OK


def _refuse(error: BacktestError | SettingsError | StoreError, arguments: argparse.Namespace) -> int:
    """Bad input: the same again would fail the same way."""
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    wrong = error.errors if isinstance(error, InvalidRequest) else ()
    fields = [{"field": one.field, "message": one.message} for one in wrong]
    log.warning("the run cannot be computed", error_code=code, error=str(error))
    _explain(arguments, {"error_code": code, "error_message": logs.redacted(str(error)), "errors": fields})
    return Exit.BAD_INPUT


def _give_up(error: Exception, arguments: argparse.Namespace, code: Exit) -> int:
    log.exception("the step failed")
    said = logs.redacted(str(error)) or "without a word"
    message = (
        f"The engine step failed unexpectedly: {type(error).__name__}: {said}. "
        "The log has the details under this run id."
    )
    _explain(arguments, {"error_code": "engine_failed", "error_message": message})
    return code


def _explain(arguments: argparse.Namespace, error: dict[str, object]) -> None:
    content = json.dumps(error, ensure_ascii=False).encode()
    try:
        bundle.write(arguments.bundle, arguments.run_id, {bundle.ERROR: content})
    except OSError:
        log.exception("the reason could not be written")


if __name__ == "__main__":
    sys.exit(main())
