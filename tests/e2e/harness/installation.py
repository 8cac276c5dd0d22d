"""The environment of the tests: built, installed as the operations guide does it, and removed again."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.e2e.harness.cluster import Cluster, run

ROOT = Path(__file__).parents[3]
NAMESPACE = "sbt-e2e"
IMAGE = "stock-backtest:e2e"
ARGO = "argo"
LOADER = ROOT.parent / "shared" / "cluster" / "cluster"
"""Copies images from docker into a cluster of one machine; E2E_LOAD names another program."""
STORE_SERVICE = ("object-store", "s3")
STORE_KEYS = {"accesskey": "sbt-artifacts", "secretkey": "sbt-artifacts-local-only"}
"""Those of the cluster's store; E2E_S3_ACCESS_KEY and E2E_S3_SECRET_KEY name others."""


class Installation:
    """The environment of the overlay beside this module, in a namespace of its own."""

    def __init__(self) -> None:
        self.cluster = Cluster(NAMESPACE)
        self.passwords = {
            name: secrets.token_hex(16)
            for name in ("web-secret", "migration-secret", "engine-secret", "mysql-secret")
        }

    @property
    def installed(self) -> bool:
        """Whether an environment is there already; its passwords are then read from it."""
        found = [self.cluster.get(f"api/v1/namespaces/{NAMESPACE}/secrets/{name}") for name in self.passwords]
        for secret in filter(None, found):
            password = base64.b64decode(secret["data"]["DB_PASSWORD"]).decode()
            self.passwords[secret["metadata"]["name"]] = password
        return all(found)

    def take_up(self) -> None:
        """Go on with that one: `installed` has read its passwords."""

    def install(self) -> None:
        """Image, Argo's settings, namespace, secrets, manifests, schema, prices."""
        self._image()
        self._argo()
        self.cluster.remove()
        self._secrets()
        self.cluster.kubectl("apply", "-k", str(ROOT / "tests/e2e/harness/overlay"))
        self.store_addresses()
        self.cluster.ready("statefulset/mysql")
        migration = self.cluster.submit("db-migrate")
        self.cluster.argo("wait", migration, seconds=240)
        self.cluster.ready("deployment/web")
        self.cluster.ready("deployment/dispatcher")
        self._prices()

    def close(self) -> None:
        """End what talks to the cluster."""
        self.cluster.close()

    def _image(self) -> None:
        if os.environ.get("E2E_BUILD", "yes") == "no":
            return
        commit = run("git", "-C", str(ROOT), "rev-parse", "--short=7", "HEAD").strip()
        environment = os.environ | {"DOCKER_BUILDKIT": "0"}
        subprocess.run(
            ["docker", "build", "--quiet", "--network=host", "--build-arg", f"IMAGE_TAG={commit}", "-t", IMAGE, "."],
            cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        load(IMAGE, "mysql:9")

    def _argo(self) -> None:
        """Argo with the settings that its own manifests ask for, and a certificate that we can check."""
        if not _exists("secret", "argo-server-tls"):
            _make_certificate()
        if not self._argo_is_configured():
            with argo_alone():
                self.configure_argo()

    def _argo_is_configured(self) -> bool:
        return all("no change" in _patch_argo(*patch, "--dry-run=server") for patch in _argo_patches())

    def configure_argo(self) -> None:
        """Give Argo's programs the settings of `argocd/argo-workflows.yaml`."""
        for target, change in _argo_patches():
            _patch_argo(target, change)
        run(
            "kubectl", "-n", ARGO, "rollout", "restart", "deployment"
        )  # they read the ConfigMap at their start
        for name in ("argo-server", "workflow-controller"):
            run("kubectl", "-n", ARGO, "rollout", "status", f"deployment/{name}", "--timeout=120s")

    def _secrets(self) -> None:
        run("kubectl", "create", "namespace", NAMESPACE)
        users = {
            "web-secret": "stock_backtest",
            "migration-secret": "migration",
            "engine-secret": "engine",
            "mysql-secret": "root",
        }
        for name, user in users.items():
            self.cluster.kubectl("create", "secret", "generic", name, f"--from-literal=DB_USER={user}",
                                 f"--from-literal=DB_PASSWORD={self.passwords[name]}")  # fmt: skip
        self.cluster.kubectl("create", "secret", "generic", "artifact-store",
                             *(f"--from-literal={key}={value}" for key, value in store_keys().items()))  # fmt: skip
        authority = run("kubectl", "-n", ARGO, "get", "secret", "argo-server-tls", "-o",
                        r"go-template={{index .data \"tls.crt\" | base64decode}}".replace("\\", ""))  # fmt: skip
        self.cluster.kubectl("create", "configmap", "argo-server-ca", f"--from-literal=ca.crt={authority}")

    def store_addresses(self) -> None:
        """Our name of the artifact store leads to it; see `take_store_away`."""
        namespace, service = STORE_SERVICE
        slices = json.loads(run("kubectl", "-n", namespace, "get", "endpointslices", "-o", "json", "-l",
                                f"kubernetes.io/service-name={service}"))["items"]  # fmt: skip
        copy = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "artifact-store",
                "labels": {"kubernetes.io/service-name": "artifact-store"},
            },
            "addressType": "IPv4",
            "ports": [{"port": slices[0]["ports"][0]["port"]}],
            "endpoints": [{"addresses": end["addresses"]} for one in slices for end in one["endpoints"]],
        }
        self.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(copy))

    def take_store_away(self) -> None:
        """From now on every connection to the artifact store is refused."""
        self.cluster.kubectl("delete", "endpointslice", "artifact-store")

    def _prices(self) -> None:
        for name in ("GOOG", "NASDAQ", "SP500"):
            self.cluster.kubectl("exec", "deployment/web", "--", "python", "-m", "store", "import",
                                 f"backtest/samples/{name}.csv", "--symbol", name)  # fmt: skip


