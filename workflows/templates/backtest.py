"""The WorkflowTemplates `backtest` and `backtest-quick`: engine pod, then persist pod.

There is no exit handler: the text of a failure would pass through Argo's substitution on its way into a pod. The
dispatcher reads it from the workflow's nodes and ends the run.
"""

from __future__ import annotations

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    EmptyDirVolume,
    NoneArchiveStrategy,
    Parameter,
    TarArchiveStrategy,
    Task,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings
from workflows.cluster import figures, parameters
from workflows.templates import arguments, pods, shown

_WORKFLOW = ["--workflow-name", "{{workflow.name}}", "--workflow-uid", "{{workflow.uid}}"]
_NUMBERS = "sprig.join('/', sprig.regexFindAll('[0-9.]+', workflow.parameters.params, -1))"
_TITLE = (
    f"{shown.RULE} + (workflow.parameters.params == '' or workflow.parameters.rule_type == 'EXPRESSION' ? '' : ' ' + "
    f"{_NUMBERS}) + ' on ' + workflow.parameters.symbols"
)


def backtest(settings: Settings) -> WorkflowTemplate:
    """One run with every option; the web submits it, and people who want them all."""
    return _template(
        settings,
        "backtest",
        title="Run a backtest",
        description="Backtest a trading rule on stored prices. The result appears in the web UI under the run ID.",
        arguments=arguments.full(),
        run_id=parameters.RUN_ID,
    )


def quick(settings: Settings) -> WorkflowTemplate:
    """One run with nothing to fill in but what is tested."""
    return _template(
        settings,
        "backtest-quick",
        title="Run a backtest (quick)",
        description="Symbols, rule and dates; every option keeps its default. `backtest` has them all.",
        arguments=arguments.quick(),
        run_id="workflow.uid",
    )


def _template(
    settings: Settings, name: str, *, title: str, description: str, arguments: list[Parameter], run_id: str
) -> WorkflowTemplate:
    """One run as two pods: the engine reads prices alone, persist writes the result."""
    with pods.template(
        settings,
        name,
        app="backtest",
        run_id=run_id,
        title=title,
        description=description,
        success_seconds=settings.ttl_success_ui_seconds,
        arguments=arguments,
        active_deadline_seconds=(pods.RETRIES + 1) * settings.step_timeout_seconds + pods.PERSIST_SECONDS,
        workflow_metadata=shown.metadata("backtest", run_id, title=_TITLE, page="runs"),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="0s"),
        artifact_gc=shown.artifacts(),
    ) as template:
        run = ["--run-id", f"{{{{={run_id}}}}}"]
        engine, persist = _engine(settings, run), _persist(settings, run)
        with DAG(name="main", outputs=[shown.passed_on("persist", name) for name in figures.NAMES]):
            computed = Task(
                name="engine", template=engine, arguments=[Parameter(name=pods.OF_MAIN, value="yes")]
            )
            computed >> Task(name="persist", template=persist, arguments=[computed.get_artifact("bundle")])
    return template


def _engine(settings: Settings, run: list[str]) -> Container:
    return pods.step(
        settings,
        "engine",
        ["python", "-m", "workflows.steps.compute"],
        args=[*run, "--bundle", "/out/bundle"],
        env=pods.reading_env(pods.READER_SECRET, pods.RUN_LIMITS),
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Parameter(name=pods.OF_MAIN)],
        outputs=[
            Artifact(
                name="bundle",
                path="/out/bundle",
                optional=True,
                archive=TarArchiveStrategy(compression_level=0),
            ),
            Artifact(name="report", path="/out/report.html", optional=True, archive=NoneArchiveStrategy()),
        ],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=settings.step_timeout_seconds,
    )


def _persist(settings: Settings, run: list[str]) -> Container:
    return pods.step(
        settings,
        "persist",
        ["python", "-m", "workflows.steps.keep"],
        args=[*run, *_WORKFLOW, "--bundle", "/in/bundle", "--figures", "/out"],
        env=[*pods.database_env(pods.WRITER_SECRET), pods.arguments_env(), pods.configured("MAX_RESULT_MIB")],
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Artifact(name="bundle", path="/in/bundle")],
        outputs=[shown.figure(name) for name in figures.NAMES],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=pods.PERSIST_SECONDS,
    )
