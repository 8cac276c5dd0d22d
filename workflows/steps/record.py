"""Entry point of `python -m workflows.steps.record`, the command that released WorkflowTemplates call."""

import sys

from workflows.cluster.on_exit import main

if __name__ == "__main__":
    sys.exit(main())
