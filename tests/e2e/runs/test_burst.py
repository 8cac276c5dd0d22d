"""Very many runs at once: none is lost, they start in order, never too many, and everything stays healthy."""

import os
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.harness.cluster import until
from tests.e2e.harness.installation import ARGO
from tests.e2e.harness.product import Product

RUNS = int(os.environ.get("E2E_BURST_RUNS", "200"))
CLIENTS, LIMIT = 20, 10
COMPLETED = "workflows.argoproj.io/completed"
pytestmark = [pytest.mark.timeout(1_500), pytest.mark.long]


class Watcher:
    """Looks at the cluster and at the web again and again while the runs go through."""

    def __init__(self, cluster, product):
        self._cluster, self._product = cluster, product
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most, self.answers, self.problems = 0, [], []
        self.handed = {}
        """When Argo got each run, by the second."""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._product.close()

    def _watch(self):
        while not self._done.wait(0.5):
            there = [each["metadata"] for each in self._cluster.workflows(app="backtest")]
            self.handed |= {each["labels"]["run_id"]: each["creationTimestamp"] for each in there}
            at_work = [each for each in there if each["labels"].get(COMPLETED) != "true"]
            self.most = max(self.most, len(at_work))
            begun = time.monotonic()
            answer = self._product.call("GET", "/api/runs?limit=20")
            self.answers.append(time.monotonic() - begun)
            if answer.status_code != 200:
                self.problems.append(answer.status_code)


def containers(cluster, namespace, app):
    pods = cluster.get(f"api/v1/namespaces/{namespace}/pods", labelSelector=f"app={app}")["items"]
    return [each for pod in pods for each in pod["status"]["containerStatuses"]]


def restarts(cluster, app):
    return sum(each["restartCount"] for each in containers(cluster, cluster.namespace, app))


def memory_was_short(cluster):
    """Whether the controller was ended for its memory; one that loses its lease on a busy node begins again."""
    last = [
        each["lastState"].get("terminated", {}) for each in containers(cluster, ARGO, "workflow-controller")
    ]
    return "OOMKilled" in {each.get("reason") for each in last}


def test_very_many_runs_at_once(cluster, product, installation, store, record_property):
    watched = Product(cluster, installation.passwords["mysql-secret"])
    restarted = {app: restarts(cluster, app) for app in ("web", "dispatcher")}
    product.call("GET", "/health")
    begun = time.monotonic()

    with Watcher(cluster, watched) as watcher, ThreadPoolExecutor(CLIENTS) as clients:
        ids = list(clients.map(lambda _: product.submit(run_id=str(uuid.uuid4())), range(RUNS)))
        accepted = time.monotonic() - begun
        until(lambda: product.open_runs() == 0, 1_400, "every run has ended", pause=1)
        ended = time.monotonic() - begun

    listed = ", ".join(f"'{run_id}'" for run_id in ids)
    rows = product.sql(
        f"SELECT run_id, status FROM runs WHERE run_id IN ({listed}) ORDER BY created_at, run_id"
    )
    results = int(product.sql(f"SELECT COUNT(*) FROM results WHERE run_id IN ({listed})")[0][0])
    assert set(ids) <= watcher.handed.keys()
    late = overtaken(watcher.handed, [run_id for run_id, _ in rows])
    slowest = sorted(watcher.answers)[int(len(watcher.answers) * 0.95)]
    record_property("seen", (
        f"{RUNS} runs accepted in {accepted:.1f} s, all ended after {ended:.0f} s ({RUNS / ended * 60:.0f} a minute on this "
        f"node, at most {watcher.most} at once); {late} overtaken; the list of runs answered in "
        f"{statistics.median(watcher.answers) * 1000:.0f} ms (median), {slowest * 1000:.0f} ms (p95)"
    ))  # fmt: skip
    assert len(set(ids)) == len(rows) == results == RUNS
    assert {status for _, status in rows} == {"SUCCEEDED"}
    assert late == 0
    assert watcher.most <= 2 * LIMIT  # the database counts a run as done before Argo has put its pod away
    assert watcher.problems == []
    assert {app: restarts(cluster, app) for app in restarted} == restarted
    assert not memory_was_short(cluster)
    until(lambda: not set(ids) & runs_of(cluster.workflows(app="backtest")), 180, "no workflow left")
    until(lambda: not set(ids) & owners(store.artifacts()), 180, "no artifact is left")


def runs_of(workflows):
    return {each["metadata"]["labels"]["run_id"] for each in workflows}


def owners(artifacts):
    """The runs of artifacts, whose keys begin with bucket, namespace and workflow."""
    return {key.split("/")[2].removeprefix("bt-") for key in artifacts}


def overtaken(handed, created):
    """How many waiting runs saw a younger one go first that did not fit beside them."""
    place = {run_id: number for number, run_id in enumerate(created)}
    newest, count = -1, 0
    for run_id in sorted(place, key=lambda run_id: (handed[run_id], place[run_id])):
        count += place[run_id] < newest - LIMIT
        newest = max(newest, place[run_id])
    return count
