"""Nothing is open unless a policy says so, and what has to talk can."""

from ipaddress import ip_network

import pytest

from tests.k8s.manifests import (
    ENVIRONMENTS,
    OVERLAYS,
    SIGNED_IN,
    STORE,
    named,
    overlay,
    pods,
    render,
    workflow_spec,
)


def selects(selector, labels):
    """Whether a label selector of Kubernetes takes in these labels."""
    fits = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    for rule in selector.get("matchExpressions", ()):
        value = labels.get(rule["key"])
        fits &= value is not None if rule["operator"] == "Exists" else value in rule["values"]
    return fits


def labels_of(manifest):
    """The labels of the pods that an object makes."""
    if spec := workflow_spec(manifest):
        return dict(spec["podMetadata"]["labels"]) | {"workflows.argoproj.io/workflow": "some"}
    spec = manifest["spec"].get("jobTemplate", manifest)["spec"]
    return spec["template"]["metadata"]["labels"]


def may_send(policies, labels, *, port, peer):
    """Whether any policy lets pods with these labels out to a port of a peer."""
    return any(
        selects(policy["spec"]["podSelector"], labels) and allows(rule, "to", port, peer)
        for policy in policies
        for rule in policy["spec"].get("egress", ())
    )


def may_receive(policies, labels, *, port, peer):
    return any(
        selects(policy["spec"]["podSelector"], labels) and allows(rule, "from", port, peer)
        for policy in policies
        for rule in policy["spec"].get("ingress", ())
    )


def allows(rule, direction, port, peer):
    ports = {each["port"] for each in rule.get("ports", ())}
    if ports and port not in ports:
        return False
    if direction not in rule:
        return True
    return any(takes_in(each, *peer) for each in rule[direction])


def takes_in(selected, kind, labels, pod_labels=None):
    """Whether a peer of a rule is this one: pods of the namespace itself, those of another, or an address."""
    if kind not in selected or ("namespaceSelector" in selected) != (kind == "namespaceSelector"):
        return False
    if kind == "namespaceSelector" and not selects(selected.get("podSelector", {}), pod_labels or {}):
        return False
    return selects(selected[kind], labels)


def addresses(rule):
    return [ip_network(each["ipBlock"]["cidr"]) for each in rule.get("to", ()) if "ipBlock" in each]


@pytest.mark.parametrize("objects", [*map(overlay, OVERLAYS), render(STORE)])
def test_every_pod_is_closed_in_both_directions_but_for_what_a_policy_opens(objects):
    closing = [
        policy["spec"]
        for policy in named(objects, "NetworkPolicy").values()
        if policy["spec"]["podSelector"] == {} and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    ]

    assert len(closing) == 1
    assert {port["port"] for rule in closing[0].get("egress", ()) for port in rule["ports"]} <= {53}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_a_pod_asks_the_cluster_for_names_and_no_other_server(environment):
    policies = list(named(overlay(environment), "NetworkPolicy").values())
    namespace = "kubernetes.io/metadata.name"

    def may_ask(place, app):
        peer = ("namespaceSelector", {namespace: place}, {"k8s-app": app})
        return may_send(policies, {"app": "backtest"}, port=53, peer=peer)

    asked = [("kube-system", "kube-dns"), ("kube-system", "other"), ("default", "kube-dns")]
    assert [may_ask(*each) for each in asked] == [True, False, False]
    assert not may_send(policies, {"app": "backtest"}, port=53, peer=("ipBlock", {}))


@pytest.mark.parametrize("environment", OVERLAYS)
def test_no_policy_lets_anything_out_to_everywhere(environment):
    rules = [
        (name, rule)
        for name, policy in named(overlay(environment), "NetworkPolicy").items()
        for rule in policy["spec"].get("egress", ())
    ]

    assert [name for name, rule in rules if not rule.get("to") or not rule.get("ports")] == []
    assert [name for name, rule in rules if not all(each.is_private for each in addresses(rule))] == []


