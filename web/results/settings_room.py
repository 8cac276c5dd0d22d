"""What the room of the settings shows beside them: the run as text that runs it again."""

from __future__ import annotations

from typing import Any

from flask import request

from store.models import Result, Run
from store.queries import runs
from web.presentation.handover import argo_form, handovers
from web.presentation.run_settings import parameters_given
from web.services import settings


def values(run: Run, _result: Result) -> dict[str, Any]:
    """What the template needs."""
    wanted = runs.request_json(run) | {"params": parameters_given(run)}
    ways = handovers(
        wanted,
        server=request.host_url.rstrip("/"),
        namespace=settings().argo_namespace,
        with_token=settings().sign_in.mode != "off",
    )
    ui, namespace = settings().argo_ui_url, settings().argo_namespace
    return {"handovers": ways, "argo_form": argo_form(wanted, ui=ui, namespace=namespace)}
