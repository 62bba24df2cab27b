"""What the native engine promises of any movie: the same result each time, and one sentence for what it cannot use."""

import json
import logging

import cv2
import numpy as np
import pytest
from planted import ArrayMovie
from planted import recording as plant

from workflow_miniscope import engines
from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.arrays import workers
from workflow_miniscope.errors import ParameterError, RecordingError
from workflow_miniscope.results.caiman import read_result

FPS = 20.0


@pytest.fixture(scope="module")
def planted():
    return plant(height=72, width=104, frames=400, n=6, motion=2, seed=5)


@pytest.fixture(scope="module")
def result(planted):
    return extract(planted.movie, FPS, progress=False, workers=2)


def test_cells_of_a_field_wider_than_high(planted, result):
    height, width = planted.footprints.shape[1:]
    assert result.dims == (height, width)
    found = [result.footprint(i) for i in result.accepted]
    similarity = [
        max((f * true).sum() / np.linalg.norm(f) / np.linalg.norm(true) for f in found) for true in planted.footprints
    ]
    assert np.sum(np.array(similarity) > 0.8) >= 5
    assert len(found) <= 8


def test_shifts(planted, result):
    error = result.motion.shifts - planted.shifts
    assert np.all(error.std(axis=0) < 0.4)


def test_every_value_is_finite_and_has_its_shape(result):
    n, t, pixels = result.n_components, 400, 72 * 104
    for name in ("C", "S", "YrA", "F_dff"):
        values = getattr(result, name)
        assert values.shape == (n, t)
        assert np.isfinite(values).all(), name
    assert (result.S >= 0).all()
    assert result.A.shape == (pixels, n)
    assert result.A.data.min() >= 0
    assert result.sn.shape == (pixels,)
    for name in ("Cn", "average_image", "reference_image", "correlation_image", "max_image"):
        assert getattr(result, name).shape == result.dims, name
    assert result.snr.shape == result.r_values.shape == (n,)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_threads_change_nothing(planted, result, number, monkeypatch):
    # threads all the same where the machine has fewer processors
    monkeypatch.setattr(workers, "usable_cpus", lambda: number)
    other = extract(planted.movie, FPS, progress=False, workers=number)
    assert (other.A != result.A).nnz == 0
    for name in ("C", "S", "YrA", "F_dff", "snr", "r_values", "W", "b0", "sn", "Cn", "accepted"):
        one, two = getattr(other, name), getattr(result, name)
        if name == "W":
            one, two = one.data, two.data
        np.testing.assert_array_equal(one, two, err_msg=name)
    np.testing.assert_array_equal(other.motion.shifts, result.motion.shifts)


def test_the_libraries_threads_are_given_back(planted):
    """One thread each inside the workers; a process that uses OpenCV for something else has its own again."""
    before = cv2.getNumThreads()
    inside = []

    class Watched(ArrayMovie):
        def blocks(self, size=256):
            inside.append(cv2.getNumThreads())
            yield from super().blocks(size)

    cv2.setNumThreads(3)
    try:
        extract(Watched(planted.movie.array[:120]), FPS, progress=False)
        assert inside == [1] and cv2.getNumThreads() == 3
        with pytest.raises(RecordingError):
            extract(Watched(np.full((120, 48, 64), np.nan, np.float32)), FPS, progress=False)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_an_array_and_a_movie_are_the_same(planted, result):
    other = extract(planted.movie.array, FPS, progress=False)
    np.testing.assert_array_equal(other.C, result.C)


def test_the_suggested_parameters_are_kept(result, tmp_path, planted):
    written = extract(planted.movie, FPS, output=tmp_path, progress=False)
    read = read_result(tmp_path)
    np.testing.assert_array_equal(read.C, written.C)
    assert read.params["init"]["gSig"][0] > 0
    assert read.params["data"]["fr"] == FPS
    assert json.dumps(read.params)


def test_what_is_asked_for_is_used(planted):
    result = extract(planted.movie, FPS, {"gSig": [4, 4], "min_SNR": 3.3}, progress=False)
    assert list(result.params["init"]["gSig"]) == [4, 4]
    assert result.params["quality"]["min_SNR"] == 3.3


def test_parameters_of_caiman_that_are_not_used_are_told(planted, caplog):
    with caplog.at_level(logging.WARNING):
        extract(planted.movie, FPS, {"use_cnn": True}, progress=False)
    assert "use_cnn" in caplog.text


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"gSigg": 3}, "gSig"),
        ({"gSig": [-1, 3]}, "gSig"),
        ({"min_corr": 2}, "min_corr"),
        ({"max_shifts": "far"}, "max_shifts"),
    ],
)
def test_parameters_that_cannot_be_used(params, sentence):
    with pytest.raises(ParameterError, match=sentence):
        engines.get("cnmfe").parse(params)


@pytest.mark.parametrize("fps", [0, -20, float("nan")])
def test_a_rate_that_is_none(planted, fps):
    with pytest.raises(ParameterError, match="frame rate"):
        extract(planted.movie, fps, progress=False)


def flat(n=120, shape=(48, 64), value=80):
    return np.full((n, *shape), value, np.uint8)


def noise(n=200, shape=(48, 64)):
    return np.random.default_rng(0).normal(80, 3, (n, *shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "movie",
    [flat(), flat(value=255), flat(value=0), noise(), noise(shape=(12, 12))],
    ids=["constant", "saturated", "black", "noise", "smaller than a cell"],
)
def test_no_cells_is_an_empty_result_or_a_sentence(movie, tmp_path):
    try:
        result = extract(movie, FPS, output=tmp_path, progress=False)
    except RecordingError as error:
        assert len(str(error)) > 20
        assert not list(tmp_path.iterdir())
        return
    assert len(result.accepted) <= 1
    assert read_result(tmp_path).dims == movie.shape[1:]
    assert np.isfinite(result.motion.shifts).all()


@pytest.mark.parametrize("n", [0, 1, 2, 10])
def test_too_few_frames(n):
    with pytest.raises(RecordingError, match="frames"):
        extract(noise(max(n, 1))[:n], FPS, progress=False)


def test_a_jump_in_brightness(planted):
    movie = planted.movie.array.copy()
    movie[200:] = np.clip(movie[200:].astype(int) + 30, 0, 255)
    result = extract(ArrayMovie(movie), FPS, progress=False)
    assert np.isfinite(result.C).all()
    assert np.all((result.motion.shifts - planted.shifts).std(axis=0) < 0.5)


def test_pixels_that_are_no_number():
    movie = noise().astype(np.float32)
    movie[5, 3, 3] = np.nan
    try:
        result = extract(movie, FPS, progress=False)
    except RecordingError:
        return
    assert np.isfinite(result.C).all()
