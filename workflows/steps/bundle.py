"""The result of the engine step as a folder: files, and a manifest that proves them whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows import failpoints
from workflows.errors import (
    BundleAltered,
    BundleFileMissing,
    BundleMissing,
    BundleTooLarge,
    BundleTruncated,
)

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TRADES = "trades.parquet"
CURVES = "curves.parquet"
ERROR = "error.json"
FORMAT = 1
_NAME = re.compile(r"[a-z][a-z_]{0,31}\.[a-z]{1,8}")
_MIB = 1024 * 1024


def write(folder: Path, run_id: str, files: Mapping[str, bytes]) -> None:
    """Write `files` and then, in one atomic step, the manifest that makes them a bundle.

    A reader sees the old bundle or none until the last moment, and never half a new one.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    failpoints.hit("bundle-opened")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    failpoints.hit("bundle-filled")
    listed = {name: {"bytes": len(content), "sha256": _digest(content)} for name, content in files.items()}
    manifest = {"format": FORMAT, "run_id": run_id, "files": listed}
    unfinished = folder / f".{MANIFEST}.{os.getpid()}"
    unfinished.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    failpoints.hit("bundle-listed")
    unfinished.replace(folder / MANIFEST)
    failpoints.hit("bundle-closed")


def read(folder: Path, run_id: str, *, most_mib: int | None = None) -> dict[str, bytes]:
    """Every file of the bundle of `run_id`, proven to be what was written; raise `BundleError` otherwise.

    With `most_mib` a larger bundle is refused before anything of it is read.
    """
    if most_mib is not None:
        _check_size(folder, most_mib)
    manifest = _manifest(folder)
    if manifest.get("run_id") != run_id:
        raise BundleAltered(
            f"the result in {folder.name} belongs to run {manifest.get('run_id')}, not {run_id}"
        )
    return {name: _file(folder, name, listed) for name, listed in manifest["files"].items()}


def file(files: Mapping[str, bytes], name: str) -> bytes:
    """The content of one of a bundle's files; `BundleFileMissing` where it has none of that name."""
    if name not in files:
        raise BundleFileMissing(f"the result has no {name}")
    return files[name]


def read_json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """One JSON object of a bundle's files."""
    try:
        content = json.loads(file(files, name))
    except (ValueError, RecursionError) as error:
        raise BundleAltered(f"{name} of the result is not readable: {error}") from error
    if not isinstance(content, dict):
        raise BundleAltered(f"{name} of the result is not a JSON object")
    return content


def _check_size(folder: Path, most_mib: int) -> None:
    """By the files themselves, not by what the manifest says of them."""
    total = sum(path.lstat().st_size for path in folder.glob("*"))
    if total > most_mib * _MIB:
        raise BundleTooLarge(
            f"the result has {total / _MIB:.1f} MiB, at most {most_mib} MiB are stored (MAX_RESULT_MIB)"
        )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(_content(folder / MANIFEST, _MIB))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissing(
            f"the engine step left no complete result: {folder / MANIFEST} does not exist"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BundleAltered(f"{MANIFEST} of the result is not readable: {error}") from error
    if not isinstance(manifest, dict) or not _lists_files(manifest.get("files")):
        raise BundleAltered(f"{MANIFEST} of the result does not list its files with size and SHA-256")
    if manifest.get("format") != FORMAT:
        raise BundleAltered(
            f"{MANIFEST} of the result has format {manifest.get('format')!r}, this release reads {FORMAT}"
        )
    return manifest


def _lists_files(files: object) -> bool:
    return isinstance(files, dict) and all(
        isinstance(listed, dict)
        and isinstance(listed.get("bytes"), int)
        and isinstance(listed.get("sha256"), str)
        and _NAME.fullmatch(name)
        for name, listed in files.items()
    )


def _file(folder: Path, name: str, listed: Mapping[str, Any]) -> bytes:
    try:
        content = _content(folder / name, listed["bytes"])
    except FileNotFoundError:
        raise BundleFileMissing(f"{name} of the result is missing") from None
    if len(content) < listed["bytes"]:
        raise BundleTruncated(f"{name} of the result is truncated: {len(content)} of {listed['bytes']} bytes")
    if _digest(content) != listed["sha256"]:
        raise BundleAltered(f"{name} of the result was modified: its SHA-256 does not match the manifest")
    return content


def _content(path: Path, most_bytes: int) -> bytes:
    """A plain file's content and at most a byte more than expected: the code of rule packages wrote the folder."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BundleAltered(f"{path.name} of the result is a link, not a file") from None
        if error.errno in (errno.EACCES, errno.ENXIO):  # it may not be read, or is a socket
            raise BundleAltered(f"{path.name} of the result cannot be opened: {error.strerror}") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleAltered(f"{path.name} of the result is not a plain file")
    with os.fdopen(handle, "rb") as file:
        return file.read(max(most_bytes, 0) + 1)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
