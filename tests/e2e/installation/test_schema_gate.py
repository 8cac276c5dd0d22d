"""The Job in which a release waits for its schema, on a database of the test's own."""

import json

import pytest

from tests.e2e.harness.cluster import until
from tests.e2e.harness.guide_installation import IMAGE, NAMESPACE, GuideInstallation, overlay
from tests.k8s.manifests import named, render

DATABASE, READER = "schema_gate", "schema_gate_reader"
"""The reader too: an account that reads prices is given the rights of one database and no other."""


@pytest.fixture
def product(guide_installation: GuideInstallation):
    """The product, with an empty database that its account may fill."""
    product = guide_installation.product()
    product.sql(f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}")
    product.sql(f"GRANT ALL ON {DATABASE}.* TO stock_backtest")
    yield product
    guide_installation.cluster.kubectl("delete", "jobs", "-l", "app=schema-gate")
    product.sql(f"DROP DATABASE {DATABASE}; DROP USER IF EXISTS {READER}")
    product.close()


def start(guide_installation: GuideInstallation, *components: str, name: str) -> None:
    """The Job as an environment with these components gets it, under a name of its own, for that database."""
    folder = overlay(
        guide_installation.folder / name,
        namespace=NAMESPACE,
        components=[f"../k8s/components/{each}" for each in components],
        images=[{"name": "stock-backtest", "newTag": IMAGE.partition(":")[2]}],
    )
    (job,) = named(render(folder), "Job").values()
    pod = job["spec"]["template"]["spec"]
    for container in pod.get("initContainers", []) + pod["containers"]:
        takes = {each["name"] for each in container["env"]}
        own = {"DB_NAME": DATABASE} | ({"READER_USER": READER} if "READER_USER" in takes else {})
        kept = [each for each in container["env"] if each["name"] not in own]
        container["env"] = kept + [{"name": name, "value": value} for name, value in own.items()]
    job["metadata"]["name"] = name
    guide_installation.cluster.kubectl("create", "-f", "-", stdin=json.dumps(job))


def ended(guide_installation: GuideInstallation, name: str) -> bool:
    job = guide_installation.cluster.get(f"apis/batch/v1/namespaces/{NAMESPACE}/jobs/{name}")
    return bool(job["status"].get("succeeded"))


def waits(guide_installation: GuideInstallation, name: str) -> bool:
    return "schema is at nothing, this release needs" in guide_installation.cluster.kubectl(
        "logs", f"job/{name}", "--tail=5"
    )


def test_it_waits_until_the_schema_is_migrated(guide_installation, product, record_property):
    start(guide_installation, "schema-gate", name="gate-of-prod")
    until(
        lambda: started(guide_installation, "gate-of-prod") and waits(guide_installation, "gate-of-prod"),
        90,
        "the gate waits",
        pause=1,
    )
    assert not ended(guide_installation, "gate-of-prod")

    start(guide_installation, "schema-gate", "automatic-migration", name="gate-of-dev")

    until(lambda: ended(guide_installation, "gate-of-dev"), 120, "the gate of dev has migrated", pause=1)
    until(lambda: ended(guide_installation, "gate-of-prod"), 180, "the gate of prod has seen it", pause=1)
    tables = {row[0] for row in product.sql(f"SHOW TABLES FROM {DATABASE}")}
    assert tables >= {"runs", "results", "trades", "datasets"}
    record_property("seen", f"{len(tables)} tables")


def started(guide_installation: GuideInstallation, name: str) -> bool:
    pods = guide_installation.cluster.pods(**{"job-name": name})
    return any(pod["status"]["phase"] == "Running" for pod in pods)
