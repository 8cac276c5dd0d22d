"""From the bytes of a text file to UTF-8: byte order marks, UTF-8, UTF-16, Korean and Western code pages."""

from __future__ import annotations

import codecs
import struct
import unicodedata
from typing import Any

from backtest.errors import InvalidFile

MAX_LINE = 16_384
"""Characters that a line may have; longer ones are no table of prices."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # it begins as UTF-16 does
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook; save the sheet as CSV"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
)
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp949", "cp1252", "latin-1")


def decode(data: bytes | bytearray, file: str, encoding: str | None = None) -> tuple[memoryview, str]:
    """The text of a file as UTF-8 without byte order mark, and the name of its encoding; lines may end in ``\\r\\n``.

    Without a byte order mark the text is UTF-8 where that fits, UTF-16 where every other byte is zero,
    cp949 where every other character is Korean, and Windows-1252 otherwise. UTF-8 is not copied.

    Raises
    ------
    InvalidFile
        Where the bytes are no text, or no text in the `encoding` that was asked for.
    """
    for start, reason in _FOREIGN:
        if data.startswith(start):
            raise InvalidFile(reason, file=file)
    text, name = _as(data, encoding, file) if encoding else _guessed(data, file)
    nul = text.find(b"\x00")
    if nul >= 0:
        line = text.count(b"\n", 0, nul) + 1
        raise InvalidFile("holds a NUL byte; it is no text", file=file, line=line)
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):  # lines of an old Mac
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if codecs.BOM_UTF8[0] in text and b"\n" + codecs.BOM_UTF8 in text:  # where files were joined
        text = text.replace(b"\n" + codecs.BOM_UTF8, b"\n")
    return memoryview(text)[len(codecs.BOM_UTF8) * text.startswith(codecs.BOM_UTF8) :], name


def _as(data: bytes | bytearray, encoding: str, file: str) -> tuple[bytes | bytearray, str]:
    try:
        if encoding == "utf-8":
            _check_utf8(data)
            return data, encoding
        return data.decode(encoding).encode(), encoding
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"is not encoded in {encoding}: it holds the byte 0x{data[error.start]:02x}"
        raise InvalidFile(reason, file=file, line=line) from None


def _check_utf8(data: bytes | bytearray) -> None:
    """Raise `UnicodeDecodeError` where it is not UTF-8, without making a text of all of it."""
    if data.isascii():
        return
    import pyarrow as pa  # loads slowly, and texts of ASCII need it later

    places = pa.py_buffer(struct.pack("<qq", 0, len(data)))
    buffers: list[Any] = [None, places, pa.py_buffer(data)]
    try:
        pa.Array.from_buffers(pa.large_binary(), 1, buffers).cast(pa.large_string())
    except pa.ArrowInvalid:
        data.decode()  # which names the place in all of it


def _guessed(data: bytes | bytearray, file: str) -> tuple[bytes | bytearray, str]:
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _as(data, codec, file)[0], name
    if (utf16 := _utf16_without_mark(data)) is not None:
        return _as(data, utf16, file)[0], "UTF-16"
    try:
        _check_utf8(data)
    except UnicodeDecodeError:
        korean = _korean(data)
        if korean is not None:
            return korean.encode(), "cp949"
        return data.decode("cp1252", "replace").encode(), "Windows-1252"
    return data, "UTF-8"


def _utf16_without_mark(data: bytes | bytearray) -> str | None:
    sample = data[:2_000]
    if len(sample) < 8:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.1 * half and odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 0.1 * half and even > 4 * odd else None


def _korean(data: bytes | bytearray) -> str | None:
    """The text where every character beyond ASCII is Hangul, which no Western text looks like."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return None
    beyond = {character for character in text if ord(character) > 127}
    hangul = {c for c in beyond if unicodedata.name(c, "").startswith("HANGUL")}
    return text if hangul and len(hangul) >= 0.8 * len(beyond) else None
