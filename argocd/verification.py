"""Whether an environment works at a release: what Argo CD says, else the status that it set on the commit."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any

from argocd.release import Refused, Release

_TIMEOUT_SECONDS = 20
_OTHERWISE = "or promote with --force --why REASON"


def require(environment: str, release: Release, given: Mapping[str, str]) -> str:
    """What was seen, for the commit; raises `Refused` unless the release is Synced, Healthy and verified there."""
    application = f"stock-backtest-{environment}"
    if server := given.get("ARGOCD_SERVER"):
        _require_of_argo_cd(_application(server, application, given), application, release)
        return f"{application} is Synced, Healthy and verified at {release.revision}"
    if repository := given.get("GITHUB_REPOSITORY"):
        _require_status(_statuses(repository, release, given), application, release)
        return f"The status argocd/{application} of {release.revision} is success"
    raise Refused(
        f"nothing says that {environment} works at {release.tag}: set ARGOCD_SERVER and ARGOCD_AUTH_TOKEN, "
        f"or GITHUB_REPOSITORY for the status of the commit, {_OTHERWISE}"
    )


def _require_of_argo_cd(status: dict[str, Any], application: str, release: Release) -> None:
    """The history gets an entry when a whole sync has succeeded, with its last hook, the golden run."""
    sync, health = status.get("sync", {}), status.get("health", {}).get("status")
    operation = status.get("operationState", {})
    verified = (status.get("history") or [{}])[-1]
    wanted = {
        "it follows the release": sync.get("revision") == release.revision,
        "it is Synced": sync.get("status") == "Synced",
        "it is Healthy": health == "Healthy",
        "its last operation succeeded": operation.get("phase") == "Succeeded",
        "the golden run passed": verified.get("revision") == release.revision
        and any(release.digest in image for image in _images(verified)),
    }
    if missing := [name for name, holds in wanted.items() if not holds]:
        raise Refused(
            f"{application} at {release.tag}: not yet seen that {', '.join(missing)} "
            f"({sync.get('status')}, {health}, {operation.get('message') or 'no operation'}); "
            f"wait for it, or look into it, {_OTHERWISE}"
        )


def _images(entry: dict[str, Any]) -> list[str]:
    return list(entry.get("source", {}).get("kustomize", {}).get("images", ()))


def _require_status(statuses: list[dict[str, Any]], application: str, release: Release) -> None:
    """The newest status of the application counts."""
    states = [each["state"] for each in statuses if each["context"] == f"argocd/{application}"]
    if states[:1] != ["success"]:
        found = states[0] if states else "missing"
        raise Refused(
            f"the status argocd/{application} of the commit {release.tag} is {found}, not success: "
            f"wait for it, or look into the Application, {_OTHERWISE}"
        )


def _application(server: str, name: str, given: Mapping[str, str]) -> dict[str, Any]:
    url = f"{_with_scheme(server)}/api/v1/applications/{name}"
    answer = _get(url, given.get("ARGOCD_AUTH_TOKEN", ""), given.get("ARGOCD_CA_FILE"))
    return dict(answer.get("status", {}))


def _statuses(repository: str, release: Release, given: Mapping[str, str]) -> list[dict[str, Any]]:
    api = given.get("GITHUB_API_URL", "https://api.github.com")
    url = f"{_with_scheme(api)}/repos/{repository}/commits/{release.revision}/statuses?per_page=100"
    return list(_get(url, given.get("GH_TOKEN", "")))


def _with_scheme(server: str) -> str:
    return (
        server.rstrip("/") if server.startswith(("http://", "https://")) else f"https://{server.rstrip('/')}"
    )


def _get(url: str, token: str, ca_file: str | None = None) -> Any:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 the scheme is one of two
    context = ssl.create_default_context(cafile=ca_file)
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310 # nosec B310
            return json.load(answer)
    except (OSError, ValueError) as error:  # HTTPError and URLError are OSErrors
        raise Refused(f"{url} did not answer: {error}; check address and token, {_OTHERWISE}") from error
