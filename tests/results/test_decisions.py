"""Decisions as events, and the log that keeps them."""

import json

import numpy as np
import planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_miniscope.errors import CurationError, NotSavedError
from workflow_miniscope.results.caiman import write_result
from workflow_miniscope.results.curation import (
    Curation,
    DecisionLog,
    Event,
    MadeComponent,
    State,
    Summary,
    fingerprint,
    log_path,
    read_log,
    read_made,
    save_made,
)

N = 4
RESULT = planted.result()


def decide(*components, decision="accepted"):
    return Event.new("decide", components, decision)


@pytest.fixture
def path(tmp_path):
    return log_path(tmp_path / "caiman_result.hdf5", "ada")


def opened(path, result=RESULT, curator="ada"):
    return DecisionLog(path, result, "caiman_result.hdf5", curator)


def test_several_components_are_one_step():
    curation = Curation(N, [decide(0, 2), decide(1, 2, decision="rejected")])
    assert curation.chosen("accepted") == (0,) and curation.chosen("rejected") == (1, 2)
    assert curation.apply(Event.new("undo")) == (1, 2)
    assert curation.chosen("accepted") == (0, 2) and curation.chosen("rejected") == ()


def test_notes_and_decisions_are_independent():
    curation = Curation(N, [decide(1), Event.new("note", [1], note="ring"), decide(1, decision="rejected")])
    assert curation.states[1] == State("rejected", "ring")
    curation.apply(Event.new("undo"))
    curation.apply(Event.new("undo"))
    assert curation.states[1] == State("accepted", "")


def test_what_changes_nothing_is_no_step():
    curation = Curation(N, [decide(0), decide(0), Event.new("note", [0]), Event.new("redo")])
    curation.apply(Event.new("undo"))
    assert not curation.can_undo and curation.states == [State()] * N


EVENTS = st.lists(
    st.one_of(
        st.builds(
            decide,
            st.integers(0, N - 1),
            st.integers(0, N - 1),
            decision=st.sampled_from(["accepted", "rejected", "undecided"]),
        ),
        st.sampled_from([Event.new("undo"), Event.new("redo"), Event.new("note", [2], note="x")]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(EVENTS)
def test_undoing_everything_and_redoing_it_gives_the_same(events):
    curation = Curation(N, events)
    before, steps = list(curation.states), 0
    while curation.can_undo:
        curation.apply(Event.new("undo"))
        steps += 1
    assert curation.states == [State()] * N
    for _ in range(steps):
        curation.apply(Event.new("redo"))
    assert curation.states == before


@settings(deadline=None)
@given(EVENTS)
def test_events_survive_json(events):
    for event in events:
        assert Event.parse(json.loads(json.dumps(event.as_json())), N) == event


def test_a_log_is_read_again(path):
    with opened(path) as log:
        log.append([decide(0, 1).as_json(), Event.new("note", [1], note="größer\n\u2028x").as_json()])
        log.append([Event.new("undo").as_json()])
        states = log.curation.states
    with opened(path) as log:
        assert log.curation.states == states and len(log.events) == 3
        assert log.events[1].note == "größer\n\u2028x"
        log.append([Event.new("redo").as_json()])
    assert len(read_log(path, RESULT)) == 4
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["curator"] == "ada"


def test_an_event_that_comes_twice_counts_once(path):
    event = decide(0).as_json()
    with opened(path) as log:
        assert len(log.append([event, event])) == 1
        assert log.append([event, decide(1).as_json()])[0].components == (1,)
    assert len(read_log(path, RESULT)) == 2


def test_of_events_with_a_wrong_one_none_is_saved(path):
    with opened(path) as log:
        with pytest.raises(CurationError, match="no component 9"):
            log.append([decide(0).as_json(), decide(9).as_json()])
        assert log.events == [] and log.curation.states == [State()] * N
    assert read_log(path, RESULT) == []


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_an_unfinished_line_does_not_count(path, cut):
    with opened(path) as log:
        log.append([decide(0).as_json()])
    whole = path.read_bytes()
    with opened(path) as log:
        log.append([decide(1).as_json()])
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_log(path, RESULT)) == 1
    with opened(path) as log:
        assert [event.components for event in log.events] == [(0,)]
        assert path.read_bytes() == whole
        log.append([decide(2).as_json()])
    assert [event.components for event in read_log(path, RESULT)] == [(0,), (2,)]


def test_a_log_whose_first_line_was_cut_is_begun_anew(path):
    path.write_bytes(b'{"format":"workflow-mini')
    with opened(path) as log:
        assert log.events == []
    assert read_log(path, RESULT) == []


def test_a_damaged_line_within_is_named(path):
    with opened(path) as log:
        log.append([decide(0).as_json(), decide(1).as_json()])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:-5], lines[2], ""]))
    with pytest.raises(CurationError, match="line 2 is damaged"):
        opened(path)


