"""A bundle is whole or it is refused, and the refusal says what is wrong."""

import json

import pytest

from workflows.errors import (
    BundleAltered,
    BundleFileMissing,
    BundleMissing,
    BundleTooLarge,
    BundleTruncated,
)
from workflows.steps import bundle

RUN_ID = "123e4567-e89b-42d3-a456-426614174000"
FILES = {"summary.json": b'{"bars": 3}', "trades.parquet": b"trades", "curves.parquet": b"curves"}


@pytest.fixture
def folder(tmp_path):
    bundle.write(tmp_path / "result", RUN_ID, FILES)
    return tmp_path / "result"


def test_what_was_written_is_read_again(folder):
    assert bundle.read(folder, RUN_ID) == FILES


def test_the_folder_is_closed_to_other_users(folder):
    assert folder.stat().st_mode & 0o077 == 0


def test_without_a_manifest_there_is_no_bundle(folder):
    (folder / "manifest.json").unlink()

    with pytest.raises(BundleMissing, match=r"the engine step left no complete result.*manifest\.json"):
        bundle.read(folder, RUN_ID)


def test_without_a_folder_there_is_no_bundle(tmp_path):
    with pytest.raises(BundleMissing, match="left no complete result"):
        bundle.read(tmp_path / "nowhere", RUN_ID)


def test_a_missing_file_is_named(folder):
    (folder / "trades.parquet").unlink()

    with pytest.raises(BundleFileMissing, match=r"trades\.parquet of the result is missing"):
        bundle.read(folder, RUN_ID)


def test_a_cut_file_is_named_with_both_sizes(folder):
    (folder / "curves.parquet").write_bytes(b"cur")

    with pytest.raises(BundleTruncated, match=r"curves\.parquet of the result is truncated: 3 of 6 bytes"):
        bundle.read(folder, RUN_ID)


def test_a_file_of_the_same_size_with_one_other_byte_is_altered(folder):
    (folder / "curves.parquet").write_bytes(b"curveS")

    with pytest.raises(BundleAltered, match=r"curves\.parquet of the result was modified"):
        bundle.read(folder, RUN_ID)


def test_a_bundle_of_another_run_is_refused(folder):
    with pytest.raises(BundleAltered, match=f"belongs to run {RUN_ID}, not another"):
        bundle.read(folder, "another")


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{", b"[]", b'{"run_id": "x"}', b"\xff\xfe", b'{"files": {"../../etc/passwd": {}}, "format": 1}'],
)
def test_a_manifest_that_is_none_is_refused(folder, manifest):
    (folder / "manifest.json").write_bytes(manifest)

    with pytest.raises(BundleAltered, match=r"manifest\.json of the result"):
        bundle.read(folder, RUN_ID)


def test_a_manifest_never_leads_out_of_its_folder(folder):
    (folder.parent / "secret").write_bytes(b"s")
    listed = {"../secret": {"bytes": 1, "sha256": "0" * 64}}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "run_id": RUN_ID, "files": listed}))

    with pytest.raises(BundleAltered, match="does not list its files"):
        bundle.read(folder, RUN_ID)


def test_a_format_of_a_later_release_is_named(folder):
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BundleAltered, match="has format 2, this release reads 1"):
        bundle.read(folder, RUN_ID)


def test_writing_again_replaces_the_bundle_whole(folder):
    bundle.write(folder, RUN_ID, {"error.json": b"{}"})

    assert bundle.read(folder, RUN_ID) == {"error.json": b"{}"}


def test_a_bundle_larger_than_allowed_is_refused_by_what_lies_there(folder):
    (folder / "trades.parquet").write_bytes(b"x" * (2 * 1024 * 1024))

    with pytest.raises(BundleTooLarge, match=r"has 2\.0 MiB, at most 1 MiB are stored \(MAX_RESULT_MIB\)"):
        bundle.read(folder, RUN_ID, most_mib=1)
