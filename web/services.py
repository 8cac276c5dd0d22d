"""What every view needs from outside: settings, the database, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import cast

from flask import current_app

from config.settings import Settings
from store import schema
from store.session import Database
from web.datasets.yahoo import QuoteSource, YahooFinance
from workflows.launchers import Launcher, launcher_for
from workflows.parsing.parser import FileParser
from workflows.parsing.previewer import FormulaPreviewer
from workflows.parsing.study_timer import StudyTimer

_KEY = "stock_backtest"


@dataclass
class Services:
    """The application's ties to the outside, made once by the factory."""

    settings: Settings
    database: Database
    yahoo: QuoteSource = field(default_factory=YahooFinance)
    is_sufficient: bool = field(default=False, init=False)

    @cached_property
    def launcher(self) -> Launcher:
        """What has runs executed; made when the first run is submitted."""
        return launcher_for(self.settings)

    @cached_property
    def parser(self) -> FileParser:
        """What reads uploaded files."""
        return FileParser(largest_mib=self.settings.max_upload_mib)

    @cached_property
    def previewer(self) -> FormulaPreviewer:
        """What says where a formula is true."""
        return FormulaPreviewer()

    @cached_property
    def study_timer(self) -> StudyTimer:
        """What says how long a study will take."""
        return StudyTimer()

    def require_ready(self) -> None:
        """Raise what the database raises, or `SchemaBehind`; once it was sufficient, only the connection is tried."""
        if not self.is_sufficient:
            schema.require_sufficient(self.database.engine)
            self.is_sufficient = True
            return
        self.database.ping()


def install(services: Services) -> None:
    """Attach the services to the current application."""
    current_app.extensions[_KEY] = services


def services() -> Services:
    """The services of the current application."""
    return cast(Services, current_app.extensions[_KEY])


def database() -> Database:
    """The database."""
    return services().database


def settings() -> Settings:
    """The settings that the application was made with."""
    return services().settings


def launcher() -> Launcher:
    """What has runs executed."""
    return services().launcher


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
