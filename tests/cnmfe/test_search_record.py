"""What the search for cells records, and what is said of a pixel afterwards."""

from dataclasses import replace

import numpy as np
import pytest

from workflow_miniscope.analysis.why_not import explain
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.cells import seeds
from workflow_miniscope.cnmfe.cells.record import SearchRecord
from workflow_miniscope.cnmfe.model.components import Components
from workflow_miniscope.results.caiman import Fate, read_result, write_result


@pytest.fixture(scope="module")
def stored(extracted, tmp_path_factory):
    return read_result(write_result(tmp_path_factory.mktemp("search") / "result.hdf5", extracted))


def test_every_component_has_the_place_that_it_came_from(stored):
    search = stored.search
    came = {int(k) for k, fate in zip(search.component, search.fate, strict=True) if fate == Fate.COMPONENT}
    assert len(came) >= 0.8 * stored.n_components  # others are halves of a component that was split
    for k in came:
        places = np.flatnonzero((search.component == k) & (search.fate == Fate.COMPONENT))
        distance = np.hypot(search.y[places] - stored.center[k, 0], search.x[places] - stored.center[k, 1])
        assert len(places) == 1 and (distance[0] < 2 * search.gSig or k not in stored.accepted)
    assert (search.correlation >= search.min_corr).all() and (search.pnr >= search.min_pnr).all()
    # the first round takes cells that are active most of the time, and what it saw of the rest says nothing
    assert {(image.round, image.scale) for image in search.images} >= {(2, 1), (3, 1), (4, 1)}
    assert 2 in search.round


def test_a_cell_and_an_empty_place_are_explained(stored, recording):
    k = int(stored.accepted[0])
    y, x = np.rint(stored.center[k]).astype(int)
    found = explain(stored, stored.search, int(y), int(x))
    assert found.sentences[0].startswith(f"Component {k} is here") and "accepted" in found.sentences[0]
    assert any(f"It became component {k}" in sentence for sentence in found.sentences)
    # farther from all cells than from each other
    rows, columns = np.mgrid[: stored.dims[0], : stored.dims[1]]
    away = np.min([np.hypot(rows - r, columns - c) for r, c in recording.centers], axis=0)
    empty = np.argwhere((away > 12) & (stored.Cn < np.median(stored.Cn)))[0]
    said = explain(stored, stored.search, *map(int, empty)).sentences
    assert len(said) == 1 and "is below min_" in said[0]
    seen = explain(stored, stored.search, *map(int, empty)).seen
    assert seen[0]["correlation"] == pytest.approx(stored.Cn[tuple(empty)], abs=0.1)


def test_what_was_refused_and_what_was_never_recorded(stored):
    k = int(stored.accepted[0])
    y, x = (int(v) for v in np.rint(stored.center[k]))
    reasons = ["its footprint is wide" if i == k else reason for i, reason in enumerate(stored.evaluation.reasons)]
    refused = replace(
        stored,
        accepted=np.setdiff1d(stored.accepted, k),
        rejected=np.union1d(stored.rejected, k),
        evaluation=replace(stored.evaluation, reasons=reasons),
    )
    said = explain(refused, stored.search, y, x).sentences
    assert "the engine refused it: its footprint is wide" in said[0]
    assert any(sentence.endswith("which was refused: its footprint is wide.") for sentence in said)
    assert "not in this result" in explain(stored, None, y, x).sentences[-1]


def test_places_that_were_merged_faded_or_not_tried():
    """One band: of five places one is not covered, one finds no room; of three components one fades, one is merged."""
    value = np.zeros((40, 60), np.float32)
    at = [(8, 8), (8, 30), (8, 50), (30, 8), (30, 50)]
    for k, place in enumerate(at):
        value[place] = 1 - 0.1 * k
    image = seeds.SeedImages(1, value, np.where(value > 0, 10, 0).astype(np.float32))
    allowed = np.ones(value.shape, bool)
    allowed[30, 50] = False
    found, considered = seeds.consider([image], 2.5, 0.3, 5.0, allowed, most=3)
    assert [tuple(place) for place in found.at] == at[:3]
    components = Components(value.shape, 5, 4)
    components.append(found.at, *(np.ones((3, 9, 9), kind) for kind in (np.float32, bool)), np.ones((3, 5), np.float32))
    record = SearchRecord(0.3, 5.0, 2.5)
    record.add([image], considered, components.ids)
    components.gone[1] = 0
    components.keep(np.array([0]))
    search = record.finish(components, Grid((80, 120), 2, 1))
    by_place = {(int(y // 2), int(x // 2)): (Fate(fate), k) for y, x, fate, k in zip(
        search.y, search.x, search.fate, search.component, strict=True)}  # fmt: skip
    assert by_place == {
        at[0]: (Fate.COMPONENT, 0),
        at[1]: (Fate.MERGED, 0),
        at[2]: (Fate.FADED, -1),
        at[3]: (Fate.NO_ROOM, -1),
        at[4]: (Fate.NOT_COVERED, -1),
    }
