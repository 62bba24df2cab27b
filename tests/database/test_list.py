"""The list of recordings, and what failed: by real recordings at several stages."""

import csv
import io
import json
import shutil
import sys
from datetime import datetime
from pathlib import Path

import h5py
import pytest
from terminals import in_terminal, without_styles

from workflow_miniscope.errors import NothingMatched
from workflow_miniscope.process import process
from workflow_miniscope.results.caiman import Verdict
from workflow_miniscope.results.caiman.judged import write_verdict
from workflow_miniscope.work.overview import overview
from workflow_miniscope.work.progress import failures

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


@pytest.fixture(scope="module")
def three(pipeline):
    """Whether the recordings of this module are there."""
    return {}


@pytest.fixture
def recordings(three, load, add_recording, tmp_path):
    """One recording that is done, one that fails, one that nobody has processed."""
    if not three:
        broken = tmp_path / "broken.hdf5"
        broken.write_bytes(b"nothing")
        judged = Path(shutil.copy2(RESULT, tmp_path))
        with h5py.File(judged, "r+") as file:
            write_verdict(file, Verdict("usable with warnings", ["Something moves through the field."]))
        load("l_done", judged)
        load("l_bad", broken)
        three["report"] = process(restrict="subject in ('l_done', 'l_bad')", progress=False)
        add_recording("l_new")
    return three


def test_each_recording_is_one_line(pipeline, recordings):
    done, bad, new = (overview(f"subject={subject}")[0] for subject in ("l_done", "l_bad", "l_new"))
    assert [row.name for row in (done, bad, new)] == [f"l_{s}_20260115-102030_0" for s in ("done", "bad", "new")]
    assert (done.kind, done.device) == ("scope", "My_V4_Miniscope")
    assert done.start_utc == datetime(2026, 1, 15, 10, 20, 30)
    assert done.start_local == datetime(2026, 1, 15, 2, 20, 30), "as the files of the rig say"
    assert done.duration_s == pytest.approx(30)
    assert done.verdict == new.verdict or new.verdict is None
    assert (done.state, bad.state, new.state) == ("done", "failed", "to do")
    assert done.steps["miniscope.Activity"] == "done"
    assert bad.steps["miniscope.Processing"] == "failed"
    assert bad.steps["miniscope.Activity"] == "waiting"
    assert new.steps["miniscope.ProcessingTask"] == "to do"
    (analysis,) = done.analyses
    key = {"subject": "l_done"}
    assert analysis.found == len(pipeline.miniscope.Segmentation.Mask & key)
    assert analysis.accepted == len(pipeline.miniscope.MaskClassification.MaskType & key) < analysis.found
    assert analysis.verdict == "usable with warnings"
    assert (analysis.engine, analysis.paramset_id, analysis.description) == ("caiman", 90, "of the lab")
    assert [failure.step for failure in bad.failures] == ["miniscope.Processing"]


def test_names_are_taken_by_the_other_commands(recordings, run):
    listed = json.loads(run("list", "--restrict", "subject=l_done", "--json").out)["recordings"]
    (row,) = listed
    (analysis,) = row["analyses"]
    assert run("status", "--restrict", row["name"]).status == 0
    assert "already" in run("process", "--restrict", row["name"]).out
    assert "traces.png" in run("report", "--restrict", analysis["name"]).out
    done = run("compare", analysis["name"], analysis["name"])
    assert done.status == 0, done.err


def test_what_failed_is_told_once(recordings, run):
    assert len(recordings["report"].errors) == 1
    done = run("status", "--errors", "--restrict", "subject=l_bad")
    assert done.status == 0
    assert done.out.count("broken.hdf5") == 1
    assert "l_bad_20260115-102030_0_p90" in done.out
    (failure,) = failures("subject=l_bad")
    assert json.loads(run("status", "--errors", "--json", "--restrict", "subject=l_bad").out)["errors"][0]["cause"] == (
        failure.cause
    )
    assert run("status", "--errors", "--restrict", "subject=l_done").out == "Nothing has failed.\n"
    text = run("list", "--restrict", "subject=l_bad").out
    assert "failed: Processing" in text
    assert text.count("broken.hdf5") == 1


def test_filters_and_csv(recordings, run):
    rows = list(csv.DictReader(io.StringIO(run("list", "--state", "failed", "--csv").out)))
    assert "l_bad_20260115-102030_0" in [row["name"] for row in rows]
    assert {row["state"] for row in rows} == {"failed"}
    assert all(row["last_error"] for row in rows)
    done = run("list", "--state", "failed", "--restrict", "subject=l_done")
    assert (done.status, "No recording has the state 'failed'; there is: 1 done." in done.err) == (3, True)
    with pytest.raises(NothingMatched, match="there is: 1 not checked yet"):
        overview("subject=l_new", verdict="good")
    table = run("list", "--restrict", "subject=l_done").out
    assert "2026-01-15 02:20  2026-01-15 10:20  0:30" in table


def test_the_verdict_of_the_result_stands_beside_that_of_the_recording(recordings, run):
    header, _, row = run("list", "--restrict", "subject=l_done").out.splitlines()
    at = header.index("result")
    assert row[at:].startswith("usable with warnings")
    assert at > header.index("check")
    listed = ("list", "--result", "usable with warnings", "--restrict", "subject in ('l_done', 'l_bad')")
    (one,) = csv.DictReader(io.StringIO(run(*listed, "--csv").out))
    assert (one["name"], one["result_verdicts"]) == ("l_done_20260115-102030_0", "usable with warnings")
    none = run("list", "--result", "trusted", "--restrict", "subject=l_done")
    assert "No recording has a result that is 'trusted'; there is: 1 usable with warnings." in none.err


def test_status_names_a_result_that_is_not_to_be_trusted_as_commands_take_it(recordings, run):
    *_, line = run("status", "--restrict", "subject=l_done").out.splitlines()
    name, said = line.split(": ", 1)
    assert said == "usable with warnings. Something moves through the field."
    assert run("curate", name, "--export", "decisions.csv").status == 0
    assert (
        f"names an analysis; name the recording itself: {name.removesuffix('_p90')}."
        in run("list", "--restrict", name).err
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_a_terminal_shows_whole_names_and_files_for_programs_stay_as_they_are(recordings, run):
    these = ("list", "--restrict", "subject in ('l_done', 'l_bad', 'l_new')")
    shown = in_terminal(80, "-m", "workflow_miniscope", *these)
    assert "\x1b[1m" in shown
    names = [row["name"] for row in json.loads(run(*these, "--json").out)["recordings"]]
    assert len(names) == 3
    assert set(names) <= set(without_styles(shown).splitlines())
    assert in_terminal(80, "-m", "workflow_miniscope", *these, "--csv") == run(*these, "--csv").out
    assert "\x1b" not in run(*these).out


def test_an_analysis_that_there_is_not(pipeline, load, run):
    load("lst_none", RESULT)
    done = run("redo", "lst_none_20260115-102030_0_p7", "--dry-run")
    assert done.status == 3
    assert "'lst_none_20260115-102030_0_p7'; there is lst_none_20260115-102030_0_p90." in done.err
