"""The part of a pod, read as what a stranger wrote: what is in it, or a refusal that says what is wrong."""

import hashlib
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.studies import chunk
from backtest.studies.chunk import Chunk, InvalidChunk
from workflows.cluster.studies import parts
from workflows.cluster.studies.parts import PartError, PartWriter
from workflows.failures import Failure

LOST = Failure("engine_failed", "The rule failed.")


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    path = tmp_path_factory.mktemp("part") / "0"
    with PartWriter(path) as writer:
        writer.add(3, LOST)
        writer.add(4, LOST)
    return path


def entries(path):
    return list(parts.read(path, (3, 4), most=1_000))


def test_what_was_written_is_read(part):
    assert entries(part) == [(3, LOST), (4, LOST)]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_bytes_are_changed_it_is_read_or_refused(part, changes):
    content = bytearray(part.read_bytes())
    for place, byte in changes:
        content[int(place * len(content))] = byte
    changed = part.with_name("changed")
    changed.write_bytes(content)

    try:
        found = entries(changed)
    except PartError:
        return

    assert {number for number, _ in found} <= {3, 4}


def test_an_encrypted_entry_is_refused(part):
    content = bytearray(part.read_bytes())
    content[6] |= 1  # the flag in the entry's own header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    changed = part.with_name("encrypted")
    changed.write_bytes(content)

    with pytest.raises(PartError, match="packed otherwise"):
        entries(changed)


def test_a_folder_of_another_tool_is_refused(part):
    other = part.with_name("other")
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("3.txt", "3")

    with pytest.raises(PartError, match="is not to hold"):
        entries(other)


def test_a_chunk_larger_than_its_study_can_make_one_is_refused_before_it_is_in_memory(part):
    large = part.with_name("large")
    with zipfile.ZipFile(large, "w") as file:
        file.writestr("3.chunk", b"x" * 1_001)

    with pytest.raises(PartError, match=r"3\.chunk is longer than a chunk of this study can be"):
        entries(large)


def test_a_part_larger_than_its_chunks_can_be_is_not_opened(part):
    large = part.with_name("huge")
    with large.open("wb") as file:
        file.truncate(8 << 30)  # sparse

    with pytest.raises(PartError, match="huge is larger than its chunks can be"):
        entries(large)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.just(b"[" * 4_000), st.booleans())
def test_whatever_is_signed_as_a_chunk_is_one_or_is_refused(rest, has_length):
    length = chunk._LENGTH.pack(len(rest)) if has_length else b""
    whole = chunk._MAGIC + length + rest

    with pytest.raises(InvalidChunk):
        Chunk.decode(whole + hashlib.sha256(whole).digest())
