"""The web tier as gunicorn loads it: settings from the environment, logs to stdout."""

from __future__ import annotations

import os
import sys

from flask import Flask

from backtest import rules
from config import logs
from config.settings import Settings
from store import schema
from store.session import Database
from web.application import create_app

_SWITCH_SECONDS = 0.000_5
"""How long one thread may keep the others from running. A short answer asks the database a few times, and each time
waits behind a long one for this long; Python's own 5 ms make tens of milliseconds of it."""

log = logs.get(__name__)


def application() -> Flask:
    """The application of this environment; only the embedded database is migrated, never a server's."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    settings = Settings.from_env(os.environ)
    settings.require_guarded()
    logs.configure_from(settings, process="web")
    _describe_rules()
    database = Database.open(settings.database_url, pool_size=10)
    if settings.embedded:
        schema.upgrade(database.engine)
        database.close()  # connections are not passed on to forked workers
    return create_app(settings, database=database)


def _describe_rules() -> None:
    """Obtain the catalogue of rules once for all forked workers; hidden from its process, they are forked hidden."""
    for broken in rules.broken():
        log.warning(
            "rule of a package cannot be used", rule=broken.name, package=broken.package, reason=broken.reason
        )
