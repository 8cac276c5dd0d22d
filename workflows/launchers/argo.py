"""The launcher of a cluster: a PENDING row becomes an Argo workflow as soon as there is room for it."""

from __future__ import annotations

from config import logs
from config.settings import Settings
from store.session import Database
from workflows.cluster.argo_client import Argo, ArgoForbidden, ArgoRefused, ArgoUnavailable
from workflows.cluster.dispatcher import Dispatcher
from workflows.errors import LaunchRefused

log = logs.get(__name__)


class ArgoLauncher:
    """Submits at once where no run waits and there is room; the dispatcher starts the others in order."""

    def __init__(self, settings: Settings) -> None:
        self._argo = Argo(settings)
        self._dispatcher = Dispatcher(
            Database.open(settings.database_url, pool_size=2),
            self._argo,
            limit=settings.max_running_workflows,
        )

    def launch(self, run_id: str) -> None:
        """Start the run, or leave it PENDING where others wait, the cluster is full or Argo is unavailable."""
        if not self._dispatcher.has_room_for(run_id):
            log.info("run stays PENDING until it is its turn")
            return
        try:
            self._dispatcher.start(run_id)
        except ArgoRefused as refused:
            raise LaunchRefused(str(refused)) from refused
        except (ArgoUnavailable, ArgoForbidden) as error:
            log.warning("Argo Workflows unavailable, run stays PENDING", error=str(error))
