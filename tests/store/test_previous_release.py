"""A migration suits the release before it: that release's own queries work on the schema after it.

So a release can be rolled back without its schema, and serves while the next one is migrated.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from qa.harness.processes import ROOT
from store import schema

VERSIONS = Path("store/migrations/versions")


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def previous_release():
    """The commit before the one that added the newest migration; HEAD while that is not committed."""
    (newest,) = (ROOT / VERSIONS).glob(f"{schema.head()}_*.py")
    added = (
        git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest.relative_to(ROOT)))
        .decode()
        .strip()
    )
    if not added:
        return "HEAD"
    return f"{added}~1"


@pytest.fixture
def before(tmp_path):
    """The tree of the release before, with the migrations of this one."""
    archive = git("archive", previous_release())
    if not archive:
        pytest.skip("the history of the repository is not here; CI fetches it whole")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(tmp_path, filter="data")
    for migration in (ROOT / VERSIONS).glob("*.py"):
        shutil.copy2(migration, tmp_path / VERSIONS / migration.name)
    return tmp_path


def test_the_queries_of_the_release_before_work_on_the_schema_of_this_one(before):
    head = subprocess.run(
        [sys.executable, "-c", "from store import schema; print(schema.head())"], cwd=before,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GIT_"))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/store/queries"],
        cwd=before, env=kept, capture_output=True, text=True,
    )  # fmt: skip

    assert head.stdout.strip() == schema.head()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
