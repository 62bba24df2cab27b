"""The figures show what is in the tables, whichever way it was registered."""

from datetime import timedelta

import numpy as np
import planted
import pytest
from matplotlib.collections import LineCollection

from workflow_miniscope.errors import ResultError
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.process import process
from workflow_miniscope.reports import report
from workflow_miniscope.reports.compare import compare, draw
from workflow_miniscope.results.caiman import read_result, write_result
from workflow_miniscope.work.extract import footprints_of


@pytest.fixture
def loaded(pipeline, add_recording):
    """Load a result for a new recording, populate everything from it, return the key of its segmentation."""

    def load(subject: str, result) -> dict:
        miniscope = pipeline.miniscope
        height, width = result.dims
        key = add_recording(subject, n_frames=result.C.shape[1], height=height, width=width)
        folder = get_processed_root_data_dir() / subject
        folder.mkdir(parents=True)
        write_result(folder / "caiman_result.hdf5", result)
        params = {"gSig": [2, 2]}
        miniscope.ProcessingParamSet.insert_new_params("caiman", 191, "of the test", params)
        task = {"paramset_id": 191, "processing_output_dir": subject, "task_mode": "load"}
        miniscope.ProcessingTask.insert1({**key, **task})
        assert process(restrict={"subject": subject}, progress=False).errors == []
        return (miniscope.Segmentation & key).fetch1("KEY")

    return load


def outlines(figure):
    collections = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    return [[segment.mean(axis=0)[::-1] for segment in c.get_segments()] for c in collections]


def test_figures_of_a_rigid_result(loaded, pipeline, tmp_path):
    result = planted.result("rigid")
    key = loaded("shown", result)

    rejected, accepted, *highlighted = outlines(report.footprints(key, count=2))
    np.testing.assert_allclose(accepted, [planted.CELLS[i] for i in sorted(result.accepted)], atol=0.7)
    np.testing.assert_allclose(rejected, [planted.CELLS[i] for i in sorted(result.rejected)], atol=0.7)
    assert len(highlighted) == 2

    times = (pipeline.miniscope.RecordingInfo & key).fetch1("time_stamps")
    traces = report.traces(key, count=2).axes[0]
    shown = [line for line in traces.lines if len(line.get_xdata()) == len(times)]
    np.testing.assert_allclose(shown[0].get_xdata(), times)
    labels = [int(text.get_text()) for text in traces.texts if text.get_text().isdigit()]
    dff = result.F_dff[labels[0]]
    np.testing.assert_allclose(np.ptp(shown[0].get_ydata()), np.ptp(dff), rtol=1e-4)

    vertical, horizontal = report.motion_shifts(key).axes[0].lines
    np.testing.assert_allclose(vertical.get_ydata(), result.motion.shifts[:, 0])
    np.testing.assert_allclose(horizontal.get_ydata(), result.motion.shifts[:, 1])

    names = {path.name for path in report.write(tmp_path, {"subject": "shown"}, progress=False)}
    assert {name.split("_", 5)[-1] for name in names if "p191" in name} == {
        "motion_shifts.png",
        "registration.png",
        "images.png",
        "footprints.png",
        "cell_quality.png",
        "traces.png",
        "raster.png",
    }
    assert len(names) == 8  # and the frame intervals, which need no parameters


def test_a_title_tells_two_analyses_apart_and_names_both_clocks(loaded, pipeline, tmp_path, monkeypatch):
    key = loaded("titled", planted.result())
    figure = report.footprints(key, count=1)
    utc = key["session_datetime"]
    device = (pipeline.miniscope.Recording & key).fetch1("device")
    # the rig's clock is 8 hours behind
    local = utc - timedelta(hours=8)
    first, second = " ".join(figure.get_suptitle().split("\n")).split(" paramset ")
    said = f"{utc:%H:%M:%S}" if utc.date() == local.date() else f"{utc:%Y-%m-%d %H:%M:%S}"
    assert first == f"titled · {local:%Y-%m-%d %H:%M:%S} local time ({said} UTC) · {device}"
    assert second == "191: caiman, of the test · curation 1"

    assert figure.axes[0].texts[-1].get_text().endswith("px")
    (tmp_path / "project.toml").write_text(f'[subjects.titled]\npixel_size_um = {{ "{device}" = 2.0 }}\n')
    monkeypatch.chdir(tmp_path)
    assert report.footprints(key, count=1).axes[0].texts[-1].get_text() == "20 µm"
    assert report.motion_shifts(key).axes[0].child_axes[0].get_ylabel() == "µm"


def test_cells_are_drawn_over_one_image_whichever_way_is_taken(loaded, tmp_path):
    result = planted.result()
    key = loaded("imaged", result)
    path = write_result(tmp_path / "caiman_result.hdf5", result)
    drawn = [
        report.footprints(key).axes[0].images[0].get_array(),
        report.summary_images(key).axes[-1].images[0].get_array(),
        draw(compare(result, result)).axes[0].images[0].get_array(),
        footprints_of(read_result(path), "scope").axes[0].images[0].get_array(),
    ]
    for image in drawn:
        np.testing.assert_allclose(image, result.Cn, rtol=1e-6)


def test_the_shifts_of_a_piecewise_rigid_result(loaded):
    result = planted.result("piecewise")
    vertical, horizontal = report.motion_shifts(loaded("blocky", result)).axes[0].lines
    np.testing.assert_allclose(vertical.get_ydata(), np.median(result.motion.y, axis=1))
    np.testing.assert_allclose(horizontal.get_ydata(), np.median(result.motion.x, axis=1))


def test_a_restriction_must_choose_one_row(pipeline):
    with pytest.raises(ResultError, match="0 rows of Segmentation"):
        report.footprints({"subject": "nobody"})
