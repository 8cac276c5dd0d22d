"""`make e2e`: everything on the cluster of KUBECONFIG, at most so long, with a report at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

LIMIT_SECONDS = int(os.environ.get("E2E_LIMIT_SECONDS", "4500"))
_CLEAN_UP_SECONDS = 240


def main() -> int:
    """Run the tests; when the time is over they are interrupted, and clean up all the same."""
    arguments = sys.argv[1:] or ["tests/e2e"]
    environment = os.environ | {"E2E": "yes"}
    if not sys.argv[1:]:
        environment["E2E_REPORT"] = "docs/e2e.md"
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *arguments]
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background inherits that it is ignored
    tests = subprocess.Popen(command, env=environment)
    try:
        return tests.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"not done within {LIMIT_SECONDS} s, stopping", file=sys.stderr)
        tests.send_signal(signal.SIGINT)
        try:
            tests.wait(_CLEAN_UP_SECONDS)
        except subprocess.TimeoutExpired:
            tests.kill()
        return 1


if __name__ == "__main__":
    sys.exit(main())
