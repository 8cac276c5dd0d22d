"""Clients that send or read slowly, on a real server: others are served, and the slow ones are reset."""

import re
import select
import socket
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from config.settings import Settings
from qa.harness.environment import TestEnvironment
from qa.harness.processes import LAST_RESORT_SECONDS, wait_until
from tests.web.conftest import SMALLEST
from web.application import create_app
from web.server import PATIENT_THREADS

HALF_A_SIGN_IN = (
    b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100\r\n\r\ntoken=sbt_"
)
HALF_A_RUN = (
    b"POST /run_backtest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 400\r\n\r\n{"
)
HALF_A_HEAD = b"GET /runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"
MANY = 80
"""More than the server has threads."""
SOON_SECONDS = 10.0
"""Far less than the client's time, and far more than an answer takes on a busy machine."""


@pytest.fixture
def serving(filled_database, tmp_path):
    """Starts the web tier as a container does, on the database with the bundled prices."""
    environments = []

    def serving(**variables):
        environment = TestEnvironment(
            str(filled_database.engine.url), tmp_path / "web", database=filled_database, workers=0
        )
        environments.append(environment)
        environment.start(**variables)
        return environment

    yield serving
    for environment in environments:
        environment.stop()


@pytest.fixture
def connect():
    """Opens connections that end with the test."""
    with ExitStack() as stack:

        def connect(environment, text, *, receive_bytes=None):
            client = stack.enter_context(socket.socket())
            if receive_bytes:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.connect(("127.0.0.1", environment.port))
            client.sendall(text)
            return client

        yield connect


def is_open(client):
    """Whether the server has neither answered nor closed."""
    return not select.select([client], [], [], 0)[0]


def answers(environment, *paths):
    """Status of each path, and the longest time that one took."""
    times, codes = [], []
    for path in paths:
        began = time.monotonic()
        codes.append(environment.request("GET", path, timeout=SOON_SECONDS)[0])
        times.append(time.monotonic() - began)
    return codes, max(times)


@pytest.mark.parametrize("text", [HALF_A_SIGN_IN, HALF_A_RUN, HALF_A_HEAD, b""],
                         ids=["sign-in", "run", "head", "nothing"])  # fmt: skip
def test_half_sent_requests_hold_up_nobody(serving, connect, text):
    environment = serving(CLIENT_TIMEOUT_SECONDS="600")
    slow = [connect(environment, text) for _ in range(MANY)]

    codes, longest = answers(environment, *(["/health", "/runs", "/api/runs"] * 5))
    submitted, _ = environment.request("POST", "/run_backtest", SMALLEST, timeout=SOON_SECONDS)

    assert (set(codes), submitted) == ({200}, 202)
    assert longest < SOON_SECONDS
    still_open = sum(map(is_open, slow))
    assert still_open >= min(8, PATIENT_THREADS)


def test_a_body_that_does_not_come_on_is_given_up_and_its_client_told(serving, connect):
    environment = serving(CLIENT_TIMEOUT_SECONDS="1")
    client = connect(environment, HALF_A_RUN)
    client.settimeout(LAST_RESORT_SECONDS)

    answer = b"".join(iter(lambda: client.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 1 seconds" in answer


def test_a_trickle_of_bytes_does_not_prolong_the_time(serving, connect):
    environment = serving(CLIENT_TIMEOUT_SECONDS="1")
    client = connect(environment, HALF_A_RUN)
    began = time.monotonic()

    def is_given_up():
        if is_open(client):
            client.sendall(b" ")
        return not is_open(client)

    assert wait_until(is_given_up)
    assert time.monotonic() - began < 20
    assert b"408" in client.recv(100)


def test_a_body_that_comes_in_parts_is_taken_whole(serving, connect):
    environment = serving(CLIENT_TIMEOUT_SECONDS="30")
    client = connect(environment, HALF_A_RUN.replace(b"400", b"7")[:-1])
    for part in (b"[", b"1,", b" 2", b", 3]"[:2]):
        time.sleep(0.2)
        client.sendall(part)

    client.settimeout(LAST_RESORT_SECONDS)

    assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_twenty_malformed_heads_do_not_delay_the_probe(serving, connect):
    environment = serving()
    wrong = b"GET / HTTP/1.1\r\n" + b"a-" * 4_000 + b"\r\n\r\n"
    for _ in range(20):
        connect(environment, wrong)

    codes, longest = answers(environment, *["/health"] * 20)

    assert set(codes) == {200}
    assert longest < 1.0


def test_slow_readers_hold_up_nobody_and_are_reset(serving, connect):
    environment = serving(CLIENT_TIMEOUT_SECONDS="2")
    asked = b"GET /static/lightweight-charts.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
    slow = [connect(environment, asked, receive_bytes=4_096) for _ in range(MANY)]

    codes, longest = answers(environment, *(["/health", "/runs"] * 5))

    assert set(codes) == {200}
    assert longest < SOON_SECONDS
    assert wait_until(lambda: all(is_ended(client) for client in slow), seconds=60)


def is_ended(client):
    """Whether the server has reset or closed the connection; what it sent before is not read."""
    error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return True
    poll = select.poll()
    poll.register(client, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    return bool(poll.poll(0))


def test_nothing_of_a_slow_client_is_an_error_in_the_log(serving, connect):
    environment = serving(CLIENT_TIMEOUT_SECONDS="1")
    for text in (HALF_A_HEAD, HALF_A_RUN, HALF_A_SIGN_IN):
        connect(environment, text)
        client = connect(environment, text)
        client.settimeout(LAST_RESORT_SECONDS)
        client.recv(1)

    assert not re.search(r'"level": "error"|Traceback', environment.log("web"))


def test_a_stream_holds_no_slot_while_its_client_reads(filled_database, finished):
    run_id = finished()
    settings = Settings(limits=replace(Settings().limits, requests_at_once=1))
    app = create_app(settings, database=filled_database)

    stream = app.test_client().get(f"/runs/{run_id}/trades.csv")
    first = next(stream.iter_encoded())
    meanwhile = app.test_client().get("/api/runs")
    stream.close()

    assert first
    assert meanwhile.status_code == 200
