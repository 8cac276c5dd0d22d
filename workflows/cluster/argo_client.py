"""The client of Argo Server: create, find, list and stop workflows; each way to fail is an error of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import requests
from hera.exceptions import AlreadyExists, BadRequest, Forbidden, HeraException, NotFound, Unauthorized
from hera.workflows import Parameter, Workflow, WorkflowsService
from hera.workflows import models as m
from pydantic import ValidationError

from config import logs
from config.settings import Settings
from workflows.cluster.parameters import run_id_of
from workflows.errors import WorkflowError

Kind = Literal["run", "study", "robustness"]
TEMPLATES: Final[dict[Kind, str]] = {
    "run": "backtest",
    "study": "backtest-sweep",
    "robustness": "backtest-robustness",
}
"""What executes each kind; workflows have the same name as the label `app`."""
_KINDS: Final = {app: kind for kind, app in TEMPLATES.items()}
_OURS: Final = f"app in ({','.join(_KINDS)})"
_TEMPLATE_NAMED = re.compile(r'workflowtemplates[^"]*"([^"]+)"')
_CONNECT_SECONDS, _ANSWER_SECONDS = 3.0, 15.0
_CLIENT_ERRORS = (OSError, KeyError, TypeError, ValueError, AttributeError, AssertionError)
"""What Hera and requests raise where there is no connection (an OSError), no certificate authority or no address,
and where the answer is no JSON or of another shape."""
_STATE = (
    "metadata.name,metadata.uid,metadata.labels,metadata.resourceVersion,metadata.creationTimestamp,"
    "metadata.deletionTimestamp,spec.workflowTemplateRef,status.phase,status.message,status.progress"
)
"""What is asked of every workflow at each look; some hundred bytes of each, however many pods it has."""
_FIELDS = f"{_STATE},spec.arguments,status.nodes,status.storedWorkflowTemplateSpec.arguments"


class ArgoRefused(WorkflowError):
    """Argo will not accept this workflow; the text says why."""


class ArgoForbidden(WorkflowError):
    """Argo does not permit this: the token or the role is wrong, which an operator has to correct."""


class ArgoUnavailable(WorkflowError):
    """Argo cannot be reached, does not answer in time, or answers nonsense: nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStatus:
    """A workflow as Argo reports it."""

    name: str
    uid: str
    run_id: str
    """The run or the study that it executes."""
    phase: str
    message: str = ""
    kind: Kind = "run"
    is_deleted: bool = False
    """It was deleted; Argo keeps it, and goes on with it, until its artifacts are cleaned."""
    version: str = ""
    """Another one whenever something of it has changed."""
    progress: tuple[int, int] = (0, 0)
    """How many of its pods are done, and how many there are so far."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Both are empty in a list: `WorkflowDetails` knows them."""

    @property
    def finished(self) -> bool:
        """Whether Argo will do nothing more with it."""
        return self.phase in ("Succeeded", "Failed", "Error")

    def phase_of(self, template: str) -> str:
        """The phase of the newest pod of a template; empty while there is none."""
        pods = [node for node in self.nodes.values() if node.get("templateName") == template]
        pods = sorted(
            (node for node in pods if node.get("type") == "Pod"), key=lambda n: str(n.get("startedAt"))
        )
        return str(pods[-1].get("phase", "")) if pods else ""


