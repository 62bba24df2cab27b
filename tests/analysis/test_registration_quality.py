"""Frames that lie on each other are alike and have a crisp mean."""

import numpy as np
import planted
import pytest

from workflow_miniscope import figures
from workflow_miniscope.analysis.registration_quality import lying


@pytest.fixture(scope="module")
def measured():
    """A movie that moves, the same registered, and the same that never moved."""
    moving = planted.recording(frames=60, motion=3, seed=2)
    moved = [np.roll(f, s.astype(int), (0, 1)) for f, s in zip(moving.movie.array, moving.shifts, strict=True)]
    still = planted.recording(frames=60, motion=0, seed=2)
    return [lying(frames, margin=3) for frames in (moving.movie.array, moved, still.movie.array)]


def test_registration_makes_frames_alike_and_the_mean_crisp(measured):
    before, after, still = measured
    assert np.median(after.correlation) > np.median(before.correlation) + 0.1
    assert before.crispness < 0.8 * after.crispness
    # as good as if it had never moved
    assert after.crispness == pytest.approx(still.crispness, rel=0.1)
    assert np.median(after.correlation) == pytest.approx(np.median(still.correlation), abs=0.03)


def test_noise_and_the_light_of_the_field_are_not_taken_for_likeness():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:128, :160]
    light = 100 * np.exp(-((y - 64) ** 2 + (x - 80) ** 2) / 200**2)
    found = lying(light + rng.normal(0, 2, (50, 128, 160)), margin=4)
    assert np.abs(np.median(found.correlation)) < 0.2
    with pytest.raises(ValueError, match="at least 2"):
        lying(np.zeros((1, 20, 20)))
    assert lying(np.zeros((3, 20, 20))).correlation.tolist() == [0, 0, 0], "nothing is not alike"


def test_the_figure_says_what_was_won(measured):
    before, after, _ = measured
    figure = figures.registration(
        (before.mean, after.mean),
        (before.crispness, after.crispness),
        np.arange(60) / 20,
        (before.correlation, after.correlation),
        um_per_px=2.0,
    )
    raw, registered, course = figure.axes
    assert raw.images[0].get_clim() == registered.images[0].get_clim()
    assert registered.get_title(loc="left") == f"mean registered\ncrispness {after.crispness:.3g}"
    assert registered.texts[-1].get_text() == "20 µm"
    said = [text.get_text() for text in course.get_legend().get_texts()]
    assert said == [
        f"as recorded, median {np.median(before.correlation):.2f}",
        f"registered, median {np.median(after.correlation):.2f}",
    ]
    np.testing.assert_allclose(course.collections[1].get_offsets()[:, 1], after.correlation)
