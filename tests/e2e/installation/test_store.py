"""The artifact store of k8s/artifact-store, by the guide's commands, in a namespace of the test's own."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.docs import guide
from tests.e2e.harness.cluster import run, until
from tests.e2e.harness.guide_installation import GuideInstallation, load, overlay

NAMESPACE = "sbt-store"
"""The cluster under test has a store of its own in `object-store`."""
GATEWAY = "ghcr.io/versity/versitygw:v1.8.0"

PATIENCE = ["--retry", "60", "--retry-delay", "1", "--retry-all-errors"]
UNSIGNED = "x-amz-content-sha256: UNSIGNED-PAYLOAD"
"""S3 wants it; a curl of before 8 does not add it by itself."""


def stand_in() -> bool:
    """Where the gateway's program is at hand, make an image of it for a cluster that reaches no registry."""
    program = shutil.which("versitygw")
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(program, folder)
        (Path(folder) / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY versitygw /usr/local/bin/\n")
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", GATEWAY, folder], check=True, stdout=subprocess.DEVNULL
        )
    load(GATEWAY)
    return True


class Store:
    """A bucket as a client of S3 sees it."""

    def __init__(self, address: str, keys: str) -> None:
        self._address, self._keys = address, keys

    def seen_by(self, keys: str) -> "Store":
        """The same bucket with another account."""
        return Store(self._address, keys)

    def __call__(self, method: str, name: str, *, content: str = "", signed: bool = True) -> tuple[int, str]:
        """Status and body of one request."""
        who = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", self._keys, "-H", UNSIGNED] if signed else []
        what = ["--data-binary", content] if content else []
        said = run(
            "curl",
            "-sS",
            *PATIENCE,
            "-X",
            method,
            *who,
            *what,
            "-w",
            "\n%{http_code}",
            f"{self._address}/artifacts/{name}",
        )
        body, _, status = said.rpartition("\n")
        return int(status), body


@pytest.fixture(scope="module")
def store(guide_installation: GuideInstallation):
    """The store, made by the very commands of the guide but for the namespace and the place of the image."""
    run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
    images = [{"name": GATEWAY.partition(":")[0], "newTag": GATEWAY.partition(":")[2]}] if stand_in() else []
    overlay(
        guide_installation.folder / "store",
        namespace=NAMESPACE,
        resources=["../k8s/artifact-store"],
        images=images,
    )
    (commands,) = guide.commands("store")

    commands = commands.replace("object-store", NAMESPACE).replace("k8s/artifact-store", "store")
    guide_installation.shell.run(f"KEPT=$S3_ACCESS_KEY:$S3_SECRET_KEY\n{commands}")

    keys = guide_installation.shell.run(
        "echo $S3_ACCESS_KEY:$S3_SECRET_KEY; S3_ACCESS_KEY=${KEPT%%:*} S3_SECRET_KEY=${KEPT#*:}\n"
    )
    address = run("kubectl", "-n", NAMESPACE, "get", "service", "s3", "-o", "jsonpath={.spec.clusterIP}")
    yield Store(f"http://{address}:7070", keys.strip())
    run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=180s", seconds=200)


def test_an_artifact_is_kept_found_and_deleted_by_the_account_of_the_secret(store):
    assert store("PUT", "some/run.tgz", content="a result") == (200, "")
    assert store("GET", "some/run.tgz") == (200, "a result")
    assert store("DELETE", "some/run.tgz")[0] == 204
    assert store("GET", "some/run.tgz")[0] == 404


def test_nobody_else_reads_or_writes(store):
    store("PUT", "some/secret.tgz", content="a result")

    answers = [
        store("GET", "some/secret.tgz", signed=False)[0],
        store("PUT", "other", content="x", signed=False)[0],
    ]

    assert answers == [403, 403]


def test_an_account_of_another_environment_reaches_nothing_of_this_one(store):
    store("PUT", "some/own.tgz", content="a result")
    admin = (
        'versitygw admin --access "$ROOT_ACCESS_KEY" --secret "$ROOT_SECRET_KEY" '
        "--endpoint-url http://127.0.0.1:7070 create-user --access other --secret others-secret --role user"
    )
    run("kubectl", "-n", NAMESPACE, "exec", "s3-0", "-c", "s3", "--", "sh", "-ec", admin)
    other = store.seen_by("other:others-secret")

    answers = [
        other("GET", "some/own.tgz")[0],
        other("PUT", "some/own.tgz", content="forged")[0],
        other("DELETE", "some/own.tgz")[0],
    ]

    assert answers == [403, 403, 403]
    assert store("GET", "some/own.tgz") == (200, "a result")


def test_an_artifact_outlives_the_pod(store):
    store("PUT", "some/kept.tgz", content="a result")

    run("kubectl", "-n", NAMESPACE, "delete", "pod", "s3-0", "--wait")
    run("kubectl", "-n", NAMESPACE, "rollout", "status", "statefulset/s3", "--timeout=120s")

    until(
        lambda: store("GET", "some/kept.tgz") == (200, "a result"),
        120,
        "the artifact is there again",
        pause=1,
    )


def test_what_nobody_deleted_goes_after_two_days_and_what_is_younger_stays(store):
    sweeper = ["kubectl", "-n", NAMESPACE, "exec", "s3-0", "-c", "sweeper", "--"]
    store("PUT", "old/run.tgz", content="a result")
    store("PUT", "new/run.tgz", content="a result")
    run(*sweeper, "touch", "-d", "3 days ago", "/data/artifacts/old/run.tgz", "/data/artifacts/old")
    script = run("kubectl", "-n", NAMESPACE, "get", "statefulset", "s3", "-o",
                 'jsonpath={.spec.template.spec.containers[?(@.name=="sweeper")].args[0]}')  # fmt: skip

    once = script.replace("sleep 3600 & wait", "exit 0")
    run(*sweeper, "sh", "-ec", once)

    assert once != script
    assert store("GET", "old/run.tgz")[0] == 404
    assert store("GET", "new/run.tgz") == (200, "a result")
