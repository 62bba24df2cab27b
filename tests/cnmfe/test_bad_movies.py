"""Movies that nobody wants: one clear sentence, or a valid result."""

import numpy as np
import pytest
import scipy.ndimage as ndi
import simulation

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.errors import ParameterError, RecordingError


def run(movie, **params):
    return extract(movie, 20.0, params, progress=False)


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(60, 4, shape).clip(0, 255).astype(np.uint8)


def is_valid(result, frames):
    assert result.C.shape == (result.n_components, frames)
    assert np.all(np.isfinite(result.C)) and np.all(np.isfinite(result.A.data))
    assert np.all(np.isfinite(result.motion.shifts))


@pytest.mark.parametrize("value", [0, 70, 255])
def test_constant_frames_give_an_empty_result(value):
    result = run(np.full((120, 40, 56), value, np.uint8))
    assert result.n_components == 0
    is_valid(result, 120)


@pytest.mark.parametrize("frames", [1, 20])
def test_too_few_frames_are_refused(frames):
    with pytest.raises(RecordingError, match=f"{frames} frames"):
        run(noise((frames, 40, 40)))


def test_no_frames_are_refused():
    with pytest.raises(RecordingError, match="no frames"):
        run(np.zeros((0, 40, 40), np.uint8))


def test_nan_is_refused_with_its_frame():
    movie = noise((120, 40, 40)).astype(np.float32)
    movie[77, 3, 4] = np.nan
    with pytest.raises(RecordingError, match="Frame 77"):
        run(movie)


def test_noise_has_no_cells(tmp_path):
    result = extract(noise((600, 60, 80)), 20.0, progress=False, output=tmp_path)
    assert len(result.accepted) == 0
    is_valid(result, 600)


def test_pixels_that_flash_each_at_its_own_time_are_no_cells():
    """Some of them flash together by chance, with transients like those of calcium."""
    movie = np.asarray(simulation.make(frames=1000, n_cells=15, height=60, width=60, motion=0.0).movie, np.uint8)
    random = np.random.default_rng(0)
    for y, x in np.ndindex(60, 60):
        movie[:, y, x] = np.roll(movie[:, y, x], random.integers(1000))
    result = run(movie)
    assert result.n_components >= 5
    assert len(result.accepted) <= 1
    assert result.verdict.level == "not to be trusted"


def test_a_movie_full_of_junk_is_not_searched_to_the_end(caplog):
    """Blobs as large as somata all over the field, each bright for single frames: no calcium is as short."""
    random = np.random.default_rng(0)
    blob = np.outer(*2 * [np.hanning(10)[1:-1]])
    texture = ndi.gaussian_filter(random.normal(size=(160, 160)), 2.5)
    movie = 100 + 25 * texture / texture.std() + random.normal(0, 0.3, (300, 160, 160))
    for frame in movie:
        flashing = random.random((20, 20)) < 0.02
        frame += np.kron(np.where(flashing, random.exponential(12, flashing.shape), 0), blob)
    result = run(np.rint(movie).clip(0, 255).astype(np.uint8))
    assert "Hardly any of" in caplog.text
    assert result.n_components >= 100
    assert len(result.accepted) <= 0.02 * result.n_components
    assert result.verdict.level == "not to be trusted"
    is_valid(result, 300)


def test_saturated_pixels_are_no_cells():
    recording = simulation.make(seed=5, frames=400, n_cells=4, height=64, width=64)
    recording.movie[:, 20:23, 40:43] = 255
    result = run(recording.movie)
    is_valid(result, 400)
    assert len(simulation.match(result, recording)) >= 3
    # nothing in their place, and not many more than the four cells
    assert np.hypot(*(result.center[result.accepted] - [21, 41]).T).min() > 5
    assert len(result.accepted) <= 6


def test_a_jump_in_brightness_is_survived():
    recording = simulation.make(seed=6, frames=500, n_cells=5, height=64, width=80, brightness=40)
    movie = recording.movie.astype(np.float32)
    movie[250:] *= 1.3
    result = run(movie.clip(0, 255).astype(np.uint8))
    is_valid(result, 500)
    assert len(simulation.match(result, recording)) >= 4


def test_a_field_smaller_than_a_cell_is_refused():
    with pytest.raises(RecordingError, match="smaller than"):
        run(noise((120, 8, 10)))


def test_cells_larger_than_the_field_are_refused():
    with pytest.raises(ParameterError, match="gSig"):
        run(noise((120, 40, 40)), gSig=60)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int32])
def test_other_numbers_than_bytes(dtype):
    recording = simulation.make(seed=7, frames=300, n_cells=3, height=48, width=60)
    factor = 16 if dtype != np.float32 else 0.01
    result = run((recording.movie.astype(np.float64) * factor).astype(dtype))
    is_valid(result, 300)
    assert len(simulation.match(result, recording)) >= 2


def test_not_a_movie():
    with pytest.raises(RecordingError, match="frames, height, width"):
        run(np.zeros((40, 40), np.uint8))
    with pytest.raises(RecordingError, match="not a movie"):
        extract({"a": 1}, 20.0)
