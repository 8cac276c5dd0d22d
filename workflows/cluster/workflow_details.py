"""Arguments and nodes of workflows: asked for again only where something of the workflow has changed."""

from __future__ import annotations

from collections.abc import Collection

from workflows.cluster import failure_messages
from workflows.cluster.argo_client import Argo, WorkflowStatus
from workflows.failures import Failure


class WorkflowDetails:
    """Knows what lists leave out, so that a look at Argo costs what changed, not what there is."""

    def __init__(self, argo: Argo) -> None:
        self._argo = argo
        self._known: dict[str, tuple[str, WorkflowStatus]] = {}

    def of(self, listed: WorkflowStatus) -> WorkflowStatus | None:
        """The whole workflow; None where it is gone by now."""
        version, known = self._known.get(listed.uid, ("", None))
        if known is not None and listed.version and listed.version in (version, known.version):
            return known
        found = self._argo.find(listed.name)
        if found is None or found.uid != listed.uid:
            return None
        self._known[listed.uid] = listed.version, found
        return found

    def failure_of(self, workflow: WorkflowStatus) -> Failure:
        """Why a workflow failed, from its nodes, which are read where they are not known."""
        whole = workflow if workflow.nodes else self.of(workflow)
        pods = failure_messages.failed_pods_of(whole.nodes if whole is not None else {})
        return failure_messages.failure_of(pods, workflow.message)

    def forget_all_but(self, uids: Collection[str]) -> None:
        """Keep what is known of these workflows alone."""
        self._known = {uid: known for uid, known in self._known.items() if uid in uids}
