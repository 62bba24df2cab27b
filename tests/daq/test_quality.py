"""What a recording is called, and why: each limit from both of its sides."""

import cv2
import numpy as np
import pytest
from recordings import regular_times, write_session

from workflow_miniscope import daq
from workflow_miniscope.daq import quality

N = 60


@pytest.fixture
def noise():
    """Frames of a sensor: no two are equal."""
    return np.random.default_rng(0).integers(60, 120, (N, 24, 40)).astype(np.uint8)


def check(root, **written):
    return daq.check_device(daq.open_session(write_session(root, **written).folder).scopes[0])


def with_gap(missing, n_frames=N):
    times = regular_times(n_frames)
    times[n_frames // 2 :] += 50 * missing
    return times


def test_a_sound_recording_is_good(tmp_path, noise):
    checked = check(tmp_path, movie=noise)
    assert checked.quality.verdict == "good"
    assert checked.quality.reasons == ()
    assert checked.quality.n_frames == checked.quality.n_video == checked.quality.n_stamps == N
    assert (checked.quality.height, checked.quality.width) == (24, 40)
    assert checked.quality.rate_hz == pytest.approx(20)
    assert checked.quality.orientation_samples == N
    np.testing.assert_allclose(checked.survey.brightness, noise.mean(axis=(1, 2)), atol=1e-3)
    np.testing.assert_array_equal(checked.survey.images, noise[[0, N // 2, N - 1]])


@pytest.mark.parametrize(
    ("missing", "verdict"), [(1, "usable with warnings"), (15, "usable with warnings"), (16, "unusable")]
)
def test_dropped_frames(tmp_path, noise, missing, verdict):
    checked = check(tmp_path, movie=noise, times_ms=with_gap(missing))
    assert checked.quality.dropped_frames == missing
    assert checked.quality.longest_gap_s == pytest.approx(0.05 * (missing + 1))
    assert checked.quality.verdict == verdict
    assert any("dropped" in reason for reason in checked.quality.reasons)


@pytest.mark.parametrize(("wrong", "verdict"), [(3, "usable with warnings"), (7, "unusable")])
def test_times_out_of_order(tmp_path, noise, wrong, verdict):
    times = regular_times(N)
    times[40 : 40 + wrong] = 0
    checked = check(tmp_path, movie=noise, times_ms=times)
    assert checked.quality.out_of_order == wrong
    assert checked.quality.verdict == verdict


def test_black_frames_are_unusable_and_dark_ones_are_told(tmp_path, noise):
    assert check(tmp_path / "a", movie=noise * 0).quality.verdict == "unusable"
    dark = noise.copy()
    dark[[20, 21]] //= 3
    checked = check(tmp_path / "b", movie=dark)
    assert checked.quality.dark_frames == 2
    assert checked.quality.verdict == "usable with warnings"
    assert "frame 20" in checked.quality.reasons[0]


def test_saturated_and_frozen_pictures(tmp_path, noise):
    bright = noise.copy()
    bright[:, :3] = 255
    checked = check(tmp_path / "a", movie=bright)
    assert checked.quality.saturated == pytest.approx(3 / 24)
    assert "saturated" in checked.quality.reasons[0]
    frozen = noise.copy()
    frozen[31:38] = frozen[30]
    checked = check(tmp_path / "b", movie=frozen)
    np.testing.assert_array_equal(checked.survey.repeated, range(31, 38), "also across two files")
    assert "frozen" in checked.quality.reasons[0]


@pytest.mark.parametrize("codec", ["FFV1", "GREY", "DIB "])
def test_codecs_without_loss_are_good(tmp_path, noise, codec):
    assert check(tmp_path, movie=noise, codec=codec).quality.reasons == ()


@pytest.mark.parametrize(
    ("codec", "spread", "said"),
    [
        ("MJPG", 60, None),  # several bits a pixel
        ("MJPG", 4, "Motion JPEG, 0."),
        ("XVID", 4, "XVID, 0."),
        ("XVID", 60, "XVID, "),  # frames are built on others, however many bits there are
    ],
)
def test_a_scope_compressed_with_loss_is_told_with_its_bits(tmp_path, codec, spread, said):
    movie = np.random.default_rng(0).integers(80, 80 + spread, (N, 192, 256)).astype(np.uint8)
    written = write_session(tmp_path, movie=movie, codec=codec, cameras=["Cam"])
    scope, camera = (daq.check_device(device) for device in daq.open_session(written.folder).devices)
    assert camera.quality.reasons == () or "compressed" not in camera.quality.reasons[0], "of cameras it is usual"
    assert (scope.quality.verdict == "good") == (said is None)
    assert said is None or f"compressed with loss ({said}" in scope.quality.reasons[0]
    assert said is None or "bits per pixel" in scope.quality.reasons[0]
    bits = 8 * sum(path.stat().st_size for path in written.scopes[0].files) / movie.size
    assert said is None or f"{bits:.2f} bits" in scope.quality.reasons[0]


def test_a_scope_that_does_not_keep_up(tmp_path, noise):
    assert check(tmp_path / "a", movie=noise, settings={"frameRate": 22}).quality.verdict == "good"
    checked = check(tmp_path / "b", movie=noise, settings={"frameRate": "30FPS"})
    assert checked.quality.reasons == ("30 frames per second were asked for, 20.00 were recorded.",)


def test_head_orientation(tmp_path, noise):
    written = write_session(tmp_path, movie=noise)
    path = written.scopes[0].folder / "headOrientation.csv"
    lines = path.read_text().splitlines()
    lines[11:21] = [line.split(",")[0] + ",2,0,0,0" for line in lines[11:21]]
    path.write_text("\n".join(lines[:-10]) + "\n")
    checked = daq.check_device(daq.open_session(written.folder).scopes[0])
    assert (checked.quality.orientation_samples, checked.quality.orientation_invalid) == (N - 10, 10)
    assert len(checked.quality.reasons) == 2
    path.write_text("nonsense\n")
    checked = daq.check_device(daq.open_session(written.folder).scopes[0])
    assert checked.quality.verdict == "usable with warnings"
    assert "headOrientation.csv" in checked.quality.reasons[0]


def test_what_cannot_be_read_is_unusable_and_says_why(tmp_path, noise):
    written = write_session(tmp_path, movie=noise)
    (written.scopes[0].folder / "timeStamps.csv").unlink()
    checked = daq.check_device(daq.open_session(written.folder).scopes[0])
    assert checked.quality.verdict == "unusable"
    assert "timeStamps.csv is missing" in checked.quality.reasons[0]
    assert checked.quality.n_frames is None


def test_a_frame_that_cannot_be_decoded_is_found(tmp_path, noise):
    written = write_session(tmp_path, movie=noise, codec="MJPG")
    path = written.scopes[0].files[2]
    content = bytearray(path.read_bytes())
    place = content.index(b"00dc", content.index(b"movi")) + 8
    content[place : place + 300] = bytes(300)
    path.write_bytes(content)
    device = daq.open_session(written.folder).scopes[0]
    assert daq.check_device(device, frames=False).quality.verdict == "unusable", "its file's first frame is tried"
    checked = daq.check_device(device)
    assert checked.quality.verdict == "unusable"
    assert "2.avi cannot be decoded" in checked.quality.reasons[0]
    assert checked.quality.n_frames == N, "what is known of its times is told"


def test_each_frame_is_decoded_once(tmp_path, noise, monkeypatch):
    written = write_session(tmp_path, movie=noise)
    decoded = []

    class Counting:  # around it: OpenCV's objects cannot be subclassed without damaging memory
        def __init__(self, *arguments):
            self.capture = VideoCapture(*arguments)

        def __getattr__(self, name):
            return getattr(self.capture, name)

        def grab(self):
            decoded.append(1)
            return self.capture.grab()

    VideoCapture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Counting)
    daq.check_device(daq.open_session(written.folder).scopes[0])
    assert len(decoded) == N


def test_a_broken_device_does_not_hide_the_others(tmp_path, noise):
    written = write_session(tmp_path, movie=noise, scopes=["One", "Two"], cameras=["Cam"])
    (written.scopes[0].folder / "1.avi").unlink()
    session = daq.open_session(written.folder, allow_broken=True)
    assert [device.name for device in session.devices] == ["Two", "Cam"]
    ((broken),) = session.broken
    assert (broken.name, broken.kind) == ("One", "scope")
    assert "1.avi" in broken.problem
    assert session.missing == ()


def test_a_device_that_left_nothing_is_missing(tmp_path, noise):
    written = write_session(tmp_path, movie=noise, cameras=["Face Cam"])
    for path in written.cameras[0].folder.iterdir():
        path.unlink()
    written.cameras[0].folder.rmdir()
    assert daq.open_session(written.folder).missing == ("Face Cam",)


def test_the_worst_verdict_counts():
    assert daq.worst([]) == "good"
    assert daq.worst(["good", "unusable", "usable with warnings"]) == "unusable"
    assert quality.VERDICTS[0] == "good"
