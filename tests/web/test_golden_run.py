"""The golden run through a real web and worker: the result in the image, a token, and nothing left behind."""

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from qa.harness.environment import TestEnvironment
from qa.harness.processes import ROOT
from store.models import Run
from web import golden_run


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A web that asks for tokens, and a worker."""
    folder = tmp_path_factory.mktemp("golden")
    product = TestEnvironment(f"sqlite:///{folder}/record.sqlite3", folder / "product", workers=1)
    product.launch(SIGN_IN="tokens")
    product.until(product.is_healthy, what="the web answers")
    yield product
    product.stop()


def environment(product, **more):
    return (
        os.environ | {"DATABASE_URL": product.url, "WEB_ADDRESS": f"http://127.0.0.1:{product.port}"} | more
    )


def command(product, *arguments, **more):
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=environment(product, **more),
                          capture_output=True, text=True)  # fmt: skip


@pytest.fixture(scope="module")
def token(product):
    made = command(product, "store", "tokens", "create", "--name", "golden-run", "--scope", "submit")
    (secret,) = (line for line in made.stdout.splitlines() if line.startswith("sbt_"))
    return secret


def kept(product):
    with product.database.read() as session:
        return session.scalar(select(func.count()).select_from(Run))


def test_this_release_computes_what_its_image_says_and_the_run_is_removed(product, token):
    """Where results are meant to change, `make golden-run` writes the new ones."""
    done = command(product, "web.golden_run", GOLDEN_RUN_TOKEN=token)

    assert (done.returncode, kept(product)) == (0, 0), done.stderr
    assert "has the expected result and is removed" in done.stdout
    assert token not in done.stdout + done.stderr


def test_a_web_that_refuses_the_token_fails_it(product):
    done = command(product, "web.golden_run", GOLDEN_RUN_TOKEN="sbt_of_nobody")

    assert done.returncode == 1
    assert f"POST /api/datasets?symbol={golden_run.SYMBOL} answered 401" in done.stderr


EXPECTED = {"metrics": {"total_return": 0.25, "sharpe": None}, "result_hash": "a"}
RUN = {"status": "SUCCEEDED", **EXPECTED}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"metrics": {"total_return": 0.25 * (1 + 1e-12), "sharpe": None}}, []),
        ({"metrics": {"total_return": 0.26, "sharpe": None}}, ["total_return is 0.26, expected 0.25"]),
        ({"metrics": {"total_return": 0.25, "sharpe": 1.0}}, ["sharpe is 1.0, expected None"]),
        ({"metrics": {**EXPECTED["metrics"], "new": 1.0}}, ["new is new"]),
        ({"result_hash": "b"}, ["result_hash is b, expected a"]),
        ({"status": "FAILED", "error_message": "no room"}, ["it ended as FAILED: no room"]),
    ],
)
def test_every_figure_that_is_another_is_named(changes, said):
    assert golden_run.differences(EXPECTED, RUN | changes) == said


def test_the_run_is_of_prices_of_its_own_name():
    request = json.loads(golden_run.EXPECTED.read_text(encoding="utf-8"))["request"]

    assert request["symbols"] == [golden_run.SYMBOL]


def test_a_web_that_answers_to_its_public_name_alone_is_asked_by_that_name():
    assert golden_run.web_of({"PUBLIC_URL": "https://b.example.com/x"}).host == "b.example.com"
    assert golden_run.web_of({}).host == ""
