"""What Argo CD tells others: failures, a gate that waits, a release that was verified."""

import json
import re

import pytest
import yaml

from tests.argocd.test_applications import FOLDER, from_root
from tests.k8s.manifests import named

DATA = yaml.safe_load((FOLDER / "argocd-notifications-cm.yaml").read_text(encoding="utf-8"))["data"]


def parts(kind):
    """Triggers or templates by name."""
    found = {key: yaml.safe_load(text) for key, text in DATA.items()}
    return {key.partition(".")[2]: value for key, value in found.items() if key.startswith(f"{kind}.")}


def subscriptions():
    """(trigger, service) of each subscription of an environment."""
    template = named(from_root(), "ApplicationSet")["stock-backtest"]["spec"]["template"]
    prefix = "notifications.argoproj.io/subscribe."
    return {
        tuple(key.removeprefix(prefix).split("."))
        for key in template["metadata"]["annotations"]
        if key.startswith(prefix)
    }


def test_a_failure_a_degradation_a_waiting_gate_and_a_verified_release_are_told():
    assert {trigger for trigger, _service in subscriptions()} == {
        "on-verified", "on-sync-failed", "on-degraded", "on-gate-waiting"
    }  # fmt: skip
    assert set(parts("trigger")) == {trigger for trigger, _service in subscriptions()}


def test_each_subscription_has_a_service_a_trigger_and_a_template_for_it():
    services = {key.split(".")[-1] for key in DATA if key.startswith("service.")}

    for trigger, service in subscriptions():
        (condition,) = parts("trigger")[trigger]
        assert service in services
        for name in condition["send"]:
            template = parts("template")[name]
            assert service in template["webhook"]


def test_the_status_of_the_commit_is_the_one_that_a_promotion_asks_for():
    bodies = {
        name: json.loads(template["webhook"]["commit-status"]["body"])
        for name, template in parts("template").items()
        if "commit-status" in template["webhook"]
    }

    assert {name: (body["state"], body["context"]) for name, body in bodies.items()} == {
        "verified": ("success", "argocd/{{.app.metadata.name}}"),
        "sync-failed": ("failure", "argocd/{{.app.metadata.name}}"),
    }


@pytest.mark.parametrize("name", ["Secret", "password", "ghp_", "://hooks"])
def test_no_value_of_a_secret_is_in_it(name):
    values = [text for key, text in DATA.items() if key.startswith("service.")]

    assert not [text for text in values if name in text]
    assert {found for text in values for found in re.findall(r"\$([\w-]+)", text)} == {
        "webhook-url",
        "github-token",
    }
