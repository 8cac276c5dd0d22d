"""Every object under k8s, read as Kustomize would collect it."""

from pathlib import Path

import yaml

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = ("dev", "staging", "prod", "local")


def kustomization(folder):
    return yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))


def objects(folder):
    """What a kustomization lists, with its components; an unlisted or a missing file is found by a test."""
    listed = kustomization(folder)
    for name in [*listed.get("resources", ()), *listed.get("components", ())]:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from objects(path)
        else:
            yield from (found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found)


def pods(manifest):
    """Every pod spec inside of an object, with its containers."""
    spec = manifest.get("spec", {})
    if manifest["kind"] in ("Deployment", "StatefulSet"):
        yield spec["template"]["spec"]
    elif manifest["kind"] == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]["spec"]


def containers(manifest):
    for pod in pods(manifest):
        yield from pod["containers"]
    if manifest["kind"] == "WorkflowTemplate":
        yield from (part["container"] for part in manifest["spec"]["templates"] if "container" in part)
