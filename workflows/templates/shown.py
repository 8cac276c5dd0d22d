"""What people of the Argo UI see of a workflow of ours, and what becomes of it when it is deleted."""

from __future__ import annotations

from typing import Final

from hera.workflows import Parameter
from hera.workflows import models as m

from backtest.rules import registry
from backtest.rules.names import BUILT_IN

_LONGEST_TITLE = 120
PUBLIC_ADDRESS = "//localhost:8080"
"""Where the page of a run is, without a scheme: a forwarded port. Overlays put the host of their Ingress in its place."""

_LABELS: Final = ", ".join(f"'{name}': '{registry.get(name).label}'" for name in BUILT_IN)
RULE: Final = f"({{{_LABELS}}}[workflow.parameters.rule_type] ?? workflow.parameters.rule_type)"
"""An expression of Argo: the rule as the form of the web calls it, or the name of one of an installed package."""


def metadata(app: str, run_id: str, *, title: str, page: str) -> m.WorkflowMetadata:
    """Title, columns and links of the workflow in the Argo UI; argocd/argo-workflows.yaml names the annotations.

    `run_id` and `title` are expressions of Argo.
    """
    return m.WorkflowMetadata(
        labels={"app": app},
        labels_from={"run_id": m.LabelValueFrom(expression=run_id)},
        annotations={
            "workflows.argoproj.io/title": f"{{{{=sprig.trunc({_LONGEST_TITLE}, {title})}}}}",
            "rule": "{{=sprig.trunc(64, workflow.parameters.rule_type)}}",
            "symbols": "{{=sprig.trunc(64, workflow.parameters.symbols)}}",
            "web": PUBLIC_ADDRESS,
            "page": page,
        },
    )


def artifacts() -> m.WorkflowLevelArtifactGC:
    """Artifacts go with their workflow."""
    return m.WorkflowLevelArtifactGC(
        strategy="OnWorkflowDeletion",
        service_account_name="backtest-cleanup",
        # not by force: Argo then waits for ever for the artifacts of a run that left none
        force_finalizer_removal=False,
    )


def figure(name: str) -> Parameter:
    """A figure that the persist step leaves in a file of its name."""
    return Parameter(name=name, value_from=m.ValueFrom(path=f"/out/{name}", default=""))


def passed_on(task: str, name: str) -> Parameter:
    """The same as an output of the workflow."""
    parameter = f"{{{{tasks.{task}.outputs.parameters.{name}}}}}"
    return Parameter(name=name, value_from=m.ValueFrom(parameter=parameter))
