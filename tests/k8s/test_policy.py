"""The security checklist of the operations guide, over everything that is deployed anywhere."""

import json
import re
import subprocess

import pytest

from tests.k8s.manifests import (
    ENVIRONMENTS,
    FOLDERS,
    IMAGE,
    K8S,
    KUBECTL,
    OVERLAYS,
    STORE,
    containers,
    named,
    overlay,
    pods,
    release,
    render,
    secret_template,
    title,
    workflow_spec,
)
from workflows.cluster.robustness.robustness_reconciler import AT_ONCE


def that_have(part):
    """Every object in which the function finds something."""
    return [
        pytest.param(manifest, id=f"{folder.name}-{title(manifest)}")
        for folder in FOLDERS
        for manifest in render(folder)
        if list(part(manifest))
    ]


PLACES = [pytest.param(render(folder), id=folder.name) for folder in FOLDERS]
PINNED = r"[\w./-]+:(?!latest)[\w.-]+@sha256:[0-9a-f]{64}"
RESOURCES = {"cpu", "memory"}


@pytest.mark.parametrize("manifest", that_have(pods))
def test_every_pod_is_without_root_and_without_a_token_that_it_does_not_ask_for(manifest):
    for pod in pods(manifest):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 999
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not [volume for volume in pod.get("volumes", ()) if "hostPath" in volume]


@pytest.mark.parametrize("manifest", that_have(containers))
def test_every_container_is_read_only_without_privileges_and_with_requests_and_limits(manifest):
    for container in containers(manifest):
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["requests"]) == RESOURCES
        assert set(container["resources"]["limits"]) == RESOURCES
        assert container.get("command") or container["image"].startswith("mysql:")


