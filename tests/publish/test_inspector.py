"""The archive's own inspector accepts sessions of every kind."""

import numpy as np
import pandas as pd
import planted
import pytest
from archives import PROJECT, refused_for
from ndx_miniscope.utils import get_starting_frames, read_miniscope_config, read_miniscope_timestamps
from pynwb import read_nwb
from pynwb.ophys import OnePhotonSeries
from to_publish import FACE, dropped_times, empty_result

from workflow_miniscope.publish.dataset import Options, publish

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")
START = "2026-01-15T10:20:30+01:00"
KINDS = {
    "v4": {"cameras": ["Web Cam"], "facemap_params": FACE},
    "v3": {"layout": "legacy", "cameras": ["behav"], "start": START},
    "two": {"scopes": ["HPC", "PFC"], "version": "v1.11"},
    "drop": {"times_ms": dropped_times(300), "result": planted.result("piecewise")},
    "Mäuse_ß": {"notes": [(100, "süß: 5 µl/h")], "note": "ein Gerät, größer"},
    "empty": {"result": empty_result(), "notes": []},
    "old": {"version": "v0.1", "result": planted.result("none"), "codec": "MJPG"},
}


@pytest.fixture(scope="module", params=KINDS)
def published(request, make_session, tmp_path_factory):
    key, recorded = make_session(request.param, **KINDS[request.param])
    folder = tmp_path_factory.mktemp("dandiset")
    (folder / "project.toml").write_text(PROJECT, encoding="utf-8")
    done = publish({"subject": request.param}, folder, folder / "project.toml", Options(progress=False))
    assert done.problems == []
    return request.param, recorded, done


def test_there_is_nothing_critical(published):
    (path,) = published[2].written
    refused, said = refused_for(path)
    assert refused == []
    # what is left to say is that times are not regular or ascending, which they were not
    wrong = {check for check, importance in said if importance == "BEST_PRACTICE_VIOLATION"}
    assert wrong <= {"check_regular_timestamps", "check_timestamps_ascending"}, said


def test_the_file_is_where_the_archive_wants_it(published):
    from dandi.organize import validate_organized_path

    (path,) = published[2].written
    folder = path.parents[1]
    assert validate_organized_path(path.relative_to(folder).as_posix(), path, folder) == []


def test_every_scope_is_there_with_its_cells(published):
    name, recorded, done = published
    file = read_nwb(done.written[0])
    series = [item for item in file.acquisition.values() if isinstance(item, OnePhotonSeries)]
    assert len(series) == len(recorded.scopes)
    for one in series:
        assert len(one.timestamps) == 300
        assert one.imaging_plane.indicator == "GCaMP6f"
        assert list(one.imaging_plane.grid_spacing) == pytest.approx([1.7e-6] * 2)
    ophys = file.processing["ophys"]
    if name == "empty":
        assert "ImageSegmentation" not in ophys.data_interfaces
        assert any("No component was found" in note for note in done.notes)
        return
    tables = ophys["ImageSegmentation"].plane_segmentations
    assert len(tables) == len(recorded.scopes)
    for table in tables.values():
        assert table["accepted"][:].tolist() == [True, True, False, True]

    if name == "drop":  # registered in blocks
        motion = planted.result("piecewise").motion
        np.testing.assert_array_equal(ophys["motion_correction"].data[:], np.stack([motion.x, motion.y], axis=2))
        blocks = ophys["motion_correction_blocks"].to_dataframe()
        np.testing.assert_array_equal(blocks[["y_start", "y_stop", "x_start", "x_stop"]], motion.blocks)


def test_the_extension_s_own_reader_agrees(published):
    """ndx-miniscope reads recordings too: its settings and times are those in the file."""
    name, recorded, done = published
    file = read_nwb(done.written[0])
    series = {item.device.name: item for item in file.acquisition.values() if isinstance(item, OnePhotonSeries)}
    for scope in recorded.scopes:
        one = series[scope.name.replace(" ", "_")]
        legacy = recorded.acq_software == "Miniscope-DAQ-V3"
        config = read_miniscope_config(str(recorded.folder if legacy else scope.folder))
        for setting in ("compression", "deviceType", "framesPerFile", "gain", "led0", "excitation", "msCamExposure"):
            assert getattr(one.device, setting) == config.get(setting), setting
        if legacy:
            times = read_miniscope_timestamps(str(recorded.folder), cam_num=1)  # which takes the first for 0
            np.testing.assert_array_equal(one.timestamps[1:], times[1:])
        else:
            assert list(one.device.ROI) == [config["ROI"]["height"], config["ROI"]["width"]]
            if name != "old":  # before v0.11 the file has no header, which that reader wants
                stamps = pd.read_csv(scope.folder / "timeStamps.csv")["Time Stamp (ms)"] / 1000
                np.testing.assert_array_equal(one.timestamps[:], stamps)
        pattern = str(scope.files[0].relative_to(recorded.folder)).replace("1.avi" if legacy else "0.avi", "*.avi")
        assert get_starting_frames(str(recorded.folder), pattern) == list(one.starting_frame)
