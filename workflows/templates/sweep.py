"""The WorkflowTemplate `backtest-sweep`: plan, then chunks in as many pods as they are worth, judge, persist.

The pods that execute rules, chunk and judge, read prices alone and leave files; those that write into the database, plan
and persist, execute no code of rule packages. Chunks travel under keys that follow from workflow and number, so that
nothing is joined by position and a pod that ran twice leaves the same object.
"""

from __future__ import annotations

from typing import Any, Final

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    EmptyDirVolume,
    Env,
    NoneArchiveStrategy,
    Parameter,
    Resources,
    S3Artifact,
    TarArchiveStrategy,
    Task,
    WorkflowTemplate,
)
from hera.workflows import models as m

from config.settings import Settings
from workflows.cluster.studies import figures
from workflows.cluster.studies.form import STUDY_ID
from workflows.studies.sharing import MOST_PODS
from workflows.templates import arguments, pods, shown

NAME: Final = "backtest-sweep"
_PLAN_SECONDS, _PERSIST_SECONDS = 900, 1_800
_LIMITS = (*pods.RUN_LIMITS, "MAX_TRIALS_PER_STUDY", "MAX_SIMULATIONS_PER_STUDY", "STUDY_POD_SECONDS")
_CPUS: Final = 1
"""Of a pod that executes trials, requested and allowed: the node is full, not overbooked."""
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_REQUEST_MIB: Final = 512
_CHUNK: Final = "chunk-{{=asInt(inputs.parameters.pod) + 1}}-of-{{inputs.parameters.count}}"
"""What the Argo UI calls a pod: letters, digits, `-` and `.`, or Argo ends the node with an error."""
_KEY: Final = "{{workflow.namespace}}/{{workflow.name}}/{{workflow.uid}}"
_RUN: Final = ["--run-id", f"{{{{={STUDY_ID}}}}}"]
_WORKFLOW: Final = ["--workflow-name", "{{workflow.name}}", "--workflow-uid", "{{workflow.uid}}"]
_TITLE: Final = f"{shown.RULE} + ' study on ' + workflow.parameters.symbols"


def sweep(settings: Settings) -> WorkflowTemplate:
    """A study; the web submits it, and people of the Argo UI."""
    rounds = -(-MOST_PODS // settings.study_pods)
    with pods.template(
        settings,
        NAME,
        app=NAME,
        run_id=STUDY_ID,
        title="Run a study",
        description="Backtest a trading rule with many settings and judge the best of them. The result appears in the "
        "web UI under the study ID.",
        success_seconds=settings.ttl_success_ui_seconds,
        arguments=arguments.study(),
        active_deadline_seconds=rounds * settings.step_timeout_seconds + _PLAN_SECONDS + _PERSIST_SECONDS,
        workflow_metadata=shown.metadata(NAME, STUDY_ID, title=_TITLE, page="studies"),
        pod_gc=m.PodGC(strategy="OnPodSuccess", delete_delay_duration="0s"),
        artifact_gc=shown.artifacts(),
    ) as template:
        steps = _plan(settings), _chunk(settings), _judge(settings), _persist(settings)
        with DAG(
            name="main",
            fail_fast=False,
            parallelism=settings.study_pods,
            outputs=[shown.passed_on("persist", name) for name in figures.NAMES],
        ):
            _connect(*steps)
    return template


def _connect(
    plan_step: Container, chunk_step: Container, judge_step: Container, persist_step: Container
) -> None:
    """Judge waits for chunks if there are any, whatever became of most; persist stores what there is, judged or not."""
    plan = Task(name="plan", template=plan_step, arguments=[Parameter(name=pods.OF_MAIN, value="yes")])
    study = plan.get_artifact("study")
    count = Parameter(name="count", value=plan.get_parameter("count").value)
    Task(
        name="chunk",
        template=chunk_step,
        depends="plan.Succeeded",
        with_param=plan.get_parameter("pods"),
        arguments=[Parameter(name="pod", value="{{item}}"), count, study],
    )
    Task(
        name="judge",
        template=judge_step,
        depends="plan.Succeeded && (chunk.AnySucceeded || chunk.Succeeded || chunk.Skipped)",
        arguments=[study],
    )
    Task(
        name="persist",
        template=persist_step,
        depends="judge.Succeeded || judge.Failed || judge.Errored",
        arguments=[study],
    )


def _plan(settings: Settings) -> Container:
    """It times trials as the chunk pods will execute them, so that it has what they have."""
    return pods.step(
        settings,
        "plan",
        ["python", "-m", "workflows.cluster.studies.plan_pod"],
        args=[*_RUN, *_WORKFLOW, "--bundle", "/out/study", "--pods", "/out/pods", "--count", "/out/count"],
        env=pods.reading_env(pods.WRITER_SECRET, _LIMITS),
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Parameter(name=pods.OF_MAIN)],
        outputs=[
            Parameter(name="pods", value_from=m.ValueFrom(path="/out/pods")),
            Parameter(name="count", value_from=m.ValueFrom(path="/out/count")),
            Artifact(name="study", path="/out/study", optional=True, archive=TarArchiveStrategy(compression_level=0)),
            Artifact(name="report", path="/out/report.html", optional=True, archive=NoneArchiveStrategy()),
        ],
        **_size(settings),
        seconds=_PLAN_SECONDS,
    )  # fmt: skip


