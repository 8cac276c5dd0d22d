"""Files of strangers are read by processes that hold no secret, within their limits, and a crash is healed."""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from backtest.errors import InvalidFile
from backtest.prices.reading.reader import read_prices
from qa.fuzz import pricefiles
from qa.harness.processes import has_ended, wait_until
from workflows.errors import ParserBusy, ParserFailed
from workflows.parsing import children, parser
from workflows.parsing.parser import FileParser, FileQuestion

GOOD = b"Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10.5,100\n"
ABOUT = FileQuestion(file="acme.csv", symbol="ACME")


@pytest.fixture
def fresh_server():
    """The next file starts a server of its own."""
    children._server.stop()
    yield
    children._server.stop()


def server_pid():
    return children._server._process.pid


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_file_is_read_as_this_process_would_read_it():
    parsed = FileParser().parse(GOOD, ABOUT)

    (dataset,) = parsed.datasets
    (here,) = read_prices(GOOD, file="acme.csv", symbol="ACME").symbols
    assert dataset.data_hash == here.dataset.data_hash
    assert dataset.source == here.dataset.source
    assert parsed.reading["columns"]["close"] == "Close"


def test_every_symbol_of_a_file_comes_back():
    rows = b"2024-01-02,AAA,10,11,9,10,1\n2024-01-03,AAA,10,11,9,10,1\n2024-01-02,BBB,20,21,19,20,1\n"

    parsed = FileParser().parse(
        b"Date,Ticker,Open,High,Low,Close,Volume\n" + rows, FileQuestion(file="two.csv")
    )

    assert [(dataset.symbol, len(dataset)) for dataset in parsed.datasets] == [("AAA", 2), ("BBB", 1)]


def test_the_name_of_the_file_is_taken_only_where_the_file_names_no_symbol():
    named = GOOD.replace(b"Date,", b"Date,Ticker,").replace(b"2024-01-02,", b"2024-01-02,OWN,")
    named = named.replace(b"2024-01-03,", b"2024-01-03,OWN,")

    def symbol(content, **about):
        return FileParser().parse(content, FileQuestion(file="acme.csv", **about)).datasets[0].symbol

    assert symbol(GOOD, default_symbol="ACME") == "ACME"
    assert symbol(named, default_symbol="ACME") == "OWN"
    assert symbol(named, symbol="MINE", default_symbol="ACME") == "MINE"


def test_an_unknown_volume_is_null_in_the_preview_and_counted():
    content = GOOD.replace(b"10.5,100\n2024-01-03", b"10.5,\n2024-01-03")

    parsed, preview = FileParser().parse(content, ABOUT), FileParser().preview(content, ABOUT)

    assert np.isnan(parsed.datasets[0].bars.volume[:, 0]).tolist() == [True, False]
    assert [row["volume"] for row in preview["rows"]] == [None, 100.0]
    assert preview["certificate"]["unknown_volume"] == {"count": 1, "listed": [{"date": "2024-01-02"}]}
    assert preview["reading"]["symbols"][0]["unknown_volume"] == 1


def test_the_server_and_its_children_know_nothing_of_the_web(fresh_server, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "mysql://user:secret@db/backtest")
    monkeypatch.setenv("ARGO_TOKEN", "secret")
    with (tmp_path / "record").open("w") as opened:
        os.set_inheritable(opened.fileno(), True)
        FileParser().parse(GOOD, ABOUT)

    pid = server_pid()
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    held = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [name for name in held if "record" in name]
    assert len([name for name in held if name.startswith("socket:")]) == 1
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1, "a fork copies one thread alone"


def test_the_server_stays_for_the_next_file_and_its_children_do_not():
    FileParser().parse(GOOD, ABOUT)
    pid = server_pid()

    FileParser().parse(GOOD, ABOUT)

    assert server_pid() == pid
    assert wait_until(lambda: children_of(pid) == [])


def test_a_server_that_was_killed_is_replaced_before_anything_is_noticed():
    FileParser().parse(GOOD, ABOUT)
    killed = server_pid()
    os.kill(killed, signal.SIGKILL)

    parsed = FileParser().parse(GOOD, ABOUT)

    assert parsed.datasets[0].symbol == "ACME"
    assert server_pid() != killed


def test_a_server_ends_with_the_process_that_started_it():
    script = (
        "from workflows.parsing import children; from workflows.parsing.parser import *; import os;"
        f"FileParser().parse({GOOD!r}, FileQuestion(file='a.csv', symbol='A'));"
        "print(children._server._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    read, write = os.pipe()
    pid = os.posix_spawn(
        sys.executable, [sys.executable, "-c", script], os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as answer:
        server = int(answer.readline())
    os.waitpid(pid, 0)

    assert wait_until(lambda: has_ended(server))


def test_a_file_that_takes_too_much_memory_is_refused_with_what_it_may_take(monkeypatch):
    monkeypatch.setattr(FileParser, "memory_mib", 48)
    lines = b"".join(b"%d,10,11,9,10,1\n" % (1_600_000_000 + second) for second in range(400_000))

    with pytest.raises(
        InvalidFile, match="cannot be read within 48 MiB of memory; it is no usual file of prices"
    ):
        FileParser().parse(b"Date,Open,High,Low,Close,Volume\n" + lines, ABOUT)


def test_a_file_that_takes_too_long_is_refused_with_the_time_it_may_take(fresh_server):
    FileParser().parse(GOOD, ABOUT)
    stopped: list[int] = []
    stopping = threading.Thread(target=stop_the_first_child, args=(server_pid(), stopped))
    stopping.start()
    lines = b"".join(b"%d,10,11,9,10,1\n" % (1_600_000_000 + second) for second in range(2_500_000))

    with pytest.raises(InvalidFile, match="took longer than 1 seconds to read; split the file"):
        FileParser(limit_seconds=1).parse(b"Date,Open,High,Low,Close,Volume\n" + lines, ABOUT)

    stopping.join()
    for child in stopped:  # one that was stopped before it knew its parent would stay for ever
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def stop_the_first_child(server, stopped):
    wait_until(lambda: children_of(server))
    stopped += children_of(server)
    for child in stopped:
        os.kill(child, signal.SIGSTOP)


def test_a_mistake_of_ours_is_logged_and_is_not_blamed_on_the_file():
    with pytest.raises(ParserFailed, match="the log of the web tells why"):
        FileParser().parse(GOOD, FileQuestion(file="acme.csv", symbol=7))


def test_while_other_files_are_read_the_client_is_asked_to_come_back(monkeypatch):
    monkeypatch.setattr(parser, "_WAIT_SECONDS", 0.01)
    busy = FileParser()
    busy.places.acquire()

    with pytest.raises(ParserBusy, match="try again in a moment"):
        busy.parse(GOOD, ABOUT)


@pytest.mark.parametrize("name", pricefiles.HOSTILE)
def test_what_is_made_to_harm_a_parser_is_refused_with_a_reason(name):
    content = pricefiles.HOSTILE[name]()

    with pytest.raises(InvalidFile) as refused:
        FileParser().parse(content, ABOUT)

    assert 10 < len(str(refused.value)) < 1_000
