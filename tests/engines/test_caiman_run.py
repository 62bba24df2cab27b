"""Real CaImAn, where it is installed: what it finds must land at the right place in the result."""

import logging
import multiprocessing
import os

import numpy as np
import planted
import pytest
from scipy.optimize import linear_sum_assignment

from workflow_miniscope import engines
from workflow_miniscope.engines.caiman import installed, parameters
from workflow_miniscope.errors import EngineError
from workflow_miniscope.movies.summary import SummaryImages
from workflow_miniscope.results.caiman import PiecewiseShifts, RigidShifts, read_result, shift_blocks, write_result

ENGINE = engines.get("caiman")
pytestmark = pytest.mark.skipif(ENGINE.unavailable() is not None, reason=f"needs real CaImAn: {ENGINE.unavailable()}")

# cells of sigma 3 in a field of 64 x 96
PARAMS = {
    "gSig": 3,
    "gSiz": 15,
    "gSig_filt": 5,
    "max_shifts": 6,
    "min_corr": 0.7,
    "min_pnr": 6,
    "rf": None,
    "tsub": 1,
    "n_processes": 1,
}


@pytest.fixture(scope="module")
def recording():
    return planted.recording()


@pytest.fixture(scope="module")
def rigid_path(recording, tmp_path_factory):
    path = engines.run_engine(
        ENGINE, recording.movie, ENGINE.parse(PARAMS), tmp_path_factory.mktemp("run") / "rigid", 20.0
    )
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    return path


@pytest.fixture(scope="module")
def rigid(rigid_path):
    return read_result(rigid_path)


@pytest.fixture(scope="module")
def piecewise(recording, tmp_path_factory):
    before = dict(os.environ)
    params = PARAMS | {"pw_rigid": True, "strides": [24, 40], "overlaps": [12, 16], "n_processes": 2}
    path = engines.run_engine(
        ENGINE, recording.movie, ENGINE.parse(params), tmp_path_factory.mktemp("run") / "pw", 20.0
    )
    assert dict(os.environ) == before
    assert multiprocessing.active_children() == []
    return read_result(path)


def matches(recording, result) -> list[tuple[int, int, float]]:
    """(component, cell, similarity) of the best one-to-one pairs; nothing but the same place is similar."""
    found = result.A.T.toarray() / np.linalg.norm(result.A.toarray(), axis=0)[:, None]
    cells = np.array([cell.ravel(order="F") / np.linalg.norm(cell) for cell in recording.footprints])
    similarity = found @ cells.T
    return [(i, j, similarity[i, j]) for i, j in zip(*linear_sum_assignment(-similarity), strict=True)]


def check_cells(recording, result, least=7):
    pairs = [(i, j) for i, j, similarity in matches(recording, result) if similarity > 0.8]
    assert len(pairs) >= least
    for i, j in pairs:
        row, column = np.unravel_index(recording.footprints[j].argmax(), result.dims)
        mask = result.mask(i)
        assert abs(mask.center_x - column) <= 2 and abs(mask.center_y - row) <= 2
        assert np.corrcoef(result.C[i], recording.traces[j])[0, 1] > 0.9
        assert np.corrcoef(result.F_dff[i], recording.traces[j])[0, 1] > 0.8
    return pairs


def test_rigid(recording, rigid):
    assert rigid.dims == (64, 96) and rigid.n_frames == 500
    assert rigid.method == "caiman" and rigid.version == ENGINE.version() and rigid.fps == 20.0
    assert isinstance(rigid.motion, RigidShifts)
    pairs = check_cells(recording, rigid)
    assert {i for i, _ in pairs} & set(rigid.accepted.tolist())
    assert np.abs(rigid.F_dff).max() < 5 and rigid.dff_method.startswith("computed")
    assert rigid.requested["init"]["min_pnr"] == 6 and rigid.params["init"]["min_pnr"] == 6
    assert rigid.params["data"]["fnames"] is None


def test_shifts_are_the_corrections(recording, rigid, piecewise):
    """Sign, axis and size: (dy, dx) that bring a frame back, to the constant of the template."""
    means = np.stack([piecewise.motion.y.mean(axis=1), piecewise.motion.x.mean(axis=1)], axis=1)
    for shifts in (rigid.motion.shifts, means):
        error = shifts - recording.shifts
        assert np.std(error, axis=0).max() < 0.5


def test_images_are_of_the_registered_movie(recording, rigid):
    """Frames that the true shifts bring back have the average that the file has."""
    frames = [
        np.roll(frame.astype(float), shift.astype(int), axis=(0, 1))
        for frame, shift in zip(recording.movie.array, recording.shifts, strict=True)
    ]
    offset = np.rint(np.median(rigid.motion.shifts - recording.shifts, axis=0)).astype(int)
    expected = np.roll(np.mean(frames, axis=0), offset, axis=(0, 1))
    inside = (slice(8, -8), slice(8, -8))
    assert np.corrcoef(rigid.average_image[inside].ravel(), expected[inside].ravel())[0, 1] > 0.99
    assert np.abs(rigid.average_image - expected)[inside].mean() < 2
    assert np.all(rigid.max_image >= rigid.average_image)
    cells = recording.footprints.max(axis=0)[inside]
    assert np.corrcoef(rigid.correlation_image[inside].ravel(), cells.ravel())[0, 1] > 0.5
    assert np.corrcoef(rigid.reference_image[inside].ravel(), expected[inside].ravel())[0, 1] > 0


