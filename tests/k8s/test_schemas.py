"""Every overlay renders, and what it renders is what Kubernetes and Argo know, without a key too many."""

import copy
import json
import os
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
from hera.workflows import models

from config.settings import Settings
from tests.k8s.manifests import (
    FOLDERS,
    IMAGE,
    K8S,
    OVERLAYS,
    REPOSITORY,
    kustomization,
    named,
    overlay,
    render,
    title,
)
from workflows import render as templates

KUBERNETES = "1.34"
OTHERS = ("argoproj.io/", "monitoring.coreos.com/", "kyverno.io/")
EVERYTHING = [
    pytest.param(manifest, id=f"{folder.name}-{title(manifest)}")
    for folder in FOLDERS
    for manifest in render(folder)
]


@cache
def argo_schema(kind):
    """Hera's model of an object of Argo, in which no property is allowed that it does not name."""
    schema = getattr(models, kind).model_json_schema(by_alias=True)
    for definition in (schema, *schema["$defs"].values()):
        if "properties" in definition:
            definition["additionalProperties"] = False
    return schema


def refuse(manifest):
    """Raise where an object is not what its schema says."""
    if not manifest["apiVersion"].startswith(OTHERS):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    elif manifest["apiVersion"] == "argoproj.io/v1alpha1":
        jsonschema.validate(manifest, argo_schema(manifest["kind"]))


@pytest.mark.parametrize("manifest", EVERYTHING)
def test_every_object_fits_the_schema_of_its_kind_strictly(manifest):
    refuse(manifest)

    assert manifest["metadata"]["name"]


def test_the_policy_for_admission_fits_the_schema_of_kyverno_and_asks_for_our_pipeline_alone():
    (policy,) = render(K8S / "components" / "signed-images")
    schema = json.loads(
        (Path(__file__).parent / "schemas" / "kyverno-policy.json").read_text(encoding="utf-8")
    )

    jsonschema.validate(policy, schema)

    (rule,) = policy["spec"]["rules"]
    (check,) = rule["verifyImages"]
    assert (check["failureAction"], check["required"]) == ("Enforce", True)
    assert check["imageReferences"] == [f"{IMAGE}*"]
    (attestation,) = check["attestations"]
    keyless = attestation["attestors"][0]["entries"][0]["keyless"]
    assert keyless["subject"] == f"{REPOSITORY}/.github/workflows/ci.yaml@refs/heads/main"
    assert keyless["issuer"] == "https://token.actions.githubusercontent.com"
    check["imageReference"] = []
    with pytest.raises(jsonschema.ValidationError, match="imageReference"):
        jsonschema.validate(policy, schema)


def test_a_mistyped_key_does_fail_in_a_deployment_and_in_a_workflow():
    deployment = copy.deepcopy(named(overlay("dev"), "Deployment")["web"])
    template = copy.deepcopy(named(overlay("dev"), "WorkflowTemplate")["backtest"])

    deployment["spec"]["replica"] = 1
    template["spec"]["ttlStrategy"]["secondsAfterSucess"] = 1

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        refuse(deployment)
    with pytest.raises(jsonschema.ValidationError, match="secondsAfterSucess"):
        refuse(template)


def test_every_file_is_listed_by_a_kustomization():
    listed = set()
    for path in K8S.rglob("kustomization.yaml"):
        known = kustomization(path.parent)
        names = [name for key in ("resources", "components", "configurations") for name in known.get(key, ())]
        names += [patch["path"] for patch in known.get("patches", ()) if "path" in patch]
        listed |= {(path.parent / name).resolve() for name in names}
    written = {path for path in K8S.rglob("*.yaml") if path.name != "kustomization.yaml"}

    assert written - listed == {K8S / "base" / "secret-template.yaml", K8S / "examples" / "study.yaml"}
    assert [path for path in listed if not path.exists()] == []


def test_the_rendered_templates_are_those_of_the_code():
    texts = templates.rendered(Settings())

    assert {name: (K8S / "base" / "workflows" / name).read_text() for name in texts} == texts


@pytest.mark.parametrize("environment", OVERLAYS)
def test_an_overlay_is_thin(environment):
    text = (K8S / "overlays" / environment / "kustomization.yaml").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 39


@pytest.mark.parametrize("environment", OVERLAYS)
def test_everything_lies_in_the_namespace_of_its_environment(environment):
    namespace = kustomization(K8S / "overlays" / environment)["namespace"]

    places = {
        each["metadata"].get("namespace") for each in overlay(environment) if each["kind"] != "Namespace"
    }

    assert places == {namespace}
    assert list(named(overlay(environment), "Namespace")) == [namespace]


@pytest.fixture
def outside(tmp_path):
    """Prod with its database outside of the cluster, written as the operations guide says."""
    (tmp_path / "kustomization.yaml").write_text(f"""
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{os.path.relpath(K8S / "overlays" / "prod", tmp_path)}]
components: [{os.path.relpath(K8S / "components" / "external-database", tmp_path)}]
patches:
  - target: {{kind: ConfigMap, name: web-config}}
    patch: |
      - {{op: replace, path: /data/DB_HOST, value: db.example.com}}
  - target: {{kind: NetworkPolicy, name: external-database}}
    patch: |
      - {{op: replace, path: /spec/egress/0/to/0/ipBlock/cidr, value: 192.0.2.7/32}}
""")
    return tmp_path


def test_a_database_outside_of_the_cluster_is_one_component_away(outside):
    rendered = render(outside)

    inside = {title(each) for each in overlay("prod")}
    assert inside - {title(each) for each in rendered} == {
        "StatefulSet-mysql",
        "Service-mysql",
        "NetworkPolicy-mysql",
        "NetworkPolicy-mysql-backup",
    }
    assert named(rendered, "ConfigMap")["web-config"]["data"]["DB_HOST"] == "db.example.com"
    policy = named(rendered, "NetworkPolicy")["external-database"]["spec"]
    assert policy["podSelector"] == {}
    assert policy["egress"][0]["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]
    for manifest in rendered:
        refuse(manifest)
