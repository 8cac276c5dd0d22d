"""The golden run: a known request through the web of a release, whose result is the one in the image.

Argo CD executes it after every sync of an environment (`k8s/components/golden-run`); a release that computes
anything else, or cannot compute, does not pass. The expected result is `web/golden-run.json`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from backtest import samples
from backtest.console.printable import show
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import audit, runs
from store.queries.audit import Action
from store.session import Database

EXPECTED = Path(__file__).with_name("golden-run.json")
SYMBOL, PRICES = "GOLDEN-RUN", "GOOG"
"""The name under which the sample's prices are stored, so that no other prices are ever meant."""
_WAIT_SECONDS, _LOOK_EVERY_SECONDS = 900.0, 2.0
_TIMEOUT = (5, 60)
log = logs.get(__name__)


class Different(Exception):
    """The web did not answer, the run did not succeed, or its result is another; the text says which."""


@dataclass(frozen=True, slots=True)
class Web:
    """The web of an environment, as a program sees it; busy or restarting, it is asked again."""

    address: str
    token: str = ""
    host: str = ""
    give_up_at: float = field(default_factory=lambda: time.monotonic() + _WAIT_SECONDS)

    def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """The answer to a request; raises `Different` for a refusal, or when the time is over."""
        headers = {"Accept": "application/json"} | content.pop("headers", {})
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"Host": self.host} if self.host else {}
        while (answer := self._try(method, path, headers, content)) is None:
            if time.monotonic() > self.give_up_at:
                raise Different(f"{self.address}{path} has not answered for {_WAIT_SECONDS:.0f} s")
            time.sleep(_LOOK_EVERY_SECONDS)
        if not answer.ok:
            raise Different(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())

    def _try(
        self, method: str, path: str, headers: Mapping[str, str], content: Mapping[str, Any]
    ) -> requests.Response | None:
        try:
            answer = requests.request(
                method, self.address + path, headers=dict(headers), timeout=_TIMEOUT, **content
            )
        except requests.RequestException as error:
            log.warning("the web does not answer", error=type(error).__name__)
            return None
        return None if answer.status_code in (429, 502, 503, 504) else answer


def main() -> int:
    """Make the run and compare it; 0 is the expected result, after which the run is removed."""
    try:
        settings = Settings.from_env(os.environ)
        logs.configure_from(settings, process="golden-run")
        run_id, differences = execute(web_of(os.environ))
    except SettingsError as error:
        show(f"error: {error}", file=sys.stderr)
        return Exit.BAD_INPUT
    except Different as error:
        show(f"error: {error}", file=sys.stderr)
        return Exit.CRASHED
    if differences:
        for line in (f"the golden run {run_id} differs and is kept:", *differences):
            show(line, file=sys.stderr)
        return Exit.CRASHED
    remove(Database.open(settings.database_url), run_id)
    show(f"the golden run {run_id} has the expected result and is removed")
    return 0


def web_of(environment: Mapping[str, str]) -> Web:
    """Where the web is, and which token it asks for; its public name where it answers to no other."""
    public = environment.get("PUBLIC_URL", "")
    return Web(
        environment.get("WEB_ADDRESS", "http://web").rstrip("/"),
        environment.get("GOLDEN_RUN_TOKEN", ""),
        public.partition("://")[2].partition("/")[0],
    )


def execute(web: Web) -> tuple[str, list[str]]:
    """The id of the golden run that the web has executed, and how its result differs from the expected one."""
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    run = submit(web, expected["request"])
    return run["run_id"], differences(expected, run)


def submit(web: Web, request: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the prices in, submit the request and wait for its end; the run as the web shows it."""
    prices = (samples.FOLDER / f"{PRICES}.csv").read_bytes()
    headers = {"Content-Type": "text/csv"}
    web.ask("POST", f"/api/datasets?symbol={SYMBOL}", data=prices, headers=headers)
    run_id = str(web.ask("POST", "/run_backtest", json=dict(request))["run_id"])
    log.info("golden run submitted", run_id=run_id)
    return _ended(web, run_id)


def _ended(web: Web, run_id: str) -> dict[str, Any]:
    while True:
        answer = web.ask("GET", f"/api/runs/{run_id}")
        if answer["status"] not in ("PENDING", "RUNNING"):
            return answer
        if time.monotonic() > web.give_up_at:
            raise Different(f"run {run_id} is {answer['status']} after {_WAIT_SECONDS:.0f} s")
        time.sleep(_LOOK_EVERY_SECONDS)


def differences(expected: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """Every figure that is another one, and the hash over the whole result."""
    if run["status"] != "SUCCEEDED":
        return [f"it ended as {run['status']}: {run.get('error_message')}"]
    found = run["metrics"]
    lines = [
        f"{name} is {found.get(name)}, expected {value}"
        for name, value in expected["metrics"].items()
        if not _same(value, found.get(name))
    ]
    lines += [f"{name} is new" for name in sorted(set(found) - set(expected["metrics"]))]
    if run["result_hash"] != expected["result_hash"]:
        lines.append(f"result_hash is {run['result_hash']}, expected {expected['result_hash']}")
    return lines


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9)


def remove(database: Database, run_id: str) -> None:
    """Delete the run; the audit trail says that the command did."""
    with database.write() as session:
        runs.remove(session, run_id)
        audit.record(session, audit.operator(), Action.RUN_DELETE, run_id, now=datetime.now(UTC), golden=True)
    database.close()


if __name__ == "__main__":
    sys.exit(main())
