"""The WorkflowTemplates: a form that explains itself, limits on everything, clean-up by configuration."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest
import yaml
from hera.workflows import models as m

from backtest import rules
from backtest.run.request import EXAMPLE, FORM_GROUPS, RunRequest
from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest
from config.exit_codes import Exit
from config.settings import Settings
from qa.harness.processes import ROOT
from workflows import render
from workflows.cluster import parameters
from workflows.cluster.studies.form import STUDY

SETTINGS = Settings()
TEMPLATES = [
    "backtest-quick.yaml", "backtest-robustness.yaml", "backtest-sweep.yaml", "backtest.yaml", "db-migrate.yaml",
]  # fmt: skip


def rendered(settings=SETTINGS):
    return {name: yaml.safe_load(text) for name, text in render.rendered(settings).items()}


def backtest(settings=SETTINGS):
    return rendered(settings)["backtest.yaml"]["spec"]


def parts(spec):
    return {part["name"]: part for part in spec["templates"]}


def form():
    return {each["name"]: each for each in backtest()["arguments"]["parameters"]}


def variables(name, spec=None):
    return {each["name"]: each for each in parts(spec or backtest())[name]["container"]["env"]}


def closed(schema):
    """The schema with no room for a key that it does not know: Hera's own models let typing errors through."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            closed(value)
    elif isinstance(schema, list):
        for value in schema:
            closed(value)
    return schema


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_key_of_a_template_is_one_that_argo_knows(name):
    schema = closed(m.WorkflowTemplate.model_json_schema(by_alias=True))

    jsonschema.validate(rendered()[name], schema)


