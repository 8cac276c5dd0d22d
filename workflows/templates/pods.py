"""What every pod of ours has in common: the image, no privileges, requests, limits, and where secrets come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hera.workflows import (
    ConfigMapVolume,
    Container,
    EmptyDirVolume,
    Env,
    Resources,
    RetryStrategy,
    SecretEnv,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings

IMAGE = "stock-backtest"
"""The image's name as the overlays know it; they put registry, tag and digest in its place."""
USER_ID = 10_001
WRITER_SECRET, READER_SECRET = "web-secret", "engine-secret"
MIGRATION_SECRET, ROOT_SECRET = "migration-secret", "mysql-secret"
CONFIG, AUTHORITY = "web-config", "mysql-ca"

RUN_LIMITS = ("MAX_BARS_PER_RUN", "MAX_SYMBOLS_PER_RUN", "MAX_PARAMS_PER_RUN")
"""The web's limits hold for a run of the Argo UI too."""
OF_MAIN = "choose_main_as_entrypoint"
"""An input that `main` alone gives: as the entrypoint a step is refused with this name, before it starts."""
PERSIST_SECONDS = 900
"""More than the time for which the persist step retries while the database is unavailable."""

RETRIES = 4
_RETRY = (
    "!(lastRetry.message contains 'deadline') && (lastRetry.status == 'Error' || "
    "lastRetry.exitCode in ['-1', '64', '75', '143'] || "
    "(lastRetry.exitCode in ['12', '137'] && asInt(retries) < 1))"
)
"""Again after a fault of the infrastructure, and once after running out of memory; never after bad input (2)."""

_TOKEN_VOLUME = "exec-sa-token"  # noqa: S105 the name that Argo gives it # nosec B105
_TOKEN_SECONDS = 3_600

NO_PRIVILEGES = m.SecurityContext(
    allow_privilege_escalation=False,
    read_only_root_filesystem=True,
    run_as_non_root=True,
    capabilities=m.Capabilities(drop=["ALL"]),
)
NOT_ROOT = m.PodSecurityContext(
    run_as_non_root=True,
    run_as_user=USER_ID,
    run_as_group=USER_ID,
    fs_group=USER_ID,
    seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
)


class Step(Container):  # type: ignore[misc]
    """A container whose template has annotations of its own, which Hera gives its pod alone."""

    template_annotations: Mapping[str, str] = {}

    def _build_template(self) -> m.Template:
        template = super()._build_template()
        template.annotations = dict(self.template_annotations) or None
        return template


def template(
    settings: Settings,
    name: str,
    *,
    app: str,
    run_id: str,
    title: str,
    description: str,
    success_seconds: int,
    **more: Any,
) -> WorkflowTemplate:
    """A template whose pods are unprivileged; its templates and `main` are added inside its `with` block.

    `run_id` is an expression of Argo: what a workflow, and the log lines of its pods, are found by.
    """
    return WorkflowTemplate(
        name=name,
        annotations={
            "workflows.argoproj.io/title": title,
            "workflows.argoproj.io/description": description,
        },
        labels={"app": app},
        entrypoint="main",
        service_account_name="backtest-steps",
        automount_service_account_token=False,
        executor=m.ExecutorConfig(service_account_name="backtest-steps"),
        pod_metadata=m.Metadata(labels={"app": app, "run_id": f"{{{{={run_id}}}}}"}),
        security_context=NOT_ROOT,
        pod_spec_patch=executor_patch(),
        ttl_strategy=m.TTLStrategy(
            seconds_after_success=success_seconds,
            seconds_after_failure=settings.ttl_failure_seconds,
            seconds_after_completion=settings.ttl_completion_seconds,
        ),
        **more,
    )


def step(
    settings: Settings,
    name: str,
    command: list[str],
    *,
    env: Sequence[Any],
    seconds: int,
    memory_mib: int = 512,
    resources: Resources | None = None,
    volumes: Sequence[Any] = (),
    **more: Any,
) -> Step:
    """The container of a step: our image, no privileges, limits, and retries with growing pauses."""
    return Step(
        name=name,
        image=f"{IMAGE}:{settings.image_tag}",
        image_pull_policy="IfNotPresent",
        command=command,
        env=[*plain_env(), *env],
        volumes=[scratch(), database_authority(), *volumes],
        resources=resources or small(memory_mib),
        active_deadline_seconds=seconds,
        security_context=NO_PRIVILEGES,
        retry_strategy=RetryStrategy(
            limit=RETRIES,
            retry_policy="Always",
            expression=_RETRY,
            backoff=m.Backoff(duration="2s", factor=3, cap="1m"),
        ),
        **more,
    )


