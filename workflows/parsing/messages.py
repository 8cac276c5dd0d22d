"""What the web and a parsing process say to each other over a socket: a JSON object, and bytes behind it."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

HEADER: Final = struct.Struct("<QQ")
"""Length of the JSON object, and of the bytes behind it."""
MOST_JSON: Final = 32 << 20
_PORTION: Final = 1 << 20


class Broken(Exception):
    """The other end left before the message was complete, or announced more than is allowed."""


def send(connection: socket.socket, about: Mapping[str, Any], parts: Iterable[bytes] = ()) -> None:
    """Send the object and the bytes of all parts; nothing is sent behind them, when the other end may be gone."""
    head, parts = json.dumps(about).encode(), [part for part in parts if part]
    connection.sendall(HEADER.pack(len(head), sum(map(len, parts))) + head)
    for part in parts:
        connection.sendall(part)


def receive(
    connection: socket.socket, *, most_bytes: int, until: float | None = None
) -> tuple[dict[str, Any], bytearray]:
    """Receive the object and the bytes.

    Parameters
    ----------
    most_bytes : bytes behind the object that are allowed
    until : moment of the monotonic clock; None waits without limit

    Raises
    ------
    Broken
        If the other end closed the connection too early, or its message is too long or no JSON object.
    TimeoutError
        If it took longer.
    """
    json_length, length = HEADER.unpack(exactly(connection, HEADER.size, until))
    if json_length > MOST_JSON or length > most_bytes:
        raise Broken(f"{json_length:,} and {length:,} bytes are more than allowed")
    try:
        about = json.loads(exactly(connection, json_length, until))
    except (ValueError, RecursionError) as error:
        raise Broken("the message is no JSON") from error
    if not isinstance(about, dict):
        raise Broken("the message is no JSON object")
    return about, exactly(connection, length, until)


def exactly(connection: socket.socket, length: int, until: float | None) -> bytearray:
    """The next `length` bytes; errors as `receive` has them."""
    content, filled = bytearray(length), 0
    with memoryview(content) as view:
        while filled < length:
            connection.settimeout(None if until is None else max(0.001, until - time.monotonic()))
            received = connection.recv_into(view[filled : filled + _PORTION])
            if not received:
                raise Broken("the other end closed the connection")
            filled += received
    return content
