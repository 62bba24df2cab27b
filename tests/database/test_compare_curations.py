"""Curations compared by the keys that choose them."""

from pathlib import Path

import pytest

from workflow_miniscope.compare import compare
from workflow_miniscope.compare import load as load_source
from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.process import process

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


def test_curations_by_restriction(pipeline, load):
    miniscope = pipeline.miniscope
    load("c_one", RESULT)
    assert process(restrict="subject=c_one", progress=False).done["miniscope.Curation"] == 1
    name, result = load_source("subject='c_one' and curation_id=1")
    assert name == "c_one caiman p90 c1"
    found = compare(result, load_source(RESULT)[1])
    assert found.pairs.tolist() == [[i, i] for i in result.accepted]

    with pytest.raises(ResultError, match="0 curations fit subject=nobody"):
        load_source("subject=nobody")
    with pytest.raises(ParameterError, match="no attribute 'subjct'; did you mean 'subject'"):
        load_source("subjct=c_one")
    miniscope.Curation.create1_from_processing_task((miniscope.Processing & {"subject": "c_one"}).keys()[0])
    with pytest.raises(ResultError, match="2 curations fit"):
        load_source({"subject": "c_one"})
