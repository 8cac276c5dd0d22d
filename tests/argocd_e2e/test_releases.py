"""Releases on a real Argo CD: from nothing, through every environment, and back; in the order of an operator."""

import json
import time

import pytest

from tests.docs import guide
from tests.e2e.harness.cluster import until
from tests.k8s.manifests import IMAGE

pytestmark = pytest.mark.timeout(1500)
TEMPLATE = "apis/argoproj.io/v1alpha1/namespaces/stock-backtest-dev/workflowtemplates/backtest"
RELEASED: dict[str, str] = {}
"""The commits of the releases, by what was released."""


def image_of(gitops, environment, kind="deployment/web"):
    return gitops.places[environment].kubectl("get", kind, "-o", "jsonpath={..image}").split()[0]


def runs_release(gitops, environment, name):
    revision = RELEASED[name]
    wanted = f"{IMAGE}:{revision[:7]}@{gitops.images[revision]}"
    return {
        image_of(gitops, environment),
        image_of(gitops, environment, "workflowtemplate/backtest"),
    } == {wanted}


def test_an_environment_without_a_release_has_no_application(gitops):
    until(lambda: gitops.argocd.get("apis/argoproj.io/v1alpha1/namespaces/argocd/applicationsets/stock-backtest"),
          120, "the set of environments", pause=1)  # fmt: skip
    time.sleep(5)  # an absence has no event

    assert [name for name in gitops.places if gitops.application(name)] == []


def test_from_nothing_dev_becomes_synced_healthy_and_verified(gitops, record_property):
    RELEASED["first"] = gitops.git("rev-parse", "HEAD")
    gitops.release(RELEASED["first"])

    seconds = gitops.until_verified("dev", RELEASED["first"], 900)

    assert runs_release(gitops, "dev", "first")
    record_property("seen", f"{seconds:.0f} s, the golden run included")


def test_what_is_verified_in_dev_is_promoted_and_staging_waits_for_the_token_of_its_golden_run(
    gitops, proof, record_property
):
    gitops.promote("dev", "staging", **proof)
    staging = gitops.places["staging"]
    until(lambda: staging.get("apis/batch/v1/namespaces/stock-backtest-staging/jobs/golden-run"), 900,
          "the golden run of staging", pause=1)  # fmt: skip
    assert not gitops.verified("staging", RELEASED["first"])

    gitops.token("stock-backtest-staging")

    seconds = gitops.until_verified("staging", RELEASED["first"])
    assert runs_release(gitops, "staging", "first")
    record_property("seen", f"verified {seconds:.0f} s after the token was there")


DRIFT = {
    "a value of a ConfigMap": ("configmap/web-config", {"data": {"LOG_LEVEL": "DEBUG"}}, "{.data.LOG_LEVEL}"),
    "an image of a WorkflowTemplate": (
        "workflowtemplate/backtest",
        {"spec": {"activeDeadlineSeconds": 1}},
        "{.spec.activeDeadlineSeconds}",
    ),
    "a Role": ("role/web", {"rules": []}, "{.rules[0].verbs[0]}"),
    "a CronJob": ("cronjob/reconcile-runs", {"spec": {"schedule": "0 0 1 1 *"}}, "{.spec.schedule}"),
}


HEALED_WITHIN = 360
"""Argo CD heals again only after a pause that grows with each time, up to five minutes."""


@pytest.mark.parametrize("what", DRIFT)
def test_drift_of_what_git_sets_is_healed(gitops, record_property, what):
    target, patch, path = DRIFT[what]
    dev = gitops.places["dev"]
    before = dev.kubectl("get", target, "-o", f"jsonpath={path}")

    dev.kubectl("patch", target, "--type=merge", "-p", json.dumps(patch))
    began = time.monotonic()

    until(
        lambda: dev.kubectl("get", target, "-o", f"jsonpath={path}") == before,
        HEALED_WITHIN,
        f"{what} is healed",
        pause=0.5,
    )
    record_property("seen", f"{what}: {time.monotonic() - began:.0f} s")


def test_a_deleted_template_comes_back(gitops, record_property):
    dev = gitops.places["dev"]
    dev.kubectl("delete", "workflowtemplate", "backtest")
    began = time.monotonic()

    until(lambda: dev.get(TEMPLATE), HEALED_WITHIN, "the template is back", pause=0.5)
    record_property("seen", f"{time.monotonic() - began:.0f} s")


def test_a_field_that_is_added_by_hand_stays_and_the_guides_command_names_its_manager(gitops):
    dev = gitops.places["dev"]
    dev.kubectl("patch", "workflowtemplate", "backtest", "--type=merge", "-p", '{"spec": {"priority": 7}}',
                "--field-manager=a-hand")  # fmt: skip
    time.sleep(30)  # longer than any healing above

    (command,) = guide.chapter(10, "cluster")
    said = gitops.shell.run(f"N=stock-backtest-dev\n{command}")

    assert dev.kubectl("get", "workflowtemplate", "backtest", "-o", "jsonpath={.spec.priority}") == "7"
    assert gitops.state("dev")[0] == "Synced"
    assert "a-hand" in next(
        line for line in said.splitlines() if line.startswith("WorkflowTemplate/backtest:")
    )
    dev.kubectl("patch", "workflowtemplate", "backtest", "--type=json", "-p",
                '[{"op": "remove", "path": "/spec/priority"}]')  # fmt: skip


def test_runs_are_neither_pruned_nor_make_the_environment_out_of_sync(gitops):
    dev = gitops.places["dev"]
    workflow = dev.submit("backtest", symbols="NOWHERE", rule_type="BUY_AND_HOLD", start_date="2010-01-04",
                          end_date="2012-12-31")  # fmt: skip
    until(lambda: dev.phase(workflow) in ("Failed", "Error"), 180, "the run has failed", pause=1)

    gitops.refresh()
    until(lambda: gitops.state("dev")[:2] == ("Synced", "Healthy"), 120, "dev is Synced", pause=1)
    assert dev.workflow(workflow)


