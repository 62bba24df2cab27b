"""Closed eyes are told from narrow pupils."""

import numpy as np
import pytest

from workflow_miniscope.analysis.eye import blink_closed, count_closures, pupil_closed
from workflow_miniscope.results.facemap import Blink, Pupil

FRAMES = 900
BOX = {"x_range": np.arange(10, 40), "y_range": np.arange(5, 30)}


@pytest.fixture
def pupil():
    """Narrows from 600 to 60 square pixels and widens again, over 30 s."""
    area = 330 + 270 * np.cos(np.linspace(0, 2 * np.pi, FRAMES))
    blank = np.zeros(FRAMES)
    return Pupil("pupil", **BOX, area=area, area_smooth=area, x=blank, y=blank, axis_lengths=np.zeros((FRAMES, 2)))


def blink(closed=slice(0), **box):
    signal = np.full(FRAMES, 5000.0)
    signal[closed] = 20
    return Blink("lid", **{**BOX, **box}, signal=signal)


def test_a_narrow_pupil_is_not_a_closed_eye(pupil):
    assert not pupil_closed(pupil).any()
    assert not pupil_closed(pupil, [blink()]).any()


@pytest.mark.parametrize("value", [0.1, 0, np.nan])
def test_blinks_at_any_width(pupil, value):
    closed = np.zeros(FRAMES, bool)
    for start, length in ((0, 4), (200, 5), (440, 12), (890, 10)):
        closed[start : start + length] = True
    pupil.area[closed] = value
    np.testing.assert_array_equal(pupil_closed(pupil), closed)
    assert count_closures(closed) == 4


def test_a_lid_on_its_way_hides_part_of_the_pupil(pupil):
    pupil.area[300:306] *= (0.9, 0.4, 0, 0, 0.5, 0.95)
    assert np.flatnonzero(pupil_closed(pupil)).tolist() == [301, 302, 303, 304]
    # without a closure, half the area is half the area
    pupil.area[300:306] = pupil.area[299]
    pupil.area[301] *= 0.4
    assert not pupil_closed(pupil).any()


def test_a_long_closure(pupil):
    pupil.area[100:300] = 3
    assert pupil_closed(pupil)[100:300].all()
    assert pupil_closed(pupil).sum() == 200


def test_the_lid_is_believed_where_it_is_this_eye_s(pupil):
    assert np.flatnonzero(pupil_closed(pupil, [blink(slice(50, 60))])).tolist() == list(range(50, 60))
    elsewhere = blink(slice(50, 60), x_range=np.arange(60, 80))
    assert not pupil_closed(pupil, [elsewhere]).any()
    assert blink_closed(elsewhere).sum() == 10


def test_nothing_was_seen(pupil):
    pupil.area[:] = np.nan
    assert pupil_closed(pupil).all()
    assert not blink_closed(Blink("lid", **BOX, signal=np.zeros(5))).any()
    assert count_closures(np.zeros(0, bool)) == 0
