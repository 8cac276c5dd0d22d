"""A Python process of its own, for tests about what a process loads or does first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(script: str) -> str:
    """Execute a script, which must succeed and write nothing to stderr; returns what it printed."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def loaded_by(script: str, *names: str) -> set[str]:
    """Those of the modules `names` that are loaded after a script."""
    output = run(f"{script}\nimport sys; print('loaded', *({set(names)} & set(sys.modules)))")
    return set(output.splitlines()[-1].split()[1:])
