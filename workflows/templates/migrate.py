"""The WorkflowTemplate `db-migrate`: an operator brings the schema to what this release needs."""

from __future__ import annotations

from hera.workflows import DAG, Container, Parameter, Task, WorkflowTemplate
from hera.workflows import models as m

from config.settings import Settings
from workflows.templates import pods

_SECONDS = 1_800


def db_migrate(settings: Settings) -> WorkflowTemplate:
    """The migrations, then the account that the engine step reads prices with; both may be run again."""
    with WorkflowTemplate(
        name="db-migrate",
        annotations={
            "workflows.argoproj.io/title": "Migrate the database",
            "workflows.argoproj.io/description": "Bring the schema to what this release needs. Safe to run again.",
        },
        labels={"app": "db-migrate"},
        entrypoint="main",
        arguments=[
            Parameter(
                name="run_id",
                value="",
                description="Leave it empty: the name under which this migration is found in the logs.",
            )
        ],
        active_deadline_seconds=_SECONDS,
        service_account_name="backtest-steps",
        automount_service_account_token=False,
        executor=m.ExecutorConfig(service_account_name="backtest-steps"),
        pod_metadata=m.Metadata(labels={"app": "db-migrate", "run_id": pods.RUN_ID}),
        security_context=pods.NOT_ROOT,
        pod_spec_patch=pods.executor_patch(),
        ttl_strategy=m.TTLStrategy(
            seconds_after_success=settings.ttl_failure_seconds,
            seconds_after_failure=settings.ttl_failure_seconds,
            seconds_after_completion=settings.ttl_completion_seconds,
        ),
        synchronization=m.Synchronization(mutexes=[m.Mutex(name="db-migrate")]),
    ) as template:
        migrate = _step(settings, "migrate", ["python", "-m", "store", "upgrade"], pods.RECORD_SECRET)
        reader = _step(settings, "reader", ["python", "-m", "workflows.steps.reader"], pods.ROOT_SECRET)
        with DAG(name="main"):
            Task(name="migrate", template=migrate) >> Task(name="reader", template=reader)
    return template


def _step(settings: Settings, name: str, command: list[str], secret: str) -> Container:
    granted = pods.reader_env() if name == "reader" else []
    return Container(
        name=name,
        image=pods.image(settings),
        image_pull_policy="IfNotPresent",
        command=command,
        env=[*pods.plain_env(), *pods.database_env(secret), *granted],
        volumes=[pods.scratch()],
        resources=pods.resources(512),
        active_deadline_seconds=_SECONDS,
        security_context=pods.NO_PRIVILEGES,
        retry_strategy=pods.again(),
    )
