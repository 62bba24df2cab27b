"""What a person sees: each failure once, a summary, a log file with everything."""

import logging
from pathlib import Path

import pytest

from workflow_miniscope import bars
from workflow_miniscope.cli import console
from workflow_miniscope.settings import get_settings

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


@pytest.fixture
def log():
    """Give what the log files say now."""

    def read():
        return "".join(path.read_text() for path in sorted((get_settings().home / "logs").glob("*.log")))

    return read


def test_each_failure_is_told_once_and_the_log_has_everything(load, run, log, tmp_path):
    broken = tmp_path / "broken.hdf5"
    broken.write_bytes(b"nothing")
    load("say_bad", broken)
    done = run("process", "--restrict", "subject=say_bad")
    assert done.status == 1
    assert (done.out + done.err).count("broken.hdf5") == 1
    assert "miniscope.Processing, say_bad_20260115-102030_0_p90: " in done.out
    assert "1 recording, 1 failed, " in done.out
    assert "workflow-miniscope list" in done.out
    text = log()
    assert "process --restrict subject=say_bad" in text
    assert "miniscope.Processing failed for say_bad_20260115-102030_0_p90" in text
    assert "Traceback" in text


def test_the_summary_counts_recordings_and_cells(pipeline, load, run):
    load("say_good", RESULT)
    done = run("process", "--restrict", "subject=say_good", "-q")
    assert done.status == 0
    found = len(pipeline.miniscope.Segmentation.Mask & {"subject": "say_good"})
    accepted = len(pipeline.miniscope.MaskClassification.MaskType & {"subject": "say_good"})
    assert f"1 recording, {accepted} cells of {found} components, " in done.out
    assert done.err == ""


def test_verbosity(pipeline, load, run):
    load("say_more", RESULT)
    done = run("process", "--restrict", "subject=say_more", "-v")
    assert "Info: miniscope.Processing is done for say_more_20260115-102030_0_p90." in done.err
    assert "Debug" not in done.err
    (pipeline.recording.Notes & {"subject": "say_more"}).delete(prompt=False)
    assert "Debug: recording.Notes begins" in run("process", "--restrict", "subject=say_more", "--debug").err


def test_warnings_are_told_once_and_not_when_quiet(run, monkeypatch, capsys):
    logger = logging.getLogger("workflow_miniscope.tests")
    for verbosity, count in (("", 1), ("-q", 0), ("-v", 1)):
        console._start_messages(verbosity)
        for _ in range(24):
            logger.warning("A frame is dark.")
        assert capsys.readouterr().err.count("Warning: A frame is dark.") == count


def test_warnings_name_the_recording_that_is_computed(monkeypatch, capsys):
    logger = logging.getLogger("workflow_miniscope.tests")
    console._start_messages("")
    for name in ("m1_20260115-102030_0_p0", "m2_20260115-102030_0_p0"):
        bars.work_on(name)
        for text in ("2 frames are dark.", f"Nothing is predicted of {name}."):
            logger.warning(text)
    bars.work_on()
    logger.warning("2 frames are dark.")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "Warning: m1_20260115-102030_0_p0: 2 frames are dark.",
        "Warning: Nothing is predicted of m1_20260115-102030_0_p0.",
        "Warning: m2_20260115-102030_0_p0: 2 frames are dark.",
        "Warning: Nothing is predicted of m2_20260115-102030_0_p0.",
        "Warning: 2 frames are dark.",
    ]


def test_processing_says_of_which_recording_it_warns(pipeline, load, run, monkeypatch):
    load("say_which", RESULT)
    compute = pipeline.miniscope.Processing.make

    def warn(self, key, *args, **more):
        logging.getLogger("workflow_miniscope.tests").warning("A frame is bright.")
        return compute(self, key, *args, **more)

    monkeypatch.setattr(pipeline.miniscope.Processing, "make", warn)
    done = run("process", "--restrict", "subject=say_which")
    assert "Warning: say_which_20260115-102030_0_p90: A frame is bright." in done.err
    assert bars.worked_on() == ""


def test_a_defect_is_told_in_a_sentence(run, log, monkeypatch):
    def fail(restrict=None):
        raise RuntimeError("SELECT of nothing\nLINE 1")

    monkeypatch.setattr("workflow_miniscope.work.status.status", fail)
    done = run("status")
    assert done.status == 1
    assert "Error: RuntimeError: SELECT of nothing. This is a defect of the program" in done.err
    assert "Traceback" not in done.err
    assert str(get_settings().home / "logs") in done.err
    assert "in fail" in log()
    assert "Traceback" in run("status", "--debug").err
