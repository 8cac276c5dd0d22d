"""The WorkflowTemplate `backtest`: engine pod, then persist pod, and an exit handler for what fails."""

from __future__ import annotations

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    EmptyDirVolume,
    Env,
    TarArchiveStrategy,
    Task,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings
from workflows.templates import pods
from workflows.templates.arguments import arguments

_PERSIST_SECONDS = 900
"""More than the patience of the persist step with a database that is away."""
_RECORD_SECONDS = 900
_LIMITS = ("MAX_BARS_PER_RUN", "MAX_SYMBOLS_PER_RUN", "MAX_PARAMS_PER_RUN")
"""What the web asks of a run holds for one of the Argo UI too."""
_WHICH = ["--run-id", pods.RUN_ID]
_WHERE = ["--workflow-name", "{{workflow.name}}", "--workflow-uid", "{{workflow.uid}}"]


def backtest(settings: Settings) -> WorkflowTemplate:
    """One run as two pods: the engine sees prices alone, persist sees the record alone."""
    with WorkflowTemplate(
        name="backtest",
        annotations={
            "workflows.argoproj.io/title": "Run a backtest",
            "workflows.argoproj.io/description": "Test a trading rule on stored prices. The result appears in "
            "the web under the run id.",
        },
        labels={"app": "backtest"},
        entrypoint="main",
        on_exit="finalize",
        arguments=arguments(),
        active_deadline_seconds=(pods.RETRIES + 1) * settings.step_timeout_seconds + _PERSIST_SECONDS,
        service_account_name="backtest-steps",
        automount_service_account_token=False,
        executor=m.ExecutorConfig(service_account_name="backtest-steps"),
        workflow_metadata=m.WorkflowMetadata(
            labels={"app": "backtest"}, labels_from={"run_id": m.LabelValueFrom(expression=pods.RUN_ID[3:-2])}
        ),
        pod_metadata=m.Metadata(labels={"app": "backtest", "run_id": pods.RUN_ID}),
        security_context=pods.NOT_ROOT,
        pod_spec_patch=pods.executor_patch(),
        ttl_strategy=m.TTLStrategy(
            seconds_after_success=settings.ttl_success_seconds,
            seconds_after_failure=settings.ttl_failure_seconds,
            seconds_after_completion=settings.ttl_completion_seconds,
        ),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="0s"),
        artifact_gc=m.WorkflowLevelArtifactGC(
            strategy="OnWorkflowDeletion",
            service_account_name="backtest-cleanup",
            # not by force: Argo then waits for ever for the artifacts of a run that left none
            force_finalizer_removal=False,
        ),
    ) as template:
        engine, persist, record = _engine(settings), _persist(settings), _record(settings)
        with DAG(name="main"):
            computed = Task(name="engine", template=engine)
            stored = Task(name="persist", template=persist, arguments=[computed.get_artifact("bundle")])
            computed >> stored
        with DAG(name="finalize"):
            Task(name="record", template=record, when="{{workflow.status}} != Succeeded")
    return template


def _engine(settings: Settings) -> Container:
    return Container(
        name="engine",
        image=pods.image(settings),
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "workflows.steps.compute"],
        args=[*_WHICH, "--bundle", "/out/bundle"],
        env=[
            *pods.plain_env(),
            *pods.database_env(pods.READER_SECRET),
            pods.memory_env(),
            *map(pods.configured, _LIMITS),
        ],
        volumes=[pods.scratch(), EmptyDirVolume(name="out", mount_path="/out")],
        outputs=[
            Artifact(
                name="bundle",
                path="/out/bundle",
                optional=True,
                archive=TarArchiveStrategy(compression_level=0),
            )
        ],
        resources=pods.resources(settings.step_memory_mib),
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        active_deadline_seconds=settings.step_timeout_seconds,
        security_context=pods.NO_PRIVILEGES,
        retry_strategy=pods.again(),
    )


def _persist(settings: Settings) -> Container:
    return Container(
        name="persist",
        image=pods.image(settings),
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "workflows.steps.keep"],
        args=[*_WHICH, *_WHERE, "--bundle", "/in/bundle"],
        env=[
            *pods.plain_env(),
            *pods.database_env(pods.RECORD_SECRET),
            pods.configured("MAX_RESULT_MIB"),
        ],
        volumes=[pods.scratch()],
        inputs=[Artifact(name="bundle", path="/in/bundle")],
        resources=pods.resources(settings.step_memory_mib),
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        active_deadline_seconds=_PERSIST_SECONDS,
        security_context=pods.NO_PRIVILEGES,
        retry_strategy=pods.again(),
    )


def _record(settings: Settings) -> Container:
    """Runs only where something failed: a success needs no third pod."""
    said = [
        Env(name="STATUS", value="{{workflow.status}}"),
        Env(name="FAILURES", value="{{workflow.failures}}"),
    ]
    return Container(
        name="record",
        image=pods.image(settings),
        image_pull_policy="IfNotPresent",
        command=["python", "-m", "workflows.steps.record"],
        args=[*_WHICH, *_WHERE],
        env=[*pods.plain_env(), *pods.database_env(pods.RECORD_SECRET), *said],
        volumes=[pods.scratch()],
        resources=pods.resources(512),
        active_deadline_seconds=_RECORD_SECONDS,
        security_context=pods.NO_PRIVILEGES,
        retry_strategy=pods.again(),
    )
