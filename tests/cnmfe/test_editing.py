"""What a person does to a result afterwards: the movie as its model has it, components fitted anew."""

import dataclasses

import numpy as np
import pytest

from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.calcium import timebase
from workflow_miniscope.cnmfe.editing.edits import Editor
from workflow_miniscope.cnmfe.editing.kept import KeptMovie
from workflow_miniscope.cnmfe.editing.place import Component
from workflow_miniscope.cnmfe.editing.registered import FrameSource, Registered
from workflow_miniscope.cnmfe.editing.scale import Scale
from workflow_miniscope.cnmfe.editing.views import MovieViews
from workflow_miniscope.cnmfe.registration.blocks import Blocks
from workflow_miniscope.errors import EngineError, RecordingError
from workflow_miniscope.movies import ArrayMovie
from workflow_miniscope.results.caiman import MovieModel, PiecewiseShifts


@pytest.fixture(scope="module")
def registered(recording, extracted):
    return Registered.of(ArrayMovie(recording.movie), extracted, extracted.motion)


def test_frames_are_read_at_any_moment_and_in_turn(recording):
    source = FrameSource(ArrayMovie(recording.movie))
    for start, stop in ((30, 40), (40, 45), (50, 52), (3, 9), (690, 700)):
        np.testing.assert_array_equal(source.read(start, stop), recording.movie[start:stop])
    with pytest.raises(RecordingError, match="ended before frame 701"):
        source.read(695, 705)


def test_requests_that_overtake_each_other_do_not_begin_the_file_anew(recording):
    """A page asks for what it will show next while it waits; the later part may be read first."""
    begun = []

    class Read(ArrayMovie):
        def frames(self, start=0, stop=None):
            begun.append(start)
            return super().frames(start, stop)

    source = FrameSource(Read(recording.movie))
    for start in (100, 120, 110, 150, 130, 140):
        np.testing.assert_array_equal(source.read(start, start + 10), recording.movie[start : start + 10])
    assert begun == [100]
    source.read(400, 410)
    assert begun == [100, 400]


def test_registered_frames_lie_still(recording, extracted, registered):
    moved = recording.movie[::7]
    still = np.concatenate([registered.frames(t, t + 1) for t in range(0, 700, 7)])
    inside = (slice(None), slice(8, -8), slice(8, -8))
    mean = extracted.average_image[8:-8, 8:-8].ravel()
    alike = [[np.corrcoef(frame.ravel(), mean)[0, 1] for frame in frames[inside]] for frames in (still, moved)]
    assert np.mean(alike[0]) > np.mean(alike[1]) + 0.05 and np.min(alike[0]) > np.min(alike[1]) + 0.1
    np.testing.assert_allclose(still[inside].mean(axis=0), extracted.average_image[8:-8, 8:-8], atol=1.5)


def test_the_light_is_the_same_in_all_frames_where_a_lamp_was_turned(recording, extracted, registered):
    gain = np.where(np.arange(len(recording.movie)) < 300, 1, 0.5).astype(np.float32)
    dimmed = ArrayMovie(((recording.movie - 4.0) * gain[:, None, None] + 4).astype(np.float32))
    quality = dataclasses.replace(extracted.frames, gain=gain, black=4.0)
    turned = Registered.of(dimmed, extracted, extracted.motion, quality)
    np.testing.assert_allclose(turned.frames(298, 302), registered.frames(298, 302), rtol=1e-3)
    assert np.allclose(turned.raw(298, 302)[2:].mean() - 4, (turned.frames(300, 302).mean() - 4) / 2, rtol=0.1)


def test_a_field_that_moves_in_blocks_is_moved_alike(recording, extracted):
    rigid = extracted.motion.shifts
    blocks = Blocks(recording.movie.shape[1:], (36, 36), (12, 12)).blocks
    same = [np.repeat(rigid[:, [i]], len(blocks), axis=1) for i in (0, 1)]
    piecewise = Registered.of(ArrayMovie(recording.movie), extracted, PiecewiseShifts(*same, blocks))
    whole = Registered.of(ArrayMovie(recording.movie), extracted, extracted.motion)
    np.testing.assert_allclose(piecewise.frames(5, 9)[:, 8:-8, 8:-8], whole.frames(5, 9)[:, 8:-8, 8:-8], atol=1.0)


