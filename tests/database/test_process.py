"""What is computed, for which recordings, by whom; and what becomes of errors."""

import json
from pathlib import Path

import pytest

from workflow_miniscope import engines, process
from workflow_miniscope.database.conditions import name_of
from workflow_miniscope.database.restriction import choose, restricted
from workflow_miniscope.errors import EngineError, NothingMatched, ParameterError
from workflow_miniscope.work import status, tasks

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.hdf5"
    path.write_bytes(b"nothing")
    return path


def errors():
    return status.status()["miniscope.Processing"]["errors"]


def test_one_failure_does_not_stop_the_others(pipeline, load, broken):
    before = errors()
    bad, good = load("p_bad", broken), load("p_good", RESULT)
    report = process.process(restrict="subject like 'p_%' and subject in ('p_bad', 'p_good')", progress=False)
    assert [(name, key["subject"]) for name, key, _ in report.errors] == [("miniscope.Processing", "p_bad")]
    assert "miniscope.Processing, p_bad_20260115-102030_0_p90: " in str(report)
    assert pipeline.miniscope.Fluorescence & good
    assert not pipeline.miniscope.Processing & bad
    assert errors() == before + 1

    again = process.process(restrict={"subject": "p_bad"}, progress=False)
    assert len(again.errors) == 1, "what failed is tried again"
    assert errors() == before + 1

    folder = pipeline.get_processed_root_data_dir() / "p_bad" / "caiman"
    (folder / broken.name).write_bytes(RESULT.read_bytes())
    assert process.process(restrict={"subject": "p_bad"}, progress=False).errors == []
    assert errors() == before, "the error is forgotten when the key succeeds"


def test_a_second_run_finds_its_work_done(pipeline, load):
    load("p_twice", RESULT)
    first = process.process(restrict={"subject": "p_twice"}, progress=False)
    assert first.done["miniscope.Processing"] == 1
    second = process.process(restrict={"subject": "p_twice"}, progress=False)
    assert sum(second.done.values()) == 0
    assert "Everything is done already" in str(second)


@pytest.mark.parametrize(
    "restrict",
    [
        {"subject": "p_one"},
        "subject=p_one",
        "subject='p_one'",
        'subject="p_one"',
        '{"subject": "p_one"}',
        ["subject=p_one", "recording_id=0"],
        "subject='p_one' and device='My_V4_Miniscope'",
        "subject = p_one and recording_id = 0",
        "subject=p_one and session_datetime=2026-01-15 10:20:30",
        "subject=p_one and session_datetime=2026-01-15",
        "subject=p_one and session_datetime >= 2026-01-15 and session_datetime <= 2026-01-15",
        "subject=p_one and session_datetime=2026-01-15T11:20:30+01:00",
        "subject=p_one and acq_software != Miniscope-DAQ-V3",
        "subject in ('p_one', 'nobody') and recording_id between 0 and 1",
        "p_one_20260115-102030",
        "p_one_20260115-102030_0",
    ],
)
def test_ways_to_restrict(pipeline, add_recording, restrict):
    if not pipeline.miniscope.Recording & {"subject": "p_one"}:
        add_recording("p_one")
    chosen = restricted(pipeline.miniscope.Recording, restrict)
    assert set(chosen.to_arrays("subject")) == {"p_one"}


@pytest.mark.parametrize(
    ("restrict", "sentence"),
    [
        ("subjct=m1", "no attribute 'subjct'; did you mean 'subject'"),
        ("no such column > 3", "'no' is no attribute"),
        ("subject = 'p_one' or subject = p_two", "'p_two' is no attribute. Text stands in quotes"),
        ("subject in ('p_one'", "does not understand it. Write name=value"),
        ("p_one", "write name=value, such as 'subject=p_one'"),
        ("recording_id=first", "'recording_id' is a number"),
        ("session_datetime=yesterday", "'session_datetime' is a time in UTC"),
        ("p_one_20260115-102030_x1", "part 'x1'"),
        ("{broken", "not valid JSON"),
    ],
)
def test_restrictions_that_mean_nothing(pipeline, restrict, sentence):
    with pytest.raises(ParameterError, match=sentence):
        restricted(pipeline.miniscope.Recording, restrict)


def test_values_with_blanks_and_any_letters(pipeline, add_recording):
    for subject in ("Maus A 1", "O'Neill", "50% ä", "r and b"):
        add_recording(subject)
        for text in (f"subject={subject}", f'subject = "{subject}" and recording_id=0', f"subject={subject} and fps>1"):
            table = pipeline.miniscope.Recording * pipeline.miniscope.RecordingInfo
            assert restricted(table, text).to_arrays("subject").tolist() == [subject]
        (key,) = restricted(pipeline.miniscope.Recording, f"subject={subject}").keys()
        assert restricted(pipeline.miniscope.Recording, name_of(key)).keys() == [key]


