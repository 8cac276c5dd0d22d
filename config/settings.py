"""The environment as typed values: read once, checked as a whole, frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from config.environment import Environment, address, choice, group, listed, path, text, variable, whole
from config.errors import SettingsError
from config.redaction import secrets_in

EMBEDDED = "sqlite:///var/stock-backtest.sqlite3"
_SHORTEST_KEY = 32
_DAY_SECONDS, _YEAR_SECONDS = 86_400, 31_536_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """How much one request, one run and one client may ask for; 0 is no limit for what is per client."""

    request_kib: int = whole("MAX_REQUEST_KIB", 1_024, 16, 65_536)
    result_mib: int = whole("MAX_RESULT_MIB", 256, 1, 4_096)
    bars: int = whole("MAX_BARS_PER_RUN", 5_000_000, 1, 1_000_000_000)
    symbols: int = whole("MAX_SYMBOLS_PER_RUN", 500, 1, 10_000)
    params: int = whole("MAX_PARAMS_PER_RUN", 50, 1, 1_000)
    trials: int = whole("MAX_TRIALS_PER_STUDY", 1_000_000, 1, 100_000_000)
    simulations: int = whole("MAX_SIMULATIONS_PER_STUDY", 10_000_000, 1, 1_000_000_000)
    waiting: int = whole("MAX_WAITING_PER_CLIENT", 10_000, 0, 1_000_000)
    per_minute: int = whole("SUBMISSIONS_PER_MINUTE", 6_000, 0, 1_000_000)
    requests_at_once: int = whole("REQUESTS_AT_ONCE", 8, 1, 128)
    client_seconds: int = whole("CLIENT_TIMEOUT_SECONDS", 15, 1, 600)
    """How long a client may take to send a request or to read an answer; what passes meanwhile prolongs it."""

    @property
    def requests_waiting(self) -> int:
        """How many requests queue for a place: no more than are answered before a client gives up."""
        return 3 * self.requests_at_once


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who may use the web, and what people may do once they are signed in."""

    mode: Literal["off", "tokens", "oidc"] = choice("SIGN_IN", "off", "tokens", "oidc")
    is_chosen: bool = variable(False, lambda env: bool(env.text("SIGN_IN")))
    """Whether SIGN_IN is set, rather than left to its default."""
    secret_key: str = text("SECRET_KEY", secret=True)
    session_hours: int = whole("SESSION_HOURS", 12, 1, 720)
    issuer: str = address("OIDC_ISSUER")
    client_id: str = text("OIDC_CLIENT_ID")
    client_secret: str = text("OIDC_CLIENT_SECRET", secret=True)
    oidc_scope: str = text("OIDC_SCOPE", "openid profile email")
    role_claim: str = text("OIDC_ROLE_CLAIM")
    readers: tuple[str, ...] = listed("OIDC_READ")
    submitters: tuple[str, ...] = listed("OIDC_SUBMIT")
    admins: tuple[str, ...] = listed("OIDC_ADMIN")


def _database_url(env: Environment) -> str:
    """The database's address; with DB_CA_FILE one that demands TLS and a certificate of this authority for its host."""
    url, authority = _database_address(env), env.text("DB_CA_FILE")
    if not authority or not url.startswith("mysql") or not _is_address(url):
        return url
    return make_url(url).update_query_dict({"ssl_ca": authority}).render_as_string(hide_password=False)


