"""The WorkflowTemplate `backtest-robustness`: what of a run's result survives, engine pod, then persist pod.

The dispatcher submits it for what is asked for on the page of a run. The engine pod, which executes the rule, reads
prices alone; persist proves the answer and stores it only where this workflow was asked for it.
"""

from __future__ import annotations

from typing import Final

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    EmptyDirVolume,
    NoneArchiveStrategy,
    Parameter,
    Task,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings
from workflows.cluster import parameters
from workflows.templates import arguments, pods, shown

NAME: Final = "backtest-robustness"
_RUN: Final = ["--run-id", f"{{{{={parameters.RUN_ID}}}}}"]
_TITLE: Final = f"'Robustness of ' + {shown.RULE} + ' on ' + workflow.parameters.symbols"


def robustness(settings: Settings) -> WorkflowTemplate:
    """One run again with other costs, fills, starts and chance."""
    with pods.template(
        settings,
        NAME,
        app=NAME,
        run_id=parameters.RUN_ID,
        title="Ask what of a result survives",
        description="Submitted by the dispatcher for what is asked for on the page of a run: Robustness, Compute.",
        success_seconds=settings.ttl_success_ui_seconds,
        arguments=arguments.robustness(),
        active_deadline_seconds=(pods.RETRIES + 1) * settings.step_timeout_seconds + pods.PERSIST_SECONDS,
        workflow_metadata=shown.metadata(NAME, parameters.RUN_ID, title=_TITLE, page="runs"),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="0s"),
        artifact_gc=shown.artifacts(),
    ) as template:
        engine, persist = _engine(settings), _persist(settings)
        with DAG(name="main"):
            computed = Task(
                name="engine", template=engine, arguments=[Parameter(name=pods.OF_MAIN, value="yes")]
            )
            computed >> Task(name="persist", template=persist, arguments=[computed.get_artifact("answer")])
    return template


def _engine(settings: Settings) -> Container:
    return pods.step(
        settings,
        "engine",
        ["python", "-m", "workflows.cluster.robustness.engine_pod"],
        args=[*_RUN, "--bundle", "/out/answer"],
        env=pods.reading_env(pods.READER_SECRET, pods.RUN_LIMITS),
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Parameter(name=pods.OF_MAIN)],
        outputs=[Artifact(name="answer", path="/out/answer", optional=True, archive=NoneArchiveStrategy())],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=settings.step_timeout_seconds,
    )


def _persist(settings: Settings) -> Container:
    return pods.step(
        settings,
        "persist",
        ["python", "-m", "workflows.cluster.robustness.persist_pod"],
        args=[*_RUN, "--workflow-name", "{{workflow.name}}", "--bundle", "/in/answer"],
        env=pods.database_env(pods.WRITER_SECRET),
        inputs=[Artifact(name="answer", path="/in/answer")],
        seconds=pods.PERSIST_SECONDS,
    )
