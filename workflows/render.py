"""Writes every WorkflowTemplate as YAML into k8s, where Kustomize and Argo CD take it from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from config.settings import Settings
from workflows import templates

FOLDER = Path("k8s/base/workflows")
_HEAD = "# Rendered by `make render` from workflows/templates; change it there.\n"


def rendered(settings: Settings) -> dict[str, str]:
    """The YAML of every template, by file name."""
    makers = (
        templates.backtest, templates.quick, templates.sweep, templates.robustness, templates.db_migrate,
    )  # fmt: skip
    made = (make(settings) for make in makers)
    return {f"{template.name}.yaml": _HEAD + template.to_yaml() for template in made}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; with --check say which differ, and 1."""
    parser = argparse.ArgumentParser(prog="python -m workflows.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file differs")
    arguments = parser.parse_args(argv)
    texts = rendered(Settings())  # configuration of an environment is its overlay's
    different = [name for name, text in texts.items() if _on_disk(name) != text]
    for name in different:
        if not arguments.check:
            (FOLDER / name).write_text(texts[name], encoding="utf-8")
    return 1 if different and arguments.check else 0


def _on_disk(name: str) -> str | None:
    try:
        return (FOLDER / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
