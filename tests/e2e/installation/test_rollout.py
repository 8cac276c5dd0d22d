"""A new release and its revert, both by Git, while visitors do not stop: no request is lost."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.docs import guide
from tests.e2e.harness.cluster import until
from tests.e2e.harness.guide_installation import IMAGE, GuideInstallation, load
from tests.e2e.harness.load import Load

NEXT = "stock-backtest:next"
OVERLAY = "k8s/overlays/local/kustomization.yaml"
VISITORS = 8
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def next_release(guide_installation: GuideInstallation) -> Iterator[str]:
    """An image of the same code that says another release; the environment is given back as it was."""
    build = ["docker", "build", "--quiet", "--tag", NEXT, "-"]
    text = f"FROM {IMAGE}\nENV IMAGE_TAG=next\nLABEL org.opencontainers.image.revision=next\n"
    subprocess.run(build, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    load(NEXT)
    yield NEXT
    guide_installation.cluster.kubectl("apply", "-k", str(guide.ROOT / "k8s/overlays/local"))
    guide_installation.cluster.ready("deployment/web")


@pytest.fixture(scope="module")
def address(guide_installation: GuideInstallation) -> str:
    """The web's Service as the cluster gives it: a port-forward would end with the pod that it leads to."""
    ip = guide_installation.cluster.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    return f"http://{ip}"


@pytest.fixture(scope="module")
def seen(guide_installation: GuideInstallation, next_release: str, address: str) -> Iterator[dict[str, Load]]:
    """The release committed and brought, then reverted and brought, each under load."""
    product = guide_installation.product()
    run_id = product.submit()
    product.ended(run_id)
    apply = guide.chapter(12, "cluster")[0]
    outcomes = {}
    for name, change in (
        (
            "release",
            f"sed -i 's/newTag: dev/newTag: next/' {OVERLAY} && git commit --quiet --all --message 'Release next'\n",
        ),
        ("revert", guide.chapter(12, "git")[0]),
    ):
        with Load(address, visitors=VISITORS, run_id=run_id) as visitors:
            guide_installation.shell.run(change + apply)
            until(lambda: not leaving(guide_installation), 180, "the old pods are gone", pause=0.5)
        outcomes[name] = visitors
        outcomes[f"images after the {name}"] = images(guide_installation)
    outcomes["ended"] = [
        product.ended(each)["status"] for each in outcomes["release"].submitted + outcomes["revert"].submitted
    ]
    yield outcomes
    product.close()


def leaving(guide_installation: GuideInstallation) -> list[str]:
    """The pods of the web that are still on their way out."""
    pods = guide_installation.cluster.pods(app="web")
    return [each["metadata"]["name"] for each in pods if "deletionTimestamp" in each["metadata"]]


def images(guide_installation: GuideInstallation) -> set[str]:
    """Which image every pod of ours runs, and every step of a workflow would."""
    pods = [
        each
        for each in guide_installation.cluster.pods(app="web")
        if "deletionTimestamp" not in each["metadata"]
    ]
    templates = guide_installation.cluster.kubectl(
        "get", "workflowtemplates", "-o", "jsonpath={..container.image}"
    ).split()
    return {each["spec"]["containers"][0]["image"] for each in pods} | set(templates)


@pytest.mark.parametrize("name", ["release", "revert"])
def test_no_request_is_lost_while_the_pods_are_replaced(seen, record_property, name):
    visitors = seen[name]

    assert visitors.lost == {}
    assert visitors.answers["200"] > 200
    assert visitors.answers["202"] > 3
    record_property(
        "seen",
        f"{visitors.answers.total()} requests by {VISITORS + 1} visitors, 0 lost, the slowest {visitors.slowest:.1f} s",
    )


def test_the_release_reaches_pods_and_workflow_templates_alike_and_the_revert_brings_the_one_before_back(
    seen,
):
    assert seen["images after the release"] == {NEXT}
    assert seen["images after the revert"] == {IMAGE}


def test_every_run_that_was_submitted_meanwhile_succeeds(seen, record_property):
    assert set(seen["ended"]) == {"SUCCEEDED"}
    record_property("seen", f"{len(seen['ended'])} runs")
