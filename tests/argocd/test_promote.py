import subprocess

import pytest

from argocd import promote, release, verification
from argocd.release import ORDER, Release
from tests.argocd.servers import application, serve

REVISIONS = {"dev": "1" * 40, "staging": "2" * 40, "prod": "3" * 40}
FILE = """# what {env} runs
environment: {env}
namespace: stock-backtest-{env}
revision: "{revision}"
tag: "{tag}"
digest: sha256:{digest}
"""
FORCED = ["--force", "--why", "the cluster of dev is away"]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for env, revision in REVISIONS.items():
        path = release.path(env)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILE.format(env=env, revision=revision, tag=revision[:7], digest=revision[0] * 64))
    git("init", "--quiet")
    git("config", "user.email", "release@example.org")
    git("config", "user.name", "release")
    git("add", ".")
    git("commit", "--quiet", "--message", "start")


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def revisions():
    return {env: release.read(env).revision for env in ORDER}


def promoted(source, target, *more):
    return promote.main(["promote", "--from", source, "--to", target, *more])


def test_a_promotion_moves_commit_tag_and_digest_one_step_and_nothing_else(repository):
    assert promoted("dev", "staging", *FORCED) == 0

    assert revisions() == REVISIONS | {"staging": "1" * 40}
    assert release.read("staging") == release.read("dev")
    assert git("show", "--format=%B", "--no-patch").splitlines() == [
        "Promote 1111111 from dev to staging",
        "",
        "Forced: the cluster of dev is away",
    ]
    assert git("show", "--format=", "--name-only") == "argocd/releases/staging.yaml"
    kept = release.path("staging").read_text()
    assert kept.startswith("# what staging runs\nenvironment: staging\nnamespace: stock-backtest-staging\n")


def test_a_new_image_goes_to_dev_alone_with_the_commit_that_it_was_built_from(repository):
    assert (
        promote.main(["release", "--revision", "abcdef0" + "1" * 33, "--digest", "sha256:" + "a" * 64]) == 0
    )

    assert revisions() == REVISIONS | {"dev": "abcdef0" + "1" * 33}
    assert release.read("dev").tag == "abcdef0"


def test_a_revert_brings_the_release_before_back(repository):
    promoted("staging", "prod", *FORCED)

    git("revert", "--no-edit", "HEAD")

    assert revisions() == REVISIONS


def test_the_same_promotion_twice_makes_one_commit(repository):
    for _ in range(2):
        assert promoted("dev", "staging", *FORCED) == 0

    assert git("rev-list", "--count", "HEAD") == "2"


@pytest.mark.parametrize(("source", "target"), [("dev", "prod"), ("staging", "dev"), ("prod", "prod")])
def test_no_step_is_skipped_or_taken_back(repository, capsys, source, target):
    assert promoted(source, target, *FORCED) == 2

    assert "one step at a time" in capsys.readouterr().err
    assert revisions() == REVISIONS


@pytest.mark.parametrize("revision", ["latest", "v1.0", "main", "ABCDEF0" * 6, "1234567", ""])
def test_only_a_full_commit_is_a_revision(repository, capsys, revision):
    assert promote.main(["release", "--revision", revision, "--digest", "sha256:" + "a" * 64]) == 2

    assert "a revision is a commit of 40 hexadecimal digits" in capsys.readouterr().err


def test_an_image_of_another_commit_than_its_manifests_is_refused():
    with pytest.raises(release.Refused, match="2222222 is not of 1111"):
        Release("1" * 40, "2222222", "sha256:" + "a" * 64)


def test_uncommitted_changes_are_never_swept_along(repository, capsys):
    path = release.path("staging")
    path.write_text(path.read_text() + "# half a thought\n")

    assert promoted("dev", "staging", *FORCED) == 2

    assert "not committed" in capsys.readouterr().err
    assert git("rev-list", "--count", "HEAD") == "1"


