"""A disk that fills up while recordings are processed: one sentence, nothing half-written, and the rest goes on."""

import os

import disks
import numpy as np
import pytest
import simulation

from workflow_miniscope import process, settings


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A small disk, which results are written to."""
    with disks.small(tmp_path / "disk", 2**23) as folder:
        monkeypatch.setenv("PROCESSED_ROOT_DATA_DIR", str(folder))
        settings.get_settings.cache_clear()
        yield folder
        monkeypatch.undo()
        settings.get_settings.cache_clear()


@pytest.mark.parametrize("apart", [False, True])
def test_a_full_disk_is_one_sentence_and_no_end(pipeline, add_recording, disk, monkeypatch, apart):
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINE_PROCESS", str(apart))
    settings.get_settings.cache_clear()
    movie = simulation.make(height=48, width=48, frames=120, n_cells=4, motion=1.0).movie
    subject = f"full{int(apart)}"
    key = add_recording(subject, movie=np.asarray(movie, np.uint8))
    disks.fill(disk, 60_000)
    (failed,) = process.process(restrict={"subject": subject}, progress=False).errors
    assert failed[0] == "miniscope.Processing"
    assert failed[2].startswith(f"cnmfe needs more room than there is: the disk of {disk}")
    assert "\n" not in failed[2] and failed[2].endswith("run it again.")
    assert os.listdir(disk) == ["fill"]
    assert not pipeline.miniscope.Processing & key
    (disk / "fill").unlink()
    assert process.process(restrict={"subject": subject}, progress=False).errors == []
    assert len(pipeline.miniscope.Fluorescence & key) == 1
