"""What packages of rules tell about themselves is data: it is bounded, and harms its own rules alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backtest.rules.packages import catalogue
from backtest.rules.packages.catalogue import InvalidCatalogue
from qa.harness.processes import has_ended
from tests.rule_packages import RULE, plant, plant_recording

ROOT = Path(__file__).parents[3]
TELL = (
    "import json; from backtest import rules; from backtest.rules.packages import source; {before}"
    "print(json.dumps([rules.names()[12:], [str(rule) for rule in rules.broken()], rules.build('RSI', {{}}).period]))"
)


def told(folder, *, before="", **variables):
    """Names beyond the built-in rules, the broken rules, and a built-in rule's parameter, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", TELL.format(before=before)],
        capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))} | variables,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_process_that_describes_rules_knows_nothing_of_its_parents_environment(tmp_path):
    record = tmp_path / "record"
    plant_recording(tmp_path / "site", record)

    names, broken, _ = told(
        tmp_path / "site", DATABASE_URL="mysql+pymysql://u:secret@h/d", ARGO_TOKEN="secret"
    )

    assert (names, broken) == (["PLANTED"], [])
    [line] = record.read_text().splitlines()
    assert line.endswith("-m backtest.rules.describe")
    assert "'DATABASE_URL'" not in line
    assert "'ARGO_TOKEN'" not in line


def test_the_parent_is_hidden_from_the_process_that_describes_rules(tmp_path):
    plant(tmp_path, RULE.format(label="Planted"))
    script = TELL.format(before="import ctypes; before = ctypes.CDLL(None).prctl(3); ") + (
        "; print(json.dumps([before, ctypes.CDLL(None).prctl(3)]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))},
    )  # fmt: skip

    assert json.loads(done.stdout.splitlines()[-1]) == [1, 0], done.stderr


def test_no_process_is_started_where_no_package_announces_a_rule(tmp_path):
    names, broken, _ = told(tmp_path, before="source._ask = None; ")

    assert (names, broken) == ([], [])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(3)", "the process that describes rules ended with exit code 3"),
        ("import os; os.abort()", "the process that describes rules ended with signal SIGABRT"),
        ("import sys; sys.exit('enough')", "SystemExit: enough"),
        ("a = bytearray(8 << 30)", "MemoryError"),
        ("import os\nfor each in range(3, 64):\n    try: os.write(each, b'x' * 2_000_000)\n    except OSError: pass",
         "the description is longer than 1,048,576 bytes"),
        ("import os\nfor each in range(3, 64):\n    try: os.write(each, b'nonsense')\n    except OSError: pass",
         "it is no JSON"),
        ("raise ValueError('\\x1b[2J' + 'long' * 100_000)", "ValueError: \\x1b[2Jlonglong"),
    ],
    ids=["exits", "aborts", "sys.exit", "memory", "much", "nonsense", "long reason"],
)  # fmt: skip
def test_a_hostile_package_makes_its_own_rules_unusable_and_no_built_in_one(tmp_path, code, reason):
    names, [broken], period = told(plant(tmp_path, code))

    assert names == []
    assert broken.startswith("rule PLANTED of package planted cannot be used: ")
    assert reason in broken
    assert len(broken) < 700
    assert period == 14


def test_a_package_that_prints_at_its_import_is_described_all_the_same(tmp_path):
    loud = "print('x' * 100_000_000)\nimport sys; print('y' * 100_000, file=sys.stderr)\n"

    names, broken, _ = told(plant(tmp_path, loud + RULE.format(label="Loud")))

    assert (names, broken) == (["PLANTED"], [])


def test_a_package_that_hangs_at_its_import_is_given_up_with_what_it_started(tmp_path):
    children = tmp_path / "pid"
    code = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '3600'])\n"
        f"open({str(children)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(3600)"
    )

    site = plant(tmp_path, code)
    for seconds in (2, 10, 60):  # on a busy machine the package may not have begun within two
        _, [broken], _ = told(site, before=f"source.LIMIT_SECONDS = {seconds}; ")
        if children.exists():
            break

    assert f"describing rules took longer than {seconds} seconds" in broken
    until = time.monotonic() + 30
    while not has_ended(int(children.read_text())) and time.monotonic() < until:
        time.sleep(0.01)
    assert time.monotonic() < until