def test_what_is_no_log_and_what_belongs_to_another_result(path, tmp_path):
    other = planted.result(seed=3)
    other.A.data[0] *= 2
    with opened(path):
        pass
    with pytest.raises(CurationError, match="another result"):
        opened(path, other)
    path.write_text("x,y\n1,2\n")
    with pytest.raises(CurationError, match="no log of decisions"):
        opened(path)
    with pytest.raises(CurationError, match="cannot be read"):
        read_log(tmp_path / "none.jsonl", RESULT)
    path.write_text(json.dumps({"format": "workflow-miniscope decisions", "version": 99}) + "\n")
    with pytest.raises(CurationError, match="newer version"):
        opened(path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(NotSavedError, match="--decisions"):
        opened(tmp_path / "none" / "log.jsonl")


def test_a_full_disk_leaves_whole_lines(path):
    resource = pytest.importorskip("resource")
    with opened(path) as log:
        log.append([decide(0).as_json()])
        whole = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 30, hard))
        try:
            with pytest.raises(NotSavedError, match="cannot be saved"):
                log.append([decide(1).as_json()])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == whole and len(log.events) == 1
        log.append([decide(1).as_json()])
    assert len(read_log(path, RESULT)) == 2


@pytest.mark.parametrize("name", ["", ".", "../ada", "a/b", "a b", "-x", "x" * 65])
def test_names_that_could_not_be_a_files(tmp_path, name):
    with pytest.raises(CurationError, match="curator"):
        log_path(tmp_path / "r.hdf5", name)


def test_the_fingerprint_is_that_of_the_footprints(tmp_path):
    from workflow_miniscope.results.caiman import OpenedResult

    path = write_result(tmp_path / "caiman_result.hdf5", RESULT)
    opened = OpenedResult(path)
    assert fingerprint(opened.components) == fingerprint(RESULT)
    opened.close()
    moved = planted.result()
    moved.A = planted.footprints(cells=((8, 51), *planted.CELLS[1:]))
    assert fingerprint(moved) != fingerprint(RESULT)
    assert np.array_equal(moved.C, RESULT.C)


def edit(action, components, made, place=()):
    values = {
        "id": f"{action}-{made[0]}",
        "action": action,
        "components": components,
        "made": made,
        "place": list(place),
    }
    return Event.parse(values, made[0])


def test_edits_replace_components_and_are_undone():
    curation = Curation(N, [decide(1), Event.new("note", [2], note="ring"), edit("merge", [1, 2], [4])])
    assert curation.states[4] == State("accepted", "ring") and not curation.states[1].present
    assert curation.apply(decide(1, decision="rejected")) == ()  # it is not there any more
    curation.apply(edit("split", [4], [5, 6]))
    assert [state.decision for state in curation.states[4:]] == ["accepted", "undecided", "undecided"]
    assert curation.chosen("undecided") == (0, 3, 5, 6) and str(Summary.of(curation.states)).startswith("0 accepted")
    for _ in range(2):
        curation.apply(Event.new("undo"))
    assert [state.present for state in curation.states] == [True] * 4 + [False] * 3
    curation.apply(Event.new("redo"))
    assert curation.states[4].present and not curation.states[5].present
    # a component that was replaced is not decided, for who compares two curators
    assert [state.decision for state in curation.of_result] == ["undecided"] * 4
    assert curation.apply(edit("redraw", [1], [7], [[0, 0], [5, 0], [0, 5]])) == ()  # by another window, too late
    assert not curation.states[7].present


def test_an_edit_is_saved_with_what_it_made_and_read_again(path):
    with opened(path) as log:
        event = log.append_edit("add-1", "add", (), [(30, 20.5)], 1)
        assert event.made == (N,) and log.curation.states[N] == State("accepted")
        log.append([decide(N, decision="rejected").as_json()])
        with pytest.raises(CurationError, match="is fitted before it is saved"):
            log.append([edit("merge", [0, 1], [N + 1]).as_json()])
        log.append_edit("merge-1", "merge", (0, N), (), 1)
        with pytest.raises(CurationError, match="is gone by now"):
            log.append_edit("split-1", "split", (N,), (), 2)
        with pytest.raises(CurationError, match="up to 64 letters"):
            log.append_edit("../x", "split", (1,), (), 2)
    with opened(path) as log:
        assert log.events[0] == event and event.place == ((30.0, 20.5),)
        assert log.curation.chosen("accepted") == (N + 1,) and log.maker_of(N + 1)[1] == 0


def test_what_an_edit_made_is_read_as_it_was_written(tmp_path):
    arrays = (np.arange(3), np.full(3, 0.5, "f4"), *np.ones((3, 9), "f4"))
    one = MadeComponent(*arrays, 1.5, 2.0, (0.9,), {"snr": 3.0, "consistency": 0.5}, 0.7)
    save_made(tmp_path, "e1", [one, one])
    read = read_made(tmp_path, "e1")
    assert len(read) == 2
    for name, value in vars(one).items():
        np.testing.assert_array_equal(getattr(read[1], name), value)
    (tmp_path / "e1.npz").write_bytes(b"torn")
    with pytest.raises(CurationError, match="cannot be read"):
        read_made(tmp_path, "e1")
