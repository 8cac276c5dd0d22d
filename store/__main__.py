"""The operator's commands on the database: schema, accounts, consistency, backups, prices, tokens and the audit trail."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backtest.console.printable import show
from backtest.errors import BacktestError
from backtest.plural import counted
from backtest.prices import price_file
from backtest.prices.dataset import Dataset
from backtest.prices.splits import apply_split
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store import schema
from store.admin import accounts, backup, token_commands
from store.admin.check import problems
from store.errors import StoreError, UnknownDataset, is_unreachable
from store.queries import audit, datasets
from store.queries.audit import Action
from store.session import Database


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 is done, 1 a fault of the database, 2 a mistake in the input, 75 try again."""
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.from_env(os.environ)
        logs.configure_from(settings, process="store", stream="stderr")  # stdout is what scripts read
        database = Database.open(settings.database_url)
        result: int = arguments.command(database, arguments)
    except (SettingsError, StoreError, BacktestError) as error:
        return _fail(str(error), Exit.BAD_INPUT)
    except SQLAlchemyError as error:
        if is_unreachable(error):
            return _fail(
                "the database is unreachable; check that it is running and that DATABASE_URL is correct, then try again",
                Exit.TRY_AGAIN,
            )
        return _fail(f"the database cannot be used: {type(error).__name__}", Exit.CRASHED)
    database.close()
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("upgrade", _upgrade, "upgrade the schema to the version this release requires"),
        (
            "accounts",
            _accounts,
            "give the accounts of MIGRATION_USER, WRITER_USER and READER_USER their rights",
        ),
        ("current", _current, "print the version of the schema"),
        ("check", _check, "check the consistency of every result; safe while serving"),
    ):
        commands.add_parser(name, help=text).set_defaults(command=command)
    with_file = argparse.ArgumentParser(add_help=False)
    with_file.add_argument("file", type=Path)
    saving = commands.add_parser(
        "backup", parents=[with_file], help="write the whole database to a new file; safe while serving"
    )
    saving.set_defaults(command=_backup)
    restoring = commands.add_parser(
        "restore", parents=[with_file], help="restore a backup into the database, on SQLite or MySQL"
    )
    restoring.add_argument(
        "--replace", action="store_true", help="discard the current contents of the database"
    )
    restoring.set_defaults(command=_restore)
    importing = commands.add_parser("import", help="import a CSV or Parquet file of prices into the database")
    price_file.add_arguments(importing)
    importing.set_defaults(command=_import)
    splitting = commands.add_parser("split", help="apply a split that stored prices are not adjusted for")
    price_file.add_split_arguments(splitting)
    splitting.set_defaults(command=_split)
    token_commands.add_to(commands)
    pruning = commands.add_parser("prune-audit", help="delete the old entries of the audit trail")
    pruning.add_argument(
        "--days", type=token_commands.days, required=True, help="age of what is kept, in days"
    )
    pruning.set_defaults(command=_prune_audit)
    return parser


def _fail(message: str, code: Exit) -> Exit:
    show(f"error: {message}", file=sys.stderr)
    return code


def _upgrade(database: Database, _arguments: argparse.Namespace) -> int:
    before, after = schema.upgrade(database.engine)
    change = "nothing to do" if before == after else f"was at {before or 'nothing'}"
    show(f"schema is at {after}, {change}")
    return 0


def _accounts(database: Database, _arguments: argparse.Namespace) -> int:
    settings = Settings.from_env(os.environ)
    pods = settings.max_running_workflows + settings.max_study_pods
    for account in accounts.grant(database.engine, os.environ, pods=pods):
        tables = ", ".join(name or "the whole database" for name in account.rights)
        print(f"{account.user}: granted on {tables or 'no table yet'}")
    return 0


def _current(database: Database, _arguments: argparse.Namespace) -> int:
    version = schema.current(database.engine)
    show(f"schema is at {version or 'nothing'}, this release needs {schema.head()}")
    return 0 if schema.is_sufficient(version) else 1


def _check(database: Database, _arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    count = 0
    for problem in problems(database):
        show(problem)
        count += 1
    show(counted(count, "problem") if count else "the database is consistent")
    return 1 if count else 0


def _backup(database: Database, arguments: argparse.Namespace) -> int:
    counts = backup.save(database, arguments.file)
    show(f"{arguments.file}: {_counted(counts)}")
    return 0


def _restore(database: Database, arguments: argparse.Namespace) -> int:
    counts = backup.restore(database, arguments.file, replace=arguments.replace, actor=audit.operator())
    show(f"restored from {arguments.file}: {_counted(counts)}")
    return _check(database, arguments)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _import(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    reading = price_file.read_arguments(arguments)
    with database.write() as session:
        for prices in reading.symbols:
            _add(session, prices.dataset)
    show(price_file.described(reading))
    return 0


def _split(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_head(database.engine)
    with database.write() as session:
        found = datasets.current_of(session, [arguments.symbol])
        if arguments.symbol not in found:
            raise UnknownDataset(f"there are no prices of {arguments.symbol}")
        dataset = datasets.load(session, found[arguments.symbol].data_hash)
        applied = apply_split(dataset, arguments.date, arguments.ratio)
        _add(session, applied, Action.DATASET_SPLIT)
    show(price_file.described_split(applied))
    return 0


def _add(session: Session, dataset: Dataset, action: Action = Action.DATASET_IMPORT) -> None:
    now = datetime.now(UTC)
    stored = datasets.add(session, dataset, now=now)
    audit.record_dataset(session, audit.operator(), action, stored, now=now)


def _prune_audit(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    now = datetime.now(UTC)
    with database.write() as session:
        count = audit.prune(session, until=now - timedelta(days=arguments.days))
        audit.record(
            session,
            audit.operator(),
            Action.AUDIT_PRUNE,
            "audit",
            now=now,
            days=arguments.days,
            deleted=count,
        )
    show(f"{counted(count, 'entry', 'entries')} deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