@pytest.mark.parametrize(
    ("environment", "largest"), [("dev", 2**24), ("local", 2**24), ("staging", 1), ("prod", 1)]
)
def test_a_step_reaches_the_api_server_by_its_address(environment, largest):
    policy = named(overlay(environment), "NetworkPolicy")["api-server"]["spec"]
    step = labels_of(named(overlay(environment), "WorkflowTemplate")["backtest"])

    reached = [
        (port["port"], address)
        for rule in policy["egress"]
        for port in rule["ports"]
        for address in addresses(rule)
    ]

    assert selects(policy["podSelector"], step)
    assert not selects(policy["podSelector"], {"app": "web"})
    assert {port for port, _address in reached} == {443, 6443}
    assert {address.num_addresses <= largest for _port, address in reached} == {True}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_whoever_knows_the_address_of_the_database_may_reach_it_and_nobody_else(environment):
    objects = overlay(environment)
    policies = list(named(objects, "NetworkPolicy").values())
    mysql = {"app": "mysql"}
    workloads = [each for each in objects if list(pods(each)) or workflow_spec(each)]

    for workload in workloads:
        labels = labels_of(workload)
        if labels["app"] != "mysql":
            assert may_send(policies, labels, port=3306, peer=("podSelector", mysql)), labels
            assert may_receive(policies, mysql, port=3306, peer=("podSelector", labels)), labels

    assert not may_receive(policies, mysql, port=3306, peer=("podSelector", {"app": "stranger"}))
    assert not may_send(policies, {"app": "stranger"}, port=3306, peer=("podSelector", mysql))


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_web_is_open_to_the_ingress_and_to_monitoring_alone_and_talks_to_argo(environment):
    policies = list(named(overlay(environment), "NetworkPolicy").values())
    namespace = "kubernetes.io/metadata.name"

    def open_to(name):
        return may_receive(policies, {"app": "web"}, port=5000, peer=("namespaceSelector", {namespace: name}))

    assert [name for name in ("ingress-nginx", "monitoring", "argo", "default") if open_to(name)] == [
        "ingress-nginx",
        "monitoring",
    ]
    for app in ("web", "dispatcher"):
        assert may_send(policies, {"app": app}, port=2746, peer=("namespaceSelector", {namespace: "argo"}))
        assert not may_send(
            policies, {"app": app}, port=443, peer=("namespaceSelector", {namespace: "default"})
        )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_golden_run_reaches_the_web_and_no_other_pod_of_ours_does(environment):
    policies = list(named(overlay(environment), "NetworkPolicy").values())

    def reaches(app):
        web = ("podSelector", {"app": "web"})
        return may_send(policies, {"app": app}, port=5000, peer=web) and may_receive(
            policies, web[1], port=5000, peer=("podSelector", {"app": app})
        )

    assert [app for app in ("golden-run", "backtest", "dispatcher", "mysql") if reaches(app)] == [
        "golden-run"
    ]


@pytest.mark.parametrize("environment", OVERLAYS)
def test_a_step_reaches_the_artifact_store_and_the_store_takes_it_in(environment):
    template = named(overlay(environment), "WorkflowTemplate")["backtest"]
    outgoing = list(named(overlay(environment), "NetworkPolicy").values())
    incoming = list(named(render(STORE), "NetworkPolicy").values())
    name = "kubernetes.io/metadata.name"
    (here,) = named(overlay(environment), "Namespace")
    (there,) = named(render(STORE), "Namespace")

    step, store = labels_of(template), ("namespaceSelector", {name: there}, {"app": "s3"})
    assert may_send(outgoing, step, port=7070, peer=store)
    assert not may_send(outgoing, step, port=443, peer=store)
    assert not may_send(outgoing, step, port=7070, peer=(*store[:2], {"app": "other"}))
    assert may_receive(incoming, {"app": "s3"}, port=7070, peer=("namespaceSelector", {name: here}))
    assert not may_receive(incoming, {"app": "s3"}, port=7070, peer=("namespaceSelector", {name: "default"}))


def test_where_people_sign_in_the_web_reaches_their_provider_and_nothing_else_does():
    every = named(overlay(SIGNED_IN), "NetworkPolicy")
    # the API server has an address of the cluster's own network, wherever that is: another rule, another test
    policies = [policy for name, policy in every.items() if not name.startswith("api-server")]
    provider = ("ipBlock", {})

    assert [
        app
        for app in ("web", "dispatcher", "mysql")
        if may_send(policies, {"app": app}, port=443, peer=provider)
    ] == ["web"]
