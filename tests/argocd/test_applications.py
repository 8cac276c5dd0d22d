"""What Argo CD reads: one root, every folder that exists, an order, and nothing beyond its project."""

import json
import re
from urllib.parse import urlsplit

import pytest
import yaml

from argocd.release import ORDER
from config.settings import Settings
from tests.docs import guide
from tests.k8s.manifests import (
    ENVIRONMENTS,
    IMAGE,
    K8S,
    OVERLAYS,
    REPOSITORY,
    ROOT,
    STORE,
    named,
    overlay,
    release,
    render,
    title,
    workflow_spec,
)
from workflows import templates

FOLDER = ROOT / "argocd"
OURS = f"{REPOSITORY}.git"
WAVE = "argocd.argoproj.io/sync-wave"
RUNS = {"Workflow", "WorkflowTaskSet", "WorkflowTaskResult", "WorkflowArtifactGCTask"}


def read(name):
    return [found for found in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")) if found]


def from_root():
    """Everything that the root application brings."""
    (root,) = read("root.yaml")
    names = root["spec"]["source"]["directory"]["include"].strip("{}").removesuffix("}.yaml").split(",")
    return [each for name in names for each in read(f"{name}.yaml")]


def applications():
    """Every Application by its name, those of the environments as the ApplicationSet makes them."""
    found = named(from_root(), "Application")
    environments = named(from_root(), "ApplicationSet")["stock-backtest"]["spec"]
    text = yaml.safe_dump(environments["template"])
    for name in ORDER:
        made = yaml.safe_load(
            re.sub(r"\{\{\.(\w+)\}\}", lambda found, name=name: release(name)[found[1]], text)
        )
        found[made["metadata"]["name"]] = made
    return found


def project(application):
    return named(from_root(), "AppProject")[application["spec"]["project"]]["spec"]


def wave(manifest):
    return int(manifest["metadata"].get("annotations", {}).get(WAVE, "0"))


def test_the_root_brings_every_file_that_is_an_object_and_itself():
    objects = {each["kind"] for each in from_root()}

    assert objects == {"AppProject", "Application", "ApplicationSet"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == {
        "root.yaml",
        "project.yaml",
        "argo-workflows.yaml",
        "artifact-store.yaml",
        "environments.yaml",
        "argocd-cm.yaml",
        "argocd-rbac-cm.yaml",
        "argocd-notifications-cm.yaml",
    }
    assert "stock-backtest" in named(from_root(), "Application")


def test_there_is_one_application_for_argo_for_the_store_and_for_each_environment():
    paths = {name: each["spec"]["source"]["path"] for name, each in applications().items()}

    assert paths == {
        "stock-backtest": "argocd",
        "argo-workflows": "manifests/cluster-install",
        "artifact-store": "k8s/artifact-store",
        "stock-backtest-dev": "k8s/overlays/dev",
        "stock-backtest-staging": "k8s/overlays/staging",
        "stock-backtest-prod": "k8s/overlays/prod",
    }


def test_definitions_come_before_the_store_and_the_store_before_the_environments():
    environments = named(from_root(), "ApplicationSet")["stock-backtest"]

    order = [wave(applications()[name]) for name in ("argo-workflows", "artifact-store")] + [
        wave(environments)
    ]

    assert order == sorted(set(order))
    assert all(wave(each) < order[0] for each in named(from_root(), "AppProject").values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_in_an_environment_the_database_comes_first_then_the_schema_the_templates_and_what_runs(environment):
    objects = overlay(environment)
    templates = named(objects, "WorkflowTemplate")

    waves = [
        {wave(each) for each in named(objects, "Namespace").values()},
        {
            wave(named(objects, kind)[name])
            for kind, name in (("StatefulSet", "mysql"), ("ConfigMap", "web-config"))
        }
        | {wave(templates["db-migrate"])}
        | {wave(each) for each in named(objects, "Secret").values()},
        {wave(named(objects, "Job")["schema-gate"])},
        {wave(each) for name, each in templates.items() if name != "db-migrate"},
        {wave(each) for each in named(objects, "Deployment").values()},
    ]

    assert [len(each) for each in waves] == [1] * 5
    order = [min(each) for each in waves]
    assert order == sorted(set(order))


def test_a_sync_succeeds_only_with_the_golden_run_of_the_release_as_its_last_hook():
    jobs = {name: named(overlay(name), "Job")["golden-run"] for name in ENVIRONMENTS}

    for name, job in jobs.items():
        notes = job["metadata"]["annotations"]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        (token,) = (each for each in container["env"] if each["name"] == "GOLDEN_RUN_TOKEN")
        assert notes["argocd.argoproj.io/hook"] == "PostSync"
        assert notes["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
        assert container["command"] == ["python", "-m", "web.golden_run"]
        assert (
            container["image"]
            == named(overlay(name), "Deployment")["web"]["spec"]["template"]["spec"]["containers"][0]["image"]
        )
        assert token["valueFrom"]["secretKeyRef"].get("optional", False) is (name == "dev")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_healthy_only_beside_the_web_or_needs_the_schema_comes_with_the_web(environment):
    """An earlier wave would wait for it, and it for the web, for ever."""
    objects = overlay(environment)
    last = wave(named(objects, "Deployment")["web"])

    late = {title(each): wave(each) for each in objects if wave(each) == last}

    assert set(late) >= {
        "PersistentVolumeClaim-mysql-backups",
        "HorizontalPodAutoscaler-web",
        "Ingress-web",
        "CronJob-reconcile-runs",
        "CronJob-mysql-backup",
    }
    assert max(wave(each) for each in objects) == last


@pytest.mark.parametrize("objects", [*map(overlay, ENVIRONMENTS), render(STORE)])
def test_a_claim_in_a_template_says_its_kind_as_the_api_server_does(objects):
    """Argo CD compares with what the API server holds; without both the Application is OutOfSync for ever."""
    claims = [
        claim
        for each in named(objects, "StatefulSet").values()
        for claim in each["spec"]["volumeClaimTemplates"]
    ]

    assert claims
    assert {(each["apiVersion"], each["kind"]) for each in claims} == {("v1", "PersistentVolumeClaim")}


def test_a_claim_that_waits_for_its_first_pod_and_a_template_without_status_are_healthy():
    (settings,) = read("argocd-cm.yaml")
    health = {
        key.removeprefix("resource.customizations.health."): text for key, text in settings["data"].items()
    }

    assert 'phase == "Lost" then return {status = "Degraded"' in health["PersistentVolumeClaim"]
    assert 'return {status = "Healthy"' in health["PersistentVolumeClaim"]
    assert 'return {status = "Healthy"' in health["argoproj.io_WorkflowTemplate"]


def test_a_release_waits_for_the_schema_and_only_prod_leaves_the_migration_to_an_operator():
    gates = {name: named(overlay(name), "Job")["schema-gate"] for name in ENVIRONMENTS}

    for gate in gates.values():
        notes = gate["metadata"]["annotations"]
        assert notes["argocd.argoproj.io/hook"] == "Sync"
        assert notes["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
        assert "ttlSecondsAfterFinished" not in gate["spec"]
        assert gate["spec"]["activeDeadlineSeconds"] > 0
    automatic = [name for name, gate in gates.items() if "initContainers" in gate["spec"]["template"]["spec"]]
    assert automatic == ["dev", "staging"]


def test_the_automatic_migration_is_the_same_as_the_workflow_of_the_operator():
    gate = named(overlay("dev"), "Job")["schema-gate"]["spec"]["template"]["spec"]
    workflow = named(overlay("dev"), "WorkflowTemplate")["db-migrate"]["spec"]["templates"]

    parts = {each["name"]: each for each in workflow}
    tasks = [(task["name"], parts[task["template"]]["container"]) for task in parts["main"]["dag"]["tasks"]]

    def secrets(container):
        return [each for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})]

    assert [(each["name"], each["command"]) for each in gate["initContainers"]] == [
        (name, container["command"]) for name, container in tasks
    ]
    for (name, container), of_gate in zip(tasks, gate["initContainers"], strict=True):
        key = "name"
        assert sorted(secrets(of_gate), key=lambda each: each[key]) == sorted(
            secrets(container), key=lambda each: each[key]
        ), name


@pytest.mark.parametrize(
    "name", ["artifact-store", "stock-backtest-dev", "stock-backtest-staging", "stock-backtest-prod"]
)
def test_the_project_allows_what_an_application_brings_where_it_brings_it(name):
    application = applications()[name]
    allowed = project(application)
    objects = render(ROOT / application["spec"]["source"]["path"])

    places = {each["metadata"].get("namespace") for each in objects} - {None}
    kinds = {
        (each["apiVersion"].rpartition("/")[0], each["kind"])
        for each in objects
        if each["kind"] != "Namespace"
    }

    assert application["spec"]["source"]["repoURL"] in allowed["sourceRepos"]
    assert places == {application["spec"]["destination"]["namespace"]}
    assert places <= {each["namespace"] for each in allowed["destinations"]}
    assert allowed["clusterResourceWhitelist"] == [{"group": "", "kind": "Namespace"}]
    assert kinds <= {(each["group"], each["kind"]) for each in allowed["namespaceResourceWhitelist"]}


def test_the_project_allows_nothing_that_nobody_brings():
    allowed = named(from_root(), "AppProject")["stock-backtest"]["spec"]

    components = render(K8S / "components" / "signed-images")
    brought = [each for folder in (*map(overlay, ENVIRONMENTS), render(STORE), components) for each in folder]

    kinds = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in brought}
    spare = {(each["group"], each["kind"]) for each in allowed["namespaceResourceWhitelist"]} - kinds
    earlier = {
        ("", "Secret")
    }  # what a release before this one brought can only be pruned while it is allowed
    assert spare == ({("argoproj.io", "CronWorkflow")} - kinds) | earlier
    assert {each["namespace"] for each in allowed["destinations"]} == {
        each["metadata"]["namespace"] for each in brought if each["kind"] not in ("Namespace", "Policy")
    }


@pytest.mark.parametrize("name", sorted(applications()))
def test_what_git_says_is_healed_back_and_an_empty_folder_deletes_nothing(name):
    application = applications()[name]["spec"]
    automated = application["syncPolicy"]["automated"]

    assert automated["selfHeal"] is True
    assert automated.get("allowEmpty", False) is False
    assert automated["prune"] is (application["project"] != "argo-workflows")
    retry = application["syncPolicy"].get("retry")
    assert retry is None or retry["refresh"] is True, (
        "what follows a failed commit does not wait for its attempts"
    )
    if application["source"]["repoURL"] == OURS:
        assert (ROOT / application["source"]["path"]).is_dir()


def test_an_environment_is_of_the_commit_and_the_image_of_its_release_and_the_rest_follows_main():
    sources = {name: each["spec"]["source"] for name, each in applications().items()}

    for environment in ORDER:
        source = sources[f"stock-backtest-{environment}"]
        moved = release(environment)
        assert moved["environment"] == environment
        assert source["targetRevision"] == moved["revision"]
        assert source["kustomize"]["images"] == [f"stock-backtest={IMAGE}:{moved['tag']}@{moved['digest']}"]
    assert {sources[name]["targetRevision"] for name in ("stock-backtest", "artifact-store")} == {"main"}


def test_an_overlay_names_no_image_of_ours_which_a_release_alone_does():
    for environment in ORDER:
        text = (K8S / "overlays" / environment / "kustomization.yaml").read_text(encoding="utf-8")
        assert not {"images:", "newTag:", "digest:"} & set(text.split())


def test_deleting_the_set_of_environments_deletes_no_environment_and_a_missing_name_is_an_error():
    environments = named(from_root(), "ApplicationSet")["stock-backtest"]["spec"]

    assert environments["syncPolicy"] == {"preserveResourcesOnDeletion": True}
    assert environments["goTemplateOptions"] == ["missingkey=error"]
    (generator,) = environments["generators"]
    assert generator["git"]["repoURL"] == OURS
    assert generator["git"]["revision"] == "main"
    (files,) = generator["git"]["files"]
    assert sorted(path.stem for path in ROOT.glob(files["path"])) == sorted(ORDER)


def test_an_environment_without_a_release_gets_no_application():
    (generator,) = named(from_root(), "ApplicationSet")["stock-backtest"]["spec"]["generators"]

    (expression,) = generator["selector"]["matchExpressions"]

    assert expression == {"key": "revision", "operator": "NotIn", "values": ["0" * 40]}


def test_volumes_and_namespaces_are_pruned_only_when_somebody_confirms():
    kept = [
        each
        for folder in (*map(overlay, ENVIRONMENTS), render(STORE))
        for each in folder
        if each["kind"] in ("Namespace", "PersistentVolumeClaim")
    ]

    for each in kept:
        assert "Prune=confirm" in each["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
    assert {each["kind"] for each in kept} == {"Namespace", "PersistentVolumeClaim"}


def test_runs_are_not_seen_and_so_never_compared_nor_pruned_nor_started_beside_the_web():
    (settings,) = read("argocd-cm.yaml")
    (rights,) = read("argocd-rbac-cm.yaml")

    (excluded,) = yaml.safe_load(settings["data"]["resource.exclusions"])

    assert excluded["apiGroups"] == ["argoproj.io"]
    assert set(excluded["kinds"]) == RUNS
    assert not {each["kind"] for name in ENVIRONMENTS for each in overlay(name)} & RUNS
    assert (
        "p, role:operator, applications, action/argoproj.io/WorkflowTemplate/create-workflow, stock-backtest/*, deny"
        in rights["data"]["policy.csv"].splitlines()
    )


def test_an_application_waits_for_the_one_before_it_and_no_other_revision_is_synced_by_hand():
    (settings,) = read("argocd-cm.yaml")

    assert (
        "hs.status = obj.status.health.status"
        in settings["data"]["resource.customizations.health.argoproj.io_Application"]
    )
    assert settings["data"]["application.sync.requireOverridePrivilegeForRevisionSync"] == "true"


def test_argo_is_of_one_version_and_signs_its_clients_in():
    argo = applications()["argo-workflows"]["spec"]["source"]

    versions = {image.rpartition(":")[2] for image in argo["kustomize"]["images"]}

    assert versions == {argo["targetRevision"]}
    (server,) = (each for each in argo["kustomize"]["patches"] if each["target"]["name"] == "argo-server")
    assert "--auth-mode=client" in yaml.safe_load(server["patch"])[0]["value"]


def test_argo_links_to_the_run_by_addresses_that_its_server_accepts():
    argo = applications()["argo-workflows"]["spec"]["source"]["kustomize"]["patches"]
    (controller,) = (each for each in argo if each["target"]["kind"] == "ConfigMap")
    (change,) = yaml.safe_load(controller["patch"])

    links = yaml.safe_load(change["value"]["links"])
    columns = yaml.safe_load(change["value"]["columns"])

    # Argo Server does not start with another scheme, nor with a variable where it expects a host
    assert {urlsplit(link["url"]).scheme for link in links} <= {"http", "https"}
    assert [link["url"] for link in links if "$" in urlsplit(link["url"]).netloc] == []
    assert {link["scope"] for link in links} == {"workflow", "pod", "workflow-list"}
    template = templates.backtest(Settings()).build().spec.workflow_metadata
    known = template.annotations.keys() | template.labels_from.keys()
    assert {column["key"] for column in columns} <= known


def test_argo_executes_nothing_but_workflows_of_an_installed_template():
    argo = applications()["argo-workflows"]["spec"]["source"]["kustomize"]["patches"]

    (controller,) = (each for each in argo if each["target"]["kind"] == "ConfigMap")

    assert controller["target"]["name"] == "workflow-controller-configmap"
    (change,) = yaml.safe_load(controller["patch"])
    assert change["path"] == "/data"
    restrictions = change["value"]["workflowRestrictions"]
    assert yaml.safe_load(restrictions) == {"templateReferencing": "Strict"}
    # the controller indents values of several lines alone; a value of one line would end it at its start
    assert restrictions.endswith("\n")


def test_by_hand_the_controller_gets_the_same_settings_as_from_argo_cd():
    argo = applications()["argo-workflows"]["spec"]["source"]["kustomize"]["patches"]
    (patched,) = (each for each in argo if each["target"]["name"] == "workflow-controller")
    from_argo_cd = {
        change["path"].rpartition("/")[2]: change["value"] for change in yaml.safe_load(patched["patch"])
    }
    (by_hand,) = (text for text in guide.chapter(5, "cluster") if "DEFAULT_REQUEUE_TIME" in text)

    (change,) = re.findall(r"-p '(\{.*?\})'", by_hand, re.DOTALL)
    (container,) = json.loads(change)["spec"]["template"]["spec"]["containers"]

    assert container["args"] == from_argo_cd["args"]
    assert all(each in from_argo_cd["env"] for each in container["env"])


def test_where_the_workflows_expect_the_store_is_where_it_is():
    (service,) = named(render(STORE), "Service").values()
    (namespace,) = named(render(STORE), "Namespace")
    (store,) = named(render(STORE), "StatefulSet").values()
    address = (
        f"{service['metadata']['name']}.{namespace}.svc.cluster.local:{service['spec']['ports'][0]['port']}"
    )

    repositories = {
        environment: yaml.safe_load(
            named(overlay(environment), "ConfigMap")["artifact-repositories"]["data"]["s3"]
        )["s3"]
        for environment in OVERLAYS
    }

    assert {each["endpoint"] for each in repositories.values()} == {address}
    assert {name: each["bucket"] for name, each in repositories.items()} == {
        "dev": "stock-backtest-dev",
        "staging": "stock-backtest-staging",
        "prod": "stock-backtest",
        "local": "artifacts",
    }
    pod = store["spec"]["template"]["spec"]
    *_mkdir, accounts, bucket = pod["initContainers"][0]["command"]
    arguments = pod["containers"][0]["args"]
    assert bucket == "/data/artifacts"
    assert accounts == arguments[arguments.index("--iam-dir") + 1]
    assert accounts.startswith("/data/.")  # as no bucket is named


def test_a_workflow_template_holds_its_own_exit_handler_so_that_pruning_never_cuts_one_off():
    for environment in ENVIRONMENTS:
        for template in named(overlay(environment), "WorkflowTemplate").values():
            spec = workflow_spec(template)
            own = {part["name"] for part in spec["templates"]}
            assert {spec["entrypoint"], spec.get("onExit", spec["entrypoint"])} <= own
            assert "templateRef" not in yaml.safe_dump(spec)


def test_a_window_for_prod_is_off_and_ready_to_be_switched_on():
    text = (FOLDER / "project.yaml").read_text(encoding="utf-8")
    (ours, _argo) = yaml.safe_load_all(text)
    on = re.sub(
        r"^  # (?= *(syncWindows|- kind|schedule|duration|timeZone|applications|manualSync))",
        "  ",
        text,
        flags=re.M,
    )

    (window,) = next(yaml.safe_load_all(on))["spec"]["syncWindows"]

    assert "syncWindows" not in ours["spec"]
    assert window["kind"] == "allow"
    assert window["applications"] == ["stock-backtest-prod"]
    assert re.fullmatch(r"\S+ \S+ \S+ \S+ \S+", window["schedule"])
    assert window["manualSync"] is True
