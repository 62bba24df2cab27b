"""The table of recordings, of recordings that are made up."""

from datetime import datetime

from workflow_miniscope.work.analyses import Analysis
from workflow_miniscope.work.listing import as_parts
from workflow_miniscope.work.overview import Overview


def test_curations_of_one_parameter_set_are_told_apart():
    analyses = (
        Analysis("m1_20260115-102030_0_p0_c1", 0, "cnmfe", "usual", 97, 96),
        Analysis("m1_20260115-102030_0_p0_c2", 0, "cnmfe", "usual", 97, 85),
        Analysis("m1_20260115-102030_0_p3_c1", 3, "caiman", "", 50, 40),
    )
    start = datetime(2026, 1, 15, 10, 20, 30)
    row = Overview(
        "m1_20260115-102030_0",
        ("m1", start, 0),
        "m1",
        "Scope",
        "scope",
        "m1/x",
        start,
        None,
        60.0,
        "good",
        {},
        analyses,
    )
    (table,) = map(str, as_parts([row]))
    assert "96 of 97, 85 of 97, 40 of 50" in table
    assert "0 (usual, curation 1), 0 (usual, curation 2), 3 (caiman)" in table
