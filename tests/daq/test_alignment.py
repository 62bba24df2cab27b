"""Times in order, signals at another device's frames, angles, and settings that travel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import write_session
from scipy.spatial.transform import Rotation

from workflow_miniscope import daq


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 100, 2, 3], [0, 1, 3, 4]),
        ([0, 1, -5, 2, 3], [0, 1, 3, 4]),
        ([0, 1, 1, 2], [0, 2, 3]),
        ([0, np.nan, 1, 2, np.nan], [0, 2, 3]),
        ([np.nan, 3, 1, 2], [2, 3]),
        ([5], [0]),
        ([], []),
    ],
)
def test_as_few_frames_as_possible_are_left_out(times, kept):
    np.testing.assert_array_equal(np.flatnonzero(daq.in_order(np.array(times, float))), kept)


@settings(deadline=None)
@given(st.lists(st.integers(-20, 20), max_size=9))
def test_no_longer_sequence_is_in_order(times):
    times = np.array(times, float)
    chosen = daq.in_order(times)
    assert np.all(np.diff(times[chosen]) > 0)
    longest = max((bin(mask).count("1") for mask in range(2 ** len(times)) if _increases(times, mask)), default=0)
    assert np.count_nonzero(chosen) == longest


def test_cleaned_times_have_nan_for_those_that_are_not_trusted():
    np.testing.assert_array_equal(daq.cleaned(np.array([0, 1, 100, 2, 3])), [0, 1, np.nan, 2, 3])


def _increases(times, mask):
    return np.all(np.diff([time for i, time in enumerate(times) if mask >> i & 1]) > 0)


def test_the_nearest_frame_and_how_far_it_is():
    camera = np.arange(10) / 30
    scope = np.array([0.0, 0.04, 0.06, 0.3])
    found = daq.align(np.arange(10) * 10, camera, scope)
    np.testing.assert_array_equal(found.frames, [0, 1, 2, 9])
    np.testing.assert_array_equal(found.values, [0, 10, 20, 90])
    np.testing.assert_allclose(found.error_ms, 1000 * (camera[found.frames] - scope))


def test_a_straight_line_is_interpolated_exactly():
    camera = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 200))
    scope = np.linspace(camera[0], camera[-1], 333)
    values = np.stack([3 * camera + 1, -camera], axis=1)
    found = daq.align(values, camera, scope, "linear")
    assert found.values.shape == (333, 2)
    np.testing.assert_allclose(found.values, np.stack([3 * scope + 1, -scope], axis=1))
    assert np.abs(found.error_ms).max() <= 25


def test_gaps_and_what_lies_outside_are_not_filled():
    camera = np.r_[np.arange(10), np.arange(20, 30)] / 10  # a second is missing
    scope = np.array([-1, 0.95, 1.5, 2.0, 5])
    for method in ("nearest", "linear"):
        found = daq.align(np.ones(20), camera, scope, method)
        np.testing.assert_array_equal(np.isnan(found.values), [True, False, True, False, True])
        np.testing.assert_array_equal(found.frames == -1, np.isnan(found.error_ms))
    assert not np.isnan(daq.align(np.ones(20), camera, scope, max_error_ms=3000).values).any()


def test_frames_out_of_order_are_not_used():
    camera = np.array([0, 0.1, 9, 0.3, 0.4])
    found = daq.align(np.array([0, 1, -99, 3, 4]), camera, np.array([0.2, 0.3]), "linear")
    np.testing.assert_allclose(found.values, [2, 3])


@pytest.mark.parametrize(
    ("values", "times", "method", "sentence"),
    [([1], [1, 2], "nearest", "1 frames and 2 times"), ([1], [1], "cubic", "cubic"), ([], [], "linear", "no frame")],
)
def test_what_cannot_be_aligned(values, times, method, sentence):
    with pytest.raises(ValueError, match=sentence):
        daq.align(values, times, [0.0], method)


def test_angles():
    angles = np.array([[30, -20, 10], [0, 0, 0], [-170, 45, 90]])
    w_first = Rotation.from_euler("ZYX", angles, degrees=True).as_quat()[:, [3, 0, 1, 2]]
    w_first[1] = [0, 0, 0, 0]  # what a sensor that fell silent writes
    found = daq.euler_degrees(w_first, np.array([True, False, True]))
    np.testing.assert_allclose(found[[0, 2]], angles[[0, 2]])
    assert np.isnan(found[1]).all()


def test_settings_leave_the_recording_computer_behind(tmp_path):
    session = daq.open_session(write_session(tmp_path).folder)
    settings = daq.portable_settings(session.scopes[0])
    assert settings["ROI.width"] == 40
    assert settings["gain"] == "Low"
    assert not {"deviceDirectory", "deviceID"} & settings.keys()
    assert not any("D:/" in str(value) for found in daq.all_settings(session).values() for value in found.values())


def test_what_changed_between_two_recordings(tmp_path):
    first = daq.open_session(write_session(tmp_path / "a", version="v1.02").folder)
    second = daq.open_session(
        write_session(tmp_path / "b", version="v1.02", settings={"gain": 2, "ewl": None}, start_ms=1768472999000).folder
    )
    changes = daq.changes(daq.all_settings(first), daq.all_settings(second))
    assert [(c.device, c.setting, c.before, c.after) for c in changes] == [
        ("My_V4_Miniscope", "ewl", 0, None),
        ("My_V4_Miniscope", "gain", "Low", 2),
    ]
    assert str(changes[1]) == "My_V4_Miniscope: gain was 'Low', is 2"
    assert daq.changes(daq.all_settings(first), daq.all_settings(first)) == []


def told(first, second):
    settings = [daq.all_settings(daq.open_session(written.folder)) for written in (first, second)]
    return daq.told_changes(daq.changes(*settings))


def test_other_devices_are_one_line(tmp_path):
    first = write_session(tmp_path / "a", cameras=["Face Cam", "Top Cam"])
    second = write_session(tmp_path / "b", scopes=["Scope"], cameras=["Face Cam"])
    assert told(first, second) == [
        "list of devices was ['Face_Cam', 'My_V4_Miniscope', 'Top_Cam'], is ['Face_Cam', 'Scope']"
    ]


def test_another_device_of_the_same_name_is_one_line(tmp_path):
    first = write_session(tmp_path / "a")
    second = write_session(tmp_path / "b", settings={"deviceType": "Miniscope_V3", "ewl": None, "gain": "High"})
    assert told(first, second) == ["My_V4_Miniscope: deviceType was 'Miniscope_V4_BNO', is 'Miniscope_V3'"]


def test_many_settings_are_one_line(tmp_path):
    first = write_session(tmp_path / "a")
    new = {f"setting {number}": number for number in range(20)}
    second = write_session(tmp_path / "b", settings={"gain": "High", **new})
    (line,) = told(first, second)
    assert line.startswith("My_V4_Miniscope: gain was 'Low', is 'High', setting 0 was not there, is 0, ")
    assert line.endswith(", and 17 settings more")
