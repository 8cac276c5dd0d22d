"""What the program does to its database before it serves."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from backtest import samples
from backtest.prices.library import Library
from config.settings import Settings
from store import schema
from store.queries import audit, datasets
from store.queries.audit import Action
from store.session import Database


def prepare(settings: Settings) -> None:
    """Migrate the embedded database, require any other to be sufficient; import the prices of the library."""
    database = Database.open(settings.database_url)
    if settings.embedded:
        schema.upgrade(database.engine)
    else:
        schema.require_sufficient(database.engine)
    with database.write() as session:
        import_library(session, Library(settings.library_dir))
    database.close()


def import_library(session: Session, library: Library) -> None:
    """Import what is new in the library; the audit trail names all but the bundled prices."""
    now = datetime.now(UTC)
    bundled = {samples.load(symbol).data_hash for symbol in samples.SYMBOLS}
    imported = datasets.sync(session, library, now=now)
    for stored in datasets.current_of(session, imported).values():
        if stored.data_hash not in bundled:
            audit.record_dataset(session, audit.operator(), Action.DATASET_IMPORT, stored, now=now)
