"""Everything the environment decides, read once and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, cast

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from store.errors import SettingsError

EMBEDDED = "sqlite:///var/stock-backtest.sqlite3"

LauncherMode = Literal["LOCAL", "K8S"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment as typed values; secrets are left out of `repr`."""

    database_url: str = field(default=EMBEDDED, repr=False)
    launcher_mode: LauncherMode = "LOCAL"
    host: str = "127.0.0.1"
    port: int = 5000
    flask_env: Literal["production", "development"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["readable", "json"] = "readable"
    image_tag: str = "local"
    library_dir: Path = Path("var/library")
    bundle_dir: Path = Path("var/bundles")
    worker_slots: int = 2
    step_timeout_seconds: int = 600
    step_memory_mib: int = 2_048
    lease_seconds: int = 15
    max_upload_mib: int = 64
    argo_server: str = ""
    argo_token: str = field(default="", repr=False)
    argo_token_file: str = ""
    argo_ca_file: str = ""
    argo_namespace: str = "stock-backtest"
    argo_ui_url: str = ""
    max_running_workflows: int = 10
    ttl_success_seconds: int = 0
    ttl_failure_seconds: int = 86_400
    ttl_completion_seconds: int = 86_400

    @property
    def embedded(self) -> bool:
        """Whether the record is the SQLite file that migrates itself."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the environment, or raise `SettingsError` naming every variable that is wrong."""
        reader = _Reader(env)
        production = env.get("FLASK_ENV") == "production"
        settings = cls(
            database_url=reader.database_url(),
            launcher_mode=cast(LauncherMode, reader.choice("JOB_LAUNCHER_MODE", "LOCAL", "K8S")),
            host=env.get("HOST") or "127.0.0.1",
            port=reader.whole("PORT", 5000, 0, 65_535),
            flask_env=reader.choice("FLASK_ENV", "development", "production"),  # type: ignore[arg-type]
            log_level=reader.choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR"),  # type: ignore[arg-type]
            log_format=reader.choice(
                "LOG_FORMAT", *(("json", "readable") if production else ("readable", "json"))
            ),  # type: ignore[arg-type]
            image_tag=env.get("IMAGE_TAG") or "local",
            library_dir=Path(env.get("LIBRARY_DIR") or "var/library"),
            bundle_dir=Path(env.get("BUNDLE_DIR") or "var/bundles"),
            worker_slots=reader.whole("WORKER_SLOTS", 2, 1, 256),
            step_timeout_seconds=reader.whole("STEP_TIMEOUT_SECONDS", 600, 1, 86_400),
            step_memory_mib=reader.whole("STEP_MEMORY_MIB", 2_048, 256, 1_048_576),
            lease_seconds=reader.whole("LEASE_SECONDS", 15, 2, 3_600),
            max_upload_mib=reader.whole("MAX_UPLOAD_MIB", 64, 1, 4_096),
            argo_server=env.get("ARGO_SERVER", ""),
            argo_token=env.get("ARGO_TOKEN", ""),
            argo_token_file=env.get("ARGO_TOKEN_FILE", ""),
            argo_ca_file=env.get("ARGO_CA_FILE", ""),
            argo_namespace=env.get("ARGO_NAMESPACE") or "stock-backtest",
            argo_ui_url=env.get("ARGO_UI_URL", ""),
            max_running_workflows=reader.whole("MAX_RUNNING_WORKFLOWS", 10, 1, 10_000),
            ttl_success_seconds=reader.whole("TTL_SUCCESS_SECONDS", 0, 0, 31_536_000),
            ttl_failure_seconds=reader.whole("TTL_FAILURE_SECONDS", 86_400, 0, 31_536_000),
            ttl_completion_seconds=reader.whole("TTL_COMPLETION_SECONDS", 86_400, 0, 31_536_000),
        )
        reader.check_cluster(settings)
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        text = self._env.get(name) or str(default)
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            self.problems.append(f"{name} must be a whole number from {low} to {high}, got {text!r}")
            return default
        return number

    def choice(self, name: str, default: str, *others: str) -> str:
        text = self._env.get(name) or default
        if text not in (default, *others):
            self.problems.append(f"{name} must be one of {', '.join((default, *others))}, got {text!r}")
            return default
        return text

    def database_url(self) -> str:
        if url := self._env.get("DATABASE_URL"):
            if not url.startswith(("sqlite:///", "mysql+pymysql://")):
                self.problems.append("DATABASE_URL must begin with mysql+pymysql:// or sqlite:///")
            elif not _is_address(url):
                self.problems.append(
                    "DATABASE_URL is no address; write special characters of the password as %XX, / as %2F"
                )
            return url
        parts = {name: self._env.get(name, "") for name in ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD")}
        if not any(parts.values()):
            return EMBEDDED
        missing = [name for name, value in parts.items() if not value]
        self.problems += [f"{name} is missing, and the other DB_… variables need it" for name in missing]
        port = self.whole("DB_PORT", 3_306, 1, 65_535)
        url_parts = URL.create(
            "mysql+pymysql", parts["DB_USER"], parts["DB_PASSWORD"], parts["DB_HOST"], port, parts["DB_NAME"]
        )
        return url_parts.render_as_string(hide_password=False)

    def check_cluster(self, settings: Settings) -> None:
        if settings.launcher_mode != "K8S":
            return
        if not settings.argo_server:
            self.problems.append("ARGO_SERVER is missing, and JOB_LAUNCHER_MODE=K8S needs it")
        if settings.embedded:
            self.problems.append(
                "JOB_LAUNCHER_MODE=K8S needs MySQL: set DATABASE_URL, or DB_HOST and the others"
            )


def _is_address(url: str) -> bool:
    """Whether it can be read; why not is not told, since the reason quotes parts of the password."""
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True