@pytest.mark.parametrize("restrict", ["subject=p_onne", {"subject": "p_onne"}, "subject like 'q!%'"])
def test_a_restriction_that_nothing_fits_is_an_error(pipeline, add_recording, restrict):
    if not pipeline.miniscope.Recording & {"subject": "p_one"}:
        add_recording("p_one")
    for refused in (process.process, process.preview, status.status):
        with pytest.raises(NothingMatched, match="; there is ") as told:
            refused(restrict=restrict)
        assert "SELECT" not in str(told.value)
    if restrict == "subject=p_onne":
        assert "No recording has subject 'p_onne'; there is " in str(told.value)
        assert str(told.value).endswith("Did you mean 'p_one'?")


def test_scopes_and_cameras_have_names_of_their_own(pipeline, add_recording):
    key = add_recording("p_both")
    video = {name: key[name] for name in pipeline.facemap.VideoRecording.primary_key}
    pipeline.Device.insert1({"device": "Cam", "modality": "Camera"}, skip_duplicates=True)
    pipeline.facemap.VideoRecording.insert1({**video, "device": "Cam"})
    tables = (pipeline.miniscope.Recording, pipeline.facemap.VideoRecording)
    for name, counts in (
        (name_of({"subject": "p_both", "session_datetime": key["session_datetime"]}), [1, 1]),
        (name_of(key), [1, 0]),
        (name_of(video, camera=True), [0, 1]),
        ("subject=p_both and acq_software=Miniscope-DAQ-V4", [1, 0]),
    ):
        assert [len(query) for query in choose(tables, name, "recording")] == counts, name


def test_a_dry_run_changes_nothing(pipeline, load, run):
    key = load("p_dry", RESULT)
    counts = dict(process.preview(restrict={"subject": "p_dry"}))
    assert counts["miniscope.Processing"] == 1
    assert counts["miniscope.ProcessingTask"] == 0
    said = run("process", "--dry-run", "--restrict", "subject=p_dry").out
    assert "miniscope.Processing " in said and "miniscope.ProcessingTask" not in said
    assert "And what follows from these. `workflow-miniscope list`" in said
    assert not pipeline.miniscope.Processing & key


def test_a_parameter_file_becomes_one_set(pipeline, tmp_path):
    path = tmp_path / "tight.json"
    path.write_text(json.dumps({"min_SNR": 4.5}))
    number = tasks.choose_paramset(str(path), "cnmfe")
    assert tasks.choose_paramset(str(path), None) == number
    row = (pipeline.miniscope.ProcessingParamSet & {"paramset_id": number}).fetch1()
    assert (row["processing_method"], row["paramset_desc"], row["params"]) == ("cnmfe", "tight", {"min_SNR": 4.5})
    assert tasks.choose_paramset(number, None) == number
    with pytest.raises(ParameterError, match="for the engine 'cnmfe', not for 'caiman'"):
        tasks.choose_paramset(number, "caiman")


@pytest.mark.parametrize(
    ("paramset", "content", "sentence"),
    [
        (9999, None, "There is no paramset 9999"),
        ("missing.json", None, "cannot be read"),
        ("text.json", "{", "not valid JSON"),
        ("list.json", "[1]", "one JSON object"),
        ("typo.json", '{"min_SNRR": 4}', "min_SNR"),
    ],
)
def test_parameters_that_cannot_be_used(pipeline, tmp_path, paramset, content, sentence):
    if content is not None:
        (tmp_path / paramset).write_text(content)
    if isinstance(paramset, str):
        paramset = str(tmp_path / paramset)
    before = len(pipeline.miniscope.ProcessingParamSet())
    with pytest.raises(ParameterError, match=sentence):
        tasks.choose_paramset(paramset, "cnmfe")
    assert len(pipeline.miniscope.ProcessingParamSet()) == before


def test_an_engine_nobody_knows(pipeline, add_recording):
    add_recording("p_engine")
    with pytest.raises(EngineError, match="cnmfe"):
        process.process(engine="cnmf")


@pytest.mark.skipif(engines.get("caiman").unavailable() is None, reason="CaImAn is installed here")
def test_an_engine_that_is_not_installed_makes_no_tasks(pipeline, add_recording):
    add_recording("p_none")
    sets = len(pipeline.miniscope.ProcessingParamSet())
    with pytest.raises(EngineError, match="conda"):
        process.process(restrict={"subject": "p_none"}, engine="caiman", progress=False)
    assert not pipeline.miniscope.ProcessingTask & {"subject": "p_none"}
    assert len(pipeline.miniscope.ProcessingParamSet()) == sets