def test_what_is_committed_is_what_is_rendered_and_a_difference_is_seen(tmp_path, monkeypatch):
    done = subprocess.run([sys.executable, "-m", "workflows.render", "--check"], cwd=ROOT)
    monkeypatch.setattr(render, "FOLDER", tmp_path)

    before, written, after = render.main(["--check"]), render.main([]), render.main(["--check"])

    assert done.returncode == 0
    assert (before, written, after) == (1, 0, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == TEMPLATES


def test_every_argument_says_what_it_is_for_and_a_choice_has_its_list():
    asked = form()

    assert set(asked) == {field.name for field in parameters.FIELDS}
    assert [name for name, each in asked.items() if len(each.get("description", "")) < 10] == []
    assert asked["rule_type"]["enum"] == list(rules.names())
    assert set(asked["size_type"]["enum"]) == {"percent", "value", "shares"}
    assert asked["fractional"]["enum"] == ["false", "true"]
    assert all("default" not in each for each in asked.values())  # Argo's UI does not honour it


@pytest.mark.parametrize("name", ["backtest.yaml", "backtest-quick.yaml"])
def test_an_untouched_form_is_the_example_of_the_page(name):
    asked = rendered()[name]["spec"]["arguments"]["parameters"]
    run_id = "123e4567-e89b-42d3-a456-426614174000"

    raw, hashes = parameters.read({each["name"]: each["value"] for each in asked}, run_id)

    example = {field: value for field, value in EXAMPLE.items() if field != "params"}
    assert RunRequest.parse(raw) == RunRequest.parse(example | {"run_id": run_id})
    assert hashes == {}


def test_the_arguments_stand_in_the_order_of_the_page_and_the_quick_form_asks_for_five():
    full = list(form())
    quick = [each["name"] for each in rendered()["backtest-quick.yaml"]["spec"]["arguments"]["parameters"]]

    assert full[:5] == quick == ["symbols", "rule_type", "params", "start_date", "end_date"]
    assert full[5:8] == list(FORM_GROUPS["costs"])
    assert full[-2:] == ["run_id", "data_hashes"]


@pytest.mark.parametrize("name", ["backtest.yaml", "backtest-quick.yaml"])
def test_no_step_can_be_chosen_as_the_entrypoint(name):
    templates = parts(rendered()[name]["spec"])

    inputs = {step: templates[step]["inputs"] for step in ("engine", "persist")}

    assert inputs["engine"]["parameters"] == [{"name": "choose_main_as_entrypoint"}]  # Argo wants its value
    assert [each["name"] for each in inputs["persist"]["artifacts"]] == ["bundle"]
    [engine] = [task for task in templates["main"]["dag"]["tasks"] if task["name"] == "engine"]
    assert engine["arguments"]["parameters"] == [{"name": "choose_main_as_entrypoint", "value": "yes"}]


def test_the_figures_of_a_stored_run_are_outputs_of_the_workflow():
    templates = parts(backtest())

    shown = {each["name"] for each in templates["main"]["outputs"]["parameters"]}

    assert shown == {"total_return", "sharpe_ratio", "num_trades"}
    assert {each["valueFrom"]["default"] for each in templates["persist"]["outputs"]["parameters"]} == {""}


def test_clean_up_is_three_times_by_configuration():
    settings = replace(SETTINGS, ttl_success_ui_seconds=1, ttl_failure_seconds=2, ttl_completion_seconds=3)

    usual, changed = backtest()["ttlStrategy"], backtest(settings)["ttlStrategy"]

    assert usual == {
        "secondsAfterSuccess": 900,
        "secondsAfterFailure": 86_400,
        "secondsAfterCompletion": 86_400,
    }
    assert changed == {"secondsAfterSuccess": 1, "secondsAfterFailure": 2, "secondsAfterCompletion": 3}


def test_pods_and_artifacts_go_with_their_workflow():
    spec = backtest()

    assert spec["podGC"]["strategy"] == "OnWorkflowSuccess"
    assert spec["artifactGC"]["strategy"] == "OnWorkflowDeletion"
    assert (
        spec["artifactGC"]["forceFinalizerRemoval"] is False
    )  # else a run without an artifact is never gone


def test_the_engine_pod_holds_no_account_that_could_write():
    secrets = {
        each["valueFrom"]["secretKeyRef"]["name"]
        for each in variables("engine").values()
        if "secretKeyRef" in each.get("valueFrom", {})
    }

    assert secrets == {"engine-secret"}
    assert "web-secret" not in str(parts(backtest())["engine"])


@pytest.mark.parametrize("step", ["engine", "persist"])
def test_every_step_has_a_command_a_deadline_and_limits(step):
    part = parts(backtest())[step]

    assert part["container"]["command"][:2] == ["python", "-m"]
    assert part["activeDeadlineSeconds"] > 0
    assert {"cpu", "memory"} == set(part["container"]["resources"]["limits"])
    assert part["container"]["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_step_sees_a_token_of_kubernetes(name):
    spec = rendered()[name]["spec"]

    assert spec["automountServiceAccountToken"] is False
    assert spec["executor"] == {"serviceAccountName": "backtest-steps"}


def test_the_memory_of_a_step_follows_the_settings_and_is_doubled_after_it_ran_out():
    patch = parts(backtest(replace(SETTINGS, step_memory_mib=1_000)))["engine"]["podSpecPatch"]

    assert f"['{Exit.OUT_OF_MEMORY.value}', '137'] ? '2000Mi' : '1000Mi'" in patch


def test_faults_of_the_infrastructure_are_tried_again_and_bad_input_never():
    again = parts(backtest())["engine"]["retryStrategy"]
    listed = set(re.findall(r"'(-?\d+)'", again["expression"]))

    assert {str(Exit.TRY_AGAIN.value), str(Exit.OUT_OF_MEMORY.value), "137", "143", "64"} <= listed
    assert not listed & {str(Exit.BAD_INPUT.value), str(Exit.CRASHED.value), str(Exit.OK.value)}
    assert "asInt(retries) < 1" in again["expression"]
    assert (again["retryPolicy"], again["limit"]) == ("Always", 4)


def test_the_run_id_is_a_label_of_workflow_and_pods_and_an_argument_of_every_step():
    spec = backtest()

    assert "workflow.uid" in spec["workflowMetadata"]["labelsFrom"]["run_id"]["expression"]
    assert "workflow.parameters.run_id" in spec["podMetadata"]["labels"]["run_id"]
    for step in ("engine", "persist"):
        arguments = parts(spec)[step]["container"]["args"]
        assert arguments[arguments.index("--run-id") + 1] == spec["podMetadata"]["labels"]["run_id"]


def test_no_text_of_a_failed_step_reaches_the_substitution_of_argo():
    spec = backtest()

    assert "onExit" not in spec
    assert "workflow.failures" not in json.dumps(spec)


def test_a_migration_waits_for_a_database_that_is_away_as_a_run_does():
    spec = rendered()["db-migrate.yaml"]["spec"]
    migrate, accounts = (parts(spec)[name] for name in ("migrate", "accounts"))
    persist = parts(rendered()["backtest.yaml"]["spec"])["persist"]

    assert migrate["retryStrategy"] == accounts["retryStrategy"] == persist["retryStrategy"]
    assert "'75'" in migrate["retryStrategy"]["expression"]


def test_the_migration_runs_once_at_a_time_between_two_looks_of_the_administrator_at_the_accounts():
    spec = rendered()["db-migrate.yaml"]["spec"]
    tasks = parts(spec)["main"]["dag"]["tasks"]

    assert spec["synchronization"]["mutexes"] == [{"name": "db-migrate"}]
    assert [(task["template"], task.get("depends")) for task in tasks] == [
        ("accounts", None),
        ("migrate", "accounts"),
        ("accounts", "migrate"),
    ]


def test_each_step_of_a_migration_has_the_account_that_it_needs():
    spec = rendered()["db-migrate.yaml"]["spec"]

    def secrets(step):
        asked = {name: each.get("valueFrom", {}) for name, each in variables(step, spec).items()}
        return {name: each["secretKeyRef"]["name"] for name, each in asked.items() if "secretKeyRef" in each}

    assert secrets("migrate") == dict.fromkeys(("DB_USER", "DB_PASSWORD"), "migration-secret")
    assert secrets("accounts") == {
        "DB_USER": "mysql-secret",
        "DB_PASSWORD": "mysql-secret",
        "MIGRATION_USER": "migration-secret",
        "MIGRATION_PASSWORD": "migration-secret",
        "WRITER_USER": "web-secret",
        "WRITER_PASSWORD": "web-secret",
        "READER_USER": "engine-secret",
        "READER_PASSWORD": "engine-secret",
    }


READ_BY = {"backtest-sweep.yaml": {"plan"}, "backtest-robustness.yaml": {"engine"}}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_step_is_given_the_arguments_of_its_workflow_only_where_there_are_any(name):
    spec = rendered()[name]["spec"]

    given = {step for step in parts(spec) if step != "main" and "PARAMETERS" in variables(step, spec)}

    assert given == READ_BY.get(name, {"engine", "persist"} if spec.get("arguments") else set())


def sweep(settings=SETTINGS):
    return rendered(settings)["backtest-sweep.yaml"]["spec"]


def tasks():
    return {task["name"]: task for task in parts(sweep())["main"]["dag"]["tasks"]}


def secrets_of(step):
    asked = (each.get("valueFrom", {}).get("secretKeyRef", {}) for each in variables(step, sweep()).values())
    return {each["name"] for each in asked if each}


def test_an_untouched_form_of_a_study_is_a_study_of_the_example():
    asked = sweep()["arguments"]["parameters"]
    study_id = "123e4567-e89b-42d3-a456-426614174000"

    raw, hashes = parameters.read({each["name"]: each["value"] for each in asked}, study_id, STUDY)

    request = StudyRequest.parse(raw)
    assert (request.run.symbols, request.run.rule_type) == (("SP500",), "MOVING_AVERAGE_CROSS")
    assert (request.study_id, plan(request).trials, hashes) == (study_id, 150, {})
    assert {each["name"] for each in asked} == {field.name for field in STUDY.fields}
    assert [each["name"] for each in asked if len(each["description"]) < 10] == []


def test_only_the_steps_that_execute_no_rule_of_a_package_hold_the_account_that_writes():
    assert {step: secrets_of(step) for step in ("plan", "chunk", "judge", "persist")} == {
        "plan": {"web-secret"},
        "chunk": {"engine-secret"},
        "judge": {"engine-secret"},
        "persist": {"web-secret"},
    }


def test_chunks_fan_out_over_numbers_alone_and_some_that_fail_stop_nothing():
    chunk, main = tasks()["chunk"], parts(sweep())["main"]

    assert chunk["withParam"] == "{{tasks.plan.outputs.parameters.pods}}"
    assert (main["failFast"], main["parallelism"]) == (False, SETTINGS.study_pods)
    assert "chunk.AnySucceeded" in tasks()["judge"]["depends"]
    assert tasks()["persist"]["depends"] == "judge.Succeeded || judge.Failed || judge.Errored"
    assert not re.search("continueOn|failFast: true", json.dumps(sweep()))


def test_chunks_lie_under_keys_of_workflow_and_number_and_are_found_without_a_position():
    [part] = parts(sweep())["chunk"]["outputs"]["artifacts"]
    found = {
        step: {each["name"]: each for each in parts(sweep())[step]["inputs"]["artifacts"]}
        for step in ("judge", "persist")
    }

    assert part["s3"]["key"].endswith("{{workflow.name}}/{{workflow.uid}}/parts/{{inputs.parameters.pod}}")
    for each in found.values():
        assert part["s3"]["key"] == f"{each['parts']['s3']['key']}/{{{{inputs.parameters.pod}}}}"
        assert each["parts"]["optional"] is True
    assert "outputs.result" not in json.dumps(sweep())


def test_a_pod_that_executes_trials_requests_what_it_uses_and_has_as_many_threads_as_processors():
    for step in ("plan", "chunk", "judge"):
        resources = parts(sweep())[step]["container"]["resources"]
        assert resources["requests"]["cpu"] == resources["limits"]["cpu"] == "1"
    for step in ("chunk", "judge"):
        threads = variables(step, sweep())["NUMBA_NUM_THREADS"]["valueFrom"]["resourceFieldRef"]
        assert threads["resource"] == "limits.cpu"


def test_each_chunk_is_tried_again_and_pods_and_artifacts_are_cleaned():
    spec = sweep()

    assert parts(spec)["chunk"]["retryStrategy"] == parts(backtest())["engine"]["retryStrategy"]
    assert spec["podGC"]["strategy"] == "OnPodSuccess"
    assert spec["artifactGC"]["strategy"] == "OnWorkflowDeletion"
    assert set(spec["ttlStrategy"]) == {
        "secondsAfterSuccess",
        "secondsAfterFailure",
        "secondsAfterCompletion",
    }


def test_no_step_of_a_study_can_be_chosen_as_the_entrypoint():
    assert parts(sweep())["plan"]["inputs"]["parameters"] == [{"name": "choose_main_as_entrypoint"}]
    for step in ("chunk", "judge", "persist"):
        artifacts = {each["name"]: each for each in parts(sweep())[step]["inputs"]["artifacts"]}
        assert not artifacts["study"].get("optional")


def test_nodes_and_links_of_a_study_say_what_they_are():
    spec = sweep()

    shown = spec["workflowMetadata"]["annotations"]
    assert shown["page"] == "studies"
    assert backtest()["workflowMetadata"]["annotations"]["page"] == "runs"
    assert "study on" in shown["workflows.argoproj.io/title"]
    assert parts(spec)["chunk"]["annotations"]["workflows.argoproj.io/display-name"].startswith("chunk-{{=")


def test_the_study_from_git_is_a_study_of_the_template():
    manifest = yaml.safe_load((ROOT / "k8s/examples/study.yaml").read_text(encoding="utf-8"))
    given = {each["name"]: each["value"] for each in manifest["spec"]["arguments"]["parameters"]}
    whole = {each["name"]: each["value"] for each in sweep()["arguments"]["parameters"]} | given
    study_id = "123e4567-e89b-42d3-a456-426614174000"

    raw, _ = parameters.read(whole, study_id, STUDY)

    assert manifest["spec"]["workflowTemplateRef"] == {"name": "backtest-sweep"}
    assert plan(StudyRequest.parse(raw)).trials == 150
