"""What the page's arrays are made of."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_miniscope.web.binary import pack
from workflow_miniscope.web.curate.envelope import envelope, stretch_length


@settings(deadline=None)
@given(st.integers(1, 10**7), st.integers(1, 9000))
def test_stretches_are_powers_of_two_and_few_enough(frames, points):
    length = stretch_length(frames, points)
    assert length & (length - 1) == 0
    assert -(-frames // length) <= points
    assert length == 1 or frames > points * (length // 2)


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(0, 399), st.integers(1, 400), st.sampled_from([1, 2, 4, 16, 64]))
def test_the_envelope_is_that_of_every_stretch(frames, start, count, length):
    trace = np.random.default_rng(frames).normal(size=frames).astype(np.float32)
    start = min(start, frames - 1)
    stop = min(start + count, frames)
    found = envelope(trace, start, stop, length)
    first = start // length * length
    expected = []
    for at in range(first, stop, length):
        part = trace[at : at + length]
        expected += [trace[at]] if length == 1 else [part.min(), part.max()]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_frames_that_are_no_numbers_hide_no_others():
    trace = np.array([1, np.nan, 3, 2, np.nan, np.nan], np.float32)
    np.testing.assert_array_equal(envelope(trace, 0, 6, 2), [1, 1, 2, 3, np.nan, np.nan])


@pytest.mark.parametrize("name", ["", "a", "longer name"])
def test_packed_arrays_are_aligned(name):
    arrays = {"f": np.arange(3, dtype=np.float32), "i": np.arange(4, dtype=np.int32).reshape(2, 2)}
    arrays |= {"b": np.arange(5, dtype=np.uint8), "e": np.zeros((0, 2), np.float32)}
    data = pack(arrays, name=name)
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    at = -(-(4 + length) // 8) * 8
    for described in header["arrays"]:
        array = arrays[described["name"]]
        assert at % 8 == 0 and described["shape"] == list(array.shape)
        found = np.frombuffer(data, array.dtype, array.size, at).reshape(array.shape)
        assert np.array_equal(found, array)
        at += -(-array.nbytes // 8) * 8
    assert at == len(data) and header["name"] == name
