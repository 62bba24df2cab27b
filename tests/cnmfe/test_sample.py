"""The sample that decides the template: frames of the whole recording, without decoding more than is needed."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe.storage.sample import DECODED_FOR_SAMPLE, RUN_FRAMES, RUNS, sample_frames
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.movies import ArrayMovie


class InFiles(ArrayMovie):
    """A movie in files, which says how many frames it gave out."""

    def __init__(self, frames, counts):
        super().__init__(frames)
        self.counts, self.given = counts, 0

    def frames(self, start=0, stop=None):
        for frame in self.array[start:stop]:
            self.given += 1
            yield frame


def movie(n):
    return np.arange(n, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)


@pytest.mark.parametrize("counts", [None, [1000] * 4, [1000] * 60, [7] * 900, [1000, 3]])
def test_the_whole_recording_is_sampled(counts):
    n = 6000 if counts is None else sum(counts)
    source = InFiles(movie(n), counts) if counts else ArrayMovie(movie(n))
    indices, frames = sample_frames(source)
    np.testing.assert_array_equal(frames[:, 0, 0], indices)
    assert np.all(np.diff(indices) > 0)
    assert RUNS * RUN_FRAMES * 0.8 <= len(indices) <= RUNS * RUN_FRAMES
    # every tenth of it, or the beginning of each long file
    tenths = np.unique(indices * 10 // n)
    assert len(tenths) == (6 if counts == [1000] * 4 else 10)
    # most follow each other
    assert np.mean(np.diff(indices) == 1) >= (RUN_FRAMES - 1) / RUN_FRAMES - 0.02
    if counts and len(counts) > 2:
        assert source.given <= DECODED_FOR_SAMPLE


def test_short_recordings_are_their_own_sample():
    indices, frames = sample_frames(ArrayMovie(movie(120)))
    np.testing.assert_array_equal(indices, np.arange(120))
    assert len(frames) == 120


def test_a_frame_of_the_sample_that_is_not_a_number_is_named():
    frames = movie(6000)
    at = int(sample_frames(ArrayMovie(frames))[0][77])
    frames[at, 1, 1] = np.nan
    with pytest.raises(RecordingError, match=f"Frame {at} has"):
        sample_frames(ArrayMovie(frames))
