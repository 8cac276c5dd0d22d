"""Compressed columns are plain zlib streams: releases before and after read each other's."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import packing

CONTENT = st.one_of(st.binary(max_size=5_000), st.builds(lambda part: part * 997, st.binary(max_size=300)))


@given(CONTENT)
def test_what_is_packed_is_unpacked_by_it_and_by_zlib_of_an_older_release(content):
    stored = packing.pack(content)
    assert packing.unpack(stored) == content
    assert zlib.decompress(stored) == content


@given(CONTENT, st.integers(0, 9))
def test_what_zlib_packed_at_any_level_is_unpacked(content, level):
    assert packing.unpack(zlib.compress(content, level)) == content


@pytest.mark.parametrize(
    "damaged",
    [b"", b"nothing", zlib.compress(b"abc")[:-5], zlib.compress(b"abc")[:-1] + b"\0", b"\0" * 40],
)
def test_a_damaged_column_is_an_error_that_is_named(damaged):
    with pytest.raises(packing.UNPACK_ERRORS):
        packing.unpack(damaged)
