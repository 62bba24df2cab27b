"""A movie of a result shows its cells where they are, and its registered part stands still."""

import cv2
import numpy as np
import planted
import pytest
from PIL import Image
from recordings import write_session

from workflow_miniscope.figures import movie_frames
from workflow_miniscope.results.caiman import CaimanResult, RigidShifts, write_result

FPS, HEIGHT, WIDTH, FRAMES = 20.0, 64, 96, 120
ZOOM = movie_frames.PANEL / WIDTH


@pytest.fixture(scope="module")
def truth():
    return planted.recording(HEIGHT, WIDTH, FRAMES, n=6, motion=3)


@pytest.fixture(scope="module")
def device(truth, tmp_path_factory):
    """The folder of a scope whose field moves."""
    times = np.round(np.arange(FRAMES) * 1000 / FPS).astype(int)
    return write_session(tmp_path_factory.mktemp("raw"), movie=truth.movie.array, times_ms=times).scopes[0].folder


@pytest.fixture(scope="module")
def result(truth, tmp_path_factory):
    """A folder with its result; the last component is no cell."""
    pixels = truth.footprints.reshape(len(truth.footprints), -1, order="C")
    norm = np.linalg.norm(pixels, axis=1)
    A = truth.footprints.transpose(2, 1, 0).reshape(-1, len(norm)) / norm
    registered = np.array(
        [np.roll(f, s.astype(int), (0, 1)) for f, s in zip(truth.movie.array, truth.shifts, strict=True)]
    )
    found = CaimanResult(
        dims=(HEIGHT, WIDTH),
        A=A,
        C=25 * truth.traces * norm[:, None],
        accepted=np.arange(5),
        motion=RigidShifts(truth.shifts),
        average_image=registered.mean(axis=0),
        max_image=registered.max(axis=0),
        params={"data": {"fr": FPS}},
    )
    folder = tmp_path_factory.mktemp("m1_result")
    write_result(folder, found)
    return folder


def decode(path) -> np.ndarray:
    video, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = video.read()
        if not there:
            return np.array(frames)[..., ::-1].astype(int)
        frames.append(frame)


def panels(frames) -> list[np.ndarray]:
    """The three parts of each picture, without the text, [frame, height, width, 3]."""
    high, wide = round(HEIGHT * ZOOM), round(WIDTH * ZOOM)
    lefts = [number * (wide + movie_frames.GAP) for number in range(3)]
    return [frames[:, movie_frames.STRIP : movie_frames.STRIP + high, left : left + wide - 2] for left in lefts]


def details(picture) -> np.ndarray:
    """A panel at the size of the field, without what changes slowly in space."""
    small = cv2.resize(picture.astype(np.float32).mean(axis=2), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 1) - cv2.GaussianBlur(small, (0, 0), 5)


def moved(first, second, most=7) -> tuple[int, int]:
    """How far a picture's field must be moved to lie on another's, (dy, dx) in pixels of the field."""
    first, second = details(first), details(second)
    inside = (slice(most, -most), slice(most, -most))
    shifts = [(dy, dx) for dy in range(-most, most + 1) for dx in range(-most, most + 1)]
    products = [np.corrcoef(first[inside].ravel(), np.roll(second, s, (0, 1))[inside].ravel())[0, 1] for s in shifts]
    return shifts[int(np.argmax(products))]


def test_a_movie_of_a_result(run, device, result, truth):
    plain = ["movie", result, "--movie", device, "--length", 5, "--speed", 1.25]
    done = run(*plain, "--output", "new/one.mp4", "--start", 0.5)
    assert (done.status, done.out, done.err) == (0, "new/one.mp4\n", ""), "no bar where nobody looks"
    frames = decode("new/one.mp4")
    # a picture of each frame: 20 a second, shown 25 a second
    assert len(frames) == 100
    raw, registered, reconstructed = panels(frames)

    true = truth.shifts[10:110]
    pairs = [(t, t + 7) for t in range(0, 90, 18)]
    assert [moved(raw[a], raw[b]) for a, b in pairs] == [tuple(true[b] - true[a]) for a, b in pairs]
    assert {moved(registered[a], registered[b]) for a, b in pairs} == {(0, 0)}, "it stands still"

    # outlines are yellow, all others grey
    yellow = (reconstructed[..., 0] - reconstructed[..., 2] > 60).mean(axis=0) > 0.5
    y, x = np.nonzero(yellow)
    centres = np.array(
        [[(f.sum(axis=1 - a) * np.arange(n)).sum() / f.sum() for a, n in enumerate(f.shape)] for f in truth.footprints]
    )
    apart = np.hypot(*((np.stack([y, x], 1)[:, None] + 0.5) / ZOOM - 0.5 - centres[None]).transpose(2, 0, 1))
    nearest = apart.argmin(axis=1)
    assert set(nearest) == set(range(5)), "of each cell, not of what was rejected"
    assert 2 < apart.min(axis=1).min() and apart.min(axis=1).max() < 6

    # a cell is bright when it is active
    grey = reconstructed.mean(axis=3)
    active = [cell for cell in range(5) if np.ptp(truth.traces[cell, 10:110]) > 0.5]
    assert len(active) > 2
    for cell in active:
        row, column = centres[cell]
        at = tuple(np.round((np.array([row, column]) + 0.5) * ZOOM - 0.5).astype(int))
        shown = grey[:, at[0] - 3 : at[0] + 4, at[1] - 3 : at[1] + 4].mean(axis=(1, 2))
        assert np.corrcoef(shown, truth.traces[cell, 10:110])[0, 1] > 0.9


def test_a_movie_without_the_encoder_of_mp4(run, device, result, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = run("movie", result, "--movie", device, "--length", 1, "--no-outlines")
    assert done.status == 0, done.err
    with Image.open(done.out.strip()) as movie:
        assert (movie.format, movie.n_frames) == ("WEBP", 13)
        colours = np.asarray(movie.convert("RGB")).astype(int)[movie_frames.STRIP : -movie_frames.STRIP]
    assert np.ptp(colours, axis=2).max() < 30, "no outline"
    refused = run("movie", result, "--movie", device, "--output", "one.mp4")
    assert refused.status == 2 and "pip install imageio-ffmpeg" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the result does not say: name the scope's folder with --movie"),
        (("--movie", "nowhere"), "there is no folder nowhere"),
        (("--movie", "DEVICE", "--start", 100), "The recording is 6.0 s long, and the movie is to start at 100 s."),
        (("--movie", "DEVICE", "--length", 0), "length must be above 0"),
        (("--movie", "DEVICE", "--output", "one.avi"), "written as .mp4 or .webp; one.avi ends otherwise"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_sentence(run, device, result, tmp_path, arguments, said):
    done = run("movie", result, *(device if word == "DEVICE" else word for word in arguments))
    assert done.status in (1, 2) and done.out == ""
    assert said in done.err and done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
