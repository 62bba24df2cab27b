"""Curations compared by the keys that choose them."""

from pathlib import Path

import numpy as np
import planted
import pytest

from workflow_miniscope import engines, figures
from workflow_miniscope.errors import NothingMatched, ParameterError, ResultError
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.process import process
from workflow_miniscope.reports.compare import compare, draw
from workflow_miniscope.reports.compare import load as load_source

DATA = Path(__file__).parents[1] / "results" / "data"
RESULT = DATA / "caiman_1.12.1_fit_file_80px.hdf5"
# CaImAn's own result of planted.recording(48, 72, 300, 6)
CAIMAN = DATA / "caiman_1.9.0_pw_rigid_48x72.hdf5"


def test_curations_by_restriction(pipeline, load):
    miniscope = pipeline.miniscope
    load("cc_one", RESULT)
    assert process(restrict="subject=cc_one", progress=False).done["miniscope.Curation"] == 1
    name, result = load_source("subject='cc_one' and curation_id=1")
    assert name == "cc_one caiman p90 c1"
    found = compare(result, load_source(RESULT)[1])
    assert found.pairs.tolist() == [[i, i] for i in result.accepted]

    with pytest.raises(NothingMatched, match="No curation has subject 'nobody'; there is .*cc_one"):
        load_source("subject=nobody")
    with pytest.raises(ParameterError, match="no attribute 'subjct'; did you mean 'subject'"):
        load_source("subjct=cc_one")
    miniscope.Curation.create1_from_processing_task((miniscope.Processing & {"subject": "cc_one"}).keys()[0])
    with pytest.raises(ResultError, match="2 rows of Curation fit"):
        load_source({"subject": "cc_one"})


def test_one_recording_through_both_engines(pipeline, load, tmp_path):
    """The same tables, told apart by their parameter set; one query has both, and one figure."""
    miniscope = pipeline.miniscope
    recording = planted.recording(48, 72, 300, 6)
    key = load("c_both", CAIMAN, n_frames=300, height=48, width=72)
    params = {"gSig": 3, "min_corr": 0.7, "min_pnr": 6}
    folder = get_processed_root_data_dir() / "c_both" / "cnmfe"
    engine = engines.get("cnmfe", "cells")
    engines.run_engine(engine, recording.movie, engine.parse(params), folder, 20.0, progress=False)
    miniscope.ProcessingParamSet.insert_new_params("cnmfe", 970, "the same with the native engine", params)
    task = {**key, "paramset_id": 970, "processing_output_dir": "c_both/cnmfe", "task_mode": "load"}
    miniscope.ProcessingTask.insert1(task)
    done = process(restrict="subject=c_both", progress=False)
    assert done.errors == [] and done.done["miniscope.Curation"] == 2

    counted = miniscope.Curation.aggr(miniscope.Segmentation.Mask, n_cells="count(*)").join(
        miniscope.ProcessingParamSet.proj("processing_method")
    )
    both = {row["processing_method"]: row["n_cells"] for row in (counted & {"subject": "c_both"}).to_dicts()}
    assert both["caiman"] == 6 and both["cnmfe"] >= 5

    (first, one), (second, other) = (load_source(f"subject='c_both' and paramset_id={number}") for number in (90, 970))
    assert (first, second) == ("c_both caiman p90 c1", "c_both cnmfe p970 c1")
    found = compare(one, other, (first, second), rejected=True)
    assert len(found.pairs) >= 5
    assert np.median(found.correlation) > 0.8 and np.median(found.similarity) > 0.8
    # what the tables hold is what was compared
    traces = miniscope.Fluorescence.Trace & {"subject": "c_both", "paramset_id": 970}
    np.testing.assert_array_equal(np.stack(traces.to_arrays("fluorescence", order_by="mask")), other.C)
    picture = figures.save(draw(found), tmp_path / "both.png")
    assert picture.stat().st_size > 10_000