class Argo:
    """One Argo Server, with a service made anew for each request so that a renewed token is used at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def create(self, run_id: str, arguments: Mapping[str, str]) -> WorkflowStatus:
        """Start the workflow of a run, or return the one that has its name already.

        After a time-out the server may have created it or not: it is asked, and only if there is no such
        workflow `ArgoUnavailable` is raised.
        """
        return self._create(name_of(run_id), "run", run_id, arguments)

    def create_study(self, name: str, study_id: str, arguments: Mapping[str, str]) -> WorkflowStatus:
        """As `create`, a workflow of a study, which may have several one after the other."""
        return self._create(name, "study", study_id, arguments)

    def create_robustness(self, name: str, run_id: str, arguments: Mapping[str, str]) -> WorkflowStatus:
        """As `create`, a workflow that computes what of a run's result survives."""
        return self._create(name, "robustness", run_id, arguments)

    def _create(self, name: str, kind: Kind, run_id: str, arguments: Mapping[str, str]) -> WorkflowStatus:
        workflow = _workflow(name, kind, run_id, arguments, self._settings)
        try:
            with _named_errors():
                created = self._service().create_workflow(m.WorkflowCreateRequest(workflow=workflow))
        except (_Exists, ArgoUnavailable) as error:
            return self._existing(name, run_id, error)
        return _status_of(created)

    def _existing(self, name: str, run_id: str, reason: Exception) -> WorkflowStatus:
        workflow = self.find(name)
        if workflow is None:
            raise ArgoUnavailable(f"{reason}; there is no workflow of that name") from reason
        if workflow.run_id != run_id:
            other = workflow.run_id or "no run id"
            raise ArgoRefused(f"the workflow {workflow.name} is another run's ({other})")
        return workflow

    def find(self, name: str) -> WorkflowStatus | None:
        """The workflow of that name, or None where there is surely none."""
        try:
            with _named_errors():
                workflow = self._service().get_workflow(name, fields=_FIELDS)
        except _Missing:
            return None
        return _status_of(workflow)

    def list(self, *, finished: bool = True) -> Sequence[WorkflowStatus]:
        """The state of every workflow of every kind, with or without those that have ended.

        A workflow that was submitted by a person a moment ago is left out until Argo has given it its label.
        """
        selector = _OURS if finished else f"{_OURS},workflows.argoproj.io/completed!=true"
        fields = ",".join(["metadata.continue", *(f"items.{name}" for name in _STATE.split(","))])
        workflows: list[WorkflowStatus] = []
        more: str | None = None
        while True:
            with _named_errors():
                page = self._service().list_workflows(
                    label_selector=selector, limit="500", continue_=more, fields=fields
                )
            workflows += (status for item in page.items or [] if (status := _status_of(item)).run_id)
            more = getattr(page.metadata, "continue_", None) if page.metadata else None
            if not more:
                return workflows

    def stop(self, name: str) -> bool:
        """End the workflow's pods now; false where there is no such workflow any more."""
        try:
            with _named_errors():
                self._service().terminate_workflow(name, m.WorkflowTerminateRequest(name=name))
        except _Missing:
            return False
        return True

    def _service(self) -> WorkflowsService:
        settings = self._settings
        return WorkflowsService(
            host=settings.argo_server,
            token=token_of(settings),
            verify_ssl=settings.argo_ca_file or True,
            namespace=settings.argo_namespace,
            session=TimeoutSession(),
        )


def name_of(run_id: str) -> str:
    """The name of the workflow that executes a run."""
    return f"bt-{run_id}"


