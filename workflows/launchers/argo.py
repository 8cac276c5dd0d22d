"""The launcher of a cluster: a PENDING row becomes an Argo workflow as soon as there is room for it."""

from __future__ import annotations

from config import logs
from config.settings import Settings
from store.session import Database
from workflows.cluster.argo_client import Argo, ArgoAway, ArgoForbidden, ArgoRefused, name_of
from workflows.cluster.dispatcher import Dispatcher
from workflows.errors import LaunchRefused

log = logs.get(__name__)


class ArgoLauncher:
    """Submits at once where nobody waits and there is room; the dispatcher starts the others in order."""

    def __init__(self, settings: Settings) -> None:
        self._argo = Argo(settings)
        self._dispatcher = Dispatcher(
            Database.open(settings.database_url, pool_size=2),
            self._argo,
            limit=settings.max_running_workflows,
        )

    def launch(self, run_id: str) -> None:
        """Start the run, or leave it PENDING where others wait, the cluster is full or Argo is away."""
        if not self._dispatcher.has_room_for(run_id):
            log.info("the run waits for its turn")
            return
        try:
            self._dispatcher.start(run_id)
        except ArgoRefused as refused:
            raise LaunchRefused(str(refused)) from refused
        except (ArgoAway, ArgoForbidden) as away:
            log.warning("Argo Workflows is away, the run waits", error=str(away))

    def cancel(self, run_id: str) -> None:
        """Stop the run's workflow; where Argo is away now the reconciler does it later."""
        try:
            self._argo.stop(name_of(run_id))
        except (ArgoAway, ArgoForbidden, ArgoRefused) as away:
            log.warning("the workflow could not be stopped yet", error=str(away))
