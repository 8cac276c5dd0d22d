"""Moves a release along dev → staging → prod: the file of one environment, changed by one commit."""

from __future__ import annotations

import argparse
import os
import subprocess  # nosec B404
import sys
from collections.abc import Sequence

from argocd import release, verification
from argocd.release import ORDER, Refused, Release


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; 2 is a refusal."""
    arguments = _parser().parse_args(argv)
    try:
        print(arguments.command(arguments))
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m argocd.promote", description=__doc__)
    commands = parser.add_subparsers(required=True)
    building = commands.add_parser("release", help="give dev the image that was built from a commit")
    building.add_argument("--revision", required=True, help="the full commit")
    building.add_argument("--digest", required=True)
    building.set_defaults(command=_release)
    moving = commands.add_parser("promote", help="give the next environment what the one before it runs")
    moving.add_argument("--from", dest="source", choices=ORDER, required=True)
    moving.add_argument("--to", dest="target", choices=ORDER, required=True)
    moving.add_argument("--force", action="store_true", help="without proof that it works; needs --why")
    moving.add_argument("--why", default="", help="the reason, kept in the commit")
    moving.set_defaults(command=_promote)
    return parser


def _release(arguments: argparse.Namespace) -> str:
    new = Release.of(arguments.revision, arguments.digest)
    return _commit("dev", new, f"Release {new.tag} to dev")


def _promote(arguments: argparse.Namespace) -> str:
    source, target, why = arguments.source, arguments.target, arguments.why.strip()
    if ORDER.index(target) != ORDER.index(source) + 1:
        raise Refused(
            f"a release goes {' → '.join(ORDER)}, one step at a time; not from {source} to {target}"
        )
    moved = release.read(source)
    if not moved.exists:
        raise Refused(f"{source} has no release yet: {release.path(source)} holds zeros")
    if arguments.force and not why:
        raise Refused("--force needs --why: the reason is kept in the commit")
    proof = f"Forced: {why}" if arguments.force else verification.require(source, moved, os.environ)
    return _commit(target, moved, f"Promote {moved.tag} from {source} to {target}", proof)


def _commit(environment: str, moved: Release, *message: str) -> str:
    path = str(release.path(environment))
    if _git("status", "--porcelain", "--", path):
        raise Refused(f"{path} has changes that are not committed; commit or undo them first")
    if not release.write(environment, moved):
        return f"{environment} is at {moved.tag} already"
    texts = [part for text in message for part in ("--message", text)]
    _git("commit", "--quiet", *texts, "--", path)
    return message[0]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607 # nosec B603 B607
    if done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
