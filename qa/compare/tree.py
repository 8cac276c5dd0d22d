"""A checkout of the product: its interpreter, its environment, its commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_COMMAND_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Output:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout; its processes write to `scratch`, never into the checkout."""

    path: Path
    python: str
    scratch: Path

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process, without settings inherited from the caller."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        written = {
            "PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode"),
            "NUMBA_CACHE_DIR": str(self.scratch / "numba"),
            "LIBRARY_DIR": str(self.scratch / "library"),
            "BUNDLE_DIR": str(self.scratch / "bundles"),
        }
        fixed = {"IMAGE_TAG": "compared", "COLUMNS": "110", "NO_COLOR": "1"}
        return inherited | written | fixed | dict(variables)

    def start(
        self, arguments: Sequence[str], variables: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start Python with these arguments; its output goes to the log."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [self.python, *arguments],
                cwd=self.path,
                env=self.environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def run(self, arguments: Sequence[str], variables: Mapping[str, str] | None = None) -> Output:
        """Run Python with these arguments and wait for its end."""
        return self._run([self.python, *arguments], variables or {})

    def kubectl(self, arguments: Sequence[str]) -> Output:
        """Run kubectl: the one beside the interpreter, else the one on PATH."""
        beside = Path(self.python).with_name("kubectl")
        command = str(beside) if beside.exists() else shutil.which("kubectl") or "kubectl"
        return self._run([command, *arguments], {})

    def _run(self, command: Sequence[str], variables: Mapping[str, str]) -> Output:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        return Output(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode())
