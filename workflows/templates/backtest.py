"""The WorkflowTemplate `backtest`: engine pod, then persist pod.

There is no exit handler: the text of a failure would pass through Argo's substitution on its way into a pod. The
dispatcher reads it from the workflow's nodes and ends the run.
"""

from __future__ import annotations

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    EmptyDirVolume,
    TarArchiveStrategy,
    Task,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings
from workflows.templates import pods
from workflows.templates.arguments import arguments

_PERSIST_SECONDS = 900
"""More than the time for which the persist step retries while the database is unavailable."""
_LIMITS = ("MAX_BARS_PER_RUN", "MAX_SYMBOLS_PER_RUN", "MAX_PARAMS_PER_RUN")
"""The web's limits hold for a run of the Argo UI too."""
_RUN = ["--run-id", pods.RUN_ID]
_WORKFLOW = ["--workflow-name", "{{workflow.name}}", "--workflow-uid", "{{workflow.uid}}"]


def backtest(settings: Settings) -> WorkflowTemplate:
    """One run as two pods: the engine reads prices alone, persist writes the result."""
    with pods.template(
        settings,
        "backtest",
        title="Run a backtest",
        description="Backtest a trading rule on stored prices. The result appears in the web UI under the run ID.",
        success_seconds=settings.ttl_success_seconds,
        arguments=arguments(),
        active_deadline_seconds=(pods.RETRIES + 1) * settings.step_timeout_seconds + _PERSIST_SECONDS,
        workflow_metadata=m.WorkflowMetadata(
            labels={"app": "backtest"}, labels_from={"run_id": m.LabelValueFrom(expression=pods.RUN_ID[3:-2])}
        ),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="0s"),
        artifact_gc=_artifact_gc(),
    ) as template:
        engine, persist = _engine(settings), _persist(settings)
        with DAG(name="main"):
            computed = Task(name="engine", template=engine)
            computed >> Task(name="persist", template=persist, arguments=[computed.get_artifact("bundle")])
    return template


def _artifact_gc() -> m.WorkflowLevelArtifactGC:
    return m.WorkflowLevelArtifactGC(
        strategy="OnWorkflowDeletion",
        service_account_name="backtest-cleanup",
        # not by force: Argo then waits for ever for the artifacts of a run that left none
        force_finalizer_removal=False,
    )


def _engine(settings: Settings) -> Container:
    return pods.step(
        settings,
        "engine",
        ["python", "-m", "workflows.steps.compute"],
        args=[*_RUN, "--bundle", "/out/bundle"],
        env=[*pods.database_env(pods.READER_SECRET), pods.memory_env(), *map(pods.configured, _LIMITS)],
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        outputs=[
            Artifact(
                name="bundle",
                path="/out/bundle",
                optional=True,
                archive=TarArchiveStrategy(compression_level=0),
            )
        ],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=settings.step_timeout_seconds,
    )


def _persist(settings: Settings) -> Container:
    return pods.step(
        settings,
        "persist",
        ["python", "-m", "workflows.steps.keep"],
        args=[*_RUN, *_WORKFLOW, "--bundle", "/in/bundle"],
        env=[*pods.database_env(pods.WRITER_SECRET), pods.configured("MAX_RESULT_MIB")],
        inputs=[Artifact(name="bundle", path="/in/bundle")],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=_PERSIST_SECONDS,
    )