def _chunk(settings: Settings) -> Container:
    step = pods.step(
        settings,
        "chunk",
        ["python", "-m", "workflows.cluster.studies.chunk_pod"],
        args=[*_RUN, "--bundle", "/in/study", "--pod", "{{inputs.parameters.pod}}", "--part", "/out/part"],
        env=[*pods.database_env(pods.READER_SECRET), pods.memory_env(), *_threads()],
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Parameter(name="pod"), Parameter(name="count"), Artifact(name="study", path="/in/study")],
        outputs=[_stored("part", "/out/part", "parts/{{inputs.parameters.pod}}")],
        **_size(settings),
        seconds=settings.step_timeout_seconds,
    )
    step.template_annotations = {"workflows.argoproj.io/display-name": _CHUNK}
    return step


def _judge(settings: Settings) -> Container:
    return pods.step(
        settings,
        "judge",
        ["python", "-m", "workflows.cluster.studies.judge_pod"],
        args=[*_RUN, "--bundle", "/in/study", "--parts", "/in/parts", "--part", "/out/part", "--result", "/out/result"],
        env=[*pods.database_env(pods.READER_SECRET), pods.memory_env(), *_threads()],
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[Artifact(name="study", path="/in/study"), _stored("parts", "/in/parts", "parts")],
        outputs=[_stored("part", "/out/part", "parts/0"), _stored("result", "/out/result", "result")],
        **_size(settings),
        seconds=settings.step_timeout_seconds,
    )  # fmt: skip


def _persist(settings: Settings) -> Container:
    return pods.step(
        settings,
        "persist",
        ["python", "-m", "workflows.cluster.studies.persist_pod"],
        args=[
            *_RUN, "--workflow-uid", "{{workflow.uid}}", "--bundle", "/in/study", "--parts", "/in/parts",
            "--result", "/in/result", "--figures", "/out",
        ],
        env=[*pods.database_env(pods.WRITER_SECRET), pods.memory_env()],
        volumes=[EmptyDirVolume(name="out", mount_path="/out")],
        inputs=[
            Artifact(name="study", path="/in/study"),
            _stored("parts", "/in/parts", "parts"),
            _stored("result", "/in/result", "result"),
        ],
        outputs=[shown.figure(name) for name in figures.NAMES],
        memory_mib=settings.step_memory_mib,
        pod_spec_patch=pods.memory_patch(settings.step_memory_mib),
        seconds=_PERSIST_SECONDS,
    )  # fmt: skip


def _stored(name: str, path: str, key: str) -> S3Artifact:
    """A file, or as an input all files, under a key of this workflow; there may be none."""
    return S3Artifact(name=name, path=path, key=f"{_KEY}/{key}", archive=NoneArchiveStrategy(), optional=True)


def _size(settings: Settings) -> dict[str, Any]:
    """What a pod that executes trials requests is what it uses."""
    memory = settings.step_memory_mib
    resources = Resources(
        cpu_request=_CPUS,
        cpu_limit=_CPUS,
        memory_request=f"{min(_REQUEST_MIB, memory)}Mi",
        memory_limit=f"{memory}Mi",
    )
    return {"resources": resources, "pod_spec_patch": pods.memory_patch(memory)}


def _threads() -> list[m.EnvVar | Env]:
    """As many threads as processors are allowed, not as the node has."""
    selector = m.ResourceFieldSelector(container_name="main", resource="limits.cpu", divisor="1")
    return [m.EnvVar(name=name, value_from=m.EnvVarSource(resource_field_ref=selector)) for name in _THREADS]
