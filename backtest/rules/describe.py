"""Describes the rules of installed packages: `python -m backtest.rules.describe` prints their catalogue as JSON.

Processes that hold secrets start it as a child with an empty environment; the build of an image writes what it
prints into the file that `RULE_CATALOGUE` names. It limits itself before it imports a package.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

from backtest.rules.packages import catalogue, installed

LIMIT_SECONDS: Final = 30
_MEMORY_BYTES: Final = 4 << 30
_OUTPUT, _ERRORS = 1, 2


def main() -> None:
    """Print the catalogue; what packages print goes to stderr."""
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, LIMIT_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (lowest, lowest))
    output = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)
    loaded = installed.load()
    packages = {entry.name: installed.package_of(entry) for entry in reversed(installed.announced()[0])}
    with open(output, "w", encoding="utf-8") as stream:
        stream.write(catalogue.to_json(loaded, packages) + "\n")
    sys.stderr.flush()
    os._exit(0)  # what packages do at the end of the interpreter is not waited for


if __name__ == "__main__":
    main()
