"""Sessions that were recorded, ingested and processed, to be published."""

import planted
import pytest
from recordings import write_session

from workflow_miniscope.ingest import ingest
from workflow_miniscope.results.caiman import write_result
from workflow_miniscope.work.steps import FACEMAP, MINISCOPE, SESSION, steps

SUBJECT_HEADER = "subject,sex,subject_birth_date,subject_description,species,strain,genotype"
#: Steps that are filled from what is recorded or loaded, without an analysis of a video
_NOT_RUN = ("facemap.FacemapTask", "facemap.FacemapProcessing", "facemap.FacialSignal", "face.Pupil", "face.Blink")


@pytest.fixture(scope="session")
def make_session(pipeline, raw_root, tmp_path_factory):
    """Write, ingest and process a session; its scopes get the planted result that is given. Returns its key."""

    def make(
        subject: str,
        result=None,
        facemap_params=None,
        species="Mus musculus",
        note="",
        start="",
        **written,
    ):
        result = planted.result() if result is None else result
        recorded = write_session(
            raw_root / f"at_{subject}", animal=subject, n_frames=result.n_frames, size=result.dims, **written
        )
        folder = tmp_path_factory.mktemp("manifests")
        rows = [SUBJECT_HEADER, f"{subject},F,2025-09-01,of the test,{species},C57BL/6J,wild type"]
        (folder / "subjects.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        header = "subject,session_dir,acq_software,session_datetime,session_note,recording_notes"
        session_dir = recorded.folder.relative_to(raw_root).as_posix()
        row = f'{subject},{session_dir},{recorded.acq_software},{start},"{note}",clear'
        (folder / "sessions.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
        assert ingest(folder / "subjects.csv", folder / "sessions.csv", progress=False).problems == []
        key = (pipeline.Session & {"subject": subject}).fetch1("KEY")
        pipeline.miniscope.RecordingInfo.populate(key)
        _add_task(pipeline, key, subject, result)
        if facemap_params is not None:
            _add_face_task(pipeline, key, facemap_params)
        for step in steps(SESSION + MINISCOPE + FACEMAP):
            if step.computed and (facemap_params is not None or step.name not in _NOT_RUN):
                step.table.populate(key)
            if step.name == "miniscope.Curation":
                for task in (pipeline.miniscope.Processing & key).keys():
                    pipeline.miniscope.Curation.create1_from_processing_task(task, curation_note="looked at")
        return key, recorded

    return make


def _add_task(pipeline, key, subject, result):
    miniscope = pipeline.miniscope
    folder = pipeline.get_processed_root_data_dir() / f"p_{subject}"
    folder.mkdir(parents=True)
    write_result(folder / "caiman_result.hdf5", result)
    if not miniscope.ProcessingParamSet & {"paramset_id": 300}:
        miniscope.ProcessingParamSet.insert_new_params("cnmfe", 300, "to publish", {"gSig": [4, 4], "min_corr": 0.75})
    for recording in (miniscope.RecordingInfo & key).keys():
        task = {"paramset_id": 300, "processing_output_dir": folder.name, "task_mode": "load"}
        miniscope.ProcessingTask.insert1({**recording, **task})


def _add_face_task(pipeline, key, params):
    facemap = pipeline.facemap
    facemap.RecordingInfo.populate(key)
    for recording in (facemap.RecordingInfo & key).keys():
        task = {"facemap_task_id": 0, "task_mode": "trigger", "facemap_params": params}
        facemap.FacemapTask.insert1({**recording, **task, "do_mot_svd": True, "do_mov_svd": False})
