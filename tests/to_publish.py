"""Sessions that are published: recorded, ingested and processed, with their results and times."""

from dataclasses import replace

import h5py
import numpy as np
import planted
import scipy.sparse
from recordings import write_session

from workflow_miniscope.ingest import ingest
from workflow_miniscope.results.caiman import write_result
from workflow_miniscope.work.steps import FACEMAP, MINISCOPE, SESSION, steps

SUBJECT_HEADER = "subject,sex,subject_birth_date,subject_description,species,strain,genotype"
#: Everything that Facemap can do
FACE = {
    "rois": [
        {"name": "nose", "kind": "motion", "x": [4, 30], "y": [8, 30]},
        {"name": "left", "kind": "pupil", "saturation": 120, "x": [20, 60], "y": [10, 36]},
        {"name": "lid", "kind": "blink", "saturation": 120, "x": [20, 60], "y": [10, 36]},
    ],
    "movSVD": True,
}
#: Steps that are filled from what is recorded or loaded, without an analysis of a video
_NOT_RUN = ("facemap.FacemapTask", "facemap.FacemapProcessing", "facemap.FacialSignal", "face.Pupil", "face.Blink")


def empty_result():
    """A result in which no component was found."""
    full = planted.result()
    height, width = full.dims
    nothing = np.zeros((0, full.n_frames), np.float32)
    none = np.zeros(0)
    return replace(
        full,
        A=scipy.sparse.csc_matrix((height * width, 0)),
        C=nothing,
        S=nothing,
        YrA=nothing,
        F_dff=nothing,
        **dict.fromkeys(("center", "accepted", "rejected", "g")),
        **dict.fromkeys(("bl", "c1", "neurons_sn", "snr", "r_values", "cnn_preds"), none),
    )


def dropped_times(n_frames: int):
    """Times of frames of which some were dropped, and one has a wrong time, ms."""
    times = 50 * np.arange(n_frames)
    times[n_frames // 2 :] += 250
    times[20] = 0
    return times.tolist()


def every_text(path):
    """Give every text in an HDF5 file: names, values, attributes."""

    def of(value):
        for item in np.ravel(np.asarray(value, object)):
            if isinstance(item, (str, bytes)):
                yield item.decode() if isinstance(item, bytes) else item

    found = []
    with h5py.File(path) as file:

        def visit(name, item):
            found.append(name)
            for value in item.attrs.values():
                found.extend(of(value))
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "OS":
                found.extend(of(item[()]))

        # the cached specifications are the format's own
        for name, item in file.items():
            if name != "specifications":
                visit(name, item)
                if isinstance(item, h5py.Group):
                    item.visititems(visit)
    return found


def make_session(
    pipeline,
    raw_root,
    folder,
    subject,
    result=None,
    facemap_params=None,
    species="Mus musculus",
    note="",
    start="",
    **written,
):
    """Write, ingest and process a session.

    Parameters
    ----------
    pipeline : module
        The activated pipeline.
    raw_root, folder : Path
        The root directory of recordings; an empty folder for the manifests.
    subject : str
        The animal.
    result : CaimanResult, optional
        Of each scope; without one the scopes are not processed.
    facemap_params : dict, optional
        Run Facemap on the cameras, with these.
    written
        As ``recordings.write_session`` has it.

    Returns
    -------
    tuple of dict, Written
        Key of the session, and what was written.
    """
    if result is not None:
        written |= {"n_frames": result.n_frames, "size": result.dims}
    recorded = write_session(raw_root / f"at_{subject}", animal=subject, **written)
    rows = [SUBJECT_HEADER, f"{subject},F,2025-09-01,of the test,{species},C57BL/6J,wild type"]
    (folder / "subjects.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    header = "subject,session_dir,acq_software,session_datetime,session_note,recording_notes"
    session_dir = recorded.folder.relative_to(raw_root).as_posix()
    quoted = note.replace('"', '""')
    row = f'{subject},{session_dir},{recorded.acq_software},{start},"{quoted}",clear'
    (folder / "sessions.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert ingest(folder / "subjects.csv", folder / "sessions.csv", progress=False).problems == []
    key = (pipeline.Session & {"subject": subject}).fetch1("KEY")
    pipeline.miniscope.RecordingInfo.populate(key)
    if result is not None:
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
        facemap.FacemapTask.insert1(
            {**recording, **task, "do_mot_svd": True, "do_mov_svd": params.get("movSVD", False)}
        )


def enter_events(pipeline, key):
    """Enter two kinds of events and two trials of a session, one with a type, one with an attribute."""
    event, trial = pipeline.event, pipeline.trial
    direct = {"allow_direct_insert": True}
    event.BehaviorRecording.insert1(key)
    types = [{"event_type": name, "event_type_description": f"a {name}"} for name in ("lick", "reward")]
    event.EventType.insert(types, skip_duplicates=True)
    for start in (1.25, 2.5):
        event.Event.insert1({**key, "event_type": "lick", "event_start_time": start}, **direct)
    reward = {"event_type": "reward", "event_start_time": 2.0, "event_end_time": 2.5}
    event.Event.insert1({**key, **reward}, **direct)
    trial.TrialType.insert1({"trial_type": "go"}, skip_duplicates=True)
    times = {"trial_start_time": 1.0, "trial_stop_time": 3.0}
    trial.Trial.insert1({**key, "trial_id": 1, "trial_type": "go", **times}, **direct)
    times = {"trial_start_time": 4.0, "trial_stop_time": 6.5}
    trial.Trial.insert1({**key, "trial_id": 2, **times}, **direct)
    attribute = {"attribute_name": "contrast", "attribute_value": "0.5"}
    trial.Trial.Attribute.insert1({**key, "trial_id": 2, **attribute}, **direct)
