"""The message of a failed workflow in the list of the Argo UI.

Argo gives a workflow of several steps none of its own: its reason stands in the node of a step. Argo Server cannot set
it, so that it is patched in the Kubernetes API, which the account that stops workflows may do already.
"""

from __future__ import annotations

import requests

from config import logs
from config.settings import Settings
from workflows.cluster.argo_client import Argo, TimeoutSession, WorkflowStatus, token_of
from workflows.cluster.failure_messages import failed_pods_of, failure_of

_MERGE = "application/merge-patch+json"
_LONGEST = 1_000
log = logs.get(__name__)


class WorkflowMessages:
    """Gives failed workflows the sentence that their run has; outside of a cluster it does nothing."""

    def __init__(self, settings: Settings, argo: Argo) -> None:
        self._settings, self._argo = settings, argo
        self._due: set[str] = set()
        self._set: set[str] = set()
        """Set in this pass: what was listed before it shows none yet."""

    def expect(self, workflow_name: str) -> None:
        """This workflow is going to fail: its message is set as soon as it has."""
        self._due.add(workflow_name)

    def set_due(self, running: set[str]) -> None:
        """Set the message of each expected workflow that is no longer among the running ones."""
        for name in sorted(self._due - running):
            workflow = self._argo.find(name)
            if workflow is not None and not workflow.finished:
                continue  # submitted a moment ago
            self._due.discard(name)
            if workflow is not None:
                self.set(workflow)
        self._set.clear()

    def set(self, workflow: WorkflowStatus) -> None:
        """Set the message of a workflow that failed without one; where that fails Argo's nodes still have it."""
        if (
            workflow.phase not in ("Failed", "Error")
            or workflow.message
            or workflow.name in self._set
            or not self._settings.kubernetes_host
        ):
            return
        found = workflow if workflow.nodes else self._argo.find(workflow.name)
        nodes = found.nodes if found is not None else {}
        message = failure_of(failed_pods_of(nodes), workflow.message).message[:_LONGEST]
        try:
            self._patch(workflow.name, message)
            self._set.add(workflow.name)
        except requests.RequestException as error:
            log.warning("message of the workflow could not be set", workflow=workflow.name, error=str(error))

    def _patch(self, name: str, message: str) -> None:
        settings = self._settings
        host = (
            f"[{settings.kubernetes_host}]" if ":" in settings.kubernetes_host else settings.kubernetes_host
        )
        address = (
            f"https://{host}:{settings.kubernetes_port}/apis/argoproj.io/v1alpha1"
            f"/namespaces/{settings.argo_namespace}/workflows/{name}"
        )
        answer = TimeoutSession().patch(
            address,
            json={"status": {"message": message}},
            headers={"Content-Type": _MERGE, "Authorization": f"Bearer {token_of(settings)}"},
            verify=settings.kubernetes_ca_file or True,
        )
        answer.raise_for_status()
