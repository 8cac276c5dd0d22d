"""Entry point of `python -m workflows.steps.compute`, the command that released WorkflowTemplates call."""

import sys

from workflows.cluster.engine_pod import main

if __name__ == "__main__":
    sys.exit(main())
