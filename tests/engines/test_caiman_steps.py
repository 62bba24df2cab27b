"""The parts of the engine that need no CaImAn: its files, its summary images, its scratch folder."""

import os

import numpy as np
import planted
import pytest

from workflow_miniscope.engines.caiman import memmaps
from workflow_miniscope.engines.caiman.engine import _scratch
from workflow_miniscope.movies.summary import SummaryImages


@pytest.fixture
def movie():
    rng = np.random.default_rng(0)
    return planted.ArrayMovie(rng.integers(0, 255, (600, 11, 17), dtype=np.uint8))


def test_memory_mapped_files(tmp_path, movie):
    """The first is frame after frame, the second pixel after pixel, pixels in Fortran order in both."""
    path = memmaps.write_movie(movie, tmp_path, progress=False)
    assert path.name == "movie_d1_11_d2_17_d3_1_order_F_frames_600.mmap"
    frames = np.memmap(path, mode="r", dtype=np.float32, shape=(11 * 17, 600), order="F")
    expected = movie.array.astype(np.float32).transpose(1, 2, 0).reshape(-1, 600, order="F")
    assert np.array_equal(frames, expected)

    turned, summary = memmaps.to_c_order([path], (11, 17), tmp_path, progress=False)
    assert turned.name == "registered_d1_11_d2_17_d3_1_order_C_frames_600.mmap"
    pixels = np.memmap(turned, mode="r", dtype=np.float32, shape=(11 * 17, 600))
    assert np.array_equal(pixels, expected + np.float32(0.0001))
    assert np.allclose(summary.average(), movie.array.mean(axis=0), atol=1e-3)


def test_several_registered_files_become_one(tmp_path, movie, monkeypatch):
    monkeypatch.setattr(memmaps, "_BLOCK", 4 * 11 * 17 * 100)
    parts = []
    for name, array in (("one", movie.array[:250]), ("two", movie.array[250:])):
        (tmp_path / name).mkdir()
        parts.append(memmaps.write_movie(planted.ArrayMovie(array), tmp_path / name, progress=False))
    turned, summary = memmaps.to_c_order(parts, (11, 17), tmp_path, progress=False)
    pixels = np.memmap(turned, mode="r", dtype=np.float32, shape=(11 * 17, 600))
    assert np.allclose(pixels.T.reshape(600, 17, 11).transpose(0, 2, 1), movie.array, atol=1e-3)
    assert summary.frames == 600


def naive_correlation(movie: np.ndarray) -> np.ndarray:
    """Pixel by pixel, neighbour by neighbour."""
    _, height, width = movie.shape
    image = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            values = []
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if (dy or dx) and 0 <= y + dy < height and 0 <= x + dx < width:
                        values.append(np.corrcoef(movie[:, y, x], movie[:, y + dy, x + dx])[0, 1])
            image[y, x] = np.mean(values)
    return image


def test_summary_images_in_blocks():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 10, (400, 1, 1)) * planted.disc(4, 9, 9, 14)
    movie = (200 + shared + rng.normal(0, 1, (400, 9, 14))).astype(np.float32)
    summary = SummaryImages(9, 14)
    for start in range(0, 400, 90):
        summary.add(movie[start : start + 90])
    assert np.allclose(summary.average(), movie.mean(axis=0), atol=1e-3)
    assert np.array_equal(summary.maximum(), movie.max(axis=0))
    correlation = summary.correlation()
    assert correlation.dtype == np.float32
    assert np.allclose(correlation, naive_correlation(movie.astype(float)), atol=1e-4)
    assert correlation[4, 9] > 0.5 > correlation[0, 0]


def test_a_pixel_that_never_changes_correlates_with_nothing():
    movie = np.random.default_rng(0).normal(0, 1, (50, 4, 5)).astype(np.float32)
    movie[:, 2, 3] = 7
    summary = SummaryImages(4, 5)
    summary.add(movie)
    assert summary.correlation()[2, 3] == 0 and np.all(np.isfinite(summary.correlation()))


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_scratch_folder_is_gone_and_the_environment_as_before(tmp_path, monkeypatch, before):
    monkeypatch.delenv("CAIMAN_TEMP", raising=False)
    if before:
        monkeypatch.setenv("CAIMAN_TEMP", before)
    with pytest.raises(KeyboardInterrupt), _scratch(tmp_path / "scratch") as folder:
        assert os.environ["CAIMAN_TEMP"] == str(folder)
        (folder / "big.mmap").write_bytes(b"0")
        raise KeyboardInterrupt
    assert os.environ.get("CAIMAN_TEMP") == before
    assert list(tmp_path.iterdir()) == []
