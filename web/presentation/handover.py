"""A run as text that runs it again elsewhere: for curl, for Python and for `argo submit`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pprint import pformat
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from backtest.errors import InvalidRequest
from backtest.run.request import REQUEST_FIELDS
from workflows.cluster import parameters

_PYTHON = """\
import json, time, urllib.request

SERVER = {server!r}
HEADERS = {headers}
RUN = {run}


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(SERVER + path, data, HEADERS)) as answer:
        return json.load(answer)


run_id = call("/run_backtest", RUN)["run_id"]
while not (run := call("/api/runs/" + run_id))["completed_at"]:
    time.sleep(0.5)
print(run["status"], run["error_message"] or run["metrics"])
"""
_HEADERS = '{"Content-Type": "application/json"}'
_AUTHORIZED_HEADERS = (
    '{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["BACKTEST_TOKEN"]}'
)


@dataclass(frozen=True, slots=True)
class Handover:
    """One way to run a request again: what it is called, and its text."""

    name: str
    title: str
    text: str


def handovers(request: Mapping[str, Any], *, server: str, namespace: str, with_token: bool) -> list[Handover]:
    """Every way in which this request can be run again; it is submitted as a new run.

    Parameters
    ----------
    request : all fields of a request as JSON
    server : address of the product, without a slash at the end
    namespace : of the workflows
    with_token : whether the server asks for a token, which is then taken from the environment
    """
    wanted = without_defaults(request)
    ways = [
        Handover("curl", "curl", _curl(wanted, server, with_token)),
        Handover("python", "Python", _python(wanted, server, with_token)),
    ]
    try:
        return [*ways, Handover("argo", "argo submit", _argo(wanted, namespace))]
    except InvalidRequest:  # an older release may have stored text that Argo would evaluate
        return ways


def argo_form(request: Mapping[str, Any], *, ui: str, namespace: str) -> str:
    """Where the Argo UI shows its form filled with this request; empty without a UI or for text that it would evaluate."""
    try:
        given = _arguments(without_defaults(request))
    except InvalidRequest:
        return ""
    query = {"sidePanel": "submit"} | {f"parameters[{name}]": text for name, text in given.items()}
    return f"{ui.rstrip('/')}/workflow-templates/{namespace}/backtest?{urlencode(query)}" if ui else ""


def without_defaults(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are required or differ from their defaults; no run id, so that it becomes a new run."""
    return {
        field.name: request[field.name]
        for field in REQUEST_FIELDS
        if field.name != "run_id" and (field.required or request[field.name] not in (field.default, {}))
    }


def _curl(request: Mapping[str, Any], server: str, with_token: bool) -> str:
    token = ' -H "Authorization: Bearer $BACKTEST_TOKEN"' if with_token else ""
    return (
        f"curl -s {quote(server + '/run_backtest')} -H 'Content-Type: application/json'{token} \\\n"
        f"  -d {quote(json.dumps(request))}"
    )


def _python(request: Mapping[str, Any], server: str, with_token: bool) -> str:
    text = _PYTHON.format(
        server=server,
        headers=_AUTHORIZED_HEADERS if with_token else _HEADERS,
        run=pformat(dict(request), sort_dicts=False, width=96),
    )
    return text.replace("import json, time", "import json, os, time") if with_token else text


def _argo(request: Mapping[str, Any], namespace: str) -> str:
    given = [f"-p {quote(f'{name}={text}')}" for name, text in _arguments(request).items()]
    return " \\\n  ".join([f"argo submit -n {quote(namespace)} --from workflowtemplate/backtest", *given])


def _arguments(request: Mapping[str, Any]) -> dict[str, str]:
    arguments = parameters.arguments_of({field.name: None for field in REQUEST_FIELDS} | dict(request), {})
    return {name: text for name, text in arguments.items() if name in request}
