"""Every line carries what it is about, and none a secret."""

import json
import logging
import time

import pytest

from config import logs
from config.redaction import LONGEST_LINE, Redaction
from config.settings import Settings


@pytest.fixture
def lines(capsys):
    logs.configure(process="worker", as_json=True, secrets=["correct-horse"])

    def read():
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield read
    logging.getLogger().handlers.clear()


def test_a_line_carries_run_id_process_level_and_utc_time(lines):
    with logs.about("123e4567"):
        logs.get("engine").info("run begins", bars=3)

    (line,) = lines()
    moment = line.pop("time")
    assert moment.endswith("Z")
    assert line == {
        "event": "run begins", "run_id": "123e4567", "process": "worker",
        "level": "info", "bars": 3, "logger": "engine",
    }  # fmt: skip


def test_a_line_of_a_library_carries_the_run_id_too(lines):
    with logs.about("123e4567"):
        logging.getLogger("sqlalchemy").warning("slow %s", "query")

    (line,) = lines()
    assert (line["event"], line["run_id"], line["logger"]) == ("slow query", "123e4567", "sqlalchemy")


def test_after_the_block_lines_are_about_nothing(lines):
    with logs.about("123e4567"):
        pass
    logs.get("worker").info("idle")

    (line,) = lines()
    assert "run_id" not in line


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter22"},
        {"DB_PASSWORD": "hunter22"},
        {"headers": {"Authorization": "hunter22"}},
        {"nested": [{"argo_token": "hunter22"}]},
        {"url": "mysql+pymysql://root:hunter22@db:3306/x"},
        {"url": "mysql://root:with/slash@and:hunter22@db/x"},
        {"text": "Authorization: Bearer hunter22hunter22"},
        {"text": "connect(host=db, password='hunter22')"},
        {"text": '{"token": "hunter22"}'},
        {"text": "asked to use correct-horse today"},
    ],
)
def test_no_secret_is_in_a_line(lines, fields):
    logs.get("worker").info("connecting", **fields)

    line = json.dumps(lines())
    assert "hunter22" not in line
    assert "correct-horse" not in line
    assert "[redacted]" in line


def test_no_secret_is_in_a_traceback(lines):
    try:
        raise ConnectionError("cannot reach mysql://root:hunter22@db/x with correct-horse")
    except ConnectionError:
        logs.get("worker").exception("database unavailable")

    (line,) = lines()
    assert "ConnectionError: cannot reach mysql://root:[redacted]@db/x with [redacted]" in line["exception"]


def test_ordinary_values_stay_as_they_are(lines):
    logs.get("worker").info("run computed", bars=2_516, ratio=0.5, ok=True, none=None, tags=["a"])

    (line,) = lines()
    assert [line[name] for name in ("bars", "ratio", "ok", "none", "tags")] == [2_516, 0.5, True, None, ["a"]]


def test_the_passwords_of_the_environment_are_known(capsys):
    env = {"DATABASE_URL": "mysql+pymysql://u:sesame-open@h/d", "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
    logs.configure_from(Settings.from_env(env), process="web")

    logs.get("web").debug("it is sesame-open")

    assert json.loads(capsys.readouterr().out)["event"] == "it is [redacted]"


def test_the_client_that_a_token_stands_for_is_readable_and_the_token_is_not(lines):
    logs.get("web").info("run submitted", client="token:1", actor="token:12", text="token:hunter22")

    (line,) = lines()
    assert (line["client"], line["actor"], line["text"]) == ("token:1", "token:12", "token:[redacted]")


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "a-" * 500_000, "://:" * 200_000 + "@", "://a:b" * 100_000, 'token="' * 100_000,
     "bearer " * 100_000, "password" + " " * 1_000_000, "a\n" * 500_000],
    ids=lambda text: text[:8].strip(),
)  # fmt: skip
def test_a_million_characters_of_a_client_take_no_time_to_redact_and_little_room(text):
    began = time.process_time()

    shown = Redaction(["correct-horse"]).text(text)

    assert time.process_time() - began < 0.5
    assert len(shown) < 10_000


def test_what_is_kept_of_a_long_line_tells_no_part_of_a_secret():
    password = "p" * 300
    begun_before_the_cut = "x" * (LONGEST_LINE - 100) + f" mysql://root:{password}@db " + "y" * 5_000

    shown = Redaction().text(begun_before_the_cut)

    assert shown.endswith("[cut]")
    assert "pp" not in shown


def test_a_long_traceback_keeps_its_end():
    text = "\n".join(["Traceback", *(f"line {number}" for number in range(5_000)), "ZeroDivisionError: here"])

    shown = Redaction().text(text).split("\n")

    assert (shown[0], shown[-1]) == ("Traceback", "ZeroDivisionError: here")
    assert len(shown) < 500


HOSTILE = "a\x1b]0;title\x07b\x9b2Jc\nd\u202ee\ud800"


def test_a_readable_line_stays_one_line_that_moves_no_cursor(capsys):
    logs.configure(process="web")

    logs.get("web").info(f"refused {HOSTILE}", path=HOSTILE, listed=[HOSTILE], **{f"x{HOSTILE}": 1})

    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert shown.rstrip("\n").isprintable()
    assert "\\x1b]0;title\\x07b\\x9b2Jc\\nd\\u202ee\\ud800" in shown


def test_a_readable_traceback_keeps_its_lines_and_moves_no_cursor(capsys):
    logs.configure(process="web")
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        logs.get("web").exception("failed")

    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "ValueError: \\x1b[2J"


def test_a_line_of_json_holds_what_came_and_moves_no_cursor(capsys):
    logs.configure(process="web", as_json=True)

    logs.get("web").info("refused", path=HOSTILE)

    line = capsys.readouterr().out.rstrip("\n")
    assert line.isprintable()
    assert json.loads(line)["path"] == HOSTILE