def test_piecewise_on_two_processes(recording, piecewise):
    assert isinstance(piecewise.motion, PiecewiseShifts)
    assert piecewise.motion.y.shape == (500, len(piecewise.motion.blocks))
    assert piecewise.motion.blocks.max(axis=0).tolist()[1::2] == [64, 96]
    check_cells(recording, piecewise, least=6)


def test_fft_interpolation_has_finer_blocks(recording, tmp_path):
    params = PARAMS | {"pw_rigid": True, "strides": [24, 40], "overlaps": [12, 16], "n_processes": 1}
    params |= {"gSig_filt": None, "shifts_opencv": False}
    movie = planted.ArrayMovie(recording.movie.array[:120])
    result = read_result(
        engines.run_engine(ENGINE, movie, ENGINE.parse(params | {"min_pnr": 3}), tmp_path / "out", 20.0)
    )
    coarse = shift_blocks(6, (64, 96), {"strides": [24, 40], "overlaps": [12, 16]})
    assert len(result.motion.blocks) == result.motion.y.shape[1] > len(coarse)


def test_patches(recording, tmp_path):
    params = PARAMS | {"rf": 20, "stride": 16}
    check_cells(
        recording,
        read_result(engines.run_engine(ENGINE, recording.movie, ENGINE.parse(params), tmp_path / "out", 20.0)),
    )


def test_patches_on_two_processes_are_followed(recording, tmp_path, caplog):
    """Its messages are in our log, each once."""
    params = PARAMS | {"rf": 20, "stride": 16, "n_processes": 2}
    with caplog.at_level("DEBUG"):
        result = read_result(engines.run_engine(ENGINE, recording.movie, ENGINE.parse(params), tmp_path / "out", 20.0))
    check_cells(recording, result)
    told = [record.getMessage() for record in caplog.records if record.name.endswith("caiman.progress")]
    steps = [message.removeprefix("CaImAn: ") for message in told if message.count(" ") == 1]
    assert [step for step in steps if step.islower()] == [
        "decode",
        "register",
        "transpose",
        "extract",
        "evaluate",
        "save",
    ]
    assert any("patches" in message for message in told)
    # what it says of its processes at their start and end is before and after the run
    assert {record.module for record in caplog.records if record.name == "caiman"} <= {"cluster"}
    assert logging.getLogger("caiman").handlers == []


def test_the_classifier_is_asked_for_before_anything_is_computed(recording, tmp_path, caplog):
    """Unless CaImAn can use its own: then its values are in the result."""
    params = ENGINE.parse(PARAMS | {"use_cnn": True})

    def run():
        return engines.run_engine(ENGINE, recording.movie, params, tmp_path / "out", 20.0)

    try:
        installed.require_classifier()
    except EngineError:
        with caplog.at_level("DEBUG"), pytest.raises(EngineError, match="use_cnn needs .*, or set use_cnn to false"):
            run()
        assert list(tmp_path.iterdir()) == [] and "CaImAn: decode" not in caplog.text
    else:
        result = read_result(run())
        assert result.cnn_preds.shape == (result.n_components,)


def test_plain_cnmf(recording, tmp_path):
    """Two-photon style: greedy seeds and a low-rank background."""
    params = PARAMS | {"method_init": "greedy_roi", "K": 8, "nb": 1, "center_psf": False, "only_init": False}
    params |= {"ring_size_factor": None, "normalize_init": True, "ssub": 1}
    result = read_result(engines.run_engine(ENGINE, recording.movie, ENGINE.parse(params), tmp_path / "out", 20.0))
    assert result.b.shape == (64 * 96, 1) and result.f.shape == (1, 500)
    assert result.dff_method == "file" and np.abs(result.F_dff).max() < 100
    pairs = [similarity for _, _, similarity in matches(recording, result)]
    assert np.sum(np.array(pairs) > 0.6) >= 4


def test_no_cells(recording, tmp_path):
    params = PARAMS | {"min_corr": 0.99, "min_pnr": 1000}
    with pytest.raises(EngineError, match="found no component in this recording: lower min_corr or min_pnr"):
        engines.run_engine(ENGINE, recording.movie, ENGINE.parse(params), tmp_path / "out", 20.0)
    assert list(tmp_path.iterdir()) == []


def test_blocks_that_do_not_fit(recording, tmp_path):
    params = PARAMS | {"pw_rigid": True, "strides": 80, "overlaps": 20}
    with pytest.raises(EngineError, match="blocks of 100 x 100 pixels .* do not fit the field of 64 x 96"):
        engines.run_engine(ENGINE, recording.movie, ENGINE.parse(params), tmp_path / "out", 20.0)


