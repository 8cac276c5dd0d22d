"""An environment that is made by the operations guide itself: its commands, in its order, in one shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.docs import guide
from tests.e2e.harness.cluster import Cluster, run
from tests.e2e.harness.installation import load, store_keys
from tests.e2e.harness.product import Product

NAMESPACE = "stock-backtest"
IMAGE = "stock-backtest:dev"
_MADE_HERE = "stock-backtest/made-by=e2e"


class Shell:
    """A shell as an operator has it open: variables and background jobs stay from command to command."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            ["bash", "-euo", "pipefail"], cwd=folder, env=os.environ | environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.run("trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n")

    def run(self, commands: str, *, seconds: int = 600) -> str:
        """The output of the commands; the first that fails ends the shell and is the error."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as script:
            script.write(guide.checked(commands))
            script.flush()
            late = threading.Timer(seconds, self._process.kill)
            late.start()
            try:
                return self._source(script.name)
            finally:
                late.cancel()

    def close(self) -> None:
        """End the shell, and with it what it left in the background."""
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=60)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _source(self, path: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"source {path} < /dev/null; echo '<<done>>'\n")
        self._process.stdin.flush()
        output = []
        for line in self._process.stdout:
            if line.strip() == "<<done>>":
                return "".join(output)
            output.append(line)
        raise AssertionError("the guide's commands failed:\n" + "".join(output))


class GuideInstallation:
    """A clone of this repository, a shell in it, and the environment that the guide makes with both."""

    def __init__(self) -> None:
        self.cluster = Cluster(NAMESPACE)
        self.folder = Path(tempfile.mkdtemp(prefix="stock-backtest-"))
        run("git", "clone", "--quiet", str(guide.ROOT), str(self.folder))
        run("git", "-C", str(self.folder), "config", "user.name", "operator")
        run("git", "-C", str(self.folder), "config", "user.email", "operator@example.org")
        keys = store_keys()
        self.shell = Shell(self.folder, S3_ACCESS_KEY=keys["accesskey"], S3_SECRET_KEY=keys["secretkey"])

    @property
    def installed(self) -> bool:
        """Whether an environment of an earlier session is there."""
        return self._made_here(self.cluster.get(f"api/v1/namespaces/{NAMESPACE}"))

    def take_up(self) -> None:
        """Go on with that one, in a new shell."""
        self.shell.run(f"N={NAMESPACE}\n")

    def install(self) -> None:
        """Chapter 5: image and environment; one that these tests did not make is left alone."""
        self._refuse_what_is_not_ours()
        self.cluster.remove()
        self.shell.run(*guide.chapter(5, "docker"))
        load(IMAGE, "mysql:9")
        for commands in guide.chapter(5, "cluster"):
            self.shell.run(commands)
            if self.cluster.exists():
                run("kubectl", "annotate", "--overwrite", "namespace", NAMESPACE, _MADE_HERE)

    def product(self) -> Product:
        """The product that was installed."""
        password = self.cluster.kubectl("get", "secret", "mysql-secret", "-o",
                                        "go-template={{index .data \"DB_PASSWORD\" | base64decode}}")  # fmt: skip
        return Product(self.cluster, password)

    def close(self) -> None:
        """End what was begun on this machine."""
        self.shell.close()
        self.cluster.close()
        shutil.rmtree(self.folder)

    def _refuse_what_is_not_ours(self) -> None:
        there = self.cluster.get(f"api/v1/namespaces/{NAMESPACE}")
        if there and not self._made_here(there):
            raise RuntimeError(
                f"the cluster has a namespace {NAMESPACE} that these tests did not make; "
                "they install the guide's environment and remove it again: use another cluster"
            )

    @staticmethod
    def _made_here(namespace: dict[str, Any]) -> bool:
        name, _, value = _MADE_HERE.partition("=")
        return bool(namespace) and namespace["metadata"].get("annotations", {}).get(name) == value


def overlay(folder: Path, **kustomization: object) -> Path:
    """Write a kustomization of the test's own."""
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(head | kustomization), encoding="utf-8")
    return folder
