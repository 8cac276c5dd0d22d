"""The product as its users have it: the web by HTTP, and the database behind it."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from typing import Any

import requests

from qa.examples import MINIMAL
from tests.e2e.harness.cluster import Cluster, Tunnel, until

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
REQUEST = MINIMAL | {"symbols": ["GOOG"], "start_date": "2010-01-04", "end_date": "2012-12-31"}
AS_ARGUMENTS = {
    "symbols": "GOOG",
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": '{"fast": 10, "slow": 30}',
    "start_date": "2010-01-04",
    "end_date": "2012-12-31",
}
"""The same request as the arguments of a workflow."""


class Product:
    """The web of one environment, and questions to its database."""

    def __init__(self, cluster: Cluster, root_password: str, *, target: str = "service/web") -> None:
        self.cluster, self._password = cluster, root_password
        port = ":80" if target.startswith("service/") else ":5000"
        self._tunnel = Tunnel("-n", cluster.namespace, "port-forward", target, port)

    @property
    def address(self) -> str:
        """Where the web is reached from here."""
        return self._tunnel.address

    def call(self, method: str, path: str, *, patience: float = 90, **more: Any) -> requests.Response:
        """An answer of the web, asked again while its pod is being replaced."""
        give_up_at = time.monotonic() + patience
        while True:
            try:
                return requests.request(method, f"{self._tunnel.address}{path}", timeout=60, **more)
            except (requests.ConnectionError, requests.Timeout, ConnectionError):  # a tunnel may hang, too
                self._tunnel.close()
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.3)

    def submit(self, *, patience: float = 90, **changes: Any) -> str:
        """Submit a run; its id, chosen here so that asking twice is the same as once."""
        wanted = {"run_id": str(uuid.uuid4())} | REQUEST | changes
        give_up_at = time.monotonic() + patience
        answer = self.call("POST", "/run_backtest", json=wanted, patience=patience)
        while answer.status_code == 503 and time.monotonic() < give_up_at:  # a full server says when
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            answer = self.call("POST", "/run_backtest", json=wanted, patience=patience)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """What the web says about a run; empty where it knows none."""
        answer = self.call("GET", f"/api/runs/{run_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    def ended(self, run_id: str, *, seconds: float = 180) -> dict[str, Any]:
        """The run once it has ended."""
        until(lambda: self.run(run_id).get("status") in ENDED, seconds, f"run {run_id} has ended", pause=0.2)
        return self.run(run_id)

    def sql(self, statement: str, *, seconds: float = 60) -> list[list[str]]:
        """Rows from the database itself."""
        said = self.cluster.kubectl(*self._client(), "-e", statement, seconds=seconds)
        return [line.split("\t") for line in said.splitlines()]

    def hold_row(self, run_id: str, seconds: int) -> list[str]:
        """The command of a client that keeps the run's row locked for so long."""
        statement = (
            f"BEGIN; SELECT run_id FROM runs WHERE run_id = '{run_id}' FOR UPDATE; "
            f"DO SLEEP({seconds}); COMMIT"
        )
        return ["kubectl", "-n", self.cluster.namespace, *self._client(), "-e", statement]

    def release_rows(self) -> None:
        """End the clients that hold rows: the server does not see that a client is gone while it sleeps for it."""
        sleeping = "SELECT id FROM performance_schema.processlist WHERE info LIKE 'DO SLEEP(%'"
        with suppress(RuntimeError):  # a server that is away holds no row
            for (number,) in filter(lambda row: row != [""], self.sql(sleeping)):
                self.sql(f"KILL {number}")

    def results_of(self, run_id: str) -> int:
        """How many results the database has for the run."""
        return int(self.sql(f"SELECT COUNT(*) FROM results WHERE run_id = '{run_id}'")[0][0])

    def waits_for_a_row(self, pod: dict[str, Any]) -> bool:
        """Whether a transaction of that pod waits for a row that another one has locked."""
        return bool(self.sql(
            "SELECT t.trx_id FROM information_schema.innodb_trx t "
            "JOIN performance_schema.processlist p ON p.id = t.trx_mysql_thread_id "
            f"WHERE t.trx_state = 'LOCK WAIT' AND p.host LIKE '{pod['status']['podIP']}:%'"
        ))  # fmt: skip

    def open_runs(self) -> int:
        """How many runs have not ended."""
        return int(self.sql("SELECT COUNT(*) FROM runs WHERE status IN ('PENDING', 'RUNNING')")[0][0])

    def close(self) -> None:
        """End the tunnel."""
        self._tunnel.close()

    def _client(self) -> list[str]:
        return ["exec", "mysql-0", "--", "env", f"MYSQL_PWD={self._password}", "mysql", "-uroot", "-nN",
                "-h127.0.0.1", "stock_backtest"]  # fmt: skip
