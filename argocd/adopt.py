"""Makes the manifests those of your repository and your domain: every place that names either, at once."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NAME = "stock-backtest"
FOLDERS = ("k8s", "argocd")
_ROOT = Path("argocd/root.yaml")
_HOST = Path("k8s/base/web/ingress.yaml")
_OWNER_OF_REPOSITORY = re.compile(rf"github\.com/([\w.-]+)/{NAME}")
_DOMAIN_OF_HOST = re.compile(rf"host: {NAME}\.(\S+)")
_OWNER = re.compile(r"[a-z\d](?:[a-z\d]|-(?=[a-z\d])){0,38}")
_DOMAIN = re.compile(r"(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z]{2,63}")


def main(argv: Sequence[str] | None = None) -> int:
    """Replace owner and domain in every file, and print the files that changed; 2 is a refusal."""
    parser = argparse.ArgumentParser(prog="python -m argocd.adopt", description=__doc__)
    parser.add_argument(
        "--owner", required=True, help="the owner of the repository and of the images, in small letters"
    )
    parser.add_argument(
        "--domain", required=True, help="the domain under which the environments have their names"
    )
    given = parser.parse_args(argv)
    for value, form, what in ((given.owner, _OWNER, "an owner"), (given.domain, _DOMAIN, "a domain")):
        if not form.fullmatch(value):
            print(f"error: {value!r} is not {what} in small letters", file=sys.stderr)
            return 2
    for path in replace(given.owner, given.domain):
        print(path)
    return 0


def current() -> tuple[str, str]:
    """Owner and domain as the root application and the Ingress name them now."""
    (owner,) = _OWNER_OF_REPOSITORY.findall(_ROOT.read_text(encoding="utf-8"))
    (domain,) = _DOMAIN_OF_HOST.findall(_HOST.read_text(encoding="utf-8"))
    return str(owner), str(domain)


def replace(owner: str, domain: str) -> Iterator[Path]:
    """Every file that was changed."""
    before = current()
    for path in files():
        text = path.read_text(encoding="utf-8")
        changed = _replaced(text, before, (owner, domain))
        if changed != text:
            path.write_text(changed, encoding="utf-8")
            yield path


def files() -> list[Path]:
    """Every manifest."""
    found = (path for folder in FOLDERS for path in Path(folder).rglob("*"))
    return sorted(path for path in found if path.suffix in (".yaml", ".json"))


def _replaced(text: str, before: tuple[str, str], after: tuple[str, str]) -> str:
    owner, domain = map(re.escape, before)
    text = re.sub(rf"((?:github\.com|ghcr\.io)/){owner}(?=/{NAME})", rf"\g<1>{after[0]}", text)
    return re.sub(rf"(?<=[a-z]\.){domain}(?![\w.-]*\w)", after[1], text)


if __name__ == "__main__":
    sys.exit(main())
