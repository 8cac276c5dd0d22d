"""A repository that this machine serves, an Argo CD that follows it, and the environments that it brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pyarrow import fs

from tests.docs import guide
from tests.e2e.harness.cluster import Cluster, run, until
from tests.e2e.harness.guide_installation import Shell
from tests.e2e.harness.installation import LOADER, load, store_keys
from tests.k8s.manifests import IMAGE, K8S, REPOSITORY, kustomization

NAME = "stock-backtest-e2e"
GIT = f"git://10.244.0.1/{NAME}.git"
ENVIRONMENTS = {"dev": "stock-backtest-dev", "staging": "stock-backtest-staging", "prod": "stock-backtest"}
APPLICATIONS = "apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
CTR = ("ctr", "--address", "/run/sbt-cluster/containerd.sock", "--namespace", "k8s.io")
_DEFINITIONS = {"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule", "probes": "Probe"}
_MINE = "stock-backtest/made-by=argocd-e2e"
_HEALTHY = 'return {status = "Healthy", message = "stand-in"}'


class Gitops:
    """Installs by the guide's commands, and commits and pushes as the pipelines do."""

    def __init__(self) -> None:
        self.argocd = Cluster("argocd")
        self.folder = Path(tempfile.mkdtemp(prefix="stock-backtest-gitops-"))
        self.places = {name: Cluster(namespace) for name, namespace in ENVIRONMENTS.items()}
        self._shell: Shell | None = None
        self.images: dict[str, str] = {}

    # Git

    def git(self, *arguments: str) -> str:
        return run("git", "-C", str(self.folder), *arguments).strip()

    def clone(self) -> None:
        """This checkout, with the address of the served repository and without what the cluster has already."""
        run("git", "clone", "--quiet", str(guide.ROOT), str(self.folder))
        self.git("switch", "--quiet", "--force-create", "main")
        self.git("config", "user.name", "operator")
        self.git("config", "user.email", "operator@example.org")
        for path in (self.folder / "argocd").glob("*.yaml"):
            text = path.read_text(encoding="utf-8").replace(f"{REPOSITORY}.git", GIT)
            path.write_text(
                text.replace("{project,argo-workflows,artifact-store,", "{project,"), encoding="utf-8"
            )
        self.commit("Serve from this machine; Argo Workflows and the S3 store are there")

    def commit(self, message: str) -> str:
        """Commit everything and push; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.push()

    def push(self) -> str:
        subprocess.run([LOADER, "git", NAME, self.folder], check=True)
        return self.git("rev-parse", "HEAD")

    # Images

    def build(self, revision: str, *, lines: str = "") -> str:
        """The image of a commit in the cluster's node; its digest. The first is built, the others are made of it."""
        name = f"{IMAGE}:{revision[:7]}"
        if not self.images:
            command, text = ["docker", "build", "--quiet", "--network=host", "-t", name, "."], None
        else:
            first = next(iter(self.images))
            command, text = (
                ["docker", "build", "--quiet", "-t", name, "-f", "-", "."],
                f"FROM {IMAGE}:{first[:7]}\nUSER 0\n{lines}USER 10001:10001\n",
            )
            text += f"ENV IMAGE_TAG={revision[:7]}\n"
        if os.environ.get("ARGOCD_E2E_IMAGE") and not self.images:
            run("docker", "tag", os.environ["ARGOCD_E2E_IMAGE"], name)
        else:
            subprocess.run(command, input=text, text=True, cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                           env=os.environ | {"DOCKER_BUILDKIT": "0"})  # fmt: skip
        load(name)
        self.images[revision] = _content_of(name)
        return self.images[revision]

    def release(self, revision: str, *, lines: str = "") -> None:
        """What ci.yaml does after a merge: build the image of the commit, and hand it to dev."""
        digest = self.build(revision, lines=lines)
        run_in(self.folder, "release", "--revision", revision, "--digest", digest)
        self.push()
        self.refresh()

    def promote(self, source: str, target: str, *more: str, **environment: str) -> None:
        """What promote.yaml does, merged."""
        run_in(self.folder, "promote", "--from", source, "--to", target, *more, **environment)
        self.push()
        self.refresh()

    # Argo CD

    def install(self) -> None:
        """Everything before the first release: definitions, namespaces, secrets, and the root application."""
        self._refuse_what_is_not_ours()
        self.clone()
        subprocess.run([LOADER, "argocd"], check=True)
        self._stand_ins()
        for block in guide.chapter(5, "cluster"):
            if block.startswith("kubectl -n argo "):
                self.shell.run(block)  # certificate and settings of Argo Workflows
        for namespace in ENVIRONMENTS.values():
            self._secrets(namespace)
            _bucket(namespace)
        block = guide.chapter(10, "cloud")[0].replace("argocd app get stock-backtest-dev\n", "")
        self.shell.run(block)

    @property
    def shell(self) -> Shell:
        """A shell in the clone."""
        if self._shell is None:
            keys = store_keys()
            self._shell = Shell(self.folder, S3_ACCESS_KEY=keys["accesskey"], S3_SECRET_KEY=keys["secretkey"],
                                WEBHOOK_URL="http://127.0.0.1:9", STATUS_TOKEN="none")  # fmt: skip
        return self._shell

    def application(self, environment: str) -> dict[str, Any]:
        return self.argocd.get(f"{APPLICATIONS}/stock-backtest-{environment}")

    def status(self, environment: str) -> dict[str, Any]:
        return dict(self.application(environment).get("status", {}))

    def state(self, environment: str) -> tuple[str, str, str]:
        """Sync, health and revision of an environment."""
        status = self.status(environment)
        sync = status.get("sync", {})
        return sync.get("status", ""), status.get("health", {}).get("status", ""), sync.get("revision", "")

    def verified(self, environment: str, revision: str) -> bool:
        """Synced, Healthy, and the last whole sync of that commit succeeded."""
        history = self.status(environment).get("history") or [{}]
        done = self.status(environment).get("operationState", {}).get("phase") == "Succeeded"
        return (
            done
            and self.state(environment) == ("Synced", "Healthy", revision)
            and history[-1].get("revision") == revision
        )

    def until_verified(self, environment: str, revision: str, seconds: float = 600) -> float:
        began = time.monotonic()
        until(
            lambda: self.verified(environment, revision),
            seconds,
            f"{environment} verified at {revision[:7]}",
            pause=1,
        )
        return time.monotonic() - began

    def refresh(self) -> None:
        """Look at the repository now, as a webhook of it would have Argo CD do."""
        for kind, name, key in (
            ("applicationset", "stock-backtest", "argocd.argoproj.io/application-set-refresh=true"),
            ("application", "stock-backtest", "argocd.argoproj.io/refresh=hard"),
        ):
            subprocess.run(["kubectl", "-n", "argocd", "annotate", "--overwrite", kind, name, key], check=False,
                           capture_output=True)  # fmt: skip

    def token(self, namespace: str) -> None:
        """The token of the golden run, by the guide's command."""
        (block,) = (text for text in guide.chapter(10, "cloud") if "golden-run-token" in text)
        head, _, rest = block.partition("\n")
        assert head.startswith("for N in")
        self.shell.run(f"for N in {namespace}; do\n{rest}")

    def remove(self) -> None:
        """Everything that was made here; Argo CD itself stays."""
        for kind in ("applicationset/stock-backtest", "application/stock-backtest"):
            subprocess.run(["kubectl", "-n", "argocd", "delete", kind, "--ignore-not-found"], check=False)
        for place in self.places.values():
            self._let_go_of_hooks(place)
            place.remove()
            subprocess.run(
                ["kubectl", "delete", "namespace", place.namespace, "--ignore-not-found"], check=False
            )
        for plural in _DEFINITIONS:
            subprocess.run(
                ["kubectl", "delete", "crd", f"{plural}.monitoring.coreos.com", "--ignore-not-found"],
                check=False,
            )

    def _let_go_of_hooks(self, place: Cluster) -> None:
        """Take the finalizer off the Jobs of hooks: no Application is there any more for which Argo CD would."""
        jobs = place.get(f"apis/batch/v1/namespaces/{place.namespace}/jobs").get("items", [])
        for job in jobs:
            if job["metadata"].get("finalizers"):
                place.kubectl(
                    "patch", "job", job["metadata"]["name"], "--type=merge",
                    "-p", '{"metadata": {"finalizers": null}}',
                )  # fmt: skip

    def close(self) -> None:
        if self._shell is not None:
            self._shell.close()
        for cluster in (self.argocd, *self.places.values()):
            cluster.close()

    def _refuse_what_is_not_ours(self) -> None:
        for place in self.places.values():
            found = self.argocd.get(f"api/v1/namespaces/{place.namespace}")
            notes = found.get("metadata", {}).get("annotations", {})
            if found and _MINE.partition("=")[0] not in notes:
                raise RuntimeError(
                    f"the namespace {place.namespace} is not of these tests; use another cluster"
                )

    def _secrets(self, namespace: str) -> None:
        (block,) = (text for text in guide.chapter(5, "cluster") if "for account in" in text)
        self.shell.run(block.replace("N=stock-backtest\n", f"N={namespace}\n"))
        run("kubectl", "annotate", "namespace", namespace, _MINE)

    def _stand_ins(self) -> None:
        """What this cluster lacks: definitions of monitoring, an Ingress controller, metrics; and MySQL's image."""
        definitions = [_definition(plural, kind) for plural, kind in _DEFINITIONS.items()]
        run(
            "kubectl",
            "apply",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}),
        )
        health = "resource.customizations.health."
        stand_in = {
            f"{health}networking.k8s.io_Ingress": _HEALTHY,
            f"{health}autoscaling_HorizontalPodAutoscaler": _HEALTHY,
        }
        run(
            "kubectl",
            "-n",
            "argocd",
            "patch",
            "configmap",
            "argocd-cm",
            "--type=merge",
            "-p",
            json.dumps({"data": stand_in}),
        )
        (pinned,) = kustomization(K8S / "components" / "pinned-images")["images"]
        load("mysql:9")
        run(
            *CTR,
            "images",
            "tag",
            "--force",
            "docker.io/library/mysql:9",
            f"docker.io/library/mysql@{pinned['digest']}",
        )


def run_in(folder: Path, *arguments: str, **environment: str) -> str:
    """`python -m argocd.promote` in the clone; its error is the exception."""
    done = subprocess.run(
        [sys.executable, "-m", "argocd.promote", *arguments], cwd=folder,
        env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _content_of(name: str) -> str:
    """The digest of an image in the node, under which a pod can then name it."""
    (line,) = (each for each in run(*CTR, "images", "ls").splitlines() if each.startswith(f"{name} "))
    digest = line.split()[2]
    run(*CTR, "images", "tag", "--force", name, f"{name.rpartition(':')[0]}@{digest}")
    return digest


def _bucket(name: str) -> None:
    keys = store_keys()
    store = fs.S3FileSystem(access_key=keys["accesskey"], secret_key=keys["secretkey"], scheme="http",
                            endpoint_override="10.244.0.1:7070", region="us-east-1",
                            allow_bucket_creation=True)  # fmt: skip
    store.create_dir(name)


def _definition(plural: str, kind: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com", "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }  # fmt: skip