class TimeoutSession(requests.Session):
    """A session whose requests all have a time-out; Hera sets none."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (_CONNECT_SECONDS, _ANSWER_SECONDS))
        return super().request(*args, **kwargs)


class _Missing(WorkflowError):
    """There is no such object."""


class _Exists(WorkflowError):
    """There is one of that name."""


@contextmanager
def _named_errors() -> Iterator[None]:
    """Raise errors of ours in place of those of Hera and requests; none of them carries a token.

    Only a call of the client belongs inside: an error while our own code reads the answer is a bug, not an outage.
    """
    try:
        yield
    except AlreadyExists as error:
        raise _Exists(_text_of(error)) from None
    except NotFound as error:
        raise _missing(error) from None
    except (Unauthorized, Forbidden) as error:
        raise ArgoForbidden(f"Argo Workflows rejected the service account: {_text_of(error)}") from None
    except BadRequest as error:
        raise ArgoRefused(f"Argo Workflows rejected the request: {_text_of(error)}") from None
    except HeraException as error:
        raise ArgoUnavailable(f"Argo Workflows returned a server error: {_text_of(error)}") from None
    except ValidationError as error:
        raise ArgoUnavailable(
            f"Argo Workflows returned an unexpected response: {error.error_count()} fields do not fit"
        ) from None
    except _CLIENT_ERRORS as error:
        raise ArgoUnavailable(
            f"Argo Workflows is unreachable: {type(error).__name__}: {_text_of(error)}"
        ) from None


def _missing(error: NotFound) -> WorkflowError:
    """A template that is not there is a refusal; a workflow that is not there is an answer."""
    if named := _TEMPLATE_NAMED.search(str(error)):
        return ArgoRefused(f"the WorkflowTemplate {named[1]} is not installed: {_text_of(error)}")
    return _Missing(_text_of(error))


def _text_of(error: Exception) -> str:
    return logs.redacted(str(error))[:500]


def token_of(settings: Settings) -> str | None:
    """The token of now: a projected file is rewritten by Kubernetes every hour."""
    if not settings.argo_token_file:
        return settings.argo_token or None
    try:
        return Path(settings.argo_token_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ArgoForbidden(f"the token file cannot be read: {error}") from error


def _workflow(
    name: str, kind: Kind, run_id: str, arguments: Mapping[str, str], settings: Settings
) -> m.Workflow:
    workflow = Workflow(
        name=name,
        namespace=settings.argo_namespace,
        labels={"run_id": run_id, "app": TEMPLATES[kind]},
        workflow_template_ref=m.WorkflowTemplateRef(name=TEMPLATES[kind]),
        arguments=[Parameter(name=name, value=value) for name, value in arguments.items()],
        ttl_strategy=m.TTLStrategy(
            seconds_after_success=settings.ttl_success_seconds,
            seconds_after_failure=settings.ttl_failure_seconds,
            seconds_after_completion=settings.ttl_completion_seconds,
        ),
    ).build()
    assert isinstance(workflow, m.Workflow)
    return workflow


def _status_of(answer: m.Workflow) -> WorkflowStatus:
    workflow = answer.model_dump(by_alias=True, exclude_none=True)
    metadata, status = workflow.get("metadata", {}), workflow.get("status", {})
    if not (metadata.get("name") and metadata.get("uid")):
        raise ArgoUnavailable(
            "Argo Workflows returned an unexpected response: a workflow without name or uid"
        )
    labels, own = metadata.get("labels", {}), _parameters(workflow.get("spec", {}))
    return WorkflowStatus(
        name=metadata["name"],
        uid=metadata["uid"],
        run_id=labels.get("run_id") or _given_id(own, metadata["uid"]),
        phase=status.get("phase") or "Pending",
        message=status.get("message", ""),
        kind=_KINDS.get(labels.get("app"), "run"),
        version=metadata.get("resourceVersion", ""),
        progress=_progress(status.get("progress", "")),
        is_deleted="deletionTimestamp" in metadata,
        arguments=_parameters(status.get("storedWorkflowTemplateSpec", {})) | own,
        nodes=status.get("nodes", {}),
    )


def _given_id(arguments: Mapping[str, str], uid: str) -> str:
    """What the label will be; unknown in a list, which has no arguments."""
    given = arguments.get("run_id") or arguments.get("study_id") or ""
    return run_id_of(given, uid) if arguments else ""


def _progress(text: str) -> tuple[int, int]:
    done, _, count = text.partition("/")
    return (int(done), int(count)) if done.isdecimal() and count.isdecimal() else (0, 0)


def _parameters(spec: Mapping[str, Any]) -> dict[str, str]:
    parameters = spec.get("arguments", {}).get("parameters", [])
    return {parameter["name"]: str(parameter.get("value", "")) for parameter in parameters}
