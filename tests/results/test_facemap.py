"""Facemap's files: read without running them, and put right. The files are Facemap 1.0.8's own."""

import contextlib
import pickle
import struct
from pathlib import Path, PurePath

import numpy as np
import pytest
from faces import binned, box, write_video

from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.errors import ResultError
from workflow_miniscope.results.facemap import find_proc, load_pickled_npy, read_proc

N_FRAMES, HEIGHT, WIDTH, SBIN = 620, 60, 80, 4


@pytest.fixture(scope="module")
def face():
    return face_video(N_FRAMES, HEIGHT, WIDTH, seed=3)


@pytest.fixture(scope="module")
def proc_path(face, tmp_path_factory):
    """What Facemap itself saves, as its own window would call it."""
    from facemap import process

    folder = tmp_path_factory.mktemp("facemap")
    frames, truth = face
    video = write_video(folder / "face.avi", frames)
    whiskers = box(truth["whisker_box"])
    roi = {
        "rind": 1,
        "rtype": "motion SVD",
        "iROI": 0,
        "ivid": 0,
        "color": (255, 0, 0),
        "yrange": np.arange(whiskers["y"][0], whiskers["y"][1]),
        "xrange": np.arange(whiskers["x"][0], whiskers["x"][1]),
        "saturation": 0,
    }
    state = np.random.get_state()  # noqa: NPY002
    proc = {"sbin": SBIN, "fullSVD": True, "save_mat": False, "rois": [roi], "sy": 0, "sx": 0}
    path = process.run([[str(video)]], motSVD=True, movSVD=True, proc=proc, savepath=str(folder))
    np.random.set_state(state)  # noqa: NPY002
    return Path(path)


@pytest.fixture(scope="module")
def raw(proc_path):
    return np.load(proc_path, allow_pickle=True).item()


@pytest.fixture(scope="module")
def result(proc_path):
    return read_proc(proc_path)


@pytest.fixture(scope="module")
def changes(face):
    """The absolute changes between binned frames [frame - 1, y, x]."""
    return np.abs(np.diff(binned(face[0], SBIN), axis=0))


def test_regions_and_pictures(result, raw, face):
    assert (result.n_frames, result.sbin) == (N_FRAMES, SBIN)
    assert [(region.number, region.name) for region in result.regions] == [(0, "full frame"), (1, "motion 1")]
    full, whiskers = result.regions
    assert (len(full.x_range), len(full.y_range)) == (WIDTH, HEIGHT)
    assert full.motion_svd.masks.shape[1:] == (HEIGHT // SBIN, WIDTH // SBIN) == result.average_frame.shape
    np.testing.assert_array_equal(whiskers.x_range, raw["rois"][0]["xrange"])
    np.testing.assert_array_equal(whiskers.y_bins, raw["rois"][0]["yrange_bin"])
    assert whiskers.motion_svd.masks.shape[1:] == (len(whiskers.y_bins), len(whiskers.x_bins))
    # the mean of 600 of the 620 frames
    np.testing.assert_allclose(result.average_frame, binned(face[0], SBIN).mean(0), atol=1)


def test_motion_is_at_its_frames(result, raw, changes):
    wanted = changes.sum((1, 2))
    # Facemap's own leads by a frame up to 499, where it is 0
    np.testing.assert_allclose(raw["motion"][0][:499], wanted[:499], rtol=1e-4)
    assert raw["motion"][0][499] == 0
    np.testing.assert_allclose(result.regions[0].motion[1:], wanted, rtol=1e-4)
    assert result.regions[0].motion[0] == result.regions[0].motion[1]


def test_components_are_of_unit_norm_with_real_singular_values(result, raw):
    assert not raw["motSv"].any(), "Facemap leaves zeros here"
    for region in result.regions:
        for components in (region.motion_svd, region.movie_svd):
            flat = components.masks.reshape(len(components), -1).astype(float)
            np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-4)
            norms = np.linalg.norm(components.time_courses[:, 1:], axis=1)
            np.testing.assert_allclose(components.singular_values, norms, rtol=1e-4)
    norms = np.linalg.norm(raw["motMask"][0], axis=0)
    assert norms[0] > 100, "Facemap's masks are not of unit norm below 2000 frames"


