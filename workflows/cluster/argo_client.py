"""Argo Workflows as we use it: create, look up, list and stop; every failure of the client has a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from hera.exceptions import AlreadyExists, BadRequest, Forbidden, HeraException, NotFound, Unauthorized
from hera.workflows import Parameter, Workflow, WorkflowsService
from hera.workflows import models as m
from pydantic import ValidationError

from config import logs
from config.settings import Settings
from workflows.errors import WorkflowError

TEMPLATE = "backtest"
_CONNECT_SECONDS, _ANSWER_SECONDS = 3.0, 15.0
_CLIENT_ERRORS = (OSError, KeyError, TypeError, ValueError, AttributeError, AssertionError)
"""What the client lets through: no connection (requests raises OSErrors), no certificate authority, no address,
an answer that is no JSON or of another shape."""
_FIELDS = (
    "metadata.name,metadata.uid,metadata.labels,metadata.creationTimestamp,metadata.deletionTimestamp,"
    "spec.arguments,"
    "status.phase,status.message,status.nodes,status.storedWorkflowTemplateSpec.arguments"
)


class ArgoRefused(WorkflowError):
    """Argo will not accept this workflow; the text says why."""


class ArgoForbidden(WorkflowError):
    """Argo does not let us do this: the token or the role is wrong, which an operator has to mend."""


class ArgoAway(WorkflowError):
    """Argo cannot be reached, does not answer in time, or answers nonsense: nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A workflow as Argo tells it."""

    name: str
    uid: str
    run_id: str
    phase: str
    message: str = ""
    is_deleted: bool = False
    """Somebody deleted it; Argo keeps it, and goes on with it, until its artifacts are cleaned."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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

    def create(self, run_id: str, arguments: Mapping[str, str]) -> Seen:
        """Start the workflow of a run, or give the one that has its name already.

        A time-out says nothing about what the server did: it is asked, and only if there is no such
        workflow `ArgoAway` is raised.
        """
        wanted = _workflow(run_id, arguments, self._settings.argo_namespace)
        try:
            with _named():
                made = self._service().create_workflow(m.WorkflowCreateRequest(workflow=wanted))
                return _seen(made.model_dump(by_alias=True, exclude_none=True))
        except _Exists as exists:
            return self._found_or(run_id, exists)
        except ArgoAway as away:
            return self._found_or(run_id, away)

    def _found_or(self, run_id: str, problem: Exception) -> Seen:
        seen = self.find(name_of(run_id))
        if seen is None:
            raise ArgoAway(f"{problem}; there is no workflow of that name") from problem
        if seen.run_id != run_id:
            raise ArgoRefused(f"the workflow {seen.name} is another run's ({seen.run_id or 'no run id'})")
        return seen

    def find(self, name: str) -> Seen | None:
        """The workflow of that name, or None where there is surely none."""
        try:
            with _named():
                found = self._service().get_workflow(name, fields=_FIELDS)
                return _seen(found.model_dump(by_alias=True, exclude_none=True))
        except _Missing:
            return None

    def list(self, *, finished: bool = True) -> Sequence[Seen]:
        """Every workflow of the backtest template, with or without those that have ended."""
        wanted = "app=backtest" if finished else "app=backtest,workflows.argoproj.io/completed!=true"
        fields = ",".join(["metadata.continue", *(f"items.{name}" for name in _FIELDS.split(","))])
        found: list[Seen] = []
        more: str | None = None
        while True:
            with _named():
                page = self._service().list_workflows(
                    label_selector=wanted, limit="500", continue_=more, fields=fields
                )
                found += [_seen(one.model_dump(by_alias=True, exclude_none=True)) for one in page.items or []]
                more = getattr(page.metadata, "continue_", None) if page.metadata else None
            if not more:
                return found

    def stop(self, name: str) -> bool:
        """End the workflow's pods now; false where there is no such workflow any more."""
        try:
            with _named():
                self._service().terminate_workflow(name, m.WorkflowTerminateRequest(name=name))
            return True
        except _Missing:
            return False

    def _service(self) -> WorkflowsService:
        settings = self._settings
        return WorkflowsService(
            host=settings.argo_server,
            token=_token(settings),
            verify_ssl=settings.argo_ca_file or True,
            namespace=settings.argo_namespace,
            session=_Impatient(),
        )