def test_what_is_taken_away_and_what_is_left_add_up(recording, extracted, registered):
    model = MovieModel(extracted.W, None, None, extracted.motion, extracted.frames)
    views = MovieViews(registered, extracted, model, lambda start, stop: extracted.C[:, start:stop])
    span = (100, 160)
    frames = {kind: views.frames(kind, *span) for kind in views.kinds}
    np.testing.assert_allclose(frames["subtracted"], frames["reconstructed"] + frames["residual"], atol=1e-2)
    lit = np.tensordot(recording.C[:, span[0] : span[1]].T, recording.A, 1)
    inside = (slice(None), slice(8, -8), slice(8, -8))
    seen = [
        np.corrcoef(frames[kind][inside].ravel(), lit[inside].ravel())[0, 1] for kind in ("registered", "subtracted")
    ]
    assert seen[1] > 0.6 and seen[1] > seen[0] + 0.2
    assert frames["residual"][inside].std() < 0.9 * frames["subtracted"][inside].std()
    without = MovieViews(registered, extracted, MovieModel(None, None, None, extracted.motion, None), lambda *_: None)
    assert list(without.kinds) == ["registered", "reconstructed"]


@pytest.fixture(scope="module")
def editor(recording, extracted, registered, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    scale = Scale.of(extracted)
    with start_workers() as workers:
        used = np.ones(registered.n_frames, bool)
        kept = KeptMovie(registered, scale.grid, used, folder, workers, lambda _: None)
        yield Editor(kept, scale, timebase.consecutive(registered.n_frames, recording.fps), workers, folder)


def components(result, but=()):
    """All components of a result as the editor takes them, but for some."""
    return {k: Component(result.footprint(k), result.C[k]) for k in range(result.n_components) if k not in but}


def alike(made, recording, cell):
    """Cosine of a footprint with that of a planted cell, and correlation of the traces."""
    image = np.zeros(recording.A[0].size)
    image[made.pixels] = made.weights
    truth = recording.A[cell].ravel(order="F")
    return float(image @ truth / np.linalg.norm(truth)), float(np.corrcoef(made.C, recording.C[cell])[0, 1])


def nearest(result, recording):
    """The planted cell that each component is."""
    return [int(np.argmin(np.hypot(*(recording.centers - center).T))) for center in result.center]


def test_a_missed_cell_is_fitted_where_it_is_clicked(recording, extracted, editor):
    k = int(extracted.accepted[0])
    cell = nearest(extracted, recording)[k]
    y, x = extracted.center[k] + 1.0
    (made,) = editor.add(y, x, list(components(extracted, but=[k]).values()))
    footprint, trace = alike(made, recording, cell)
    assert footprint > 0.9 and trace > 0.95 and made.probability > 0.5
    size = np.linalg.norm(extracted.footprint(k)) * extracted.C[k].std()
    assert abs(np.linalg.norm(made.weights) * made.C.std() / size - 1) < 0.1
    with pytest.raises(EngineError, match=r"No cell can be fitted at x 3, y 3: the signal to noise ratio"):
        editor.add(3, 3, list(components(extracted).values()))


def test_halves_are_merged_into_the_cell_that_they_were(recording, extracted, editor):
    k = int(extracted.accepted[1])
    cell, whole, others = nearest(extracted, recording)[k], components(extracted)[k], components(extracted, but=[k])
    halves = editor.split(whole, list(others.values()))
    assert len(halves) == 2
    parts = []
    for half in halves:
        image = np.zeros(whole.image.size, np.float32)
        image[half.pixels] = half.weights
        parts.append(Component(image.reshape(whole.image.shape, order="F"), half.C))
    assert float(parts[0].image.ravel() @ parts[1].image.ravel()) < 0.9
    (made,) = editor.merge(parts, list(others.values()))
    footprint, trace = alike(made, recording, cell)
    assert footprint > 0.93 and trace > 0.95


def test_two_cells_in_one_footprint_are_split(recording, extracted, editor):
    near = nearest(extracted, recording)
    distance = np.linalg.norm(extracted.center[:, None] - extracted.center, axis=2) + 1e3 * np.eye(len(near))
    i, j = np.unravel_index(np.argmin(distance), distance.shape)
    both = [components(extracted)[k] for k in (i, j)]
    size = [float(one.trace.std()) for one in both]
    joined = Component(sum(one.image * s for one, s in zip(both, size, strict=True)) / size[0], both[0].trace)
    made = editor.split(joined, list(components(extracted, but=[i, j]).values()))
    found = [max(alike(one, recording, near[k])[1] for one in made) for k in (i, j)]
    assert min(found) > 0.95


def test_a_footprint_stays_within_its_boundary(recording, extracted, editor):
    k = int(extracted.accepted[0])
    y, x = extracted.center[k]
    rows, columns = np.mgrid[: extracted.dims[0], : extracted.dims[1]]
    mask = (np.hypot(rows - y, columns - x) < 5) & (columns < x + 1)
    (made,) = editor.redraw(components(extracted)[k], mask, list(components(extracted, but=[k]).values()))
    margin = (np.hypot(rows - y, columns - x) < 7) & (columns < x + 3)  # bins of the working grid
    assert margin.ravel(order="F")[made.pixels].all() and len(made.pixels) > 20
    assert alike(made, recording, nearest(extracted, recording)[k])[1] > 0.95
