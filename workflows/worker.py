"""Entry point of the local worker: ``python -m workflows.worker``."""

from __future__ import annotations

import os
import signal
import sys

from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.session import Database
from workflows.errors import ForkServerDied
from workflows.local.queue import Queue
from workflows.local.robustness.queue import RobustnessQueue
from workflows.local.robustness.robustness_worker import RobustnessWorker
from workflows.local.scratch import Scratch
from workflows.local.studies.queue import StudyQueue
from workflows.local.studies.study_worker import StudyWorker
from workflows.local.worker import Worker

log = logs.get(__name__)


def main() -> int:
    """Work until SIGTERM or Ctrl-C; 0 is a clean end, 2 a mistake in the environment."""
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 logging is not configured yet
        return Exit.BAD_INPUT
    logs.configure_from(settings, process="worker")
    database = Database.open(settings.database_url, pool_size=2)
    scratch = Scratch(settings.bundle_dir)
    worker = Worker(
        settings,
        Queue(database, lease_seconds=settings.lease_seconds),
        scratch,
        studies=StudyWorker(settings, StudyQueue(database, lease_seconds=settings.lease_seconds)),
        robustness=RobustnessWorker(
            settings, RobustnessQueue(database, lease_seconds=settings.lease_seconds)
        ),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop())
    log.info("worker ready", slots=settings.worker_slots, pid=os.getpid())
    try:
        worker.run()
    except ForkServerDied as died:
        log.error("worker gives up, its fork servers keep dying", error=str(died))
        return Exit.CRASHED
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # another one would only change the exit code
        scratch.close()
        database.close()
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
