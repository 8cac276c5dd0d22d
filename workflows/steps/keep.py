"""Entry point of `python -m workflows.steps.keep`, the command that released WorkflowTemplates call."""

import sys

from workflows.cluster.persist_pod import main

if __name__ == "__main__":
    sys.exit(main())
