import shutil

import numpy as np
import pytest
import scipy.sparse as sp

from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.prepare import prepare
from workflow_miniscope.cnmfe.registration.rigid import StillRegistration
from workflow_miniscope.cnmfe.storage.light import Light
from workflow_miniscope.cnmfe.storage.reader import FrameReader
from workflow_miniscope.cnmfe.storage.repair import Repair
from workflow_miniscope.cnmfe.storage.scratch import BLOCK_LENGTHS, Scratch, block_length, n_bytes
from workflow_miniscope.errors import EngineError
from workflow_miniscope.movies import ArrayMovie


@pytest.fixture(params=[(length, keep) for length in BLOCK_LENGTHS for keep in (False, True)], ids=str)
def stored(tmp_path, rng, request):
    frames = rng.normal(100, 30, (BLOCK_LENGTHS[0] + 70, 6, 9)).astype(np.float32)
    movie = Scratch(tmp_path / "movie", (6, 9), len(frames), 64.0, *request.param)
    for block in range(movie.blocks):
        movie.write(block, frames[movie.span(block)])
    return movie, frames.reshape(len(frames), -1).T


def test_pixels_come_back(stored):
    movie, pixels = stored
    back = np.concatenate([movie.read(block) for block in range(movie.blocks)], axis=1)
    np.testing.assert_allclose(back, pixels, atol=0.5 / 64 + 1e-5)


@pytest.mark.parametrize("number", [1, 2])
def test_passes_equal_dense_products(stored, rng, number):
    movie, pixels = stored
    weights = sp.random(5, movie.pixels, 0.3, format="csr", random_state=0)
    traces = rng.normal(size=(3, movie.n_frames)).astype(np.float32)
    some = sp.random(3, movie.pixels, 0.3, format="csr", random_state=1)
    with start_workers(number) as workers:
        np.testing.assert_allclose(movie.project(weights, workers), weights @ pixels, rtol=1e-3)
        products = movie.correlate(traces, some.indptr, some.indices, workers)
    expected = (traces @ pixels.T)[np.repeat(np.arange(3), np.diff(some.indptr)), some.indices]
    np.testing.assert_allclose(products, expected, rtol=1e-3, atol=1)


def test_blocks_are_shorter_the_larger_the_frames():
    assert [block_length(shape) for shape in [(304, 304), (608, 608), (1000, 1000), (2000, 2000)]] == [256, 128, 64, 64]


def test_blocks_of_some_frames_are_spread_over_the_recording(stored):
    movie, _ = stored
    assert movie.spread(1) == [0]
    assert movie.spread(10**6) == list(range(movie.blocks))
    some = movie.spread(BLOCK_LENGTHS[0])
    assert len(some) == BLOCK_LENGTHS[0] // movie.length and (len(some) == 1 or some[-1] == movie.blocks - 1)


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, monkeypatch, rng):
    frames = rng.normal(100, 3, (300, 96, 96)).astype(np.float32)
    # room for one of the two movies: what both take is asked for
    free = 2**27 + n_bytes((96, 96), 300)
    monkeypatch.setattr("workflow_miniscope.cnmfe.storage.stored.MOST_KEPT_BYTES", 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(2**40, 2**40 - free, free))
    repair = Repair.find(frames[:50], np.arange(50))
    reader, grid = FrameReader(ArrayMovie(frames)), Grid((96, 96), 1, 2)
    with start_workers(1) as workers:
        registration = StillRegistration((96, 96), 3, (20, 20), workers)
        with pytest.raises(EngineError, match="GiB"):
            prepare(reader, frames[:50], repair, Light.steady(), registration, grid, tmp_path, workers, False)
    assert not list(tmp_path.iterdir())
