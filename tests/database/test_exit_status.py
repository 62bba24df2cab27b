"""Exit statuses: 0 done, 1 something failed, 2 wrong use, 3 nothing matched; and one sentence that says why."""

import pytest

from workflow_miniscope.work.manifests import SESSION_COLUMNS, SUBJECT_COLUMNS


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("status",), 0, ""),
        (("-h",), 0, ""),
        (("status", "-h"), 0, ""),
        (("status", "--restrict", "subject=Maus Z 9"), 3, "No recording has subject 'Maus Z 9'"),
        (("process", "--restrict", "subject=m9"), 3, "No recording has subject 'm9'"),
        (("process", "--dry-run", "--restrict", "subject=m9"), 3, "No recording has subject 'm9'"),
        (("process", "--restrict", "subject = m2 or subject = m3"), 2, "'m2' is no attribute"),
        (("process", "--restrict", "subjct=m9"), 2, "did you mean 'subject'?"),
        (("report", "--restrict", "subject=m9"), 3, "m9"),
        (("compare", "subject=m9", "subject=m8"), 3, "m9"),
        (("compare", "m9_20260115-102030_0", "m8_20260115-102030_0"), 3, "m9_20260115-102030_0"),
        (("process", "--engine", "cnmf"), 2, "There is no engine 'cnmf' for cells (did you mean 'cnmfe'?)"),
        (("process", "--paramset", "9999"), 2, "There is no paramset 9999"),
        (("--config", "nope", "status"), 2, "Error: --config names nope, which does not exist."),
        (("proces",), 2, "proces"),
        (("compare", "nowhere.hdf5", "nowhere.hdf5"), 1, "nowhere.hdf5; an analysis in the database is named by"),
        (("curate", "m9"), 1, "There is no result file or folder m9; an analysis in the database is named by"),
        (("movie", "m9"), 1, "There is no result file or folder m9; an analysis in the database is named by"),
    ],
)
def test_exit_statuses(pipeline, add_recording, run, arguments, status, sentence):
    if not pipeline.Subject & {"subject": "cli_m"}:
        add_recording("cli_m")
    done = run(*arguments)
    assert done.status == status, done.err
    assert sentence in done.err
    assert "SELECT" not in done.err
    assert "Traceback" not in done.err
    assert "done already" not in done.out


def test_the_help_says_what_the_statuses_mean(run):
    assert "3 nothing matched" in " ".join(run("--help").out.split())


def test_a_database_without_recordings_is_no_success(pipeline, run, monkeypatch):
    monkeypatch.setattr("workflow_miniscope.process.choose", lambda tables, *_: [table & "1 = 0" for table in tables])
    for command in (("process",), ("process", "--dry-run"), ("worker", "--once")):
        done = run(*command)
        assert (done.status, done.out) == (3, ""), command
        assert "nothing to process: no recording is in the database yet; `workflow-miniscope ingest`" in done.err


def test_manifests_without_rows(pipeline, run, tmp_path):
    (tmp_path / "user_data").mkdir()
    for name, columns in (("subjects", SUBJECT_COLUMNS), ("sessions", SESSION_COLUMNS)):
        (tmp_path / "user_data" / f"{name}.csv").write_text(",".join(columns) + "\n")
    done = run("ingest")
    assert done.status == 0
    assert "Nothing to ingest: the manifests have no rows. `workflow-miniscope ingest --walk ROOT" in done.out