def executor_patch() -> str:
    """What Argo's own containers lack for the restricted Pod Security Standard, and their resources."""
    unprivileged = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    own = {"securityContext": unprivileged, "resources": resources}
    return _patch(
        initContainers=[{"name": "init", **own}],
        containers=[{"name": "wait", **own}],
        volumes=[_bound_token()],
    )


def _bound_token() -> dict[str, Any]:
    """The volume in which Argo gives its own containers a Secret with a token that never expires, with one that does.

    Kubernetes renews it in time, and ends it with the pod. `main` does not mount the volume.
    """
    projected = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": _TOKEN_VOLUME, "secret": None, "projected": {"sources": projected}}  # nosec B105


def memory_patch(memory_mib: int) -> str:
    """Double the memory of a step whose last attempt ran out of it."""
    doubled = f"{{{{=lastRetry.exitCode in ['12', '137'] ? '{2 * memory_mib}Mi' : '{memory_mib}Mi'}}}}"
    return _patch(containers=[{"name": "main", "resources": {"limits": {"memory": doubled}}}])


def small(memory_mib: int) -> Resources:
    """Little is reserved, so that many runs fit; the limit holds."""
    request = min(256, memory_mib)
    return Resources(
        cpu_request="100m", cpu_limit=2, memory_request=f"{request}Mi", memory_limit=f"{memory_mib}Mi"
    )


def scratch() -> EmptyDirVolume:
    """The only place beside a step's own output where it can write."""
    return EmptyDirVolume(name="tmp", mount_path="/tmp")  # noqa: S108 # nosec B108


def database_authority() -> ConfigMapVolume:
    """The certificate of the authority that DB_CA_FILE names; there is none without the component mysql-tls."""
    return ConfigMapVolume(name=AUTHORITY, mount_path="/var/run/mysql-ca", read_only=True, optional=True)


def arguments_env() -> Env:
    """The arguments of the workflow; Argo refuses it in a workflow that has none."""
    return Env(name="PARAMETERS", value="{{workflow.parameters.json}}")


def reading_env(secret: str, limits: Iterable[str]) -> list[Any]:
    """What a step knows that reads the request of its workflow: account, arguments, memory, and these limits."""
    return [*database_env(secret), arguments_env(), memory_env(), *map(configured, limits)]


def plain_env() -> list[Any]:
    """What every step may know of the configuration."""
    return [
        Env(name="LOG_FORMAT", value="json"),
        configured("LOG_LEVEL"),
        Env(name="HOME", value="/tmp"),  # noqa: S108 # nosec B108
    ]


def configured(name: str) -> m.EnvVar:
    """A variable as the environment's configuration has it; where it has none, the default holds."""
    return m.EnvVar(name=name, value_from=m.EnvVarSource(config_map_key_ref=_optional(CONFIG, name)))


def database_env(secret: str) -> list[Any]:
    """Where the database is, and the account that this step may use."""
    where = [
        m.EnvVar(
            name=name,
            value_from=m.EnvVarSource(config_map_key_ref=m.ConfigMapKeySelector(name=CONFIG, key=name)),
        )
        for name in ("DB_HOST", "DB_PORT", "DB_NAME")
    ]
    return [
        *where,
        configured("DB_CA_FILE"),
        *(SecretEnv(name=name, secret_name=secret, secret_key=name) for name in ("DB_USER", "DB_PASSWORD")),
    ]


def accounts_env() -> list[Any]:
    """The accounts that the administrator is to make."""
    secrets = {"MIGRATION": MIGRATION_SECRET, "WRITER": WRITER_SECRET, "READER": READER_SECRET}
    return [
        SecretEnv(name=f"{role}_{part}", secret_name=secret, secret_key=f"DB_{part}")
        for role, secret in secrets.items()
        for part in ("USER", "PASSWORD")
    ]


def memory_env() -> m.EnvVar:
    """The container's own memory limit, doubled or not, in MiB."""
    selector = m.ResourceFieldSelector(container_name="main", resource="limits.memory", divisor="1Mi")
    return m.EnvVar(name="MEMORY_MIB", value_from=m.EnvVarSource(resource_field_ref=selector))


def _optional(name: str, key: str) -> m.ConfigMapKeySelector:
    return m.ConfigMapKeySelector(name=name, key=key, optional=True)


def _patch(**spec: object) -> str:
    return json.dumps(spec)
