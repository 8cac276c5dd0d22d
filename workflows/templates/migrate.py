"""The WorkflowTemplate `db-migrate`: an operator brings the schema to what this release needs."""

from __future__ import annotations

from hera.workflows import DAG, Task, WorkflowTemplate
from hera.workflows import models as m

from config.settings import Settings
from workflows.templates import pods

_SECONDS = 1_800


def db_migrate(settings: Settings) -> WorkflowTemplate:
    """The accounts, the migrations with theirs, and the accounts' rights on what was made; all may be run again."""
    with pods.template(
        settings,
        "db-migrate",
        app="db-migrate",
        run_id="workflow.uid",
        title="Migrate the database",
        description="Upgrade the schema to the version this release requires. Safe to repeat.",
        success_seconds=settings.ttl_failure_seconds,
        active_deadline_seconds=_SECONDS,
        synchronization=m.Synchronization(mutexes=[m.Mutex(name="db-migrate")]),
    ) as template:
        accounts = pods.step(
            settings,
            "accounts",
            ["python", "-m", "store", "accounts"],
            env=[
                *pods.database_env(pods.ROOT_SECRET),
                *pods.accounts_env(),
                *map(pods.configured, ("MAX_RUNNING_WORKFLOWS", "MAX_STUDY_PODS")),
            ],
            seconds=_SECONDS,
        )
        migrate = pods.step(
            settings,
            "migrate",
            ["python", "-m", "store", "upgrade"],
            env=pods.database_env(pods.MIGRATION_SECRET),
            seconds=_SECONDS,
        )
        with DAG(name="main"):
            made = Task(name="accounts", template=accounts)
            made >> Task(name="migrate", template=migrate) >> Task(name="rights", template=accounts)
    return template