def name_of(run_id: str) -> str:
    """The name of the workflow that executes a run."""
    return f"bt-{run_id}"


class _Impatient(requests.Session):
    """A session that never waits for ever; Hera sets no time-out of its own."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (_CONNECT_SECONDS, _ANSWER_SECONDS))
        return super().request(*args, **kwargs)


class _Missing(WorkflowError):
    """There is no such object."""


class _Exists(WorkflowError):
    """There is one of that name."""


@contextmanager
def _named() -> Iterator[None]:
    """Give every failure of the client one of our names; none of them carries a token."""
    try:
        yield
    except AlreadyExists as error:
        raise _Exists(_said(error)) from None
    except NotFound as error:
        raise _missing(error) from None
    except (Unauthorized, Forbidden) as error:
        raise ArgoForbidden(f"Argo Workflows does not accept our service account: {_said(error)}") from None
    except BadRequest as error:
        raise ArgoRefused(f"Argo Workflows refuses it: {_said(error)}") from None
    except HeraException as error:
        raise ArgoAway(f"Argo Workflows has a problem of its own: {_said(error)}") from None
    except ValidationError as error:
        raise ArgoAway(
            f"Argo Workflows answered something else: {error.error_count()} fields do not fit"
        ) from None
    except _CLIENT_ERRORS as error:
        raise ArgoAway(f"Argo Workflows cannot be reached: {type(error).__name__}: {_said(error)}") from None


def _missing(error: NotFound) -> WorkflowError:
    """A template that is not there is a refusal; a workflow that is not there is an answer."""
    if "workflowtemplates" in str(error):
        return ArgoRefused(f"the WorkflowTemplate {TEMPLATE} is not installed: {_said(error)}")
    return _Missing(_said(error))


def _said(error: Exception) -> str:
    return logs.redacted(str(error))[:500]


def _token(settings: Settings) -> str | None:
    """The token of now: a projected file is rewritten by Kubernetes every hour."""
    if not settings.argo_token_file:
        return settings.argo_token or None
    try:
        return Path(settings.argo_token_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ArgoForbidden(f"the token file cannot be read: {error}") from error


def _workflow(run_id: str, arguments: Mapping[str, str], namespace: str) -> m.Workflow:
    workflow = Workflow(
        name=name_of(run_id),
        namespace=namespace,
        labels={"run_id": run_id, "app": "backtest"},
        workflow_template_ref=m.WorkflowTemplateRef(name=TEMPLATE),
        arguments=[Parameter(name=name, value=value) for name, value in arguments.items()],
    ).build()
    assert isinstance(workflow, m.Workflow)
    return workflow


def _seen(workflow: Mapping[str, Any]) -> Seen:
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    given = _parameters(workflow.get("spec") or {})
    return Seen(
        name=metadata["name"],
        uid=metadata["uid"],
        run_id=(metadata.get("labels") or {}).get("run_id") or given.get("run_id") or metadata["uid"],
        phase=status.get("phase") or "Pending",
        message=status.get("message") or "",
        is_deleted=metadata.get("deletionTimestamp") is not None,
        arguments=_parameters(status.get("storedWorkflowTemplateSpec") or {}) | given,
        nodes=status.get("nodes") or {},
    )


def _parameters(spec: Mapping[str, Any]) -> dict[str, str]:
    listed = (spec.get("arguments") or {}).get("parameters") or []
    return {one["name"]: str(one.get("value", "")) for one in listed}