@pytest.mark.parametrize("manifest", that_have(workflow_spec))
def test_the_pods_of_workflows_and_argos_own_containers_in_them_are_as_restricted(manifest):
    spec = workflow_spec(manifest)

    executors = json.loads(spec["podSpecPatch"])

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for kind, name in (("initContainers", "init"), ("containers", "wait")):
        (executor,) = executors[kind]
        assert executor["name"] == name
        assert executor["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(executor["resources"]["limits"]) == RESOURCES


@pytest.mark.parametrize("manifest", that_have(workflow_spec))
def test_argos_containers_have_a_token_that_expires_and_the_step_beside_them_has_none(manifest, tmp_path):
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    mounts = [{"name": "exec-sa-token", "mountPath": token, "readOnly": True}]
    argos = {
        "volumes": [{"name": "exec-sa-token", "secret": {"secretName": "steps.service-account-token"}}],
        "initContainers": [{"name": "init", "image": "argoexec", "volumeMounts": mounts}],
        "containers": [
            {"name": "wait", "image": "argoexec", "volumeMounts": mounts},
            {"name": "main", "image": "ours"},
        ],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "step"}, "spec": argos}
    (tmp_path / "pod.json").write_text(json.dumps(pod))
    patch = json.dumps({"spec": json.loads(workflow_spec(manifest)["podSpecPatch"])})

    patched = subprocess.run(
        [KUBECTL, "patch", "--local", "-f", tmp_path / "pod.json", "--type=strategic", "-o", "json", "-p", patch],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    spec = json.loads(patched.stdout)["spec"]
    (volume,) = spec["volumes"]
    assert volume.keys() == {"name", "projected"}
    sources = {kind: source for each in volume["projected"]["sources"] for kind, source in each.items()}
    assert sources["serviceAccountToken"] == {"path": "token", "expirationSeconds": 3600}
    assert {each["path"] for kind in ("configMap", "downwardAPI") for each in sources[kind]["items"]} == {
        "ca.crt",
        "namespace",
    }
    assert [each["name"] for each in spec["containers"] if each.get("volumeMounts") == mounts] == ["wait"]


@pytest.mark.parametrize("objects", PLACES)
def test_no_token_of_kubernetes_is_kept_in_a_secret(objects):
    kept = [
        each
        for each in named(objects, "Secret").values()
        if each["type"] == "kubernetes.io/service-account-token"
    ]

    assert kept == []


@pytest.mark.parametrize("objects", PLACES)
def test_the_namespace_enforces_the_restricted_pod_security_standard(objects):
    for namespace in named(objects, "Namespace").values():
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("objects", PLACES)
def test_nothing_of_ours_reaches_beyond_its_namespace(objects):
    assert {each["kind"] for each in objects} & {"ClusterRole", "ClusterRoleBinding"} == set()
    for role in named(objects, "Role").values():
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert not {"secrets", "pods/exec"} & set(rule["resources"])
    for binding in named(objects, "RoleBinding").values():
        assert binding["roleRef"]["kind"] == "Role"
        assert {subject["kind"] for subject in binding["subjects"]} == {"ServiceAccount"}
        assert {subject["name"] for subject in binding["subjects"]} <= set(named(objects, "ServiceAccount"))


def amount(text):
    """A quantity of Kubernetes as a number of cores or of bytes."""
    number, unit = re.fullmatch(r"(\d+)(m|[KMG]i|)", str(text)).groups()
    return int(number) * {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "": 1}[unit]


def asked_by(every_container, side, resource):
    return sum(amount(each["resources"][side][resource]) for each in every_container)


def workloads(objects):
    """How many pods at once, and the containers of each, of everything that runs beside the workflows."""
    (web,) = (each["spec"]["maxReplicas"] + 1 for each in named(objects, "HorizontalPodAutoscaler").values())
    for manifest in objects:
        for pod in pods(manifest):
            yield (web if title(manifest) == "Deployment-web" else 1), pod["containers"]


def step_pods(objects):
    """Three for each workflow that may run at once, of the step that may take most."""
    spec = workflow_spec(named(objects, "WorkflowTemplate")["backtest"])
    (engine,) = (part for part in spec["templates"] if part["name"] == "engine")
    container = json.loads(json.dumps(engine["container"]))
    doubled = re.search(r"\? '(\d+Mi)'", engine["podSpecPatch"])[1]
    container["resources"]["limits"]["memory"] = doubled
    at_once = int(named(objects, "ConfigMap")["web-config"]["data"]["MAX_RUNNING_WORKFLOWS"])
    return 3 * at_once, [container, json.loads(spec["podSpecPatch"])["containers"][0]]


def robustness_pods(objects):
    """Those of what is asked of results at once, of the size of a run's; two for each, since one is cleaned up."""
    _, containers = step_pods(objects)
    return 2 * AT_ONCE, containers


def study_pods(objects):
    """Those of all studies at once; what cleans up after a study is among the pods of runs."""
    spec = workflow_spec(named(objects, "WorkflowTemplate")["backtest-sweep"])
    (chunk,) = (part for part in spec["templates"] if part["name"] == "chunk")
    container = json.loads(json.dumps(chunk["container"]))
    container["resources"]["limits"]["memory"] = re.search(r"\? '(\d+Mi)'", chunk["podSpecPatch"])[1]
    at_once = int(named(objects, "ConfigMap")["web-config"]["data"]["MAX_STUDY_PODS"])
    return at_once, [container, json.loads(spec["podSpecPatch"])["containers"][0]]


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_pods_of_one_study_are_as_many_as_the_dispatcher_counts(environment):
    objects = overlay(environment)
    spec = workflow_spec(named(objects, "WorkflowTemplate")["backtest-sweep"])
    (main,) = (part for part in spec["templates"] if part["name"] == "main")
    configured = named(objects, "ConfigMap")["web-config"]["data"]

    assert main["parallelism"] == int(configured["STUDY_PODS"]) <= int(configured["MAX_STUDY_PODS"])


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_quota_has_room_for_everything_at_once_and_not_for_twice_as_much(environment):
    objects = overlay(environment)
    quota = named(objects, "ResourceQuota")["environment"]["spec"]["hard"]
    needed = [*workloads(objects), step_pods(objects), robustness_pods(objects), study_pods(objects)]

    sums = {"pods": sum(count for count, _containers in needed)} | {
        f"{side}.{resource}": sum(count * asked_by(each, side, resource) for count, each in needed)
        for side in ("requests", "limits")
        for resource in sorted(RESOURCES)
    }

    assert {name: sums[name] <= amount(allowed) < 2 * sums[name] for name, allowed in quota.items()} == (
        dict.fromkeys(sums, True)
    )


@pytest.mark.parametrize("environment", OVERLAYS)
def test_a_container_that_says_nothing_of_its_size_is_given_one_and_not_refused_for_the_quota(environment):
    (limits,) = named(overlay(environment), "LimitRange")["containers"]["spec"]["limits"]

    assert limits["type"] == "Container"
    assert set(limits["defaultRequest"]) == set(limits["default"]) == RESOURCES


@pytest.mark.parametrize("environment", OVERLAYS)
def test_every_account_of_a_pod_exists(environment):
    accounts = set(named(overlay(environment), "ServiceAccount"))
    used = {pod.get("serviceAccountName") for each in overlay(environment) for pod in pods(each)}
    used |= {spec["serviceAccountName"] for each in overlay(environment) if (spec := workflow_spec(each))}

    assert used - {None} <= accounts


@pytest.mark.parametrize("objects", PLACES)
def test_no_value_of_a_secret_is_in_a_manifest(objects):
    secrets = named(objects, "Secret").values()

    assert [each for each in secrets if "data" in each or "stringData" in each] == []


def test_the_template_of_the_secrets_holds_names_of_accounts_and_no_value():
    values = {value for keys in secret_template().values() for key, value in keys.items() if key != "DB_USER"}

    assert values == {""}


@pytest.mark.parametrize("objects", [overlay(name) for name in ENVIRONMENTS] + [render(STORE)])
def test_every_image_of_an_environment_is_fixed_by_its_content(objects):
    images = {container["image"] for manifest in objects for container in containers(manifest)}

    assert [image for image in images if not re.fullmatch(PINNED, image)] == []


def test_on_one_machine_images_are_those_that_docker_has_and_none_is_called_latest():
    images = {container["image"] for manifest in overlay("local") for container in containers(manifest)}

    assert images == {"stock-backtest:dev", "mysql:9"}


def test_the_word_latest_is_the_tag_of_nothing():
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in ("k8s", "argocd", ".github")
        for path in (K8S.parent / folder).rglob("*.yaml")
    }
    texts |= {
        path: path.read_text(encoding="utf-8")
        for path in map(K8S.parent.joinpath, ("Dockerfile", "compose.yaml"))
    }

    assert [path.name for path, text in texts.items() if re.search(r"latest\b", text)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pod_and_workflow_of_ours_runs_the_image_of_the_release(environment):
    ours = IMAGE + ":{tag}@{digest}".format(**release(environment))

    users = {
        title(manifest): {container["image"] for container in containers(manifest)}
        for manifest in overlay(environment)
        if any("stock-backtest" in container["image"] for container in containers(manifest))
    }

    assert set(users) >= {
        "Deployment-web",
        "Deployment-dispatcher",
        "Job-schema-gate",
        "WorkflowTemplate-backtest",
        "WorkflowTemplate-db-migrate",
    }
    assert {image for images in users.values() for image in images} == {ours}


def test_images_of_others_have_one_place_for_all_environments():
    images = {
        environment: {
            container["image"]
            for manifest in overlay(environment)
            for container in containers(manifest)
            if "mysql" in container["image"]
        }
        for environment in ENVIRONMENTS
    }

    assert len(set.union(*images.values())) == 1
    assert all(images.values())
