"""The pages that measurements write, and what is asked of a cluster, without one."""

import json

import jsonschema
from hera.workflows import models as m

from qa.argo_scale import cluster, section


def test_a_subsection_is_replaced_and_the_others_stay(tmp_path):
    page = tmp_path / "scale.md"
    page.write_text("# At scale\n\nMeasured.\n")

    for title, content in (("One", "1"), ("Two", "2"), ("One", "changed")):
        section.write(title, content, page)

    text = page.read_text()
    assert (
        text == "# At scale\n\nMeasured.\n\n## Studies on a cluster\n\n### One\n\nchanged\n\n### Two\n\n2\n"
    )
    assert section.kept(page) == text.removeprefix("# At scale\n\nMeasured.\n")


def test_the_pods_that_do_nothing_fan_out_as_those_of_a_study():
    things = cluster._things("stock-backtest:e2e", 60)
    (template,) = (thing for thing in things if thing["kind"] == "WorkflowTemplate")

    jsonschema.validate(template, m.WorkflowTemplate.model_json_schema(by_alias=True))
    (main, _) = template["spec"]["templates"]
    assert main["dag"]["tasks"][0]["withParam"] == "{{workflow.parameters.pods}}"
    assert json.loads(template["spec"]["podSpecPatch"])["containers"][0]["name"] == "wait"


def test_metrics_of_several_labels_are_summed():
    text = '# HELP x\nrequests_total{code="200"} 3\nrequests_total{code="404"} 2\nmemory 1.5e+06\n'

    assert cluster._sums(text) == {"requests_total": 5.0, "memory": 1_500_000.0}
