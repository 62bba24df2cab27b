"""What a curation makes of a result, and tables of decisions."""

import json

import h5py
import numpy as np
import planted
import pytest

from workflow_miniscope.errors import CurationError, ResultError
from workflow_miniscope.results.caiman import OpenedResult, read_result, write_result
from workflow_miniscope.results.curation import (
    Curation,
    Event,
    State,
    Summary,
    events_for,
    export_csv,
    read_csv,
    verdict,
    write_curated,
)

STATES = [State("rejected"), State(), State("accepted", "dim"), State()]


@pytest.fixture
def source(tmp_path):
    return write_result(tmp_path / "caiman_result.hdf5", planted.result())


def test_undecided_components_keep_the_engines_verdict():
    assert verdict(planted.result(), STATES).tolist() == [False, True, True, True]
    assert str(Summary.of(STATES)) == "1 accepted, 1 rejected, 2 undecided"


def test_a_curated_result_is_the_same_but_for_the_evaluation(source, tmp_path):
    before, opened = source.read_bytes(), OpenedResult(source)
    path = write_curated(source, tmp_path / "curated" / "caiman_result.hdf5", opened.components, STATES, "ada")
    assert source.read_bytes() == before
    whole, curated = read_result(source), read_result(path)
    assert curated.accepted.tolist() == [1, 2, 3] and curated.rejected.tolist() == [0]
    for name in ("C", "S", "YrA", "F_dff", "snr", "r_values", "average_image"):
        np.testing.assert_array_equal(getattr(curated, name), getattr(whole, name))
    assert (curated.A != whole.A).nnz == 0 and curated.params == whole.params
    assert (curated.method, curated.version, curated.created) == (whole.method, whole.version, whole.created)
    with h5py.File(path) as file:
        assert file["provenance"].attrs["curator"] == "ada" and file["provenance"].attrs["decided"] == 2
        assert json.loads(file["provenance/decisions"][()])["2"] == {"decision": "accepted", "note": "dim"}
    with pytest.raises(CurationError, match="never overwritten"):
        write_curated(source, path, opened.components, STATES, "ada")


def test_nothing_half_written_stays(source, tmp_path):
    opened = OpenedResult(source)
    opened.close()
    with h5py.File(source, "r+") as file:
        del file["estimates"]
    with pytest.raises(ResultError, match="cannot be curated"):
        write_curated(source, tmp_path / "new" / "r.hdf5", opened.components, STATES, "ada")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_table_comes_back_as_it_went(tmp_path):
    path = tmp_path / "d.csv"
    states = [State("rejected", 'says "no", twice\nµ'), State(), State("accepted", "dim"), State()]
    export_csv(path, planted.result(), states, "ada")
    assert read_csv(path, 4) == dict(enumerate(states))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as spreadsheets save it
    assert read_csv(path, 4)[2] == State("accepted", "dim")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("component,note\n0,x\n", "no column 'decision'"),
        ("component,decision\n4,accepted\n", "row 2: there is no component '4'"),
        ("component,decision\n0,accepted\nx,accepted\n", "row 3: there is no component 'x'"),
        ("component,decision\n0,yes\n", "not 'yes'"),
        ("component,decision\n0,accepted\n0,rejected\n", "row 3: component 0 stands there twice"),
        ("component,decision\n0\n", "row 2: a component can be"),
    ],
)
def test_wrong_tables(tmp_path, text, said):
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(CurationError, match=said):
        read_csv(path, 4)


def test_only_what_differs_is_an_event():
    curation = Curation(4, [Event.new("decide", [0], "rejected"), Event.new("note", [2], note="dim")])
    events = events_for(curation, dict(enumerate(STATES)))
    assert [(event.action, event.components, event.decision) for event in events] == [("decide", (2,), "accepted")]
    for event in events:
        curation.apply(event)
    assert curation.states == STATES and events_for(curation, dict(enumerate(STATES))) == []
