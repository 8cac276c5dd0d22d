"""Moves a release along dev → staging → prod: one overlay's image, changed by one commit."""

from __future__ import annotations

import argparse
import re
import subprocess  # nosec B404
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ORDER = ("dev", "staging", "prod")

_TAG = re.compile(r"[0-9a-f]{7,40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LINE = {
    name: re.compile(rf'^(\s*{name}:[ \t]*"?)([^\s"]*)("?)[ \t]*$', re.MULTILINE)
    for name in ("newTag", "digest")
}


class Refused(Exception):
    """The release cannot be moved; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """One image, by the commit that it was built from and by its content."""

    tag: str
    digest: str

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.tag):
            raise Refused(f"an image tag is a commit of 7 to 40 hexadecimal digits, got {self.tag!r}")
        if not _DIGEST.fullmatch(self.digest):
            raise Refused(f"a digest is sha256: and 64 hexadecimal digits, got {self.digest!r}")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; 2 is a refusal."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "set":
            release, target = Release(arguments.tag, arguments.digest), "dev"
            message = f"Release {release.tag} to dev"
        else:
            release, target = _next(arguments.source, arguments.target), arguments.target
            message = f"Promote {release.tag} from {arguments.source} to {target}"
        changed = _commit(overlay(target), release, message)
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 2
    print(message if changed else f"{target} is at {release.tag} already")
    return 0


def overlay(environment: str) -> Path:
    """The one file that says which image an environment runs."""
    return Path("k8s/overlays") / environment / "kustomization.yaml"


def read(path: Path) -> Release:
    """The release that an overlay names."""
    text = path.read_text(encoding="utf-8")
    found = {name: line.findall(text) for name, line in _LINE.items()}
    for name, lines in found.items():
        if len(lines) != 1:
            raise Refused(f"{path} must have exactly one line {name}:, has {len(lines)}")
    return Release(found["newTag"][0][1], found["digest"][0][1])


def write(path: Path, release: Release) -> bool:
    """Put the release into an overlay and leave every other byte alone; false where it is there."""
    before = path.read_text(encoding="utf-8")
    read(path)
    after = _LINE["newTag"].sub(rf"\g<1>{release.tag}\g<3>", before)
    after = _LINE["digest"].sub(rf"\g<1>{release.digest}\g<3>", after)
    path.write_text(after, encoding="utf-8")
    return after != before


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m argocd.promote", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    setting = commands.add_parser("set", help="put a new image into dev")
    setting.add_argument("--tag", required=True)
    setting.add_argument("--digest", required=True)
    moving = commands.add_parser("promote", help="give the next environment what the one before it runs")
    moving.add_argument("--from", dest="source", choices=ORDER, required=True)
    moving.add_argument("--to", dest="target", choices=ORDER, required=True)
    return parser


def _next(source: str, target: str) -> Release:
    if ORDER.index(target) != ORDER.index(source) + 1:
        raise Refused(
            f"a release goes {' → '.join(ORDER)}, one step at a time; not from {source} to {target}"
        )
    return read(overlay(source))


def _commit(path: Path, release: Release, message: str) -> bool:
    if _git("status", "--porcelain", "--", str(path)):
        raise Refused(f"{path} has changes that are not committed; commit or undo them first")
    if not write(path, release):
        return False
    _git("commit", "--quiet", "--message", message, "--", str(path))
    return True


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607 # nosec B603 B607
    if done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
