"""The security checklist of what is deployed, and that every manifest is what Kubernetes knows."""

import re

import kubernetes_validate
import pytest
import yaml

from argocd import promote
from store.settings import Settings
from tests.k8s.manifests import K8S, OVERLAYS, containers, kustomization, objects, pods
from web import create_app
from workflows import render

OUR_CRDS = ("argoproj.io/", "monitoring.coreos.com/")
EVERYTHING = list(objects(K8S / "overlays" / "dev"))
EXTERNAL = list(objects(K8S / "components" / "external-database"))
NAMED = pytest.mark.parametrize(
    "manifest", EVERYTHING, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}"
)


def found(kind):
    return {each["metadata"]["name"]: each for each in EVERYTHING if each["kind"] == kind}


def secrets():
    text = (K8S / "base" / "secret-template.yaml").read_text(encoding="utf-8")
    return {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(text)}


@pytest.mark.parametrize("manifest", EVERYTHING + EXTERNAL, ids=lambda each: each["metadata"]["name"])
def test_an_object_of_kubernetes_fits_the_schema_of_its_kind_strictly(manifest):
    if not manifest["apiVersion"].startswith(OUR_CRDS):
        kubernetes_validate.validate(manifest, "1.34", strict=True)

    assert manifest["metadata"]["name"]


def test_every_file_is_listed_by_a_kustomization():
    listed = set()
    for path in K8S.rglob("kustomization.yaml"):
        known = kustomization(path.parent)
        for key in ("resources", "components", "configurations"):
            listed |= {(path.parent / name).resolve() for name in known.get(key, ())}
    written = {path for path in K8S.rglob("*.yaml") if path.name != "kustomization.yaml"}

    assert written - listed == {K8S / "base" / "secret-template.yaml"}
    assert [path for path in listed if not path.exists()] == []


def test_the_rendered_templates_are_those_of_the_code():
    texts = render.rendered(Settings())

    assert {name: (K8S / "base" / "workflows" / name).read_text() for name in texts} == texts


def test_nothing_reaches_beyond_its_namespace():
    assert {each["kind"] for each in EVERYTHING} & {"ClusterRole", "ClusterRoleBinding"} == set()
    for role in found("Role").values():
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]


def test_no_secret_value_is_written_down():
    assert [
        each for each in EVERYTHING if each["kind"] == "Secret" and ("data" in each or "stringData" in each)
    ] == []
    assert {value for keys in secrets().values() for name, value in keys.items() if name != "DB_USER"} == {""}


@NAMED
def test_every_pod_is_without_root_and_every_container_without_privileges_and_with_limits(manifest):
    for pod in pods(manifest):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
    for container in containers(manifest):
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert (
            set(container["resources"]["requests"])
            == set(container["resources"]["limits"])
            == {"cpu", "memory"}
        )
        assert container.get("command") or container["image"].startswith("mysql:")


@NAMED
def test_every_image_is_ours_by_name_or_of_a_stated_version(manifest):
    for container in containers(manifest):
        assert re.fullmatch(r"stock-backtest:local|mysql:\d[\w.]*(@sha256:[0-9a-f]{64})?", container["image"])


@pytest.mark.parametrize("environment", promote.ORDER)
def test_an_overlay_names_its_image_once_by_commit_and_content(environment):
    release = promote.read(K8S / "overlays" / environment / "kustomization.yaml")

    assert release.tag != "latest"
    assert release.digest.startswith("sha256:")


@pytest.mark.parametrize("environment", OVERLAYS)
def test_an_overlay_is_thin(environment):
    text = (K8S / "overlays" / environment / "kustomization.yaml").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 30


def test_every_key_that_a_pod_reads_exists():
    maps = {name: set(each.get("data", ())) for name, each in found("ConfigMap").items()}
    kept = {name: set(keys) for name, keys in secrets().items()}
    missing = []
    for manifest in EVERYTHING:
        for container in containers(manifest):
            for variable in container.get("env", ()):
                source = variable.get("valueFrom", {})
                for kind, known in (("configMapKeyRef", maps), ("secretKeyRef", kept)):
                    if (asked := source.get(kind)) and asked["key"] not in known.get(asked["name"], ()):
                        missing.append((manifest["metadata"]["name"], asked["name"], asked["key"]))

    assert missing == []


def test_the_configuration_of_the_cluster_is_accepted_by_the_code():
    data = found("ConfigMap")["web-config"]["data"]

    settings = Settings.from_env(data | {"DB_USER": "somebody", "DB_PASSWORD": "something"})

    assert settings.launcher_mode == "K8S"
    assert settings.flask_env == "production"


def test_every_account_of_a_pod_exists():
    accounts = found("ServiceAccount")
    used = {
        pod["serviceAccountName"] for each in EVERYTHING for pod in pods(each) if "serviceAccountName" in pod
    }
    used |= {each["spec"]["serviceAccountName"] for each in found("WorkflowTemplate").values()}

    assert used <= set(accounts)


def test_nothing_is_open_unless_a_policy_says_so():
    denied = found("NetworkPolicy")["default-deny"]["spec"]

    assert denied["podSelector"] == {}
    assert "ingress" not in denied
    assert {port["port"] for rule in denied["egress"] for port in rule["ports"]} == {53}


def test_every_alert_leads_to_a_chapter_of_the_guide():
    guide = (K8S.parent / "docs" / "ops-guide.md").read_text(encoding="utf-8")
    chapters = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in guide.splitlines()
        if line.startswith("#")
    }
    alerts = [
        rule
        for group in found("PrometheusRule")["stock-backtest"]["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]

    assert {rule["annotations"]["runbook_url"].split("#")[1] for rule in alerts} <= chapters


def test_every_series_of_ours_that_a_rule_reads_is_served(database, settings):
    rules = (K8S / "components" / "monitoring" / "rules.yaml").read_text(encoding="utf-8")

    served = create_app(settings, database=database).test_client().get("/metrics").text

    for name in set(re.findall(r"\bstock_backtest_[a-z_]+", rules)):
        assert f"\n{name}" in served