def test_a_merge_without_a_release_changes_no_environment(gitops):
    before = {name: gitops.state(name) for name in ("dev", "staging")}
    path = gitops.folder / "k8s/base/config.yaml"
    path.write_text(path.read_text().replace('MAX_SYMBOLS_PER_RUN: "500"', 'MAX_SYMBOLS_PER_RUN: "499"'))
    RELEASED["second"] = gitops.commit("Allow one symbol less")
    gitops.refresh()
    time.sleep(20)  # an absence has no event

    assert {name: gitops.state(name) for name in ("dev", "staging")} == before


def symbols(gitops, environment):
    return gitops.places[environment].kubectl(
        "get", "configmap", "web-config", "-o", "jsonpath={.data.MAX_SYMBOLS_PER_RUN}"
    )


def test_a_second_release_reaches_dev_and_a_revert_of_its_promotion_brings_everything_back(
    gitops, proof, record_property
):
    gitops.release(RELEASED["second"])
    took = gitops.until_verified("dev", RELEASED["second"])
    gitops.promote("dev", "staging", **proof)
    gitops.until_verified("staging", RELEASED["second"])
    assert (symbols(gitops, "staging"), runs_release(gitops, "staging", "second")) == ("499", True)

    gitops.shell.run(guide.chapter(12, "git")[0])
    gitops.push()
    gitops.refresh()

    back = gitops.until_verified("staging", RELEASED["first"])
    assert (symbols(gitops, "staging"), runs_release(gitops, "staging", "first")) == ("500", True)
    record_property("seen", f"release {took:.0f} s, rollback {back:.0f} s")


def golden_run(gitops, environment):
    """What became of the golden run of the sync that goes on, or was the last one."""
    operation = gitops.status(environment).get("operationState", {})
    done = operation.get("syncResult", {}).get("resources", [])
    jobs = (each for each in done if (each["kind"], each["name"]) == ("Job", "golden-run"))
    return next((job.get("hookPhase") for job in jobs), None)


def test_a_release_whose_golden_run_fails_is_not_verified_and_not_promoted(gitops, proof, record_property):
    RELEASED["wrong"] = gitops.commit("Compute something else")
    gitops.release(
        RELEASED["wrong"],
        lines='RUN sed -i \'s/"total_return": [0-9.]*/"total_return": 1/\' web/golden-run.json\n',
    )

    until(lambda: golden_run(gitops, "dev") == "Failed", 600, "the golden run has failed", pause=1)
    with pytest.raises(RuntimeError, match="not yet seen that"):
        gitops.promote("dev", "staging", **proof)
    assert gitops.state("staging")[2] == RELEASED["first"]
    record_property("seen", "the sync of dev fails and is tried again, its promotion is refused")


def test_a_release_with_a_migration_migrates_dev_itself_and_waits_in_prod_for_the_operator(
    gitops, proof, record_property
):
    number = f"{int(sorted((guide.ROOT / 'store/migrations/versions').glob('0*.py'))[-1].name[:4]) + 1:04}"
    name = f"store/migrations/versions/{number}_a_remark.py"
    (gitops.folder / name).write_text(MIGRATION.format(number=number, before=f"{int(number) - 1:04}"))
    RELEASED["migration"] = gitops.commit("Add a remark to presets")
    gitops.release(RELEASED["migration"], lines=f"COPY {name} /app/{name}\n")
    gitops.until_verified("dev", RELEASED["migration"])
    gitops.promote("dev", "staging", **proof)
    gitops.until_verified("staging", RELEASED["migration"])
    gitops.promote("staging", "prod", **proof)
    prod = gitops.places["prod"]

    until(lambda: "schema-gate" in gitops.status("prod").get("operationState", {}).get("message", ""), 600,
          "prod waits", pause=1)  # fmt: skip
    waited = gitops.status("prod")["operationState"]["message"]
    gitops.shell.run(
        "N=stock-backtest\n" + next(text for text in guide.chapter(6, "cluster")).splitlines()[0] + "\n"
    )
    until(lambda: prod.get("apis/apps/v1/namespaces/stock-backtest/deployments/web"), 600,
          "prod goes on", pause=1)  # fmt: skip
    prod.ready("deployment/web", seconds=600)
    gitops.token("stock-backtest")

    gitops.until_verified("prod", RELEASED["migration"])
    record_property("seen", waited[:200])


def test_after_the_rollback_of_a_migration_the_release_before_works_on_the_later_schema(gitops, proof):
    gitops.git("revert", "--no-edit", "HEAD~1")  # the promotion to staging; that to prod stays
    gitops.push()
    gitops.refresh()

    gitops.until_verified("staging", RELEASED["first"])
    assert runs_release(gitops, "staging", "first")


def test_an_argo_cd_that_is_away_changes_nothing_for_runs(gitops):
    dev = gitops.places["dev"]
    with gitops.argocd.stopped("statefulset/argocd-application-controller",
                               {"app.kubernetes.io/name": "argocd-application-controller"}):  # fmt: skip
        dev.kubectl("exec", "deployment/web", "--", "python", "-m", "web.golden_run", seconds=300)


WRONG = """USER 0
RUN sed -i 's/"total_return": [0-9.]*/"total_return": 1/' web/golden-run.json
USER 10001:10001
"""
MIGRATION = '''"""Adds a remark to presets."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("presets", sa.Column("remark", sa.String(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column("presets", "remark")
'''
