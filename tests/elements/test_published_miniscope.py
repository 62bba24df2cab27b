"""What element-miniscope 0.3.2 and element-interface 0.6.1 do wrong, shown by running them as published.

Each test has its counterpart, named in its docstring, that shows the corrected value in the database.
"""

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from recordings import write_session

from workflow_miniscope.elements.stored_values import hash_params
from workflow_miniscope.elements.translation import datajoint_names


def published(name: str):
    """Import a module again, under another name, so that it is as published."""
    spec = importlib.util.find_spec(name)
    copy = importlib.util.spec_from_file_location(name.rpartition(".")[0] + ".published", spec.origin)
    module = importlib.util.module_from_spec(copy)
    with datajoint_names():
        copy.loader.exec_module(module)
    return module


@pytest.fixture
def miniscope():
    return published("element_miniscope.miniscope")


class Rows:
    """Stands for a table in a query: what is fetched from it is given."""

    def __init__(self, **columns):
        self.columns = columns
        self.inserted = []

    def __and__(self, other):
        return self

    __mul__ = __rmul__ = __and__

    def fetch1(self, *names):
        values = [self.columns[name] for name in names]
        return values[0] if len(values) == 1 else values

    fetch = fetch1

    def insert1(self, row):
        self.inserted.append(row)

    def insert(self, rows, **options):
        self.inserted += list(rows)


@pytest.fixture
def make_info(miniscope, tmp_path, monkeypatch):
    """Run the published RecordingInfo.make on a device folder; return the row it inserts and its files."""

    def make(folder):
        monkeypatch.setattr(miniscope, "Recording", Rows(acq_software="Miniscope-DAQ-V4"))
        monkeypatch.setattr(miniscope, "get_session_directory", lambda key: folder.relative_to(tmp_path).as_posix())
        monkeypatch.setattr(miniscope, "get_miniscope_root_data_dir", lambda: [tmp_path])
        table = Rows()
        table.File = Rows()
        miniscope.RecordingInfo.make(table, {})
        return table.inserted[0], [row["file_path"] for row in table.File.inserted]

    return make


def test_frame_numbers_are_stored_as_times(make_info, tmp_path):
    """Right: test_recording_info in tests/database/test_ingest.py."""
    written = write_session(tmp_path, version="v1.11", settings={"frameRate": "20FPS", "gain": 1})
    row, _ = make_info(written.folder / "My_V4_Miniscope")
    assert row["time_stamps"].shape == (30, 3), "the file's rows, not times"
    np.testing.assert_array_equal(row["time_stamps"][:, 0], np.arange(30))
    assert "recording_datetime" not in row


@pytest.mark.parametrize(
    ("settings", "error"), [({"frameRate": 30}, AttributeError), ({"ROI": None}, KeyError), ({"led0": None}, KeyError)]
)
def test_settings_crash(make_info, tmp_path, settings, error):
    """Right: test_settings_that_differ."""
    written = write_session(tmp_path, version="v1.11", settings=settings)
    with pytest.raises(error):
        make_info(written.folder / "My_V4_Miniscope")


def test_the_configured_rate_is_taken_for_the_real_one(make_info, tmp_path):
    """Right: test_recording_info."""
    written = write_session(tmp_path, version="v1.11", times_ms=np.arange(30) * 100, settings={"frameRate": "20FPS"})
    row, _ = make_info(written.folder / "My_V4_Miniscope")
    assert row["fps"] == 20
    assert row["recording_duration"] == 1.5, "three seconds were recorded"


def test_files_come_in_the_order_of_the_file_system(make_info, tmp_path, monkeypatch):
    """Right: test_files_are_in_the_order_they_were_recorded."""
    written = write_session(tmp_path, version="v1.11", n_frames=24, frames_per_file=2)
    folder = written.folder / "My_V4_Miniscope"
    glob = type(folder).glob
    monkeypatch.setattr(type(folder), "glob", lambda path, pattern: sorted(glob(path, pattern), reverse=True))
    _, files = make_info(folder)
    assert files[0].endswith("/9.avi"), "whatever order the file system has is kept"