def load(*images: str) -> None:
    """Copy images from docker into the cluster's nodes; E2E_LOAD names the program that does it."""
    loader = os.environ.get("E2E_LOAD") or (f"{LOADER} load" if LOADER.exists() else "")
    if loader:
        subprocess.run([*loader.split(), *images], check=True)


def store_keys() -> dict[str, str]:
    """The account of the artifact store."""
    return {
        "accesskey": os.environ.get("E2E_S3_ACCESS_KEY", STORE_KEYS["accesskey"]),
        "secretkey": os.environ.get("E2E_S3_SECRET_KEY", STORE_KEYS["secretkey"]),
    }


@contextmanager
def argo_alone() -> Iterator[None]:
    """Argo itself is stopped or changed inside of the block; E2E_LOCK names a file where several share a cluster."""
    with ExitStack() as held:
        if path := os.environ.get("E2E_LOCK"):
            fcntl.flock(held.enter_context(open(path, "a", encoding="utf-8")), fcntl.LOCK_EX)
        yield


def _argo_patches() -> list[tuple[str, str]]:
    """The objects of Argo and how ours differ from them."""
    application = yaml.safe_load((ROOT / "argocd" / "argo-workflows.yaml").read_text(encoding="utf-8"))
    return [
        (
            f"{patch['target']['kind'].lower()}/{patch['target']['name']}",
            json.dumps(yaml.safe_load(patch["patch"])),
        )
        for patch in application["spec"]["source"]["kustomize"]["patches"]
    ]


def _patch_argo(target: str, change: str, *more: str) -> str:
    return run("kubectl", "-n", ARGO, "patch", target, "--type=json", "-p", change, *more)


def _exists(kind: str, name: str) -> bool:
    asked = subprocess.run(["kubectl", "-n", ARGO, "get", kind, name], capture_output=True, check=False)
    return asked.returncode == 0


def _make_certificate() -> None:
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/tls.key", f"{folder}/tls.crt"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "825", "-keyout", key,
            "-out", certificate, "-subj", "/CN=argo-server.argo",
            "-addext", "subjectAltName=DNS:argo-server.argo,DNS:argo-server.argo.svc")  # fmt: skip
        run("kubectl", "-n", ARGO, "create", "secret", "tls", "argo-server-tls",
            f"--cert={certificate}", f"--key={key}")  # fmt: skip
