"""Owner and domain are the same everywhere, and one command changes both everywhere."""

import re
import shutil

import pytest

from argocd import adopt
from tests.k8s.manifests import OWNER, ROOT

TEXTS = {
    path: path.read_text(encoding="utf-8")
    for folder in adopt.FOLDERS
    for path in (ROOT / folder).rglob("*.yaml")
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    for folder in adopt.FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_place_names_another_owner_than_the_root_application():
    found = {
        (owner, path.name)
        for path, text in TEXTS.items()
        for owner in re.findall(r"(?:github\.com|ghcr\.io)/([\w.-]+)/stock-backtest", text)
    }

    assert {owner for owner, _name in found} == {OWNER}
    assert len(found) >= 6


def test_no_place_names_another_domain_than_the_ingress():
    (domain,) = re.findall(r"host: stock-backtest\.(\S+)", TEXTS[ROOT / "k8s/base/web/ingress.yaml"])

    hosts = {
        host
        for text in TEXTS.values()
        for host in re.findall(
            r"\b(?:(?:dev|staging)\.)?(?:stock-backtest|argocd)\.[a-z][\w.-]*\.[a-z]+\b", text
        )
        if "argoproj" not in host
    }

    assert {host for host in hosts if not host.endswith(f".{domain}")} == set()
    assert len(hosts) == 4


def test_the_command_leaves_no_place_out_and_can_be_given_again(copy, capsys):
    owner, domain = adopt.current()
    assert adopt.main(["--owner", "acme-2", "--domain", "trading.acme.org"]) == 0
    changed = capsys.readouterr().out.splitlines()

    assert adopt.current() == ("acme-2", "trading.acme.org")
    left = [
        path.name for path in adopt.files()
        if re.search(rf"/{owner}/stock-backtest|[a-z]\.{re.escape(domain)}\b", path.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert left == []
    assert {
        "argocd/root.yaml",
        "k8s/overlays/prod/kustomization.yaml",
        "k8s/components/signed-images/policy.yaml",
    } <= set(changed)

    assert adopt.main(["--owner", owner, "--domain", domain]) == 0
    assert {path: path.read_text(encoding="utf-8") for path in adopt.files()} == {
        path.relative_to(ROOT): text for path, text in (TEXTS | json_texts()).items()
    }


def json_texts():
    return {
        path: path.read_text(encoding="utf-8")
        for folder in adopt.FOLDERS
        for path in (ROOT / folder).rglob("*.json")
    }


@pytest.mark.parametrize(
    ("owner", "domain"), [("Acme", "acme.org"), ("acme", "acme"), ("a/b", "acme.org"), ("", "a.org")]
)
def test_what_is_no_owner_or_no_domain_is_refused(copy, capsys, owner, domain):
    assert adopt.main(["--owner", owner, "--domain", domain]) == 2

    assert "in small letters" in capsys.readouterr().err
    assert adopt.current()[0] == OWNER
