"""Frames are decoded once, in order, whatever pieces they are asked for in."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from recordings import write_session

from workflow_miniscope import daq
from workflow_miniscope.cnmfe.arrays.workers import Workers
from workflow_miniscope.cnmfe.storage.kept import keep_frames
from workflow_miniscope.cnmfe.storage.reader import DECODED_FRAMES, PARTS_AHEAD, FrameReader
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.movies import ArrayMovie


class Counted(ArrayMovie):
    """Counts what is decoded, and may give pieces of another size than asked for."""

    decoded, size = 0, None

    def blocks(self, size=256):
        for first, frames in super().blocks(self.size or size):
            self.decoded += len(frames)
            yield first, frames


@pytest.fixture
def frames(rng):
    return rng.integers(0, 255, (5 * DECODED_FRAMES + 30, 4, 6), dtype=np.uint8)


@pytest.mark.parametrize("length", [DECODED_FRAMES, 2 * DECODED_FRAMES, 256, 1000])
@pytest.mark.parametrize("size", [None, 50])
def test_all_frames_come_once_and_in_order(frames, length, size):
    movie = Counted(frames)
    movie.size = size
    recorded = FrameReader(movie)
    blocks = list(recorded.blocks(length))
    assert [start for start, _ in blocks] == list(range(0, len(frames), length))
    assert all(len(block) == length for _, block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), frames)
    assert movie.decoded == len(frames)


def test_no_more_is_decoded_ahead_than_a_little(rng):
    movie = Counted(rng.integers(0, 255, (40 * DECODED_FRAMES, 4, 6), dtype=np.uint8))
    recorded = FrameReader(movie)
    next(recorded.blocks(DECODED_FRAMES))
    del recorded
    assert movie.decoded <= (PARTS_AHEAD + 1) * DECODED_FRAMES


def test_the_frame_that_is_not_a_number_is_named(frames):
    frames = frames.astype(np.float32)
    frames[170, 2, 3] = np.nan
    with pytest.raises(RecordingError, match="Frame 170 has"):
        list(FrameReader(ArrayMovie(frames)).blocks(256))


class CountedVideos(daq.Movie):
    """Counts the frames that are decoded, and may go to the frame before the one that it is asked for."""

    decoded, behind = 0, 0

    def frames(self, start=0, stop=None):
        behind = self.behind if start else 0
        for frame in super().frames(start - behind, stop - behind if stop else stop):
            self.decoded += 1
            yield frame


@pytest.fixture
def videos(tmp_path):
    """A movie in three files, and its frames."""
    written = write_session(tmp_path / "session", n_frames=40, frames_per_file=16)
    movie = CountedVideos(daq.open_session(written.folder).scopes[0].read().movie.files)
    return movie, np.stack(list(daq.Movie(movie.files).frames()))


@pytest.fixture(params=[1, 2])
def workers(request):
    with ThreadPoolExecutor(request.param) as pool:
        yield Workers(pool, request.param)


def test_a_short_movie_that_is_read_twice_is_decoded_once(videos, workers, tmp_path):
    movie, whole = videos
    kept = keep_frames(movie, tmp_path, workers)
    some = list(kept.frames(3, 9)) + list(kept.frames(20, 31))
    np.testing.assert_array_equal(some, np.concatenate([whole[3:9], whole[20:31]]))
    blocks = list(kept.blocks(16))
    assert [start for start, _ in blocks] == [0, 16, 32]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), whole)
    # and the first frame of the second part once more, which says that it is the right one
    assert movie.decoded == 40 + (workers.number - 1)
    kept.close()
    assert not (tmp_path / "frames").exists()
    assert keep_frames(ArrayMovie(whole), tmp_path, workers).n_frames == 40


def test_a_file_whose_index_leads_to_another_frame_is_read_from_its_start(videos, workers, tmp_path):
    movie, whole = videos
    movie.behind = 1
    kept = keep_frames(movie, tmp_path, workers)
    np.testing.assert_array_equal(list(kept.frames()), whole)
