"""A long recording made of a simulated one is like it, and what is said of its cells is true."""

import numpy as np
import pytest
from lengthened import GRID, Lengthened, Minute, moved
from simulated import Recording, videos

from workflow_miniscope.daq import open_movie


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Recording(3, px=96, seconds=20.0).write(tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="module")
def long(folder):
    return Lengthened(folder, 2)


@pytest.fixture(scope="module")
def frames(long):
    return np.concatenate([block for _, block in long.blocks(size=300)])


def test_it_looks_like_what_it_is_made_of(folder, frames):
    movie = np.stack(list(open_movie(videos(folder)).frames()))
    assert frames.shape == (2 * len(movie), 96, 96) and frames.dtype == np.uint8

    def noise(values):
        return np.diff(values.astype(float), axis=0).std()

    assert frames.mean() == pytest.approx(movie.mean(), rel=0.02)
    assert noise(frames) == pytest.approx(noise(movie), rel=0.05)
    assert np.corrcoef(frames.mean(axis=0).ravel(), movie.mean(axis=0).ravel())[0, 1] > 0.99


def test_each_minute_has_its_own_activity_and_noise(long, frames):
    truth, n = long.truth(), long.n_frames // 2
    assert truth["C"].shape == truth["S"].shape == (len(truth["A"]), 2 * n)
    brightest = np.argsort(-truth["A"].max(axis=(1, 2)) * truth["C"].std(axis=1))[:5]
    steady = np.stack([moved(frame.astype(np.float32), -s) for frame, s in zip(frames, truth["shifts"], strict=True)])
    images = np.stack([*truth["A"], np.ones(steady.shape[1:])]).reshape(len(truth["A"]) + 1, -1)
    traces = np.linalg.lstsq(images.T, steady.reshape(len(steady), -1).T, rcond=None)[0]
    for k in brightest:
        seen, known = traces[k], truth["C"][k]
        for part in (slice(None, n), slice(n, None)):
            assert np.corrcoef(seen[part], known[part])[0, 1] > 0.8
        assert np.corrcoef(known[:n], known[n:])[0, 1] < 0.7
    assert not np.array_equal(frames[:n], frames[n:])


def test_no_cell_is_in_the_background_too(long):
    minute = Minute.load(long.path)
    light = minute.A.multiply(minute.C.std(axis=1)).tocsc()
    remains = []
    for k in np.argsort(-light.max(axis=0).toarray().ravel())[:20]:
        pixel = light[:, k].toarray().argmax()
        y, x = np.divmod(pixel, minute.still.shape[1])
        near = np.pad(minute.background, ((0, 0), (3, 3), (3, 3)), mode="edge")[:, y // GRID :, x // GRID :]
        # more than three steps of the grid away it is another background, and no longer the cell
        local = near[:, 3, 3] - (near[:, 0, 3] + near[:, 6, 3] + near[:, 3, 0] + near[:, 3, 6]) / 4
        trace = minute.C[k] - minute.C[k].mean()
        remains.append(abs(local @ trace) / (trace @ trace) / minute.A[pixel, k])
    # of its brightness there
    assert np.mean(remains) < 0.03


def test_parts_are_those_of_the_whole(long, frames):
    assert np.array_equal(np.stack(list(long.frames(299, 303))), frames[299:303])
