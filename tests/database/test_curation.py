"""Decisions as rows, and a committed curation as one of the Element."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from workflow_miniscope.cli.app import app
from workflow_miniscope.database.conditions import name_of
from workflow_miniscope.errors import CurationError, ResultError
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.process import process
from workflow_miniscope.results.caiman import OpenedResult, find_result, read_result
from workflow_miniscope.results.curation import DecisionLog, Event, MadeComponent, log_path, made_folder, save_made
from workflow_miniscope.work.curation import curating

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


@pytest.fixture
def processed(load):
    """Process a recording by loading a result; return its key and the result's folder."""

    def make(subject):
        key = load(subject, RESULT)
        assert process(restrict=f"subject={subject}", progress=False).errors == []
        return key, get_processed_root_data_dir() / subject / "caiman"

    return make


def decide(at_it, decision, *components, note=""):
    at_it.log.append([Event.new("decide", components, decision).as_json()])
    if note:
        at_it.log.append([Event.new("note", components, note=note).as_json()])
    at_it.changed()


def test_decisions_become_rows_that_say_the_same(pipeline, processed):
    key, folder = processed("cu_rows")
    with curating("subject=cu_rows", "ada") as at_it:
        decide(at_it, "rejected", 1, 4, note="vessel, µ")
        decide(at_it, "accepted", 0)
        at_it.log.append([Event.new("undo").as_json()])
    rows = (pipeline.curation.Decision & key).to_dicts(order_by="decision_number")
    assert [row["action"] for row in rows] == ["decide", "note", "decide", "undo"]
    assert rows[1]["note"] == "vessel, µ" and {row["curator"] for row in rows} == {"ada"}
    found = pipeline.curation.states(key, "ada", 8)
    assert found.chosen("rejected") == (1, 4) and found.chosen("accepted") == ()
    assert found.states[4].note == "vessel, µ"
    assert (folder / f"{RESULT.stem}.decisions-ada.jsonl").is_file()
    with curating(f"{name_of(key)}_p90", "ada") as at_it:  # the name that `list` prints
        assert len(at_it.log.events) == 4
    assert len(pipeline.curation.Decision & key) == 4


def test_what_a_killed_program_did_not_insert_follows(pipeline, processed):
    key, folder = processed("cu_kill")
    opened = OpenedResult(folder)
    with DecisionLog(log_path(opened.path, "ada"), opened.components, opened.path.name, "ada") as log:
        log.append([Event.new("decide", [k], "accepted").as_json() for k in range(3)])
    opened.close()
    assert not pipeline.curation.Decision & key
    with curating("subject=cu_kill", "ada"):
        assert len(pipeline.curation.Decision & key) == 3


def test_a_committed_curation_is_one_of_the_element(pipeline, processed):
    miniscope = pipeline.miniscope
    key, folder = processed("cu_made")
    automatic = find_result(folder)
    before, engine = automatic.read_bytes(), read_result(automatic)
    rejected, accepted = int(engine.accepted[0]), int(engine.rejected[0])
    with curating("subject=cu_made", "ada") as at_it:
        with pytest.raises(CurationError, match="decided nothing"):
            at_it.commit()
        decide(at_it, "rejected", rejected)
        decide(at_it, "accepted", accepted)
        said = at_it.commit("first look")
    assert "1 accepted, 1 rejected, 6 undecided: curation 2" in said
    chosen = miniscope.Curation & key & {"curation_id": 2}
    manual, note, output = chosen.fetch1("manual_curation", "curation_note", "curation_output_dir")
    assert manual and "by ada" in note and "first look" in note
    assert (pipeline.curation.Committed & chosen.proj()).fetch1("n_decisions", "n_undecided") == (2, 6)

    cells = sorted((set(engine.accepted.tolist()) - {rejected}) | {accepted})
    somata = (miniscope.MaskClassification.MaskType & chosen.proj()).to_arrays("mask", order_by="mask")
    assert somata.tolist() == cells
    traces = (miniscope.Fluorescence.Trace & chosen.proj()).to_arrays("fluorescence", order_by="mask")
    np.testing.assert_array_equal(np.stack(traces), engine.C)
    assert len(miniscope.Segmentation.Mask & chosen.proj()) == 8
    assert set((miniscope.Activity & chosen.proj()).to_arrays("extraction_method")) == {
        "caiman_deconvolution",
        "caiman_dff",
    }
    assert read_result(get_processed_root_data_dir() / output).accepted.tolist() == cells

    # the automatic run is as it was, on the disk and in the tables
    assert automatic.read_bytes() == before
    first = miniscope.Curation & key & {"curation_id": 1}
    assert not first.fetch1("manual_curation")
    somata = (miniscope.MaskClassification.MaskType & first.proj()).to_arrays("mask", order_by="mask")
    assert somata.tolist() == sorted(engine.accepted.tolist())
    report = process(restrict="subject=cu_made", progress=False)
    assert report.errors == [] and not any(report.done.values())


