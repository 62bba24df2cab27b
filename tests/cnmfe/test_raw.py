"""Whether frames are as a camera gave them."""

import cv2
import numpy as np
import pytest

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.storage.raw import noise_of_neighbours
from workflow_miniscope.cnmfe.storage.sample import sample_frames
from workflow_miniscope.daq import open_movie


def measured(movie):
    indices, frames = sample_frames(open_movie(movie))
    return noise_of_neighbours(frames, indices)


def smoothed(movie):
    """As a program does that takes the noise away: a little in space and in time."""
    in_time = (movie[:-2].astype(np.float32) + movie[1:-1] + movie[2:]) / 3
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 0.7) for frame in in_time]).round().astype(np.uint8)


def test_noise_of_a_camera_is_each_pixels_own(recording):
    assert measured(recording.movie) == pytest.approx(-0.05, abs=0.02)


def test_a_gain_and_more_light_change_nothing(recording):
    assert measured(recording.movie.astype(np.uint16) * 16 + 500) == pytest.approx(-0.05, abs=0.02)


@pytest.mark.parametrize(
    "change",
    [
        smoothed,
        lambda movie: np.stack([cv2.resize(frame, None, fx=1.5, fy=1.5) for frame in movie]),
        lambda movie: np.stack([cv2.medianBlur(frame, 3) for frame in movie]),
    ],
    ids=["smoothed", "enlarged", "median"],
)
def test_noise_that_neighbours_share_was_not_in_the_camera(recording, change):
    assert measured(change(recording.movie)) > 0.1


def test_without_noise_or_neighbours_nothing_is_said():
    still = np.full((40, 32, 32), 7, np.uint8)
    assert np.isnan(noise_of_neighbours(still, np.arange(40)))
    assert np.isnan(noise_of_neighbours(still[:1], np.arange(1)))


def test_the_verdict_names_a_smoothed_movie(recording, extracted):
    assert "in common" not in str(extracted.verdict)
    result = extract(smoothed(recording.movie), recording.fps, progress=False)
    assert "Neighbouring pixels have noise in common" in str(result.verdict)
    assert result.frames.noise_of_neighbours > 0.1
