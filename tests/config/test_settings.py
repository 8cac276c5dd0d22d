import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import EMBEDDED, Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_nothing_needs_to_be_set_on_a_laptop():
    settings = Settings.from_env({})

    assert settings == Settings()
    assert (settings.database_url, settings.launcher_mode, settings.port) == (EMBEDDED, "LOCAL", 5000)


def test_every_wrong_variable_is_named_at_once():
    wrong = {
        "PORT": "many",
        "JOB_LAUNCHER_MODE": "CLOUD",
        "WORKER_SLOTS": "0",
        "DATABASE_URL": "postgres://x",
    }

    with pytest.raises(SettingsError) as caught:
        Settings.from_env(wrong)

    message = "\n".join(caught.value.problems)
    assert all(name in message for name in wrong)
    assert "PORT must be a whole number from 0 to 65535, got 'many'" in message


def test_the_parts_of_an_address_are_all_needed_and_make_a_quoted_one():
    parts = {"DB_HOST": "mysql", "DB_NAME": "backtest", "DB_USER": "web", "DB_PASSWORD": "p@ss/word"}

    url = Settings.from_env(parts).database_url

    assert url == "mysql+pymysql://web:p%40ss%2Fword@mysql:3306/backtest"
    with pytest.raises(SettingsError, match="DB_PASSWORD is missing"):
        Settings.from_env({name: value for name, value in parts.items() if name != "DB_PASSWORD"})


def test_a_cluster_needs_mysql_and_argo():
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"JOB_LAUNCHER_MODE": "K8S"})

    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "ARGO_SERVER",
        "JOB_LAUNCHER_MODE=K8S",
    ]


def test_production_logs_json_by_default():
    assert Settings.from_env({"FLASK_ENV": "production"}).log_format == "json"
    assert Settings.from_env({"FLASK_ENV": "production", "LOG_FORMAT": "readable"}).log_format == "readable"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("LOG_LEVEL", "info", "INFO, DEBUG, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "readable, json"),
        ("FLASK_ENV", "staging", "development, production"),
    ],
)
def test_a_wrong_setting_of_the_logs_is_refused_with_what_is_allowed(name, value, allowed):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})

    assert caught.value.problems == (f"{name} must be one of {allowed}, got {value!r}",)


PROCESSES = {
    "app": ["app.py"],
    "web": ["-m", "web"],
    "worker": ["-m", "workflows.worker"],
    "dispatcher": ["-m", "workflows.reconcile", "--every", "60"],
    "store commands": ["-m", "store", "current"],
    "grants of a released template": ["-m", "workflows.steps.reader"],
}


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_starts_with_a_wrong_log_level(process, tmp_path):
    environment = os.environ | {"LOG_LEVEL": "LOUD", "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"}

    ended = subprocess.run(
        [sys.executable, *PROCESSES[process]], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert ended.returncode == Exit.BAD_INPUT
    assert "LOG_LEVEL must be one of INFO, DEBUG, WARNING, ERROR, got 'LOUD'" in ended.stderr
    assert "Traceback" not in ended.stderr


STEPS = {
    "engine": ["--bundle", "bundle"],
    "persist": ["--bundle", "bundle"],
    "compute": ["--bundle", "bundle"],
    "keep": ["--bundle", "bundle", "--workflow-name", "name", "--workflow-uid", "uid"],
}


@pytest.mark.parametrize("step", STEPS)
def test_no_step_runs_with_a_wrong_log_level(step, tmp_path):
    environment = os.environ | {"LOG_LEVEL": "LOUD", "TERMINATION_LOG": str(tmp_path / "termination-log")}
    command = [sys.executable, "-m", f"workflows.steps.{step}", "--run-id", "no-run", *STEPS[step]]

    ended = subprocess.run(
        command, cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )

    assert ended.returncode in (Exit.CRASHED, Exit.BAD_INPUT)
    assert "LOG_LEVEL must be one of INFO, DEBUG, WARNING, ERROR, got 'LOUD'" in ended.stdout


def test_secrets_are_not_shown():
    settings = replace(Settings(), database_url="mysql+pymysql://u:secret@h/d", argo_token="secret")

    assert "secret" not in repr(settings)


def test_the_example_names_every_variable_with_its_default():
    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"', source))
    words = {"LOCAL", "K8S", "INFO", "DEBUG", "WARNING", "ERROR"}
    named = dict(re.findall(r"^#([A-Z_0-9]+)=(.*)$", EXAMPLE, flags=re.MULTILINE))

    assert set(named) == read - words
    assert Settings.from_env({name: value for name, value in named.items() if value}) == Settings()
