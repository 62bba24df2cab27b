"""Real Facemap on videos whose motion is known."""

import copy
import json
import logging
import shutil

import numpy as np
import pytest
from faces import binned, box, write_video

from workflow_miniscope import daq
from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.engines import facemap
from workflow_miniscope.engines.facemap.passes import fit_rois, plan_passes
from workflow_miniscope.errors import EngineError, ParameterError, RecordingError
from workflow_miniscope.results.facemap import read_proc

HEIGHT, WIDTH, SBIN = 96, 128, 4
PLAIN = {"sbin": SBIN, "motSVD": True, "movSVD": False, "fullSVD": True, "rois": []}


@pytest.fixture(scope="module")
def face():
    """1201 frames: of 600 a file, the last one holds one."""
    return face_video(1201, HEIGHT, WIDTH, seed=3)


@pytest.fixture(scope="module")
def files(face, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    frames, _ = face
    made = [write_video(folder / f"{i}.avi", frames[600 * i : 600 * (i + 1)]) for i in range(3)]
    # as the legacy software leaves it when a recording ends with a full file
    (folder / "3.avi").touch()
    return [*made, folder / "3.avi"]


@pytest.fixture(scope="module")
def params(face):
    """Regions of every kind that overlap: in Facemap each would spoil the others."""
    whiskers, eye = box(face[1]["whisker_box"]), box(face[1]["eye_box"])
    part = {"x": [whiskers["x"][0] + 10, whiskers["x"][1]], "y": whiskers["y"]}
    return {
        "sbin": SBIN,
        "movSVD": True,
        "rois": [
            {"name": "pupil", "kind": "pupil", **eye, "saturation": 60},
            {"name": "whiskers", "kind": "motion", **whiskers},
            {"name": "tips", "kind": "motion", **part},
            {"name": "eye", "kind": "motion", **eye},
            {"name": "blinks", "kind": "blink", **eye, "saturation": 120},
        ],
    }


@pytest.fixture(scope="module")
def run(files, params, tmp_path_factory):
    """One run of everything: its path, and what it must not have changed."""
    before = {path: path.stat().st_mtime_ns for path in files}
    given = copy.deepcopy(params)
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    path = facemap.run_facemap(files, params, tmp_path_factory.mktemp("out") / "facemap_0", progress=False)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert params == given
    assert {path: path.stat().st_mtime_ns for path in files[0].parent.iterdir()} == before
    return path


@pytest.fixture(scope="module")
def result(run):
    return read_proc(run)


@pytest.fixture(scope="module")
def changes(face):
    return np.abs(np.diff(binned(face[0], SBIN), axis=0))


def crop(changes, region):
    return changes[:, region.y_bins[0] : region.y_bins[-1] + 1, region.x_bins[0] : region.x_bins[-1] + 1]


def test_files_are_one_camera_in_order(result, face, files):
    assert result.n_frames == len(face[0])
    assert result.files == tuple(str(path) for path in files[:3])
    assert {len(region.motion) for region in result.regions} == {len(face[0])}


def test_regions_are_in_the_order_of_the_parameters(result):
    assert [(region.number, region.name) for region in result.regions] == [
        (0, "full frame"),
        (1, "whiskers"),
        (2, "tips"),
        (3, "eye"),
    ]
    assert [pupil.name for pupil in result.pupils] == ["pupil"]
    assert [blink.name for blink in result.blinks] == ["blinks"]


def test_motion_is_exact_where_regions_overlap(result, changes):
    for region in result.regions:
        np.testing.assert_allclose(region.motion[1:], crop(changes, region).sum((1, 2)), rtol=1e-5)


def test_motion_follows_the_whiskers_from_the_first_frame(files, face, tmp_path):
    """With bins finer than a whisker is thick: coarser ones see a part of its way only."""
    rois = [{"name": "whiskers", "kind": "motion", **box(face[1]["whisker_box"])}]
    params = {"sbin": 2, "fullSVD": False, "rois": rois}
    (region,) = read_proc(facemap.run_facemap(files[:1], params, tmp_path / "out", progress=False)).regions
    speed = face[1]["whisker_speed"]
    for frames in (slice(1, 600), slice(1, 100), slice(450, 550)):
        assert np.corrcoef(region.motion[frames], speed[frames])[0, 1] > 0.99, frames
    # a shift by one frame, which Facemap leaves in the first 500, is seen by this test
    assert np.corrcoef(region.motion[2:500], speed[1:499])[0, 1] < 0.95


def test_pupil_area(result, face):
    pupil, truth = result.pupils[0], face[1]
    awake = truth["eye_open"] == 1
    assert np.corrcoef(pupil.area[awake], truth["pupil_area"][awake])[0, 1] > 0.999
    assert pupil.area[awake].mean() == pytest.approx(truth["pupil_area"][awake].mean(), rel=0.15)
    # the middle of the drawn eye, in pixels of the frame
    assert pupil.x[awake].mean() == pytest.approx(0.36 * WIDTH - 0.5, abs=0.5)
    assert pupil.y[awake].mean() == pytest.approx(0.33 * HEIGHT - 0.5, abs=0.5)


def test_blinks(result, face):
    signal, opened = result.blinks[0].signal, face[1]["eye_open"]
    assert signal[opened == 0].max() < 0.5 * signal[opened == 1].min()


def test_components_multiply_out(result, changes):
    for region in result.regions[1:]:
        np.testing.assert_allclose(region.motion_movie()[1:], crop(changes, region), atol=5e-3)
    # 500 components of the 768 bins of the full frame
    full = result.regions[0]
    assert len(full.motion_svd) == 500
    error = np.linalg.norm(full.motion_movie()[1:] - changes) / np.linalg.norm(changes)
    assert error < 0.1


def test_what_was_run_is_noted(run, params):
    about = facemap.read_run(run.parent)
    assert about["version"] == facemap.ENGINE.version() == "1.0.8"
    assert about["params"] == facemap.Parameters.parse(params).plain()
    assert about["n_frames"] == 1201
    assert sorted(path.name for path in run.parent.iterdir()) == ["0_proc.npy", facemap.RUN_NAME, "raw_files.json"]
    assert [path.name for path in run.parent.parent.iterdir()] == ["facemap_0"], "something else was left"


def test_facemaps_own_window_can_open_it(run):
    """The keys that its gui/io.py reads of a file and of each region."""
    proc = np.load(run, allow_pickle=True).item()
    assert {"filenames", "fullSVD", "motSVD", "movSVD", "pupil", "blink", "running", "sbin"} <= proc.keys()
    for roi in proc["rois"]:
        assert {"rind", "rtype", "iROI", "ivid", "color", "saturation", "ellipse", "yrange", "xrange"} <= roi.keys()
        assert roi["ellipse"].shape == (len(roi["yrange"]), len(roi["xrange"]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_facemap_alone_gets_overlapping_regions_wrong(files, params, changes, tmp_path):
    """Why they have passes of their own: all in one call, the way the published table does it."""
    from facemap import process

    checked = facemap.Parameters.parse({**params, "movSVD": False})
    rois = [roi.proc for roi in fit_rois(checked, HEIGHT, WIDTH)]
    proc = {"sbin": SBIN, "fullSVD": True, "save_mat": False, "rois": rois, "sy": 0, "sx": 0}
    path = process.run([[str(files[0])]], motSVD=True, proc=proc, savepath=str(tmp_path))
    alone = read_proc(path)
    wanted = crop(changes, alone.regions[2])[:599].sum((1, 2))
    assert not np.allclose(alone.regions[2].motion[1:], wanted, rtol=0.01)
    eye = crop(changes, alone.regions[3])[:599].sum((1, 2))
    # the pupil's surroundings are painted over, so that most of their changes are missing
    assert alone.regions[3].motion.mean() < 0.98 * eye.mean()


def test_two_thousand_frames_and_more(tmp_path):
    """From here on Facemap takes its basis from several chunks."""
    frames, truth = face_video(2100, 48, 64, seed=1)
    files = [write_video(tmp_path / "0.avi", frames[:1000]), write_video(tmp_path / "1.avi", frames[1000:])]
    rois = [{"name": "whiskers", "kind": "motion", **box(truth["whisker_box"])}]
    path = facemap.run_facemap(files, {"sbin": SBIN, "rois": rois}, tmp_path / "out", progress=False)
    full, whiskers = read_proc(path).regions
    changes = np.abs(np.diff(binned(frames, SBIN), axis=0))
    for region in (full, whiskers):
        np.testing.assert_allclose(region.motion[1:], crop(changes, region).sum((1, 2)), rtol=1e-5)
        np.testing.assert_allclose(region.motion_movie()[1:], crop(changes, region), atol=5e-3)
    ours = full.motion_svd.singular_values[0]
    stored = np.load(path, allow_pickle=True).item()["motSv"]
    assert abs(stored[0] - ours) > 0.1 * ours, "Facemap stores the last region's"


def test_pupil_without_motion(files, params, tmp_path):
    only = {"motSVD": False, "fullSVD": False, "rois": [params["rois"][0]]}
    result = read_proc(facemap.run_facemap(files[:1], only, tmp_path / "out", progress=False))
    assert result.regions == ()
    assert len(result.pupils[0].area) == result.n_frames == 600


def test_regions_without_the_full_frame(files, params, tmp_path):
    only = {"sbin": SBIN, "fullSVD": False, "rois": params["rois"][:2]}
    result = read_proc(facemap.run_facemap(files[:1], only, tmp_path / "out", progress=False))
    assert [region.number for region in result.regions] == [1]
    assert len(result.pupils) == 1


@pytest.mark.parametrize("n_frames", [3, 5])
def test_very_short(tmp_path, face, n_frames):
    video = write_video(tmp_path / "0.avi", face[0][:n_frames])
    result = read_proc(facemap.run_facemap([video], {"sbin": 8}, tmp_path / "out", progress=False))
    wanted = np.abs(np.diff(binned(face[0][:n_frames], 8), axis=0))
    np.testing.assert_allclose(result.regions[0].motion_movie()[1:], wanted, atol=1e-2)


def test_progress_and_log(files, tmp_path, capsys, caplog):
    with caplog.at_level(logging.DEBUG, "workflow_miniscope"):
        facemap.run_facemap(files[:1], {"sbin": 16}, tmp_path / "out", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert any("subsampled" in record.message for record in caplog.records)


def test_the_bars_end_full(files, tmp_path, monkeypatch):
    from workflow_miniscope.engines.facemap import engine, video

    bars = []

    class Bar(engine.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "disable": False})
            bars.append(self)

    for module in (engine, video):
        monkeypatch.setattr(module, "tqdm", Bar)
    facemap.run_facemap(files[:3], {"sbin": 16}, tmp_path / "out")
    assert [bar.desc.rstrip(": ") for bar in bars] == ["Checking frames", "Facemap"]
    assert [bar.n for bar in bars] == [bar.total for bar in bars]


# What cannot be processed --------------------------------------------------------


def refuse(files, match, error=RecordingError, params=None, folder=None):
    folder = folder or files[0].parent.parent / "refused"
    with pytest.raises(error, match=match):
        facemap.run_facemap(files, params or PLAIN, folder, progress=False)
    assert not folder.exists()


@pytest.fixture
def video(tmp_path, face):
    return write_video(tmp_path / "raw" / "0.avi", face[0][:60])


def test_missing_file(video):
    refuse([video, video.with_name("1.avi")], "1.avi cannot be read")


def test_two_cameras_at_once(video):
    refuse([[video], [video]], "one camera's videos", ParameterError, folder=video.parent.parent / "refused")


def test_garbage(video):
    bad = video.with_name("1.avi")
    bad.write_bytes(b"no video" * 100)
    refuse([video, bad], "1.avi")


def test_truncated_file(video):
    """Facemap would fill up what the header promises."""
    bad = video.with_name("1.avi")
    content = video.read_bytes()
    bad.write_bytes(content[: len(content) * 6 // 10])
    refuse([video, bad], "1.avi")
    refuse([bad, video], "1.avi")


def test_truncated_file_of_known_length(video, tmp_path):
    """As far as it goes, where the time stamps say how far that is."""
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 6 // 10])
    n_frames = daq.Movie([video]).n_frames
    assert 20 < n_frames < 40
    path = facemap.run_facemap([video], {"sbin": 16}, tmp_path / "out", progress=False, n_frames=n_frames)
    assert read_proc(path).n_frames == n_frames
    with pytest.raises(RecordingError, match=f"holds {n_frames} frames of video, 60 were expected"):
        facemap.run_facemap([video], {"sbin": 16}, tmp_path / "other", progress=False, n_frames=60)


def test_unreadable_in_the_middle(tmp_path, face, monkeypatch):
    """Facemap would repeat the frame before and go on, all later frames shifted."""
    video = write_video(tmp_path / "raw" / "0.avi", face[0][:60], "MJPG")
    content = bytearray(video.read_bytes())
    frames, at = [], content.find(b"00dc")
    while at >= 0 and at < content.rfind(b"idx1"):
        frames.append(at)
        at = content.find(b"00dc", at + 8)
    for start, stop in zip(frames[30:33], frames[31:34], strict=True):
        content[start + 8 : stop] = bytes(stop - start - 8)
    video.write_bytes(content)

    def not_reached(*args, **kwargs):
        raise AssertionError("Facemap was started")

    monkeypatch.setattr("facemap.process.run", not_reached)
    refuse([video], r"0\.avi")


def test_an_empty_file_before_the_last(video):
    empty = video.with_name("1.avi")
    empty.touch()
    last = shutil.copy(video, video.with_name("2.avi"))
    refuse([video, empty, last], "1.avi is empty")


def test_different_sizes(video, face):
    other = write_video(video.with_name("1.avi"), face[0][:10, :48])
    refuse([video, other], "1.avi.*48")


@pytest.mark.parametrize("n_frames", [1, 2])
def test_too_few_frames(tmp_path, face, n_frames):
    refuse([write_video(tmp_path / "raw" / "0.avi", face[0][:n_frames])], f"{n_frames} frames?; .*at least 3")


def roi(**changed):
    return {"name": "r", "kind": "motion", "x": [0, 40], "y": [0, 40]} | changed


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"rois": [roi(x=[120, 140])]}, "outside the frame: its x ends at 140, the frame at 128"),
        ({"rois": [roi(y=[90, 97])]}, "outside the frame: its y ends at 97, the frame at 96"),
        ({"rois": [roi(x=[1, 8])]}, "'r' is too small"),
        ({"sbin": 60}, "too large"),
    ],
)
def test_regions_that_do_not_fit_the_frame(video, params, match):
    refuse([video], match, ParameterError, params)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ([], "object of names and values"),
        ({"spatial_bin": 4}, "no parameter 'spatial_bin'"),
        ({"motsvd": True}, "did you mean 'motSVD'"),
        ({"sbin": 0}, "sbin must be"),
        ({"sbin": 2.5}, "sbin must be"),
        ({"sbin": True}, "sbin must be"),
        ({"motSVD": "yes"}, "motSVD must be true or false"),
        ({"motSVD": False, "movSVD": True}, "movSVD needs motSVD"),
        ({"motSVD": False}, "Without motSVD"),
        ({"fullSVD": False}, "Nothing is left"),
        ({"rois": "whiskers"}, "rois must be a list"),
        ({"rois": ["whiskers"]}, "Region 1 must be an object"),
        ({"rois": [roi(kind="motoin")]}, "did you mean 'motion'"),
        ({"rois": [roi(kind="running")]}, "not offered"),
        ({"rois": [roi(), roi()]}, "Two regions are named 'r'"),
        ({"rois": [roi(x=[40, 0])]}, r"x of region 'r' must be two whole numbers"),
        ({"rois": [roi(x=[-4, 8])]}, r"x of region 'r' must be two whole numbers"),
        ({"rois": [roi(y=[0.5, 8])]}, r"y of region 'r' must be two whole numbers"),
        ({"rois": [roi(y=None)]}, r"y of region 'r' must be two whole numbers"),
        ({"rois": [roi(width=3)]}, "no parameter 'width'"),
        ({"rois": [roi(saturation=3)]}, "no parameter 'saturation'"),
        ({"rois": [roi(kind="pupil")]}, "saturation of region 'r' must be a number .*, and is not given"),
        ({"rois": [roi(kind="blink", saturation=300)]}, "saturation of region 'r' must be a number"),
        ({"rois": [roi(kind="pupil", saturation=60, sigma=-1)]}, "sigma of region 'r'"),
        ({"rois": [roi(name=3)]}, "name of region 3 must be text, not 3"),
    ],
)
def test_wrong_parameters(params, match):
    with pytest.raises(ParameterError, match=match):
        facemap.Parameters.parse(params)


