"""Rules and dashboard ask for series that exist, and every alert leads to a chapter that does."""

import json
import re

import promql_parser
import pytest

from tests.k8s.manifests import ENVIRONMENTS, K8S, REPOSITORY, ROOT, named, overlay
from web.application import create_app

OTHERS = {
    "probe_success": "blackbox exporter",
    "up": "Prometheus",
    "kube_cronjob_status_last_successful_time": "kube-state-metrics",
    "container_memory_working_set_bytes": "cAdvisor",
}
"""Series that are not ours, and whose they are; the guide says that they are needed."""


def rules():
    groups = named(overlay("prod"), "PrometheusRule")["stock-backtest"]["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard():
    data = named(overlay("prod"), "ConfigMap")["stock-backtest-dashboard"]["data"]
    return json.loads(data["dashboard.json"])


def queries():
    """Every expression, with the variable of the dashboard filled in as Grafana does."""
    found = [rule["expr"] for rule in rules()]
    found += [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return [expression.replace("$namespace", "stock-backtest") for expression in found]


def selectors(node):
    """Every selector of series inside of an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for part in ("expr", "lhs", "rhs", "vector_selector"):
        if (inner := getattr(node, part, None)) is not None:
            yield from selectors(inner)
    for argument in getattr(node, "args", None) or ():
        yield from selectors(argument)


def series():
    return {each.name for query in queries() for each in selectors(promql_parser.parse(query))}


@pytest.fixture
def served(database, settings):
    """The names of the series of /metrics, as the web really answers."""
    text = create_app(settings, database=database).test_client().get("/metrics").text
    return set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE))


def test_every_series_that_a_rule_or_the_dashboard_asks_for_exists(served):
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    unknown = series() - served - recorded - set(OTHERS)

    assert unknown == set()
    assert {"stock_backtest_runs", "stock_backtest_runs_due", "probe_success"} <= series()


def test_every_series_that_we_serve_is_looked_at(served):
    assert served - series() == set()


def test_the_series_of_others_are_asked_for_and_the_guide_names_who_serves_them():
    guide = (ROOT / "docs" / "ops-guide.md").read_text(encoding="utf-8")

    assert set(OTHERS) <= series()
    assert [owner for owner in OTHERS.values() if owner not in guide] == []


def test_both_promises_have_an_alert_at_their_figure():
    alerts = {rule["alert"]: rule["expr"] for rule in rules() if "alert" in rule}

    assert alerts["HealthBelow99Percent"] == "stock_backtest:health:ratio_1h < 0.99"
    assert alerts["RunsLate"] == "stock_backtest:runs_on_time:ratio_1h < 0.95"


def anchors(path):
    """The chapters of a page as GitHub links to them."""
    titles = [
        line.lstrip("#").strip()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_alert_says_how_bad_it_is_what_happened_and_where_to_read_on():
    for rule in (rule for rule in rules() if "alert" in rule):
        page, _, chapter = rule["annotations"]["runbook_url"].partition("#")

        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert page == f"{REPOSITORY}/blob/main/docs/ops-guide.md"
        assert chapter in anchors(ROOT / "docs" / "ops-guide.md")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_scrape_and_the_probe_find_the_web_of_their_own_environment(environment):
    objects = overlay(environment)
    (namespace,) = named(objects, "Namespace")
    service = named(objects, "Service")["web"]
    monitor = named(objects, "ServiceMonitor")["web"]["spec"]
    (address,) = named(objects, "Probe")["web-health"]["spec"]["targets"]["staticConfig"]["static"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} <= {
        port["name"] for port in service["spec"]["ports"]
    }
    assert address == f"http://web.{namespace}/health"


def test_the_dashboard_is_found_by_grafana_and_has_a_query_in_every_panel():
    kept = named(overlay("prod"), "ConfigMap")["stock-backtest-dashboard"]

    assert kept["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert [panel["title"] for panel in dashboard()["panels"] if not panel["targets"]] == []
    assert [variable["name"] for variable in dashboard()["templating"]["list"]] == ["source", "namespace"]


def test_the_dashboard_in_the_repository_is_what_is_deployed():
    written = json.loads((K8S / "components" / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))

    assert dashboard() == written
