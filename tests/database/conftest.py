"""Rows that several tests start from."""

import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
from recordings import write_session


@pytest.fixture
def add_recording(pipeline, add_subject, raw_root):
    """Write a scope recording, and insert it by hand as if its folder had been ingested and read; return its key."""

    def add(
        subject: str, n_frames: int = 600, height: int = 80, width: int = 80, fps: float = 20.0, movie=None
    ) -> dict:
        if movie is not None:
            n_frames, height, width = movie.shape
        p = pipeline
        session = {"subject": add_subject(subject), "session_datetime": datetime(2026, 1, 15, 10, 20, 30)}
        p.Session.insert1(session)
        written = write_session(raw_root, animal=subject, n_frames=n_frames, size=(height, width), movie=movie)
        session_dir = written.folder.relative_to(raw_root).as_posix()
        p.session.SessionDirectory.insert1({**session, "session_dir": session_dir})
        p.Device.insert1({"device": "My_V4_Miniscope", "modality": "Miniscope"}, skip_duplicates=True)
        key = {**session, "recording_id": 0}
        p.miniscope.Recording.insert1({**key, "device": "My_V4_Miniscope", "acq_software": "Miniscope-DAQ-V4"})
        info = {
            "nchannels": 1,
            "nframes": n_frames,
            "px_height": height,
            "px_width": width,
            "fps": fps,
            "led_power": 20,
            "time_stamps": [i / fps for i in range(n_frames)],
        }
        p.miniscope.RecordingInfo.insert1({**key, **info}, allow_direct_insert=True)
        p.miniscope.RecordingInfo.File.insert(
            (
                {**key, "file_id": i, "file_path": path.relative_to(raw_root).as_posix()}
                for i, path in enumerate(written.scopes[0].files)
            ),
            allow_direct_insert=True,
        )
        return key

    return add


@pytest.fixture
def add_subject(pipeline):
    """Insert an animal, unless it is there, and return its name."""

    def add(subject: str, sex: str = "U") -> str:
        row = {"subject": subject, "sex": sex, "subject_birth_date": date(2025, 9, 1)}
        pipeline.Subject.insert1(row, skip_duplicates=True)
        return subject

    return add


@pytest.fixture
def load(pipeline, add_recording):
    """Make a task that loads a result file for a new recording; return the recording's key."""

    def _load(subject: str, path: Path, **recording) -> dict:
        miniscope = pipeline.miniscope
        key = add_recording(subject, **recording)
        miniscope.ProcessingParamSet.insert_new_params("caiman", 90, "of the lab", {"gSig": [3, 3], "min_corr": 0.8})
        output = f"{subject}/caiman"
        from workflow_miniscope.paths import get_processed_root_data_dir

        folder = get_processed_root_data_dir() / output
        folder.mkdir(parents=True)
        shutil.copy2(path, folder)  # with its time, which is the result's
        task = {"paramset_id": 90, "processing_output_dir": output, "task_mode": "load"}
        miniscope.ProcessingTask.insert1({**key, **task})
        return key

    return _load