def _database_address(env: Environment) -> str:
    """DATABASE_URL, or an address made of the DB_… variables, or the embedded database."""
    if url := env.text("DATABASE_URL"):
        if not url.startswith(("sqlite:///", "mysql+pymysql://")):
            env.complain("DATABASE_URL must begin with mysql+pymysql:// or sqlite:///")
        elif not _is_address(url):
            env.complain(
                "DATABASE_URL is not a valid URL; percent-encode special characters of the password, such as / as %2F"
            )
        return url
    parts = {name: env.text(name) for name in ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD")}
    if not any(parts.values()):
        return EMBEDDED
    for name in (name for name, value in parts.items() if not value):
        env.complain(f"{name} is missing, but required by the other DB_… variables")
    port = env.whole("DB_PORT", 3_306, 1, 65_535)
    url_parts = URL.create(
        "mysql+pymysql", parts["DB_USER"], parts["DB_PASSWORD"], parts["DB_HOST"], port, parts["DB_NAME"]
    )
    return url_parts.render_as_string(hide_password=False)


def _is_address(url: str) -> bool:
    """Whether it can be parsed; the reason is withheld, since it quotes parts of the password."""
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True


def _log_format(env: Environment) -> str:
    """LOG_FORMAT, or JSON in production."""
    production = env.choice("FLASK_ENV", "development", "production") == "production"
    return env.choice("LOG_FORMAT", *(("json", "readable") if production else ("readable", "json")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment as typed values; secrets are left out of `repr`."""

    database_url: str = variable(EMBEDDED, _database_url, repr=False)
    launcher_mode: Literal["LOCAL", "K8S"] = choice("JOB_LAUNCHER_MODE", "LOCAL", "K8S")
    host: str = text("HOST", "127.0.0.1")
    port: int = whole("PORT", 5000, 0, 65_535)
    log_level: str = choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR")
    log_format: str = variable("readable", _log_format)
    image_tag: str = text("IMAGE_TAG", "local")
    library_dir: Path = path("LIBRARY_DIR", "var/library")
    bundle_dir: Path = path("BUNDLE_DIR", "var/bundles")
    rule_catalogue: str = text("RULE_CATALOGUE")
    """The file that describes the rules of installed packages; `backtest.rules` reads the variable itself."""
    worker_slots: int = whole("WORKER_SLOTS", 2, 1, 256)
    step_timeout_seconds: int = whole("STEP_TIMEOUT_SECONDS", 600, 1, _DAY_SECONDS)
    step_memory_mib: int = whole("STEP_MEMORY_MIB", 2_048, 256, 1_048_576)
    robustness: Literal["every", "asked"] = choice("ROBUSTNESS", "every", "asked")
    """Of which runs the local worker computes what survives: of every one, or of those that are asked for."""
    lease_seconds: int = whole("LEASE_SECONDS", 15, 2, 3_600)
    audit_days: int = whole("AUDIT_DAYS", 365, 0, 36_500)
    """How long entries of the audit trail are retained; 0 is without an end."""
    max_upload_mib: int = whole("MAX_UPLOAD_MIB", 64, 1, 4_096)
    argo_server: str = text("ARGO_SERVER")
    argo_token: str = text("ARGO_TOKEN", secret=True)
    argo_token_file: str = text("ARGO_TOKEN_FILE")
    argo_ca_file: str = text("ARGO_CA_FILE")
    argo_namespace: str = text("ARGO_NAMESPACE", "stock-backtest")
    argo_ui_url: str = text("ARGO_UI_URL")
    kubernetes_host: str = text("KUBERNETES_SERVICE_HOST")
    """The API server; Kubernetes sets this variable and the next in every pod."""
    kubernetes_port: int = whole("KUBERNETES_SERVICE_PORT", 443, 1, 65_535)
    kubernetes_ca_file: str = text("KUBERNETES_CA_FILE")
    max_running_workflows: int = whole("MAX_RUNNING_WORKFLOWS", 10, 1, 10_000)
    study_pods: int = whole("STUDY_PODS", 5, 1, 1_000)
    """Pods of one study at once; the WorkflowTemplate backtest-sweep has the same number."""
    study_pod_seconds: int = whole("STUDY_POD_SECONDS", 120, 1, _DAY_SECONDS)
    """How long a pod of a study computes: a pod takes some five seconds to start, which is little of this."""
    max_study_pods: int = whole("MAX_STUDY_PODS", 10, 1, 10_000)
    """Pods of all studies at once; the places of runs are their own."""
    ttl_success_seconds: int = whole("TTL_SUCCESS_SECONDS", 0, 0, _YEAR_SECONDS)
    ttl_success_ui_seconds: int = whole("TTL_SUCCESS_UI_SECONDS", 900, 0, _YEAR_SECONDS)
    """For workflows that people submit in the Argo UI: they are read there; those of the web are deleted at once."""
    ttl_failure_seconds: int = whole("TTL_FAILURE_SECONDS", _DAY_SECONDS, 0, _YEAR_SECONDS)
    ttl_completion_seconds: int = whole("TTL_COMPLETION_SECONDS", _DAY_SECONDS, 0, _YEAR_SECONDS)
    public_url: str = address("PUBLIC_URL")
    trusted_proxies: int = whole("TRUSTED_PROXIES", 0, 0, 10)
    allowed_hosts: tuple[str, ...] = listed("ALLOWED_HOSTS")
    limits: RequestLimits = group(RequestLimits)
    sign_in: SignIn = group(SignIn)
    secret_variables: tuple[str, ...] = variable(
        (), lambda env: secrets_in(env.variables), repr=False, compare=False
    )
    """The values of every variable whose name says that it is secret, ours or not."""

    @classmethod
    def from_env(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment, or raise `SettingsError` naming every variable that is wrong."""
        env = Environment(variables)
        settings = env.read(cls)
        problems = [*env.problems, *_cluster_problems(settings), *_oidc_problems(settings)]
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def embedded(self) -> bool:
        """Whether the database is the SQLite file that migrates itself."""
        return self.database_url.startswith("sqlite")

    @property
    def is_public(self) -> bool:
        """Whether the web listens where other machines can reach it."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def secrets(self) -> list[str]:
        """The texts that no log line and no answer may contain."""
        ours = [self.database_url, self.argo_token, self.sign_in.secret_key, self.sign_in.client_secret]
        return [*ours, *self.secret_variables]

    def require_guarded(self) -> None:
        """Raise `SettingsError` where other machines can reach the web and SIGN_IN is left to its default."""
        if self.is_public and not self.sign_in.is_chosen:
            raise SettingsError(
                [
                    f"SIGN_IN is missing, and HOST={self.host} is reachable from other machines: set "
                    "SIGN_IN=oidc or SIGN_IN=tokens, or SIGN_IN=off if a proxy in front controls access"
                ]
            )


def _cluster_problems(settings: Settings) -> Iterator[str]:
    if settings.launcher_mode != "K8S":
        return
    if not settings.argo_server:
        yield "ARGO_SERVER is missing, but required by JOB_LAUNCHER_MODE=K8S"
    if settings.embedded:
        yield "JOB_LAUNCHER_MODE=K8S requires MySQL: set DATABASE_URL, or DB_HOST and the others"


def _oidc_problems(settings: Settings) -> Iterator[str]:
    sign_in = settings.sign_in
    if sign_in.mode != "oidc":
        return
    for name, value in (
        ("PUBLIC_URL", settings.public_url),
        ("OIDC_ISSUER", sign_in.issuer),
        ("OIDC_CLIENT_ID", sign_in.client_id),
    ):
        if not value:
            yield f"{name} is missing, but required by SIGN_IN=oidc"
    if len(sign_in.secret_key) < _SHORTEST_KEY:
        yield (
            f"SECRET_KEY must have at least {_SHORTEST_KEY} characters for SIGN_IN=oidc: openssl rand -hex 32"
        )
    if not (sign_in.readers or sign_in.submitters or sign_in.admins):
        yield "OIDC_READ, OIDC_SUBMIT or OIDC_ADMIN must list who is allowed to sign in; * allows every account"
