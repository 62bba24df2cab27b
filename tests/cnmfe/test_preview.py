"""Parameters can be chosen on a piece of a recording: what is seen is where the engine begins."""

import json

import numpy as np
import planted
import pytest

from workflow_miniscope import engines
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.reports.choose_parameters import ParameterChooser


@pytest.fixture(scope="module")
def recording():
    return planted.recording(frames=400, n=6)


@pytest.fixture(scope="module")
def chooser(recording):
    return ParameterChooser(recording.movie, 20.0)


def shown(figure):
    """The places that circles are drawn around, (row, column), and the radius of the circles."""
    (circles,) = figure.axes[1].collections
    return circles.get_offsets()[:, ::-1], circles.get_widths().max(initial=0) / 2


def test_the_cells_are_where_the_engine_would_begin(chooser, recording):
    rows, columns = np.indices(recording.footprints.shape[1:])
    weights = recording.footprints.sum(axis=(1, 2))
    centres = np.stack([(recording.footprints * axis).sum(axis=(1, 2)) / weights for axis in (rows, columns)], axis=1)
    places, radius = shown(chooser.figure())
    apart = np.hypot(*(centres[:, None] - places[None]).transpose(2, 0, 1))
    assert np.count_nonzero(apart.min(axis=1) < 4) >= 5
    assert radius == 2 * chooser.gSig.value and abs(chooser.gSig.value - 3) <= 1, "somata have a sigma of 3 px"


def test_a_slider_changes_the_picture_at_once_and_the_set_is_saved(chooser, tmp_path):
    picture, places = chooser.view.children[-1], shown(chooser.figure())[0]
    before, threshold = bytes(picture.value), chooser.min_pnr.value
    assert before.startswith(b"\x89PNG")
    chooser.min_pnr.value = chooser.min_pnr.max
    assert bytes(picture.value) != before
    assert len(shown(chooser.figure())[0]) < len(places)
    chooser.min_pnr.value, chooser.gSig.value = threshold, 6
    assert shown(chooser.figure())[1] == 12
    path = chooser.save(tmp_path / "new" / "set.json")
    params = json.loads(path.read_text())
    assert params["gSig"] == [6, 6] and set(params) == {"gSig", "min_corr", "min_pnr"}
    assert engines.get("cnmfe").parse(params).gSig == [6, 6]


def test_too_few_frames_are_refused(recording):
    with pytest.raises(RecordingError, match="are too few to look for cells"):
        ParameterChooser(recording.movie.array[:5], 20.0)
