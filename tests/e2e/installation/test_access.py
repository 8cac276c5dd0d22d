"""What each account may do in the namespace, and what it may not; nothing of ours reaches beyond it."""

import pytest

from tests.e2e.harness import variants
from tests.e2e.harness.cluster import WORKFLOWS, name_of, pod_of, run, until
from tests.e2e.harness.installation import NAMESPACE

MAY = {
    "web": {
        ("workflows.argoproj.io", "create get list"),
        ("workflowtemplates.argoproj.io", "get"),
    },
    "dispatcher": {
        ("workflows.argoproj.io", "create get list patch update"),
        ("workflowtemplates.argoproj.io", "get"),
    },
    "backtest-steps": {("workflowtaskresults.argoproj.io", "create patch")},
    "backtest-cleanup": {
        ("workflowartifactgctasks.argoproj.io", "list watch"),
        ("workflowartifactgctasks.argoproj.io/status", "patch"),
    },
    "argo-user": {
        ("workflows.argoproj.io", "create get list patch update watch"),
        *(
            (f"{what}.argoproj.io", "get list watch")
            for what in ("workflowtemplates", "cronworkflows", "workflowtasksets", "workflowartifactgctasks")
        ),
        ("pods", "delete get list watch"),
        ("pods/log", "get list watch"),
        ("events", "get list watch"),
    },
}
PEOPLE_MAY = {("argo-user", "list pods"), ("argo-user", "get pods/log")}
MAY_NOT = (
    "delete workflows.argoproj.io",
    "create workflowtemplates.argoproj.io",
    "update workflowtemplates.argoproj.io",
    "get secrets",
    "list secrets",
    "get configmaps",
    "list pods",
    "create pods",
    "create pods/exec",
    "get pods/log",
    "create serviceaccounts/token",
    "create rolebindings.rbac.authorization.k8s.io",
    "impersonate users",
)


def account(name):
    return f"--as=system:serviceaccount:{NAMESPACE}:{name}"


def listed(name, namespace=NAMESPACE):
    """What `kubectl auth can-i --list` says of an account: resource and verbs."""
    text = run("kubectl", "-n", namespace, "auth", "can-i", "--list", account(name))
    return {(line.split()[0], line[line.rindex("[") + 1 : -1]) for line in text.rstrip().splitlines()[1:]}


def can(name, what, namespace=NAMESPACE):
    verb, resource = what.split()
    asked = ["kubectl", "-n", namespace, "auth", "can-i", verb, resource, account(name)]
    try:
        return run(*asked).strip() == "yes"
    except RuntimeError:  # kubectl says no by its exit code
        return False


@pytest.mark.parametrize("name", MAY)
def test_an_account_may_do_exactly_what_it_needs(installation, name, record_property):
    anonymous = listed("no-such-account")

    own = listed(name) - anonymous

    record_property("seen", f"{name}: " + "; ".join(f"{what} [{verbs}]" for what, verbs in sorted(own)))
    assert {(what, " ".join(sorted(verbs.split()))) for what, verbs in own} == MAY[name]


@pytest.mark.parametrize("name", MAY)
def test_an_account_may_not_do_what_would_lead_further(installation, name, record_property):
    allowed = [what for what in MAY_NOT if can(name, what) and (name, what) not in PEOPLE_MAY]

    record_property("seen", f"{name}: {len(MAY_NOT)} asked, none more than listed")
    assert allowed == []


@pytest.mark.parametrize("name", MAY)
@pytest.mark.parametrize("namespace", ["default", "argo", "kube-system"])
def test_an_account_may_do_nothing_of_its_own_elsewhere(installation, name, namespace):
    assert listed(name, namespace) == listed("no-such-account", namespace)


def test_no_role_of_ours_reaches_beyond_the_namespace(installation):
    bound = run("kubectl", "get", "clusterrolebindings", "-o", "jsonpath={.items[*].subjects[*].namespace}")

    assert NAMESPACE not in bound.split()


def test_a_step_sees_no_token_and_only_argos_container_beside_it_does(cluster, record_property):
    workflow = variants.start(cluster, variants.trying_once, symbols="NOWHERE")
    found = until(
        lambda: pod_of(cluster.pods(**{"workflows.argoproj.io/workflow": workflow}), "engine"), 60, "a pod"
    )

    mounts = {
        each["name"]: {one["mountPath"] for one in each["volumeMounts"]}
        for each in found["spec"]["containers"]
    }
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    record_property("seen", name_of(found))
    assert token not in mounts["main"]
    assert token in mounts["wait"]
    (volume,) = (each for each in found["spec"]["volumes"] if each["name"] == "exec-sa-token")
    sources = [source for each in volume["projected"]["sources"] for source in each]
    assert "serviceAccountToken" in sources
    assert "secret" not in volume


def test_a_workflow_that_is_not_one_of_an_installed_template_is_not_executed(cluster, record_property):
    step = {"name": "main", "container": {"image": "mysql:9", "command": ["sleep", "1"]}}
    own = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "own-"},
        "spec": {"entrypoint": "main", "serviceAccountName": "backtest-steps", "templates": [step]},
    }
    name = name_of(cluster.post(f"{WORKFLOWS}/namespaces/{cluster.namespace}/workflows", own))

    until(lambda: cluster.phase(name) == "Error", 60, "the controller has refused it")

    message = cluster.status(name)["message"]
    record_property("seen", message)
    assert "workflowTemplateRef" in message
    assert cluster.pods(**{"workflows.argoproj.io/workflow": name}) == []


def test_the_account_of_the_engine_step_reads_prices_and_nothing_else(product, installation):
    password = installation.passwords["engine-secret"]

    def asked(statement):
        return product.cluster.kubectl(
            "exec", "mysql-0", "--", "env", f"MYSQL_PWD={password}", "mysql", "-uengine", "-h127.0.0.1",
            "-N", "stock_backtest", "-e", statement,
        )  # fmt: skip

    assert int(asked("SELECT COUNT(*) FROM datasets")) >= 2
    for statement in ("SELECT * FROM runs", "DELETE FROM datasets", "CREATE TABLE mine (n INT)"):
        with pytest.raises(RuntimeError, match="denied"):
            asked(statement)
