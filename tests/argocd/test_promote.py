import subprocess

import pytest

from argocd import promote

TAGS = {"dev": "1111111", "staging": "2222222", "prod": "3333333"}
OVERLAY = """# the {env} environment
resources: [../../base]
images:
  - name: stock-backtest
    newName: ghcr.io/example/stock-backtest
    newTag: {tag}
    digest: sha256:{digest}
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for env, tag in TAGS.items():
        path = promote.overlay(env)
        path.parent.mkdir(parents=True)
        path.write_text(OVERLAY.format(env=env, tag=tag, digest=tag[0] * 64))
    git("init", "--quiet")
    git("config", "user.email", "release@example.org")
    git("config", "user.name", "release")
    git("add", ".")
    git("commit", "--quiet", "--message", "start")


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def tags():
    return {env: promote.read(promote.overlay(env)).tag for env in promote.ORDER}


def test_a_promotion_moves_the_same_digest_one_step_and_nothing_else(repository):
    assert promote.main(["promote", "--from", "dev", "--to", "staging"]) == 0

    assert tags() == TAGS | {"staging": "1111111"}
    assert promote.read(promote.overlay("staging")) == promote.read(promote.overlay("dev"))
    assert git("show", "--format=%s", "--name-only").split("\n\n") == [
        "Promote 1111111 from dev to staging",
        "k8s/overlays/staging/kustomization.yaml",
    ]
    assert "# the staging environment" in promote.overlay("staging").read_text()


def test_a_new_image_goes_to_dev_alone(repository):
    assert promote.main(["set", "--tag", "abcdef0", "--digest", "sha256:" + "a" * 64]) == 0

    assert tags() == TAGS | {"dev": "abcdef0"}


def test_a_revert_brings_the_release_before_back(repository):
    promote.main(["promote", "--from", "staging", "--to", "prod"])

    git("revert", "--no-edit", "HEAD")

    assert tags() == TAGS


def test_the_same_promotion_twice_makes_one_commit(repository):
    for _ in range(2):
        assert promote.main(["promote", "--from", "dev", "--to", "staging"]) == 0

    assert git("rev-list", "--count", "HEAD") == "2"


@pytest.mark.parametrize(("source", "target"), [("dev", "prod"), ("staging", "dev"), ("prod", "prod")])
def test_no_step_is_skipped_or_taken_back(repository, capsys, source, target):
    assert promote.main(["promote", "--from", source, "--to", target]) == 2

    assert "one step at a time" in capsys.readouterr().err
    assert tags() == TAGS


@pytest.mark.parametrize("tag", ["latest", "v1.0", "main", "ABCDEF0", "123", ""])
def test_only_a_commit_is_an_image_tag(repository, capsys, tag):
    assert promote.main(["set", "--tag", tag, "--digest", "sha256:" + "a" * 64]) == 2

    assert "an image tag is a commit" in capsys.readouterr().err


def test_uncommitted_changes_are_never_swept_along(repository, capsys):
    path = promote.overlay("staging")
    path.write_text(path.read_text() + "# half a thought\n")

    assert promote.main(["promote", "--from", "dev", "--to", "staging"]) == 2

    assert "not committed" in capsys.readouterr().err
    assert git("rev-list", "--count", "HEAD") == "1"
