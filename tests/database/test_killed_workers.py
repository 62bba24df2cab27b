"""Workers killed at each stage of their work and replaced: every result once, the same bits, and nothing left over."""

import shutil

import killed
from processes import eventually

from workflow_miniscope import ingest, process
from workflow_miniscope.database import workers
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.settings import get_settings

SUBJECTS = [f"kw{number}" for number in range(3)]

# As it is, but in less time: two that are killed need not be waited for
QUICK = """
from workflow_miniscope.database import workers
from workflow_miniscope.work import worker
workers.BEAT, workers.SILENCE, worker.PAUSE = 0.2, 2.0, 0.3
"""


def test_killed_at_each_stage(pipeline, raw_root, tmp_path, monkeypatch):
    subjects, sessions = killed.write_recordings(raw_root, SUBJECTS, tmp_path)
    assert not ingest.ingest(subjects, sessions, progress=False).problems
    chosen = "subject like 'kw%'"
    assert process.process(restrict=chosen, progress=False).errors == []
    processed = get_processed_root_data_dir()
    folders = [processed / subject for subject in SUBJECTS]
    alone = killed.contents("kw"), killed.numbers("kw"), [killed.files(folder) for folder in folders]
    assert alone[1]["miniscope.Segmentation"] == len(SUBJECTS)

    (pipeline.miniscope.RecordingInfo & chosen).delete(prompt=False)
    for folder in folders:
        shutil.rmtree(folder)
    logs = get_settings().home / "logs"
    before = set(logs.glob("*_cnmfe_*"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = ["worker", "--restrict", chosen, "--cores", "1"]
    with killed.Crew(tmp_path / "logs", command, QUICK, TMPDIR=str(temporary)) as crew:
        for stage in killed.STAGES:
            apart = stage == "the engine is at work"
            process_ = f"import os; os.environ['WORKFLOW_MINISCOPE_ENGINE_PROCESS'] = '{apart}'"
            pid = crew.start(f"{process_}\nimport killed; killed.die_at({stage!r})")
            assert crew.wait(pid) == -9, f"{stage}: {crew.said(pid)}"
        for _ in range(3):
            crew.start()
        assert eventually(lambda: killed.numbers("kw") == alone[1], 120)
        assert eventually(lambda: killed.jobs_left("kw") == []), "what the killed had reserved after their last row"
        assert [crew.kill(pid, 2) for pid in crew.living()] == [0, 0, 0]
        assert crew.tracebacks() == []
    assert killed.contents("kw") == alone[0]
    assert [killed.files(folder) for folder in folders] == alone[2]
    assert killed.jobs_left("kw") == []
    assert list(temporary.iterdir()) == [] and set(logs.glob("*_cnmfe_*")) == before
    monkeypatch.setattr(workers, "SILENCE", 2.0)
    assert eventually(lambda: workers.beating(pipeline.connection) == 0)
