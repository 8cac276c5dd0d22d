"""What a cluster gets from k8s: each overlay rendered by kubectl, which the development environment brings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
ENVIRONMENTS = ("dev", "staging", "prod")
OVERLAYS = (*ENVIRONMENTS, "local")
SIGNED_IN = "signed-in"
"""Prod, where people sign in and MySQL speaks TLS."""
STORE = K8S / "artifact-store"
FOLDERS = (*(K8S / "overlays" / name for name in OVERLAYS), ROOT / "tests" / "k8s" / SIGNED_IN, STORE)
OWNER = re.findall(r"github\.com/([\w.-]+)/", (ROOT / "argocd" / "root.yaml").read_text(encoding="utf-8"))[0]
REPOSITORY = f"https://github.com/{OWNER}/stock-backtest"
IMAGE = f"ghcr.io/{OWNER}/stock-backtest"
KUBECTL = Path(sys.executable).with_name("kubectl")


@cache
def render(folder):
    """Every object of a kustomization; what kubectl says is the error."""
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def overlay(name):
    if name in ENVIRONMENTS:
        return released(name)
    return render(ROOT / "tests" / "k8s" / name if name == SIGNED_IN else K8S / "overlays" / name)


def release(environment):
    """What the file of an environment says."""
    text = (ROOT / "argocd" / "releases" / f"{environment}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def released(environment):
    """An environment as Argo CD renders it: its overlay with the image of its release."""
    moved = release(environment)
    image = {"name": "stock-backtest", "newName": IMAGE}
    image |= {"newTag": moved["tag"], "digest": moved["digest"]}
    with tempfile.TemporaryDirectory() as folder:
        text = {"resources": [os.path.relpath(K8S / "overlays" / environment, folder)], "images": [image]}
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
        return render(Path(folder))


def kustomization(folder):
    return yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))


def named(objects, kind):
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def title(manifest):
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def pods(manifest):
    """Every pod spec inside of an object of Kubernetes' own."""
    spec = manifest.get("spec", {})
    if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
        yield spec["template"]["spec"]
    elif manifest["kind"] == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]["spec"]


def workflow_spec(manifest):
    """The workflow inside of a WorkflowTemplate or a CronWorkflow; nothing in any other object."""
    if manifest["kind"] == "WorkflowTemplate":
        return manifest["spec"]
    return manifest["spec"]["workflowSpec"] if manifest["kind"] == "CronWorkflow" else {}


def containers(manifest):
    """Every container, the steps of workflows too."""
    for pod in pods(manifest):
        yield from pod.get("initContainers", ())
        yield from pod["containers"]
    for part in workflow_spec(manifest).get("templates", ()):
        yield from (part[kind] for kind in ("container", "script") if kind in part)


def secret_template():
    """The keys of every Secret that an operator has to make, with the values that are written down."""
    text = (K8S / "base" / "secret-template.yaml").read_text(encoding="utf-8")
    return {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(text)}