def test_singular_values_are_those_of_the_movie(result, changes):
    flat = changes.reshape(len(changes), -1) - result.average_motion.ravel()
    # PCA leaves out each frame's mean over the bins
    flat = flat - flat.mean(1, keepdims=True)
    wanted = np.linalg.svd(flat.astype(float), compute_uv=False)[:5]
    np.testing.assert_allclose(result.regions[0].motion_svd.singular_values[:5], wanted, rtol=0.01)


def test_components_multiply_out_to_the_movie(result, changes):
    full, whiskers = result.regions
    np.testing.assert_allclose(full.motion_movie()[1:], changes, atol=2e-3)
    rows, columns = np.ix_(whiskers.y_bins, whiskers.x_bins)
    np.testing.assert_allclose(whiskers.motion_movie(100, 200), changes[99:199, rows, columns], atol=2e-3)


def test_movie_components_multiply_out_but_for_the_mean(result, face):
    pictures = binned(face[0], SBIN) - result.average_frame
    components = result.regions[0].movie_svd
    flat = pictures.reshape(len(pictures), -1)
    rebuilt = components.time_courses.T @ components.masks.reshape(len(components), -1)
    np.testing.assert_allclose(rebuilt[1:], (flat - flat.mean(1, keepdims=True))[1:], atol=5e-3)


def test_a_time_course_is_not_a_frame(result, raw):
    """The published table would store row i, one value for each component."""
    assert raw["motSVD"][0][0].shape != (N_FRAMES,)
    assert result.regions[0].motion_svd.time_courses[0].shape == (N_FRAMES,)


def test_two_cameras_side_by_side(face, changes, tmp_path):
    """As Facemap's window runs simultaneous videos; the second is larger, so that the first lies in a corner."""
    from facemap import process

    other, _ = face_video(N_FRAMES, 72, 96, seed=4)
    videos = [write_video(tmp_path / f"{name}.avi", movie) for name, movie in (("face", face[0]), ("body", other))]
    where = {"rind": 1, "rtype": "motion SVD", "color": (255, 0, 0), "saturation": 0}
    rois = [
        {**where, "iROI": 0, "ivid": 0, "yrange": np.arange(8, 33), "xrange": np.arange(4, 29)},
        {**where, "iROI": 1, "ivid": 1, "yrange": np.arange(16, 41), "xrange": np.arange(8, 33)},
    ]
    state = np.random.get_state()  # noqa: NPY002
    proc = {"sbin": SBIN, "fullSVD": False, "save_mat": False, "rois": rois, "sy": [0, 0], "sx": [0, 96]}
    path = process.run([[str(video) for video in videos]], motSVD=True, proc=proc, savepath=str(tmp_path))
    np.random.set_state(state)  # noqa: NPY002
    result = read_proc(path)
    assert (result.n_cameras, len(result.files), result.n_frames) == (2, 2, N_FRAMES)
    assert [region.camera for region in result.regions] == [0, 1]
    for region, wanted in zip(result.regions, (changes, np.abs(np.diff(binned(other, SBIN), axis=0))), strict=True):
        inside = wanted[:, region.y_bins[:, None], region.x_bins[None, :]]
        np.testing.assert_allclose(region.motion[1:], inside.sum((1, 2)), rtol=1e-4)
        np.testing.assert_allclose(region.motion_movie()[1:], inside, atol=5e-3)


def save(path, content):
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


def test_full_frame_left_out(raw, tmp_path):
    """fullSVD off leaves empty arrays for number 0."""
    proc = dict(raw, fullSVD=False)
    empty = np.zeros((0, 1), np.float32)
    proc["motion"] = [np.zeros(0, np.float32), raw["motion"][1]]
    for key in ("motSVD", "motMask_reshape", "movSVD", "movMask_reshape"):
        proc[key] = [empty, raw[key][1]]
    (region,) = read_proc(save(tmp_path / "a_proc.npy", proc)).regions
    assert region.number == 1
    assert region.motion_svd.time_courses.shape[1] == N_FRAMES


def test_no_region_of_interest(raw, tmp_path):
    proc = dict(raw, rois=None)
    for key in ("motion", "motSVD", "motMask_reshape", "movSVD", "movMask_reshape"):
        proc[key] = raw[key][:1]
    assert [region.name for region in read_proc(save(tmp_path / "a_proc.npy", proc)).regions] == ["full frame"]


def test_without_movie_svd(raw, tmp_path):
    proc = dict(raw, movSVD=[], movMask=[], movMask_reshape=[])
    result = read_proc(save(tmp_path / "a_proc.npy", proc))
    assert all(region.movie_svd is None for region in result.regions)