def test_the_file_of_an_image_is_used_instead_of_a_process(tmp_path):
    record, written = tmp_path / "record", tmp_path / "rules.json"
    site = plant_recording(tmp_path / "site", record)
    path = os.pathsep.join((str(ROOT), str(site)))
    with written.open("w") as output:
        subprocess.run(
            [sys.executable, "-m", "backtest.rules.describe"],
            stdout=output, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
    record.unlink()

    names, broken, _ = told(site, RULE_CATALOGUE=str(written))

    assert (names, broken) == (["PLANTED"], [])
    assert not record.exists()


def test_a_file_that_is_no_catalogue_is_reported_and_no_code_is_imported_instead(tmp_path):
    record, written = tmp_path / "record", tmp_path / "rules.json"
    site = plant_recording(tmp_path / "site", record)
    written.write_text('{"version": 1, "rules": ')

    names, [broken], period = told(site, RULE_CATALOGUE=str(written))

    assert (names, period) == ([], 14)
    assert f"{written} cannot be used: its catalogue cannot be read: it is no JSON" in broken
    assert not record.exists()


def test_a_file_that_is_missing_is_no_leave_to_execute_the_packages(tmp_path):
    record, missing = tmp_path / "record", tmp_path / "rules.json"
    site = plant_recording(tmp_path / "site", record)

    names, [broken], period = told(site, RULE_CATALOGUE=str(missing))

    assert (names, period) == ([], 14)
    assert broken.endswith(
        f"RULE_CATALOGUE names {missing}, which is missing; write it with python -m backtest.rules.describe > {missing}"
    )
    assert not record.exists()


def listed(site, **variables):
    path = os.pathsep.join((str(ROOT), str(site)))
    return subprocess.run(
        [sys.executable, "-m", "backtest.rules.packages"],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path} | variables,
    )  # fmt: skip


def test_the_rules_that_a_container_knows_are_listed_without_a_line_of_their_package(tmp_path):
    record, file = tmp_path / "record", tmp_path / "rules.json"
    site = plant_recording(tmp_path / "site", record)

    before = listed(site, RULE_CATALOGUE=str(file))
    file.write_text(json.dumps({"version": 1, "rules": [GOOD | {"params": []}], "broken": []}))
    after = listed(site, RULE_CATALOGUE=str(file))
    without = listed(tmp_path / "nothing", RULE_CATALOGUE="")

    assert (before.returncode, before.stdout) == (1, "")
    assert "which is missing; write it with" in before.stderr
    assert (after.returncode, after.stdout, after.stderr) == (0, "GOOD: Good\n", "")
    assert (without.returncode, without.stdout) == (0, "no installed package offers a rule\n")
    assert not record.exists()


GOOD = {"name": "GOOD", "label": "Good", "help": "Does well.", "package": "planted"}
PARAM = {
    "name": "bars",
    "kind": "int",
    "label": "Bars",
    "help": "How many.",
    "low": 1,
    "high": 9,
    "default": 3,
}


def read(*rules):
    return catalogue.from_json(json.dumps({"version": 1, "rules": rules}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "RSI"},
        {"name": "GOOD"},
        {"name": "<b>"},
        {"name": "N" * 65},
        {"name": None},
        {"label": "L" * 101},
        {"label": "\x1b[2J"},
        {"label": ["Bad"]},
        {"help": "{{workflow.name}}"},
        {"help": "H" * 1_001},
        {"params": "bars"},
        {"params": [PARAM] * 2},
        {"params": [PARAM | {"name": f"p{number}"} for number in range(51)]},
        {"params": [7]},
        {"params": [PARAM | {"name": ""}]},
        {"params": [PARAM | {"kind": "code"}]},
        {"params": [PARAM | {"kind": ["int"]}]},
        {"params": [PARAM | {"default": 10}]},
        {"params": [PARAM | {"default": {"a": 1}}]},
        {"params": [PARAM | {"low": "1"}]},
        {"params": [PARAM | {"low": True}]},
        {"params": [PARAM | {"high": 10**400}]},
        {"params": [PARAM | {"required": 1}]},
        {"params": [PARAM | {"choices": ["a"] * 101}]},
        {"params": [PARAM | {"choices": [1]}]},
        {"params": [PARAM | {"max_length": 10**9}]},
        {"params": [PARAM], "ascending": [["bars", "gone"]]},
        {"params": [PARAM], "ascending": [["bars"]]},
    ],
    ids=str,
)
def test_a_wrong_description_makes_its_own_rule_unusable(change):
    found = read(GOOD, {"name": "BAD", "label": "Bad", "help": "Does ill.", "package": "other"} | change)

    assert list(found.rules) == ["GOOD"]
    assert [rule.package for rule in found.broken] == ["other"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"version": 2}', b"[" * 100_000, b'{"version": NaN}', b'{"version": 1, "rules": 1}',
     b" " * ((1 << 20) + 1), json.dumps({"version": 1, "rules": [GOOD] * 501}).encode()],
    ids=["empty", "bytes", "list", "none", "version", "deep", "nan", "rules", "long", "many"],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_as_a_whole(content):
    with pytest.raises(InvalidCatalogue):
        catalogue.from_json(content)


def test_parameters_are_what_their_rule_declares():
    choice = {"name": "kind", "kind": "choice", "label": "Kind", "choices": ["sma", "ema"], "default": "ema"}
    day = {"name": "since", "kind": "date", "label": "Since", "default": "2020-01-02"}
    found = read(
        GOOD | {"params": [PARAM, PARAM | {"name": "slow"}, choice, day], "ascending": [["bars", "slow"]]}
    )

    rule = found.rules["GOOD"]

    assert {name: str(value) for name, value in rule.build({"slow": 4}).values.items()} == {
        "bars": "3", "slow": "4", "kind": "ema", "since": "2020-01-02",
    }  # fmt: skip
    with pytest.raises(Exception, match="must be smaller than slow"):
        rule.build({"bars": 5, "slow": 4})
