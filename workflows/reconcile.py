"""Entry point of reconciler and dispatcher: reconciles rows and workflows, once or repeatedly."""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store import schema
from store.errors import SchemaBehind, reason
from store.queries import audit
from store.session import Database
from workflows.cluster.argo_client import Argo
from workflows.cluster.dispatcher import ClusterLimits
from workflows.cluster.reconciler import Reconciler
from workflows.cluster.workflow_messages import WorkflowMessages
from workflows.errors import WorkflowError

_LONGEST_PAUSE_SECONDS = 15.0
_STOPPING = {signal.SIGTERM, signal.SIGINT}
log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """One full pass, or a quick pass every so many seconds until SIGTERM; 1 is a pass that failed."""
    parser = argparse.ArgumentParser(prog="python -m workflows.reconcile", description=__doc__)
    parser.add_argument("--every", type=float, metavar="SECONDS", help="run continuously, as the dispatcher")
    arguments = parser.parse_args(argv)
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 logging is not configured yet
        return Exit.BAD_INPUT
    name = "reconcile" if arguments.every is None else "dispatcher"
    logs.configure_from(settings, process=name)
    database = Database.open(settings.database_url, pool_size=2)
    argo = Argo(settings)
    messages = WorkflowMessages(settings, argo)
    reconciler = Reconciler(database, argo, messages, ClusterLimits.of(settings))
    if arguments.every is None:
        return _once(database, reconciler, audit_days=settings.audit_days)
    return _repeat(database, reconciler, arguments.every)


def _once(database: Database, reconciler: Reconciler, *, audit_days: int) -> int:
    """0 for a pass that was done; before the first migration there are no runs, so waiting for it is no failure."""
    try:
        is_done = _pass(database, reconciler, everything=True) and _prune(database, audit_days)
        return 0 if is_done else 1
    except SchemaBehind as error:
        log.warning("waiting for the schema", error=str(error))
        return 0 if error.version is None else 1


def _pass(database: Database, reconciler: Reconciler, *, everything: bool) -> bool:
    """Whether the pass was done; raises `SchemaBehind` where there is nothing yet that it could read."""
    try:
        schema.require_sufficient(database.engine)
        reconciler.once(everything=everything)
    except (WorkflowError, SQLAlchemyError) as error:
        log.warning("reconciliation failed", error=reason(error))
        return False
    return True


def _try(database: Database, reconciler: Reconciler) -> bool:
    try:
        return _pass(database, reconciler, everything=False)
    except SchemaBehind as error:
        log.warning("waiting for the schema", error=str(error))
        return False


def _prune(database: Database, days: int) -> bool:
    """Delete the entries of the audit trail that are older than AUDIT_DAYS."""
    try:
        with database.write() as session:
            audit.retain(session, days=days, now=datetime.now(UTC))
    except SQLAlchemyError as error:
        log.warning("audit trail not pruned", error=reason(error))
        return False
    return True


def _repeat(database: Database, reconciler: Reconciler, every_seconds: float) -> int:
    pause = every_seconds
    with _stop_signals() as signalled:
        log.info("dispatcher started", every_seconds=every_seconds)
        while not select.select([signalled], [], [], pause)[0]:
            is_done = _try(database, reconciler)
            pause = every_seconds if is_done else min(max(pause * 2, 1.0), _LONGEST_PAUSE_SECONDS)
    log.info("dispatcher stopped")
    return 0


@contextmanager
def _stop_signals() -> Iterator[socket.socket]:
    """A socket that can be read once SIGTERM or SIGINT has come, whichever thread the kernel gave it to.

    Not blocked and waited for: a thread of a library takes what the main thread blocks, and dies of it. Not an event:
    a handler that sets one can meet the lock that the wait for it holds.
    """
    signalled, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    before = signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, lambda _number, _frame: None) for number in _STOPPING}
    try:
        yield signalled
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        signalled.close()
        wakeup.close()


if __name__ == "__main__":
    sys.exit(main())