def test_motion_that_was_not_computed_is_unknown(raw, tmp_path):
    """Facemap leaves it 0 when only the movie is decomposed."""
    proc = dict(raw, motSVD=[], motMask=[], motMask_reshape=[])
    proc["motion"] = [np.zeros_like(motion) for motion in raw["motion"]]
    region = read_proc(save(tmp_path / "a_proc.npy", proc)).regions[0]
    assert region.motion_svd is None
    assert np.isnan(region.motion).all()
    with pytest.raises(ResultError, match="motSVD"):
        region.motion_movie()


def test_paths_of_any_system(raw, tmp_path):
    """A file made on Windows names its videos by WindowsPath, which does not exist elsewhere."""

    proc = dict(raw, filenames=[[Path("/data/0.avi")], [Path("/data/1.avi")]])
    assert read_proc(save(tmp_path / "a_proc.npy", proc)).files == ("/data/0.avi", "/data/1.avi")
    content = b"cpathlib\nWindowsPath\n(VC:\\\nVvideos\nV0.avi\ntR."
    assert str(load_pickled_npy(write_npy(tmp_path / "b.npy", content))) == "C:\\videos\\0.avi"


@pytest.mark.parametrize("key", ["sbin", "motion", "rois", "avgframe_reshape", "motMask_reshape", "filenames"])
def test_a_missing_key_is_named(raw, tmp_path, key):
    proc = {name: value for name, value in raw.items() if name != key}
    with pytest.raises(ResultError, match=f"{key}|no ROIs and no motion"):
        read_proc(save(tmp_path / "a_proc.npy", proc))


def test_signals_of_different_lengths(raw, tmp_path):
    proc = dict(raw, motion=[raw["motion"][0], raw["motion"][1][:-5]])
    with pytest.raises(ResultError, match="615 and 620 frames"):
        read_proc(save(tmp_path / "a_proc.npy", proc))
    proc = dict(raw, motSVD=[raw["motSVD"][0][:-5], raw["motSVD"][1]])
    with pytest.raises(ResultError, match="motSVD of shape"):
        read_proc(save(tmp_path / "a_proc.npy", proc))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no numpy file", b"\x93NUMPY\x01\x00\xff\xff" + b"x" * 40])
def test_damaged_files(tmp_path, content):
    path = tmp_path / "a_proc.npy"
    path.write_bytes(content)
    with pytest.raises(ResultError, match="a_proc.npy"):
        read_proc(path)


def test_a_cut_file(proc_path, tmp_path):
    path = tmp_path / "a_proc.npy"
    path.write_bytes(proc_path.read_bytes()[:50_000])
    with pytest.raises(ResultError, match="damaged"):
        read_proc(path)


def test_other_arrays_are_no_results(tmp_path):
    np.save(tmp_path / "a_proc.npy", np.arange(3))
    with pytest.raises(ResultError, match="no result of Facemap"):
        read_proc(tmp_path / "a_proc.npy")
    with pytest.raises(ResultError, match="No such file"):
        read_proc(tmp_path / "b_proc.npy")


def test_one_result_in_a_folder(tmp_path):
    with pytest.raises(ResultError, match="no Facemap result"):
        find_proc(tmp_path)
    (tmp_path / "a_proc.npy").touch()
    assert find_proc(tmp_path).name == "a_proc.npy"
    (tmp_path / "b_proc.npy").touch()
    with pytest.raises(ResultError, match=r"several.*a_proc.npy, b_proc.npy"):
        find_proc(tmp_path)


# Files that would run something ------------------------------------------------