def test_what_was_merged_by_hand_is_a_cell_of_the_element(pipeline, processed):
    """Of two components one is made; undone in the log, it would not be."""
    miniscope = pipeline.miniscope
    key, folder = processed("cu_edit")
    engine = read_result(folder)
    n = engine.n_components
    image = engine.A[:, 0] + engine.A[:, 1]
    weights = image.data / np.linalg.norm(image.data)
    traces = [engine.C[0] + engine.C[1], engine.S[0] + engine.S[1], engine.YrA[0]]
    measured = {"snr": 5.0, "consistency": 0.9}
    one = MadeComponent(image.tocsc().indices.astype(np.int64), weights, *traces, 1.0, 2.0, (0.9,), measured, 0.95)
    with curating("subject=cu_edit", "ada") as at_it:
        save_made(made_folder(at_it.log.path), "merge-1", [one])
        at_it.log.append_edit("merge-1", "merge", (0, 1), (), 1)
        at_it.changed()
        assert "1 accepted, 0 rejected" in at_it.commit()
    (row,) = (pipeline.curation.Decision & key).to_dicts()
    assert row["action"] == "merge" and row["place"] is None
    assert (pipeline.curation.Decision.Made & key).to_arrays("component").tolist() == [n]
    chosen = (miniscope.Curation & key & {"curation_id": 2}).proj()
    somata = (miniscope.MaskClassification.MaskType & chosen).to_arrays("mask").tolist()
    assert n in somata and not {0, 1} & set(somata)
    mask = (miniscope.Segmentation.Mask & chosen & {"mask": n}).fetch1()
    assert mask["mask_npix"] == len(weights) and mask["mask_xpix"].max() < engine.dims[1]
    trace = (miniscope.Fluorescence.Trace & chosen & {"mask": n}).fetch1("fluorescence")
    np.testing.assert_allclose(trace, traces[0], rtol=1e-5)
    assert len(miniscope.Activity.Trace & chosen & {"mask": n}) == 2
    assert pipeline.curation.states(key, "ada", n).chosen("accepted") == (n,)
    with curating("subject=cu_edit", "ben") as at_it:
        decide(at_it, "accepted", 0, 1)
    assert pipeline.curation.agreement_of(key, "ada", "ben").only_second == 2


def test_a_commit_that_fails_leaves_nothing(pipeline, processed, monkeypatch):
    key, folder = processed("cu_fails")

    def lost(*_, **__):
        raise ConnectionError("the server is gone")

    with curating("subject=cu_fails", "ada") as at_it:
        decide(at_it, "rejected", 0)
        with monkeypatch.context() as patched:
            patched.setattr(pipeline.curation.Committed, "insert1", lost)
            with pytest.raises(ConnectionError):
                at_it.commit()
        assert len(pipeline.miniscope.Curation & key) == 1
        assert not list(folder.glob("curation_*"))
        assert "curation 2" in at_it.commit()


def test_two_curators_of_one_result(pipeline, processed, tmp_path):
    key, _ = processed("cu_two")
    with curating("subject=cu_two", "ada") as ada, curating("subject=cu_two", "ben") as ben:
        decide(ada, "accepted", 0, 1, 2)
        decide(ben, "rejected", 2, 3)
        decide(ben, "accepted", 0)
    assert pipeline.curation.curators(key) == ["ada", "ben"]
    assert pipeline.curation.states(key, "ada", 8).chosen("accepted") == (0, 1, 2)
    assert pipeline.curation.states(key, "ben", 8).chosen("rejected") == (2, 3)
    found = pipeline.curation.agreement_of(key, "ada", "ben")
    assert found.counts.tolist() == [[1, 1], [0, 0]] and found.differ == (2,)
    picture = tmp_path / "agreement.png"
    arguments = ["curate", "subject=cu_two", "--curator", "ada", "--agreement", "ben", "--figure", str(picture)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and "2 components decided by both, 50 % alike" in done.output
    assert picture.stat().st_size > 10_000


def test_apply_export_and_commit_in_a_script(pipeline, processed, tmp_path):
    key, _ = processed("cu_csv")
    table, out = tmp_path / "decisions.csv", tmp_path / "out.csv"
    table.write_text("component,decision,note\n0,accepted,\n1,rejected,dark\n")
    target = ["curate", "subject=cu_csv", "--curator", "ada"]
    done = CliRunner().invoke(app, [*target, "--apply", str(table), "--export", str(out), "--commit"])
    assert done.exit_code == 0, done.output
    assert "1 accepted, 1 rejected, 6 undecided" in done.output
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and (rows[1]["decision"], rows[1]["note"]) == ("rejected", "dark")
    assert len(pipeline.miniscope.Curation & key & {"manual_curation": True}) == 1
    again = CliRunner().invoke(app, [*target, "--apply", str(out)])
    assert again.exit_code == 0
    assert len(pipeline.curation.Decision & key) == 3  # what is so already is no decision


def test_a_restriction_that_chooses_none(pipeline):
    with pytest.raises(ResultError, match="No processing has subject 'nobody'"), curating("subject=nobody", "ada"):
        pass