def test_parameters_are_completed_and_plain():
    given = {"rois": [{"kind": "pupil", "x": np.array([3, 9]), "y": (np.int64(2), 8), "saturation": np.int32(60)}]}
    checked = facemap.Parameters.parse(given).plain()
    assert checked == {
        **PLAIN,
        "rois": [{"name": "pupil 1", "kind": "pupil", "x": [3, 9], "y": [2, 8], "saturation": 60.0, "sigma": 2.0}],
    }
    assert json.loads(json.dumps(checked)) == checked == facemap.Parameters.parse(checked).plain()
    facemap.Parameters().plain()["rois"].append("spoiled")
    assert facemap.Parameters().plain() == PLAIN


@pytest.mark.parametrize("sbin", [1, 3, 4, 7])
def test_motion_regions_are_whole_bins_inside(sbin):
    """Facemap drops the last bin of y, keeps that of x, and leaves the frame at its edge."""
    params = facemap.Parameters.parse({"sbin": sbin, "rois": [roi(x=[5, 64], y=[0, 48])]})
    (fitted,) = fit_rois(params, 48, 64)
    for (first, stop), (given_first, given_stop) in ((fitted.x, (5, 64)), (fitted.y, (0, 48))):
        assert first % sbin == stop % sbin == 0
        assert given_first <= first < given_first + sbin
        assert given_stop - sbin < stop <= given_stop