@pytest.mark.parametrize("failure", [RuntimeError("out of luck"), KeyboardInterrupt()])
def test_failure_restores_everything(recording, tmp_path, monkeypatch, failure):
    from caiman.source_extraction.cnmf.cnmf import CNMF

    def fail(self, *_, **__):
        assert os.environ["CAIMAN_TEMP"].startswith(str(tmp_path))
        assert len(multiprocessing.active_children()) == 2
        raise failure

    monkeypatch.setattr(CNMF, "fit", fail)
    monkeypatch.setenv("CAIMAN_TEMP", "/somewhere")
    before = dict(os.environ)
    raised = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else EngineError
    with pytest.raises(raised):
        engines.run_engine(ENGINE, recording.movie, ENGINE.parse(PARAMS | {"n_processes": 2}), tmp_path / "out", 20.0)
    assert dict(os.environ) == before
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("motion", ["rigid", "piecewise", "none"])
def test_caiman_opens_what_we_write(tmp_path, motion):
    from caiman.source_extraction.cnmf.cnmf import load_CNMF

    ours = planted.result(motion)
    path = write_result(tmp_path, ours)
    theirs = load_CNMF(str(path))
    estimates = theirs.estimates
    assert tuple(theirs.dims) == tuple(estimates.dims) == ours.dims
    assert np.array_equal(estimates.A.toarray(), ours.A.toarray()) and estimates.A.format == "csc"
    for name, value in {
        "C": ours.C,
        "S": ours.S,
        "YrA": ours.YrA,
        "F_dff": ours.F_dff,
        "Cn": ours.Cn,
    }.items():
        assert np.array_equal(getattr(estimates, name), value)
    assert np.array_equal(estimates.W.toarray(), ours.W.toarray())
    assert estimates.idx_components.tolist() == [0, 1, 3] and estimates.SNR_comp.tolist() == [8, 7, 1, 5]
    assert theirs.params.init["method_init"] == "corr_pnr" and theirs.params.init["K"] is None
    assert theirs.params.data["fr"] == 20.0 and tuple(theirs.params.motion["strides"]) == (20, 24)

    # CaImAn's own tools work on it, and what it saves again is still ours
    estimates.detrend_df_f(quantileMin=8, frames_window=250)
    estimates.select_components(use_object=True)
    assert estimates.A.shape[1] == 3
    theirs.save(str(tmp_path / "again.hdf5"))
    again = read_result(tmp_path / "again.hdf5")
    assert again.n_components == 3 and again.accepted.tolist() == [0, 1, 2]
    assert (again.method, again.created) == ("cnmfe", ours.created)
    assert type(again.motion) is type(ours.motion)
    assert np.array_equal(again.average_image, ours.average_image)


def test_caiman_opens_what_the_engine_writes(rigid, rigid_path, tmp_path):
    """The file of a run, and the same result written again by our own writer."""
    from caiman.source_extraction.cnmf.cnmf import load_CNMF

    for path in (rigid_path, write_result(tmp_path, rigid)):
        theirs = load_CNMF(str(path))
        assert np.allclose(theirs.estimates.C, rigid.C)
        for group in ("init", "quality", "patch"):
            for name, value in rigid.params[group].items():
                other = theirs.params.get(group, name)
                assert np.array_equal(value, other) if isinstance(value, list) else value == other, name


def test_the_names_are_caimans():
    """Every name of ours is one of CaImAn's in that group; what is missing is what we do not offer."""
    from caiman.source_extraction.cnmf.params import CNMFParams

    theirs = CNMFParams().to_dict()
    for group, names in parameters.GROUPS.items():
        assert not set(names) - set(theirs[group]), group
    known = {name for names in parameters.GROUPS.values() for name in names} | {
        *parameters.FROM_RECORDING,
        "is3D",
    }
    missing = {group: set(values) - known for group, values in theirs.items()}
    del missing["online"], missing["ring_CNN"]
    rest = set().union(*missing.values())
    assert rest == {"indices", "use_cuda", "num_splits_to_process_els", "num_splits_to_process_rig"}


def test_correlation_image_is_caimans(recording):
    from caiman.summary_images import local_correlations_fft

    array = recording.movie.array.astype(np.float32)
    summary = SummaryImages(64, 96)
    for _, block in planted.ArrayMovie(array).blocks(100):
        summary.add(block)
    # its other one, local_correlations, gives two of the four diagonals to the wrong pixels
    theirs = local_correlations_fft(array, swap_dim=False)
    assert np.allclose(summary.correlation(), theirs, atol=1e-4)


@pytest.mark.parametrize("dims", [(64, 96), (80, 80), (200, 130), (608, 608)])
@pytest.mark.parametrize(("strides", "overlaps"), [((24, 24), (12, 12)), ((20, 31), (7, 16)), ((40, 24), (24, 36))])
def test_blocks_are_caimans(dims, strides, overlaps):
    from caiman.motion_correction import sliding_window

    theirs = [
        [x, x + strides[0] + overlaps[0], y, y + strides[1] + overlaps[1]]
        for _, _, x, y, _ in sliding_window(np.zeros(dims), overlaps, strides)
    ]
    ours = shift_blocks(len(theirs), dims, {"strides": strides, "overlaps": overlaps})
    assert ours.tolist() == theirs
