"""The Job in which a release waits for its schema, on a database of the test's own beside the record."""

import json

import pytest

from tests.e2e.cluster import until
from tests.e2e.guided import IMAGE, NAMESPACE, Guided, overlay
from tests.k8s.manifests import named, render

DATABASE, READER = "schema_gate", "schema_gate_reader"
"""The reader too: an account that reads prices is given the rights of one record and no other."""


@pytest.fixture
def product(guided: Guided):
    """The product, with an empty database that its account may fill."""
    product = guided.product()
    product.sql(f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}")
    product.sql(f"GRANT ALL ON {DATABASE}.* TO stock_backtest")
    yield product
    guided.cluster.kubectl("delete", "jobs", "-l", "app=schema-gate")
    product.sql(f"DROP DATABASE {DATABASE}; DROP USER IF EXISTS {READER}")
    product.close()


def start(guided: Guided, *components: str, name: str) -> None:
    """The Job as an environment with these components gets it, under a name of its own, for that database."""
    folder = overlay(
        guided.folder / name,
        namespace=NAMESPACE,
        components=[f"../k8s/components/{each}" for each in components],
        images=[{"name": "stock-backtest", "newTag": IMAGE.partition(":")[2]}],
    )
    (job,) = named(render(folder), "Job").values()
    pod = job["spec"]["template"]["spec"]
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = {"DB_NAME": DATABASE} | ({"READER_USER": READER} if container["name"] == "reader" else {})
        kept = [each for each in container["env"] if each["name"] not in own]
        container["env"] = kept + [{"name": name, "value": value} for name, value in own.items()]
    job["metadata"]["name"] = name
    guided.cluster.kubectl("create", "-f", "-", stdin=json.dumps(job))


def ended(guided: Guided, name: str) -> bool:
    job = guided.cluster.get(f"apis/batch/v1/namespaces/{NAMESPACE}/jobs/{name}")
    return bool(job["status"].get("succeeded"))


def waits(guided: Guided, name: str) -> bool:
    return "schema is at nothing, this release needs" in guided.cluster.kubectl(
        "logs", f"job/{name}", "--tail=5"
    )


def test_it_waits_while_nobody_migrates_and_ends_once_somebody_did(guided, product, record_property):
    start(guided, "schema-gate", name="gate-of-prod")
    until(
        lambda: started(guided, "gate-of-prod") and waits(guided, "gate-of-prod"),
        90,
        "the gate waits",
        pause=1,
    )
    assert not ended(guided, "gate-of-prod")

    start(guided, "schema-gate", "automatic-migration", name="gate-of-dev")

    until(lambda: ended(guided, "gate-of-dev"), 120, "the gate of dev has migrated", pause=1)
    until(lambda: ended(guided, "gate-of-prod"), 60, "the gate of prod has seen it", pause=1)
    tables = {row[0] for row in product.sql(f"SHOW TABLES FROM {DATABASE}")}
    assert tables >= {"runs", "results", "trades", "datasets"}
    record_property("seen", f"{len(tables)} tables")


def started(guided: Guided, name: str) -> bool:
    pods = guided.cluster.pods(**{"job-name": name})
    return any(pod["status"]["phase"] == "Running" for pod in pods)
