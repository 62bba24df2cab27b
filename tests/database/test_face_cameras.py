"""A session with two cameras: each is processed on its own, with parameters of its own or shared ones."""

import json
import subprocess
import sys

import numpy as np
import pytest
from recordings import write_session

from workflow_miniscope.database.restriction import restricted
from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.ingest import ingest
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.process import process

ANIMAL, N_FRAMES = "f_two", 40
CAMERAS = {"subject": ANIMAL}


@pytest.fixture(scope="module")
def videos(pipeline, raw_root, tmp_path_factory):
    """Ingest a scope and two cameras, and process the cameras; return their keys."""
    folder = tmp_path_factory.mktemp("manifests")
    written = write_session(raw_root, animal=ANIMAL, cameras=["Face Cam", "Body Cam"], n_frames=N_FRAMES)
    (folder / "subjects.csv").write_text(
        f"subject,sex,subject_birth_date,subject_description\n{ANIMAL},F,2025-09-01,\n"
    )
    session_dir = written.folder.relative_to(raw_root).as_posix()
    (folder / "sessions.csv").write_text(f"subject,session_dir,acq_software\n{ANIMAL},{session_dir},Miniscope-DAQ-V4\n")
    assert ingest(folder / "subjects.csv", folder / "sessions.csv", progress=False).problems == []
    facemap = pipeline.facemap
    keys = (facemap.VideoRecording & CAMERAS).keys(order_by="recording_id")
    assert sorted((facemap.VideoRecording & CAMERAS).to_arrays("device")) == ["Body_Cam", "Face_Cam"]
    return keys


def populate(pipeline, facemap_params=None):
    """Process the cameras alone: the scope's few frames hold no cells."""
    from workflow_miniscope.work import tasks

    facemap = pipeline.facemap
    chosen = restricted(facemap.VideoRecording, CAMERAS).proj()
    facemap.RecordingInfo.populate(chosen)
    params = tasks.read_facemap_params(facemap_params) if facemap_params else None
    made = tasks.create_facemap_tasks(chosen, params)
    for table in (facemap.FacemapProcessing, facemap.FacialSignal):
        table.populate(chosen)
    return made


def test_each_camera_has_results_of_its_own(pipeline, videos):
    assert len(videos) == 2
    assert populate(pipeline) == 2
    assert populate(pipeline) == 0
    signal = pipeline.facemap.FacialSignal
    folders = (pipeline.facemap.FacemapTask & CAMERAS).to_arrays("facemap_output_dir", order_by="recording_id")
    assert sorted(path.split("/")[-2:] for path in folders) == [["Body_Cam", "facemap_0"], ["Face_Cam", "facemap_0"]]
    assert [len((signal.Region & key).fetch1("motion")) for key in videos] == [N_FRAMES, N_FRAMES]
    averages = [(signal.Summary & key).fetch1("avgframe") for key in videos]
    assert not np.allclose(*averages), "they are of one camera"


def test_parameters_from_a_file_become_tasks_once(pipeline, videos, tmp_path):
    """As drawn in Facemap's window: what it saved is the parameter file."""
    from facemap import process as facemap_process

    roi = {"rind": 1, "rtype": "motion SVD", "iROI": 0, "ivid": 0, "saturation": 255, "color": (1.0, 2.0, 3.0)}
    roi |= {"xrange": np.arange(0, 40, dtype=np.int32), "yrange": np.arange(0, 16, dtype=np.int32)}
    drawn = {"sbin": 4, "fullSVD": False, "rois": [roi], "save_mat": False, "filenames": [["C:/face.avi"]]}
    path = facemap_process.save(drawn, savepath=str(tmp_path))
    populate(pipeline)
    assert populate(pipeline, path) == 2
    assert populate(pipeline, path) == 0
    tasks = (pipeline.facemap.FacemapTask & CAMERAS & {"facemap_task_id": 1}).to_dicts()
    assert [task["facemap_output_dir"].rsplit("/", 1)[1] for task in tasks] == ["facemap_1"] * 2
    for key in videos:
        region = (pipeline.facemap.FacialSignal.Region & key & {"facemap_task_id": 1}).fetch1()
        assert (region["roi_no"], region["roi_name"], len(region["xrange"])) == (1, "motion 1", 40)

    command = [sys.executable, "-m", "workflow_miniscope", "facemap-params", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    named = json.loads(printed)
    assert named["rois"][0]["x"] == [0, 40]
    named["rois"][0]["name"] = "a name that is too long for the table"
    (tmp_path / "params.json").write_text(json.dumps(named))
    with pytest.raises(ParameterError, match="longer than the 16 characters"):
        process(restrict=CAMERAS, facemap_params=tmp_path / "params.json", progress=False)
    assert len(pipeline.facemap.FacemapTask & CAMERAS) == 4


def test_a_result_of_both_at_once_is_refused(pipeline, videos, raw_root):
    """Facemap's mode for simultaneous cameras makes one result of two."""
    from facemap import process as facemap_process

    files = [(pipeline.facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id") for key in videos]
    folder = get_processed_root_data_dir() / "both"
    folder.mkdir(parents=True)
    state = np.random.get_state()  # noqa: NPY002
    proc = {"sbin": 4, "fullSVD": True, "save_mat": False, "rois": None, "sy": [0, 0], "sx": [0, 40]}
    names = [[str(raw_root / path) for path in paths] for paths in zip(*files, strict=True)]
    facemap_process.run(names, proc=proc, savepath=str(folder))
    np.random.set_state(state)  # noqa: NPY002
    task = {**videos[0], "facemap_task_id": 9}
    pipeline.facemap.FacemapTask.insert1(
        {
            **task,
            "task_mode": "load",
            "facemap_output_dir": "both",
            "facemap_params": {},
            "do_mot_svd": True,
            "do_mov_svd": False,
        }
    )
    with pytest.raises(ResultError, match="is of 2 cameras side by side, but a task is of one camera"):
        pipeline.facemap.FacemapProcessing.populate(task)
    assert not pipeline.facemap.FacemapProcessing & task
