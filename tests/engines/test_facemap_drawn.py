"""Regions drawn in Facemap's window: saved as its window saves them, by Facemap's own function."""

import numpy as np
import pytest
from faces import box, write_video

from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.engines import facemap
from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.results.facemap import read_proc

HEIGHT, WIDTH = 60, 80


def drawn(rind: int, x: list[int], y: list[int], **more) -> dict:
    """A region as ``facemap.utils.roi_to_dict`` describes it."""
    names = ["Pupil", "motion SVD", "Blink", "Running"]
    ranges = {"xrange": np.arange(*x, dtype=np.int32), "yrange": np.arange(*y, dtype=np.int32)}
    color = tuple(np.random.default_rng(rind).uniform(0, 255, 3))
    ellipse = np.ones((len(ranges["yrange"]), len(ranges["xrange"])), bool)
    about = {"rind": rind, "rtype": names[rind], "iROI": 0, "ivid": 0, "color": color, "saturation": 255}
    return {**about, **ranges, "pupil_sigma": 0, "ellipse": ellipse, **more}


def save(folder, rois, **changed):
    """What "Save ROIs" writes: the settings of the window, and no result."""
    from facemap import process

    proc = {
        "Ly": [HEIGHT],
        "Lx": [WIDTH],
        "sy": np.zeros(1, int),
        "sx": np.zeros(1, int),
        "LY": HEIGHT,
        "LX": WIDTH,
        "sbin": 4,
        "fullSVD": True,
        "rois": rois,
        "motSVD": True,
        "movSVD": False,
        "pose_settings": {"bbox": [], "bbox_set": False, "resize_img": False, "add_padding": False},
        "save_mat": False,
        "save_path": "",
        "filenames": [["C:/videos/face.avi"]],
        **changed,
    }
    return process.save(proc, savepath=str(folder))


def test_what_was_drawn_is_run(tmp_path):
    frames, truth = face_video(80, HEIGHT, WIDTH, seed=3)
    eye, whiskers = box(truth["eye_box"]), box(truth["whisker_box"])
    rois = [
        drawn(1, **whiskers),
        drawn(0, **eye, saturation=60.0, pupil_sigma=2.5),
        drawn(2, **eye, saturation=110),
        drawn(1, x=[0, 16], y=[0, 16]),
    ]
    params = facemap.drawn_params(save(tmp_path, rois)).plain()
    assert params == {
        "sbin": 4,
        "motSVD": True,
        "movSVD": False,
        "fullSVD": True,
        "rois": [
            {"name": "motion 1", "kind": "motion", **whiskers},
            {"name": "pupil 1", "kind": "pupil", **eye, "saturation": 60.0, "sigma": 2.5},
            {"name": "blink 1", "kind": "blink", **eye, "saturation": 110.0},
            {"name": "motion 2", "kind": "motion", "x": [0, 16], "y": [0, 16]},
        ],
    }
    video = write_video(tmp_path / "raw" / "0.avi", frames)
    path = facemap.run_facemap([video], params, tmp_path / "out", progress=False)
    result = read_proc(path)
    assert [region.name for region in result.regions] == ["full frame", "motion 1", "motion 2"]
    assert (len(result.pupils), len(result.blinks)) == (1, 1)
    # the result is a file of the same kind, with the names that we gave; of motion regions whole bins are used
    again = facemap.drawn_params(path).plain()
    assert again["rois"][1:] == params["rois"][1:] and again | {"rois": []} == params | {"rois": []}


def test_what_is_not_run_is_said(tmp_path, caplog):
    rois = [
        drawn(3, x=[0, 40], y=[0, 40]),
        drawn(0, x=[20, 40], y=[20, 40], reflector=[{"xrange": np.arange(3)}]),
        drawn(1, x=[0, 40], y=[0, 40], ivid=1),
    ]
    path = save(tmp_path, rois, motSVD=False, Ly=[HEIGHT, 48], Lx=[WIDTH, 64])
    params = facemap.drawn_params(path)
    assert [roi.kind for roi in params.rois] == ["pupil"] and params.motSVD is True
    assert params.rois[0].sigma == 2.0, "Facemap's 0 stands for its default"
    for said in ("running, which Facemap 1.0.8 computes wrongly", "of other cameras", "reflections in 'pupil 1'"):
        assert said in caplog.text
    assert "motSVD is set to true" in caplog.text
    assert [roi.name for roi in facemap.drawn_params(path, camera=1).rois] == ["motion 1"]
    with pytest.raises(ParameterError, match="has 2 cameras, from 0; there is no 2"):
        facemap.drawn_params(path, camera=2)


def test_the_pupil_alone(tmp_path):
    path = save(tmp_path, [drawn(0, x=[20, 40], y=[20, 40])], fullSVD=False, motSVD=False)
    params = facemap.drawn_params(path)
    assert (params.motSVD, params.fullSVD, len(params.rois)) == (False, False, 1)


def test_nothing_drawn(tmp_path):
    assert facemap.drawn_params(save(tmp_path, None)) == facemap.Parameters()


def test_files_that_are_not_facemaps(tmp_path):
    class Attack:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'created')!r}, 'w')",)

    for name, content, said in (
        ("attack", {"rois": Attack(), "sbin": 4}, "builtins.exec"),
        ("other", {"x": 1}, "was not saved by Facemap"),
        ("part", {"sbin": 4, "rois": [{"rind": 1, "xrange": np.arange(9)}]}, r"is not whole \(KeyError: 'yrange'\)"),
        ("kind", {"sbin": 4, "rois": [{"rind": 7, "xrange": np.arange(9)}]}, None),
    ):
        path = tmp_path / f"{name}_proc.npy"
        np.save(path, np.array(content, dtype=object))
        with pytest.raises(ResultError if said else ParameterError, match=said or "unknown kind 7"):
            facemap.drawn_params(path)
    assert not (tmp_path / "created").exists()