@pytest.mark.parametrize("sbin", [1, 3, 7])
def test_a_region_at_the_edge(tmp_path, sbin):
    frames, _ = face_video(30, 48, 64, seed=2)
    video = write_video(tmp_path / "0.avi", frames)
    params = {"sbin": sbin, "fullSVD": False, "rois": [roi(x=[33, 64], y=[20, 48])]}
    (region,) = read_proc(facemap.run_facemap([video], params, tmp_path / "out", progress=False)).regions
    wanted = crop(np.abs(np.diff(binned(frames, sbin), axis=0)), region)
    assert wanted.shape[1:] == (len(region.y_bins), len(region.x_bins)) == region.motion_svd.masks.shape[1:]
    np.testing.assert_array_equal(region.x_range, np.arange(region.x_bins[0] * sbin, (region.x_bins[-1] + 1) * sbin))
    np.testing.assert_allclose(region.motion[1:], wanted.sum((1, 2)), rtol=1e-4)


def test_regions_share_a_pass_unless_they_disturb_one_another(params):
    rois = fit_rois(facemap.Parameters.parse(params), HEIGHT, WIDTH)
    planned = [(one.full, [roi.name for roi in one.rois]) for one in plan_passes(True, rois)]
    assert planned == [(True, ["whiskers", "eye"]), (False, ["pupil", "tips"]), (False, ["blinks"])]


def test_an_output_folder_in_use(video, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(EngineError, match="already in use"):
        facemap.run_facemap([video], PLAIN, folder, progress=False)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_video_that_breaks_on_the_way(video, tmp_path, monkeypatch):
    """It was whole when it was counted; Facemap alone would repeat a frame and go on."""
    from facemap import utils

    original, frames = utils.get_frame_details, daq.Movie.frames

    passes = []

    def breaks(self, start=0, stop=None):
        passes.append(start)
        for i, frame in enumerate(frames(self, start, stop)):
            if len(passes) > 1 and i == 40:
                raise RecordingError("0.avi is damaged.")
            yield frame

    monkeypatch.setattr(daq.Movie, "frames", breaks)
    refuse([video], "0.avi is damaged", folder=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]
    assert utils.get_frame_details is original
