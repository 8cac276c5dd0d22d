"""Files that are made to stop the web: it refuses them, answers others meanwhile, and does not grow."""

import json
import re
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from qa.fuzz import pricefiles
from qa.harness.environment import TestEnvironment

MOST_SECONDS_OF_THE_WEB = 2.0
"""Processor time of the web while one /health waits: with the parsers in the web it was four seconds, or for ever.

Receiving 34 MiB takes it a tenth of a second. The clock says nothing: on a busy machine every answer is late.
"""
GROWTH_MIB = 48
LATE_SECONDS = 1.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    environment = TestEnvironment(f"sqlite:///{folder / 'record.sqlite3'}", folder, workers=0)
    environment.start(MAX_REQUESTS_PER_MINUTE="0", PYTHONPATH="", FAULT_POINTS="")
    yield environment
    environment.stop()


def post(port, path, content):
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, content, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body)


def web_processes(environment):
    """Gunicorn and its workers; the parser's processes are not among them."""
    web = psutil.Process(environment.web.pid)
    return [process for process in (web, *web.children(recursive=True)) if not is_parser(process)]


def is_parser(process):
    try:
        return "workflows.parsing.server" in process.cmdline()
    except psutil.NoSuchProcess:  # it ended a moment ago
        return True


def peak_mib(environment):
    """The most memory that any process of the web ever had."""
    return max(map(_peak_mib, web_processes(environment)))


def web_seconds(environment):
    """Processor time of the web so far."""
    return sum(map(_seconds_of, web_processes(environment)))


def _seconds_of(process):
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:  # the start of a parser, which is one of its own by now
        return 0.0


def _peak_mib(process):
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):  # it may end between open and read
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)  # not there where the process has just ended
    return int(found[1]) / 1024 if found else 0


class Probe:
    """Asks for /health over and over within the block, and notes the most that the web computed before an answer."""

    def __init__(self, environment):
        self.environment, self.port = environment, environment.port
        self.most_seconds, self.count = 0.0, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _ask(self):
        while not self._over.is_set():
            started, before = time.monotonic(), web_seconds(self.environment)
            connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("GET", "/health")
            if time.monotonic() - started > LATE_SECONDS:  # it waited for the thread that makes the files:
                connection.close()  # a slow client, whose connection may be closed
                continue
            assert connection.getresponse().status == 200
            connection.close()
            self.most_seconds = max(self.most_seconds, web_seconds(self.environment) - before)
            self.count += 1
            self._over.wait(0.02)


def test_hostile_files_are_refused_while_health_answers_and_memory_stays(environment):
    largest = b"x" * (34 << 20)  # what any body of this size takes is no parser's doing
    assert post(environment.port, "/datasets/preview?symbol=ACME", largest)[0] == 400
    before, refused = peak_mib(environment), {}

    with Probe(environment) as probe:
        for name, make in pricefiles.HOSTILE.items():
            content = make()
            for path in ("/datasets/preview?symbol=ACME", "/api/datasets?symbol=ACME"):
                refused[name, path] = post(environment.port, path, content)

    assert {status for status, _ in refused.values()} == {400}
    assert all(body["errors"][0]["message"] for _, body in refused.values())
    assert probe.count > 10
    assert probe.most_seconds < MOST_SECONDS_OF_THE_WEB
    assert peak_mib(environment) - before < GROWTH_MIB


def test_a_body_that_ends_halfway_is_refused_whichever_way_it_is_sent(environment):
    good = pricefiles.GOOD.encode()
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="half.csv"\r\n\r\n'
    bodies = {
        "text/csv": good,
        "application/json": b'{"symbol": "HALF"}',
        "application/x-www-form-urlencoded": b"symbols=SP500&initial_capital=1000000",
        "multipart/form-data; boundary=b": part + good + b"\r\n--b--\r\n",
    }
    answers = [
        half_sent(environment.port, kind, body, length)
        for kind, body in bodies.items()
        for length in (0, len(body) // 2, len(body) - 3)
    ]

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 REQUEST TIMEOUT"}
    assert all(b"ended before its announced length; send it again" in answer for answer in answers)
    assert "HALF" not in get(environment.port, "/api/symbols")


def half_sent(port, kind, body, length):
    path = "/run_backtest" if kind.endswith("urlencoded") else "/api/datasets"
    path = "/api/datasets/yahoo" if kind.endswith("json") else path
    head = (
        f"POST {path}?symbol=HALF HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.encode() + body[:length])
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def get(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text
