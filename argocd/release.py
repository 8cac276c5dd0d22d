"""What an environment runs, as its one file names it: the image and the manifests of one commit."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields
from pathlib import Path

ORDER = ("dev", "staging", "prod")
_TAG_DIGITS = 7
_FORM = {
    "revision": (re.compile(r"[0-9a-f]{40}"), "a revision is a commit of 40 hexadecimal digits"),
    "tag": (
        re.compile(rf"[0-9a-f]{{{_TAG_DIGITS}}}"),
        f"a tag is a commit of {_TAG_DIGITS} hexadecimal digits",
    ),
    "digest": (re.compile(r"sha256:[0-9a-f]{64}"), "a digest is sha256: and 64 hexadecimal digits"),
}


class Refused(Exception):
    """The release cannot be moved; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """One commit, and the image that was built from it, by its tag and its content."""

    revision: str
    tag: str
    digest: str

    def __post_init__(self) -> None:
        for name, (form, text) in _FORM.items():
            if not form.fullmatch(value := getattr(self, name)):
                raise Refused(f"{text}, got {value!r}")
        if not self.revision.startswith(self.tag):
            raise Refused(f"the image is built from the commit itself: {self.tag} is not of {self.revision}")

    @classmethod
    def of(cls, revision: str, digest: str) -> Release:
        """The release of a commit, whose image has the commit's first digits as its tag."""
        return cls(revision, revision[:_TAG_DIGITS], digest)

    @property
    def exists(self) -> bool:
        """False for the zeros of an environment that has had no release."""
        return set(self.revision) != {"0"}


def path(environment: str) -> Path:
    """The one file that says what an environment runs."""
    return Path("argocd/releases") / f"{environment}.yaml"


def read(environment: str) -> Release:
    """The release that an environment's file names."""
    text = path(environment).read_text(encoding="utf-8")
    return Release(*(_line(text, name, environment)[1] for name in _names()))


def write(environment: str, release: Release) -> bool:
    """Put the release into the file and leave every other byte alone; false where it is there."""
    before = after = path(environment).read_text(encoding="utf-8")
    for name, value in zip(_names(), astuple(release), strict=True):
        found = _line(after, name, environment)
        after = after[: found.start(1)] + value + after[found.end(1) :]
    path(environment).write_text(after, encoding="utf-8")
    return after != before


def _names() -> list[str]:
    return [each.name for each in fields(Release)]


def _line(text: str, name: str, environment: str) -> re.Match[str]:
    found = list(re.finditer(rf'^{name}:[ \t]*"?([^\s"]*)"?[ \t]*$', text, re.MULTILINE))
    if len(found) != 1:
        raise Refused(f"{path(environment)} must have exactly one line {name}:, has {len(found)}")
    return found[0]