def test_different_parameters_get_the_same_hash():
    """Right: here, and test_equal_parameters_are_refused in tests/database/test_load_results.py."""
    from element_interface.utils import dict_to_uuid

    one, other = {"a": "1b", "c": 2}, {"a1": "b", "c": 2}
    assert dict_to_uuid(one) == dict_to_uuid(other)
    assert hash_params("caiman", one) != hash_params("caiman", other)


def test_the_standard_deviation_is_stored_as_variance(miniscope, monkeypatch):
    """Right: test_rigid in tests/database/test_load_results.py."""
    traces = np.array([[0.0, 3.0, 0.0, 1.0]])
    rows = Rows(fluorescence=list(traces), fluorescence_channel=[0], mask=[0])
    for name in ("RecordingInfo", "Fluorescence", "Segmentation"):
        monkeypatch.setattr(
            miniscope, name, SimpleNamespace(Trace=rows, Mask=rows, __mul__=None) if name != "RecordingInfo" else rows
        )
    table = Rows()
    table.Trace = Rows()
    miniscope.ProcessingQualityMetrics.make(table, {})
    stored = table.Trace.inserted[0]["variance"]
    assert stored == pytest.approx(traces.std())
    assert stored != pytest.approx(traces.var())


def test_shifts_are_swapped(miniscope, monkeypatch):
    """Right: test_rigid."""
    shifts = np.array([[1.0, 10.0], [2.0, 20.0]])  # dy, dx
    image = np.zeros((4, 6))
    motion = dict.fromkeys(("reference_image", "average_image", "correlation_image", "max_image"), image)
    loaded = SimpleNamespace(
        alignment_channel=0,
        params=SimpleNamespace(motion={"pw_rigid": False}),
        motion_correction={**motion, "shifts_rig": shifts},
    )
    monkeypatch.setattr(miniscope, "get_loader_result", lambda key, table: ("caiman", loaded))
    table = Rows()
    table.RigidMotionCorrection, table.Summary = Rows(), Rows()
    miniscope.MotionCorrection.make(table, {})
    stored = table.RigidMotionCorrection.inserted[0]
    np.testing.assert_array_equal(stored["x_shifts"], shifts[:, 0])


def test_rows_are_stored_as_x_and_masks_counted_from_one(monkeypatch):
    """Right: test_rigid and tests/results/test_caiman_reader.py."""
    import scipy.sparse

    dims = (4, 6)
    image = np.zeros(dims)
    image[1, 4] = 1  # row 1, column 4
    footprint = scipy.sparse.csc_matrix(image.reshape(-1, 1, order="F"))
    # CaImAn's get_contours counts neurons from 1 and gives centres as (row, column)
    contours = [{"neuron_id": 1, "CoM": np.array([1.0, 4.0])}]
    visualization = SimpleNamespace(get_contours=lambda A, dims: contours)
    monkeypatch.setitem(sys.modules, "caiman", SimpleNamespace(utils=SimpleNamespace(visualization=visualization)))
    loader = published("element_interface.caiman_loader")
    estimates = SimpleNamespace(A=footprint, C=image[:1], F_dff=image[:1], S=image[:1])
    cnmf = SimpleNamespace(estimates=estimates, dims=dims, params=SimpleNamespace(motion={"is3D": False}))
    (mask,) = loader.CaImAn.extract_masks(SimpleNamespace(params=cnmf.params, cnmf=cnmf))
    assert (mask["mask_xpix"].tolist(), mask["mask_ypix"].tolist()) == ([1], [4]), "x and y are swapped"
    assert (mask["mask_center_x"], mask["mask_center_y"]) == (1, 4)
    assert mask["mask_id"] == 1, "the component that idx_components calls 0"


def test_the_key_source_and_the_curation_number_need_mysql(pipeline):
    """Right: test_rigid and test_curations_are_numbered."""
    if pipeline.connection.adapter.backend != "postgresql":
        pytest.skip("the published queries are MySQL's")
    from workflow_miniscope.database.connection import DATABASE_ERRORS

    m = pipeline.miniscope
    with pytest.raises(DATABASE_ERRORS):
        len(m.Fluorescence * m.ProcessingParamSet.proj("processing_method") & 'processing_method = "caiman"')
    with pytest.raises(DATABASE_ERRORS):
        pipeline.dj.U().aggr(m.Curation(), n="ifnull(max(curation_id)+1,1)").fetch1("n")
