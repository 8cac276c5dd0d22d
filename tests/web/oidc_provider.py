"""A real provider of OpenID Connect as a process on this machine, and a person without a browser."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from qa.harness.processes import free_port, start, wait_until_ready

KEY = "a key of the tests, long enough to sign with"
ALICE = {
    "sub": "alice",
    "name": "Alice Ang",
    "email": "alice@example.com",
    "email_verified": True,
    "groups": ["desk"],
}
MALLORY = {
    "sub": "mallory",
    "name": "Mallory",
    "email": "alice@example.com",
    "email_verified": False,
    "groups": ["*"],
}


@contextmanager
def provider(folder: Path, *people: dict[str, object]) -> Iterator[str]:
    """Start the provider with these accounts; its issuer."""
    port = free_port()
    accounts = [part for person in people for part in ("--user-claims", json.dumps(person))]
    command = ["-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *accounts]
    process = start([*command, "--require-nonce", "true"], {}, folder / "provider.txt")
    issuer = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, lambda: _is_ready(issuer), folder / "provider.txt")
        yield issuer
    finally:
        process.terminate()
        process.wait(60)


def code_from(asked: str, person: str) -> dict[str, str]:
    """What the provider sends back with a person who agrees to what we asked it."""
    answer = requests.post(asked, data={"sub": person}, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def field(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def _is_ready(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10):
            return True
    except OSError:
        return False
