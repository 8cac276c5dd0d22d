"""`make argocd-e2e`: Argo CD on the cluster of KUBECONFIG, and a chapter of docs/e2e.md."""

from __future__ import annotations

import os
import subprocess
import sys

if __name__ == "__main__":
    whole = {} if sys.argv[1:] else {"ARGOCD_E2E_REPORT": "yes"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        *(sys.argv[1:] or ["tests/argocd_e2e"]),
    ]
    sys.exit(subprocess.run(command, env=os.environ | {"ARGOCD_E2E": "yes"} | whole, check=False).returncode)