def test_an_environment_without_a_release_has_nothing_to_promote(repository, capsys):
    release.write("dev", Release("0" * 40, "0" * 7, "sha256:" + "0" * 64))
    git("commit", "--quiet", "--all", "--message", "nothing yet")

    assert promoted("dev", "staging", *FORCED) == 2

    assert "dev has no release yet" in capsys.readouterr().err


def test_a_force_without_a_reason_is_refused(repository, capsys):
    assert promoted("dev", "staging", "--force", "--why", " ") == 2

    assert "--force needs --why" in capsys.readouterr().err


def test_without_any_proof_that_the_release_works_it_is_not_promoted(repository, capsys):
    assert promoted("dev", "staging") == 2

    said = capsys.readouterr().err
    assert "nothing says that dev works at 1111111: set ARGOCD_SERVER" in said
    assert "--force --why" in said
    assert revisions() == REVISIONS


def test_what_argo_cd_has_verified_is_promoted_and_the_commit_says_so(repository, monkeypatch):
    with serve({"/api/v1/applications/stock-backtest-dev": application("1" * 40)}) as server:
        monkeypatch.setenv("ARGOCD_SERVER", server.address)
        monkeypatch.setenv("ARGOCD_AUTH_TOKEN", "of-a-robot")

        assert promoted("dev", "staging") == 0

    assert server.tokens == ["Bearer of-a-robot"]
    said = f"stock-backtest-dev is Synced, Healthy and verified at {'1' * 40}"
    assert said in git("show", "--format=%B", "--no-patch")


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"sync": {"status": "Synced", "revision": "4" * 40}}, "it follows the release"),
        ({"sync": {"status": "OutOfSync", "revision": "1" * 40}}, "it is Synced"),
        ({"health": {"status": "Degraded"}}, "it is Healthy"),
        ({"operationState": {"phase": "Running", "message": "waiting for hook"}}, "its last operation"),
        ({"history": [{"revision": "4" * 40}]}, "the golden run passed"),
        ({"history": []}, "the golden run passed"),
    ],
)
def test_a_release_that_is_not_synced_healthy_and_verified_is_refused(
    repository, monkeypatch, capsys, changes, missing
):
    answer = application("1" * 40)
    answer["status"] |= changes
    with serve({"/api/v1/applications/stock-backtest-dev": answer}) as server:
        monkeypatch.setenv("ARGOCD_SERVER", server.address)

        assert promoted("dev", "staging") == 2

    assert f"stock-backtest-dev at 1111111: not yet seen that {missing}" in capsys.readouterr().err
    assert revisions() == REVISIONS


def test_an_image_other_than_that_of_the_release_verifies_nothing():
    other = Release("1" * 40, "1" * 7, "sha256:" + "9" * 64)
    with (
        serve({"/api/v1/applications/stock-backtest-dev": application("1" * 40)}) as server,
        pytest.raises(release.Refused, match="the golden run passed"),
    ):
        verification.require("dev", other, {"ARGOCD_SERVER": server.address})


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([("argocd/stock-backtest-dev", "success")], 0),
        ([("argocd/stock-backtest-dev", "failure"), ("argocd/stock-backtest-dev", "success")], 2),
        ([("argocd/stock-backtest-prod", "success"), ("ci", "success")], 2),
        ([], 2),
    ],
)
def test_where_argo_cd_cannot_be_reached_the_newest_status_of_the_commit_decides(
    repository, monkeypatch, statuses, code
):
    path = f"/repos/owner/stock-backtest/commits/{'1' * 40}/statuses?per_page=100"
    answer = [{"context": context, "state": state} for context, state in statuses]
    with serve({path: answer}) as server:
        monkeypatch.setenv("GITHUB_API_URL", server.address)
        monkeypatch.setenv("GITHUB_REPOSITORY", "owner/stock-backtest")

        assert promoted("dev", "staging") == code


def test_an_argo_cd_that_does_not_answer_is_no_proof(repository, monkeypatch, capsys):
    monkeypatch.setenv("ARGOCD_SERVER", "http://127.0.0.1:9")

    assert promoted("dev", "staging") == 2

    assert "did not answer" in capsys.readouterr().err
