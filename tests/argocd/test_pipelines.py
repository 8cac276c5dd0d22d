"""The two pipelines: what they may do, what they run, and that no action can change under them."""

import os
import re
import subprocess

import pytest
import yaml

from tests.argocd.servers import application, serve
from tests.k8s.manifests import ROOT

PIPELINES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def read(path):
    """A pipeline; YAML takes its key `on` for the truth value that it once was."""
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    pipeline["on"] = pipeline.pop(True)
    return pipeline


def pipeline(name):
    return read(ROOT / ".github" / "workflows" / f"{name}.yaml")


def steps(pipeline):
    return [step for job in pipeline["jobs"].values() for step in job["steps"]]


def step_with(pipeline, text):
    (step,) = (step for step in steps(pipeline) if text in step.get("run", "") + step.get("uses", ""))
    return step


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_hash_and_says_which_version_that_is(path):
    used = re.findall(r"\buses:(.*)", path.read_text(encoding="utf-8"))

    assert used
    for reference in used:
        assert re.fullmatch(r" [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", reference), reference


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_a_pipeline_says_what_it_may_do_and_how_long_it_may_take(path):
    content = read(path)

    assert content["permissions"]
    assert "write-all" not in content["permissions"]
    for job in content["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_nothing_that_a_stranger_writes_becomes_part_of_a_command(path):
    commands = [step["run"] for step in steps(read(path)) if "run" in step]

    assert commands
    assert [command for command in commands if "${{" in command] == []


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of a repository that holds our releases, with a server to push to, and a `gh` that notes its call."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    origin, clone, tools = (tmp_path / name for name in ("origin.git", "clone", "tools"))
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    for folder in ("argocd", "k8s"):
        subprocess.run(["cp", "-r", ROOT / folder, clone / folder], check=True)
    git(clone, "config", "user.name", "operator")
    git(clone, "config", "user.email", "operator@example.org")
    git(clone, "switch", "--quiet", "--create", "main")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "start")
    git(clone, "push", "--quiet", "--set-upstream", "origin", "main")
    tools.mkdir()
    (tools / "gh").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/gh\n')
    (tools / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return clone


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def execute(command, folder, **environment):
    """A step of a pipeline as its runner executes it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=os.environ | environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def changed(origin, revisions):
    return git(origin, "diff", "--name-only", revisions).splitlines()


def test_the_very_command_of_ci_moves_dev_on_main_and_nothing_else(clone):
    built = git(clone, "rev-parse", "HEAD")
    digest = "sha256:" + "a" * 64

    execute(step_with(pipeline("ci"), "argocd.promote release")["run"], clone, DIGEST=digest)

    origin = clone.parent / "origin.git"
    assert changed(origin, "main~1..main") == ["argocd/releases/dev.yaml"]
    assert git(origin, "show", "--format=%s", "--no-patch", "main") == f"Release {built[:7]} to dev"
    assert f'revision: "{built}"\ntag: "{built[:7]}"\ndigest: {digest}' in git(
        origin, "show", "main:argocd/releases/dev.yaml"
    )


def test_the_very_command_of_promote_offers_the_same_release_on_a_branch_and_leaves_main_alone(clone):
    digest = "sha256:" + "a" * 64
    built = git(clone, "rev-parse", "HEAD")
    execute(step_with(pipeline("ci"), "argocd.promote release")["run"], clone, DIGEST=digest)
    before = git(clone, "rev-parse", "main")
    command = step_with(pipeline("promote"), "argocd.promote promote")["run"]

    with serve({"/api/v1/applications/stock-backtest-dev": application(built, image=digest)}) as server:
        execute(command, clone, FROM="dev", TO="staging", FORCE="false", WHY="", GITHUB_RUN_ID="7", GH_TOKEN="",
                ARGOCD_SERVER=server.address, ARGOCD_AUTH_TOKEN="")  # fmt: skip

    origin = clone.parent / "origin.git"
    assert git(origin, "rev-parse", "main") == before
    assert changed(origin, "main..promote/staging/7") == ["argocd/releases/staging.yaml"]
    offered = git(origin, "show", "promote/staging/7:argocd/releases/staging.yaml")
    assert f'revision: "{built}"\ntag: "{built[:7]}"\ndigest: {digest}' in offered
    assert (clone.parent / "gh").read_text() == "pr create --fill\n"


def test_a_forced_promotion_keeps_the_reason_whatever_is_written_in_it(clone):
    execute(step_with(pipeline("ci"), "argocd.promote release")["run"], clone, DIGEST="sha256:" + "a" * 64)
    command = step_with(pipeline("promote"), "argocd.promote promote")["run"]

    execute(command, clone, FROM="dev", TO="staging", FORCE="true", WHY="dev's cluster is $(away)",
            GITHUB_RUN_ID="8", GH_TOKEN="", ARGOCD_SERVER="", GITHUB_REPOSITORY="")  # fmt: skip

    said = git(clone.parent / "origin.git", "show", "--format=%B", "--no-patch", "promote/staging/8")
    assert "Forced: dev's cluster is $(away)" in said


def test_an_image_is_attested_and_scanned_before_dev_gets_it_and_what_the_scan_found_is_kept():
    image = pipeline("ci")["jobs"]["image"]
    order = [step.get("uses", step.get("run", "")) for step in image["steps"]]

    def position(text):
        (found,) = (number for number, each in enumerate(order) if text in each)
        return found

    built, handed = position("docker/build-push-action"), position("argocd.promote release")
    between = [
        position(text)
        for text in ("attest-build-provenance", "attest-sbom", "scan-action", "upload-artifact")
    ]
    assert built < min(between)
    assert max(between) < handed
    assert image["permissions"]["id-token"] == image["permissions"]["attestations"] == "write"
    kept = image["steps"][position("upload-artifact")]
    assert kept["if"] == "always()"
    assert image["steps"][position("scan-action")]["with"]["output-file"] in kept["with"]["path"].split()
    for number in between[:2]:
        assert image["steps"][number]["with"]["subject-digest"] == "${{ steps.build.outputs.digest }}"


def test_the_tests_have_the_history_that_the_release_before_is_taken_from():
    assert pipeline("ci")["jobs"]["test"]["steps"][0]["with"]["fetch-depth"] == 0


def test_a_commit_that_changes_releases_alone_makes_no_new_image():
    assert pipeline("ci")["on"]["push"]["paths-ignore"] == ["argocd/releases/**"]
