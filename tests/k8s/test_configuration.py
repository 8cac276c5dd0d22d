"""What pods are told and what the code reads are the same names, in both directions."""

import ast
import re

import pytest
import yaml

from config.errors import SettingsError
from config.settings import Settings
from tests.k8s.manifests import (
    K8S,
    OVERLAYS,
    ROOT,
    SIGNED_IN,
    containers,
    named,
    overlay,
    pods,
    render,
    secret_template,
    title,
)

KEPT_BY = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
CONFIGURED = (*OVERLAYS, SIGNED_IN)
ANYBODYS = {"HOME", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
"""Read by every program or by libraries, so not by our code by name."""


class Asked(dict):
    """An environment that remembers which names were read."""

    def __init__(self, **values):
        super().__init__(values)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)


def names_read():
    """Every variable that the settings ask for."""
    embedded = Asked()
    server = Asked(DB_HOST="somewhere", DB_NAME="some", DB_USER="somebody", DB_PASSWORD="something")
    for environment in (embedded, server):
        Settings.from_env(environment)
    return embedded.names | server.names


def texts_of_the_code():
    """Every text in our code: a variable that a step reads is one of them."""
    paths = [path for layer in ("store", "workflows", "web") for path in (ROOT / layer).rglob("*.py")]
    return {
        node.value
        for path in paths
        if "templates" not in path.parts  # they write the variables
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def keys_there(environment):
    """By kind and name: the keys of every ConfigMap of an overlay, and of every Secret that it expects."""
    maps = {
        ("ConfigMap", name): set(each.get("data", ()))
        for name, each in named(overlay(environment), "ConfigMap").items()
    }
    return maps | {("Secret", name): set(keys) for name, keys in secret_template().items()}


def configuration(environment):
    """What the ConfigMaps of its Deployment set for the web; the last word on a name counts."""
    (web,) = containers(named(overlay(environment), "Deployment")["web"])
    maps = named(overlay(environment), "ConfigMap")
    return {
        name: value
        for source in web["envFrom"]
        for name, value in maps[source["configMapRef"]["name"]]["data"].items()
    }


def keys_read(environment):
    """(who, kind, name, key) of every reference from a pod or from the artifact repository."""
    for manifest in overlay(environment):
        for container in containers(manifest):
            for variable in container.get("env", ()):
                for reference, kind in KEPT_BY.items():
                    asked = variable.get("valueFrom", {}).get(reference, {"optional": True})
                    if not asked.get("optional"):
                        yield title(manifest), kind, asked["name"], asked["key"]
    for monitor in named(overlay(environment), "ServiceMonitor").values():
        for endpoint in monitor["spec"]["endpoints"]:
            if asked := endpoint.get("authorization", {}).get("credentials"):
                yield title(monitor), "Secret", asked["name"], asked["key"]
    repository = yaml.safe_load(
        named(overlay(environment), "ConfigMap")["artifact-repositories"]["data"]["s3"]
    )
    for part in ("accessKeySecret", "secretKeySecret"):
        yield "artifact-repositories", "Secret", repository["s3"][part]["name"], repository["s3"][part]["key"]
    certificates = [
        ("Ingress-web", tls["secretName"])
        for tls in named(overlay(environment), "Ingress")["web"]["spec"].get("tls", ())
    ]
    certificates += [
        (title(manifest), volume["secret"]["secretName"])
        for manifest in overlay(environment)
        for pod in pods(manifest)
        for volume in pod.get("volumes", ())
        if "secret" in volume
    ]
    for who, name in certificates:
        yield from ((who, "Secret", name, key) for key in ("tls.crt", "tls.key"))


@pytest.mark.parametrize("environment", CONFIGURED)
def test_every_key_that_a_pod_reads_exists(environment):
    there = keys_there(environment)

    missing = [each for each in keys_read(environment) if each[3] not in there.get(each[1:3], ())]

    assert missing == []


def test_every_secret_of_the_template_is_read_by_somebody_down_to_each_key():
    read = {each[1:] for environment in CONFIGURED for each in keys_read(environment)}

    kept = {("Secret", name, key) for name, keys in secret_template().items() for key in keys}

    assert kept - read == set()


@pytest.mark.parametrize("environment", CONFIGURED)
def test_every_key_of_the_configuration_is_a_variable_that_the_code_reads(environment):
    assert configuration(environment).keys() - names_read() == set()


@pytest.mark.parametrize("environment", CONFIGURED)
def test_every_variable_that_a_pod_of_ours_is_given_is_one_that_the_code_reads(environment):
    given = {
        (title(manifest), variable["name"])
        for manifest in overlay(environment)
        for container in containers(manifest)
        if "stock-backtest" in container["image"]
        for variable in container.get("env", ())
    }

    known = names_read() | texts_of_the_code() | ANYBODYS

    assert {each for each in given if each[1] not in known} == set()


def test_the_example_of_the_environment_names_every_variable_that_is_read_and_no_other():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^#([A-Z][A-Z_]+)=", text, re.MULTILINE)) == names_read()


@pytest.mark.parametrize("environment", CONFIGURED)
def test_the_configuration_of_the_cluster_is_accepted_by_the_code(environment):
    secrets = {"DB_USER": "somebody", "DB_PASSWORD": "something", "SECRET_KEY": "k" * 64}

    settings = Settings.from_env(configuration(environment) | secrets)

    assert settings.launcher_mode == "K8S"
    assert settings.log_format == "json"


@pytest.mark.parametrize("environment", CONFIGURED)
def test_the_password_of_the_record_reaches_no_engine_and_that_of_the_administrator_no_web(environment):
    holders = {
        secret: {who for who, _kind, name, _key in keys_read(environment) if name == secret}
        for secret in ("mysql-secret", "engine-secret")
    }
    template = named(overlay(environment), "WorkflowTemplate")["backtest"]
    (engine,) = (part for part in template["spec"]["templates"] if part["name"] == "engine")

    secrets = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in engine["container"]["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }

    assert secrets == {"engine-secret"}
    assert (
        not {"Deployment-web", "Deployment-dispatcher", "WorkflowTemplate-backtest"} & holders["mysql-secret"]
    )


def test_only_the_web_asks_who_comes_in_and_only_it_has_the_secrets_of_signing_in():
    readers = {who for who, _kind, name, _key in keys_read(SIGNED_IN) if name == "web-sign-in"}
    told = {
        title(each)
        for each in overlay(SIGNED_IN)
        for container in containers(each)
        for source in container.get("envFrom", ())
        if source["configMapRef"]["name"] == "sign-in"
    }

    assert configuration(SIGNED_IN)["SIGN_IN"] == "oidc"
    assert readers == told == {"Deployment-web"}


def test_each_environment_decides_about_signing_in_and_staging_and_prod_ask_who_comes_in():
    decided = {environment: configuration(environment)["SIGN_IN"] for environment in OVERLAYS}

    assert decided == {"dev": "off", "staging": "tokens", "prod": "tokens", "local": "off"}
    for environment in CONFIGURED:
        pod_settings(configuration(environment)).require_guarded()


def test_an_environment_without_a_decision_about_signing_in_does_not_start():
    (base,) = (each for each in render(K8S / "base") if title(each) == "ConfigMap-web-config")

    with pytest.raises(SettingsError, match="set SIGN_IN=oidc or SIGN_IN=tokens, or SIGN_IN=off if"):
        pod_settings(base["data"]).require_guarded()


def pod_settings(configured):
    """The settings of the web in its pod, where the image listens on every address."""
    image = dict(re.findall(r"\b(HOST|FLASK_ENV)=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    secrets = {"DB_USER": "somebody", "DB_PASSWORD": "something", "SECRET_KEY": "k" * 64}
    return Settings.from_env(image | configured | secrets)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_ingress_of_staging_and_prod_speaks_tls_for_the_very_name_that_it_serves(environment):
    ingress = named(overlay(environment), "Ingress")["web"]["spec"]

    assert ingress["tls"] == [{"hosts": [ingress["rules"][0]["host"]], "secretName": "web-tls"}]


@pytest.mark.parametrize("environment", CONFIGURED)
def test_whatever_knows_the_database_can_check_its_certificate_where_there_is_one(environment):
    """MySQL itself has a name of its database, and no server to check."""
    clients = [
        (title(manifest), container)
        for manifest in overlay(environment)
        for container in containers(manifest)
        if {"DB_HOST", "DB_USER"} & {variable["name"] for variable in container.get("env", ())}
    ]

    assert len(clients) >= 8
    for who, container in clients:
        told = {variable["name"] for variable in container["env"]}
        assert "DB_CA_FILE" in told or container["envFrom"], who
        assert "/var/run/mysql-ca" in {mount["mountPath"] for mount in container["volumeMounts"]}, who


def test_with_tls_mysql_takes_encrypted_connections_alone_and_every_client_checks_it():
    mysql = named(overlay(SIGNED_IN), "StatefulSet")["mysql"]["spec"]["template"]["spec"]
    (server,) = mysql["containers"]

    assert "--require-secure-transport=ON" in server["args"]
    mounted = {mount["mountPath"] for mount in server["volumeMounts"]}
    files = [each.partition("=")[2] for each in server["args"] if each.startswith("--ssl-")]
    assert {path.rpartition("/")[0] for path in files} <= mounted
    assert configuration(SIGNED_IN)["DB_CA_FILE"] == "/var/run/mysql-ca/ca.crt"
    assert "ssl_ca=" in pod_settings(configuration(SIGNED_IN)).database_url