def write_npy(path: Path, content: bytes) -> Path:
    """A pickle where numpy puts one."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content)
    return path


class Attack:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def attacks(target: Path) -> dict[str, bytes]:
    """Pickles that would create a file, or corrupt memory, if anything of theirs were believed."""
    touch = f"open({str(target)!r}, 'w').close()"
    name = str(target).encode()
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"
    objects = b"cnumpy\ndtype\n(VO8\nI00\nI01\ntR"
    return {
        "exec": pickle.dumps(Attack(exec, touch)),
        "eval in a dictionary": pickle.dumps({"rois": [], "motion": [Attack(eval, touch)]}),
        "os.mkdir": b"cos\nmkdir\n(V" + name + b"\ntR.",
        "builtins.getattr": b"c__builtin__\ngetattr\n(c__builtin__\ncomplex\nV__class__\ntR.",
        "Path.touch": b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + name + b"\ntRtR.",
        "Path.touch, protocol 4": b"\x80\x04\x8c\x07pathlib\x8c\nPath.touch\x93(" + b"V" + name + b"\ntR.",
        "numpy.load": b"cnumpy\nload\n(V" + name + b"\ntR.",
        "numpy's own exec": b"cnumpy.testing._private.utils\nrunstring\n(V" + touch.encode() + b"\n}tR.",
        "through numpy.core": b"cnumpy.core.multiarray\nos.mkdir\n(V" + name + b"\ntR.",
        "state of a function": b"cnumpy.core.multiarray\n_reconstruct\n}V__code__\nI1\nsb.",
        "state of a class": b"cpathlib\nPosixPath\n(N}V__fspath__\nI1\nstb.",
        "attribute of a function": b"c_codecs\nencode\nN}Vargs\nI1\ns\x86b.",
        "ndarray called": b"cnumpy\nndarray\n(I1\ntR.",
        # object pointers made of bytes: numpy would follow them
        "objects from bytes": array + b"(I1\n(I1\nt" + objects + b"I00\nC\x08AAAAAAAAtb.",
        "objects from text": array + b"(I1\n(I1\nt" + objects + b"I00\nVAAAAAAAA\ntb.",
        "structured with objects": array + b"(I1\n(I1\ntcnumpy\ndtype\n(VV8\nI00\nI01\ntRI00\nC\x08AAAAAAAAtb.",
        "scalar of objects": b"cnumpy.core.multiarray\nscalar\n(" + objects + b"C\x08AAAAAAAAtR.",
        "array of a million million": array + b"(I1\n(I1000000000000\ntcnumpy\ndtype\n(Vu1\ntRI00\nI1000000000000\ntb.",
        "array without content": array + b".",
        "function as a result": b"cnumpy\ndtype\n.",
        "array in itself": array + b"q\x01(I1\n(I1\nt" + objects + b"I00\n]h\x01atb.",
        "list in itself": b"]q\x01h\x01a.",
        "persistent id": b"Pabc\n.",
        "extension": b"\x82\x01.",
        "deep": b"(" * 50_000 + b"t" * 50_000 + b".",
    }


@pytest.mark.parametrize("attack", list(attacks(Path("x"))))
def test_an_attack_is_refused_and_does_nothing(tmp_path, attack):
    target = tmp_path / "created"
    path = write_npy(tmp_path / "a_proc.npy", attacks(target)[attack])
    before = vars(pickle).copy(), {kind: vars(kind).copy() for kind in (PurePath, Path)}
    with pytest.raises(ResultError, match="a_proc.npy"):
        read_proc(path)
    assert not target.exists()
    assert before == (vars(pickle).copy(), {kind: vars(kind).copy() for kind in (PurePath, Path)})


def test_the_attacks_are_real(tmp_path):
    """Loaded plainly, they do what the test above says they must not."""
    for name in ("exec", "eval in a dictionary", "os.mkdir"):
        target = tmp_path / f"created by {name}"
        path = write_npy(tmp_path / "a_proc.npy", attacks(target)[name])
        with contextlib.suppress(AttributeError):  # None is not what numpy expected to find
            np.load(path, allow_pickle=True)
        assert target.exists(), name


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_any_protocol(tmp_path, protocol):
    data = {
        "float": np.arange(6, dtype="<f4").reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i2"),
        "bool": np.array([True, False]),
        "text": np.array(["face", "pupil"]),
        "empty": np.zeros((0, 1), np.float32),
        "scalar": np.float64(0.5),
        "integer": np.int64(2**40),
        "objects": np.array([None, "a", 3], dtype=object),
        "nested": [(1, 2.5, -3), {"bytes": b"\x00\xff"}, {1, 2}, complex(1, 2), True, None],
    }
    path = write_npy(tmp_path / "a.npy", pickle.dumps(np.array(data, dtype=object), protocol))
    loaded = load_pickled_npy(path)
    for name, value in data.items():
        if isinstance(value, np.ndarray):
            assert loaded[name].dtype == value.dtype.newbyteorder("="), name
            assert loaded[name].shape == value.shape, name
            assert loaded[name].tolist() == value.tolist(), name
            assert loaded[name].flags.writeable
        else:
            assert loaded[name] == value and type(loaded[name]) is type(value), name
