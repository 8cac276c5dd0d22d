"""What is applied is what Argo and Kubernetes know, to the last key; a mistake is refused and not passed over."""

import json

import pytest
import yaml

from tests.e2e.harness.cluster import run
from tests.e2e.harness.installation import NAMESPACE, ROOT

FOLDER = ROOT / "k8s" / "base" / "workflows"
TEMPLATES = [
    path for path in sorted(FOLDER.glob("*.yaml")) if "Rendered by" in path.read_text(encoding="utf-8")
]
ENVIRONMENTS = ("dev", "staging", "prod", "local")


def templates_of(environment):
    """The WorkflowTemplates of an environment, in the namespace under test."""
    text = run("kubectl", "kustomize", str(ROOT / "k8s" / "overlays" / environment))
    found = [each for each in yaml.safe_load_all(text) if each["kind"] == "WorkflowTemplate"]
    for each in found:
        each["metadata"]["namespace"] = NAMESPACE
    return found


def strictly(cluster, *objects):
    """Have the API server judge them by the whole schema, and change nothing."""
    text = "\n---\n".join(json.dumps(each) for each in objects)
    return cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_argo_lints_a_rendered_template_offline(path, record_property):
    said = run("argo", "lint", "--offline", "--strict", "--kinds=workflowtemplates", str(path))

    record_property("seen", said.strip().removeprefix("✔ "))
    assert "no linting errors found" in said


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_templates_of_an_environment_pass_lint_and_the_strict_schema(
    cluster, environment, tmp_path, record_property
):
    found = templates_of(environment)

    accepted = strictly(cluster, *found)
    for each in found:
        path = tmp_path / f"{each['metadata']['name']}.yaml"
        path.write_text(yaml.safe_dump(each), encoding="utf-8")
        run("argo", "lint", "--offline", "--strict", "--kinds=workflowtemplates", str(path))

    record_property("seen", f"{len(found)} templates")
    assert len(accepted.splitlines()) == len(found) >= 2


def test_a_key_that_argo_does_not_know_is_refused(cluster):
    (template, *_) = templates_of("local")
    template["spec"]["ttlStrategy"]["secondsAfterSucces"] = 5

    with pytest.raises(RuntimeError, match=r"unknown field.*secondsAfterSucces"):
        strictly(cluster, template)


def test_everything_of_the_environment_passes_the_strict_schema(cluster, record_property):
    said = cluster.kubectl(
        "apply", "-k", str(ROOT / "tests/e2e/harness/overlay"), "--dry-run=server", "--validate=strict"
    )

    record_property("seen", f"{len(said.splitlines())} objects")
    assert "workflowtemplate.argoproj.io/backtest" in said
    assert "cronjob.batch/reconcile-runs" in said


def test_a_pod_with_privileges_is_refused_in_the_namespace(cluster):
    with pytest.raises(RuntimeError, match='violates PodSecurity "restricted'):
        cluster.kubectl("run", "intruder", "--image=mysql:9", "--image-pull-policy=IfNotPresent")
