"""Everything the environment decides, read once and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from config.errors import SettingsError

EMBEDDED = "sqlite:///var/stock-backtest.sqlite3"

LauncherMode = Literal["LOCAL", "K8S"]
SignInMode = Literal["off", "tokens", "oidc"]
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one request, one run and one client may ask for; 0 is no limit for what is per client."""

    request_kib: int = 1_024
    result_mib: int = 256
    bars: int = 5_000_000
    symbols: int = 500
    params: int = 50
    waiting: int = 10_000
    per_minute: int = 6_000
    requests_at_once: int = 8

    @property
    def requests_waiting(self) -> int:
        """How many wait for a place: no more than are answered within a client's patience."""
        return 3 * self.requests_at_once


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who is let in, and what people may do once they are."""

    mode: SignInMode = "off"
    is_said: bool = False
    """Whether somebody chose the mode, rather than left it out."""
    secret_key: str = field(default="", repr=False)
    session_hours: int = 12
    issuer: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    asked: str = "openid profile email"
    role_claim: str = ""
    readers: tuple[str, ...] = ()
    submitters: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()


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
    public_url: str = ""
    trusted_proxies: int = 0
    allowed_hosts: tuple[str, ...] = ()
    limits: Limits = Limits()
    sign_in: SignIn = SignIn()

    @property
    def is_public(self) -> bool:
        """Whether the web listens where other machines can reach it."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def secrets(self) -> list[str]:
        """What must never be seen in a log."""
        return [self.database_url, self.argo_token, self.sign_in.secret_key, self.sign_in.client_secret]

    def require_guarded(self) -> None:
        """Raise `SettingsError` where others can reach the web and nobody said who may come in."""
        if self.is_public and not self.sign_in.is_said:
            raise SettingsError(
                [
                    f"SIGN_IN is missing, and HOST={self.host} can be reached by others: set SIGN_IN=oidc or "
                    "SIGN_IN=tokens, or SIGN_IN=off if something in front decides who may come in"
                ]
            )

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
            public_url=reader.address("PUBLIC_URL"),
            trusted_proxies=reader.whole("TRUSTED_PROXIES", 0, 0, 10),
            allowed_hosts=reader.listed("ALLOWED_HOSTS"),
            limits=reader.limits(),
            sign_in=reader.sign_in(),
        )
        reader.check_cluster(settings)
        reader.check_sign_in(settings)
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

    def listed(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self._env.get(name, "").split(",") if part.strip())

    def address(self, name: str) -> str:
        text = self._env.get(name, "").rstrip("/")
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            self.problems.append(f"{name} must be an address as https://backtest.example.com, got {text!r}")
            return ""
        return text

    def limits(self) -> Limits:
        return Limits(
            request_kib=self.whole("MAX_REQUEST_KIB", 1_024, 16, 65_536),
            result_mib=self.whole("MAX_RESULT_MIB", 256, 1, 4_096),
            bars=self.whole("MAX_BARS_PER_RUN", 5_000_000, 1, 1_000_000_000),
            symbols=self.whole("MAX_SYMBOLS_PER_RUN", 500, 1, 10_000),
            params=self.whole("MAX_PARAMS_PER_RUN", 50, 1, 1_000),
            waiting=self.whole("MAX_WAITING_PER_CLIENT", 10_000, 0, 1_000_000),
            per_minute=self.whole("SUBMISSIONS_PER_MINUTE", 6_000, 0, 1_000_000),
            requests_at_once=self.whole("REQUESTS_AT_ONCE", 8, 1, 128),
        )

    def sign_in(self) -> SignIn:
        return SignIn(
            mode=cast(SignInMode, self.choice("SIGN_IN", "off", "tokens", "oidc")),
            is_said=bool(self._env.get("SIGN_IN")),
            secret_key=self._env.get("SECRET_KEY", ""),
            session_hours=self.whole("SESSION_HOURS", 12, 1, 720),
            issuer=self.address("OIDC_ISSUER"),
            client_id=self._env.get("OIDC_CLIENT_ID", ""),
            client_secret=self._env.get("OIDC_CLIENT_SECRET", ""),
            asked=self._env.get("OIDC_SCOPE") or "openid profile email",
            role_claim=self._env.get("OIDC_ROLE_CLAIM", ""),
            readers=self.listed("OIDC_READ"),
            submitters=self.listed("OIDC_SUBMIT"),
            admins=self.listed("OIDC_ADMIN"),
        )

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

    def check_sign_in(self, settings: Settings) -> None:
        chosen = settings.sign_in
        if chosen.mode != "oidc":
            return
        needed = {
            "PUBLIC_URL": settings.public_url,
            "OIDC_ISSUER": chosen.issuer,
            "OIDC_CLIENT_ID": chosen.client_id,
        }
        self.problems += [
            f"{name} is missing, and SIGN_IN=oidc needs it" for name in needed if not needed[name]
        ]
        if len(chosen.secret_key) < _SHORTEST_KEY:
            self.problems.append(
                f"SECRET_KEY must have at least {_SHORTEST_KEY} characters, and SIGN_IN=oidc needs it: "
                "openssl rand -hex 32"
            )
        if not (chosen.readers or chosen.submitters or chosen.admins):
            self.problems.append(
                "OIDC_READ, OIDC_SUBMIT or OIDC_ADMIN must say who may come in; * is everybody with an account"
            )


def _is_address(url: str) -> bool:
    """Whether it can be read; why not is not told, since the reason quotes parts of the password."""
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True
