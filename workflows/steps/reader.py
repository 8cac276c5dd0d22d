"""Entry point of `python -m workflows.steps.reader`, the command that released WorkflowTemplates call."""

import sys

from store.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["accounts"]))
