"""The stubs that stand before servers do what the suites believe of them."""

import socket
import threading

import pytest

from qa.chaos.proxy import Proxy
from qa.load.balancer import Balancer


@pytest.fixture
def servers():
    """Starts servers that answer each line with their name and the line."""
    started = []

    def serve(name):
        listening = socket.create_server(("127.0.0.1", 0))
        started.append(listening)

        def answer(connection):
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    stream.write(name + b" " + line)
                    stream.flush()

        def accept():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return listening.getsockname()[1]

    yield serve
    for listening in started:
        listening.close()


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    return connection, connection.makefile("rwb")


def asked(port, line=b"hello\n"):
    """The answer to one line on a connection of its own; empty where there was none."""
    connection, stream = connected(port)
    with connection, stream:
        try:
            stream.write(line)
            stream.flush()
            return stream.readline()
        except OSError:
            return b""


def test_what_is_passed_on_comes_back(servers):
    proxy = Proxy(servers(b"one"))

    assert asked(proxy.port) == b"one hello\n"
    proxy.close()


def test_a_proxy_that_hangs_accepts_and_does_not_answer_until_it_passes_again(servers):
    proxy = Proxy(servers(b"one"))
    proxy.manner("hang")
    connection, stream = connected(proxy.port)
    with connection, stream:
        stream.write(b"hello\n")
        stream.flush()
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)

        connection.settimeout(5)
        proxy.manner("pass")

        assert connection.recv(100) == b"one hello\n"
    proxy.close()


def test_a_proxy_that_refuses_cuts_old_connections_and_serves_no_new_one(servers):
    proxy = Proxy(servers(b"one"))
    connection, stream = connected(proxy.port)
    with connection, stream:
        stream.write(b"hello\n")
        stream.flush()
        assert stream.readline() == b"one hello\n"

        proxy.manner("refuse")

        assert stream.read(1) == b""
    assert asked(proxy.port) == b""
    proxy.close()


def test_a_connection_is_cut_in_the_midst_of_what_it_carries(servers):
    proxy = Proxy(servers(b"one"))
    proxy.cut_after(len(b"hello\n") + 5)

    answer = asked(proxy.port)

    assert (answer, proxy.cuts) == (b"one h", 1)
    proxy.close()


def test_a_balancer_takes_turns_and_leaves_out_who_is_out(servers):
    ports = [servers(b"one"), servers(b"two")]
    balancer = Balancer(ports)

    both = {asked(balancer.port) for _ in range(4)}
    balancer.leave_out(ports[0])
    one = {asked(balancer.port) for _ in range(4)}
    balancer.take_in(ports[0])
    again = {asked(balancer.port) for _ in range(4)}

    assert both == again == {b"one hello\n", b"two hello\n"}
    assert one == {b"two hello\n"}
    balancer.close()
