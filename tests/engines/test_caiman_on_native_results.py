"""CaImAn's own tools on a file of the native engine, where CaImAn is installed: looking, evaluating, selecting."""

from pathlib import Path

import cv2
import numpy as np
import planted
import pytest
import simulation

from workflow_miniscope import engines
from workflow_miniscope.cnmfe import extract
from workflow_miniscope.engines.caiman import memmaps
from workflow_miniscope.results.caiman import RESULT_NAME, read_result

ENGINE = engines.get("caiman")
pytestmark = pytest.mark.skipif(ENGINE.unavailable() is not None, reason=f"needs real CaImAn: {ENGINE.unavailable()}")


@pytest.fixture(scope="module")
def recording():
    # neither side is a whole number of bins of the background
    return simulation.make(seed=3, height=66, width=91, frames=500, n_cells=8)


@pytest.fixture(scope="module")
def native(recording, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    extract(recording.movie, recording.fps, output=folder, progress=False)
    return folder / RESULT_NAME


@pytest.fixture(scope="module")
def result(native):
    return read_result(native)


@pytest.fixture(scope="module")
def frames(recording, result, native):
    """The registered movie as CaImAn maps it."""
    import caiman

    how = {"dsize": result.dims[::-1], "flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    moved = [
        cv2.warpAffine(frame.astype(np.float32), np.array([[1, 0, dx], [0, 1, dy]]), **how)
        for frame, (dy, dx) in zip(recording.movie, result.motion.shifts, strict=True)
    ]
    raw = memmaps.write_movie(planted.ArrayMovie(np.array(moved)), native.parent, progress=False)
    path, _ = memmaps.to_c_order([raw], result.dims, native.parent, progress=False)
    Yr, dims, n = caiman.load_memmap(str(path))
    return np.reshape(Yr.T, (n, *dims), order="F")


@pytest.fixture
def opened(native):
    from caiman.source_extraction.cnmf.cnmf import load_CNMF

    return load_CNMF(str(native))


def test_says_what_it_is(opened, result):
    """What CaImAn would otherwise fill in: a classifier, a low-rank background, two-photon seeds."""
    params = opened.params
    assert params.quality["use_cnn"] is False and params.quality["min_SNR"] == result.params["quality"]["min_SNR"]
    assert {params.get(group, "nb") for group in ("init", "spatial", "temporal")} == {0}
    assert params.init["center_psf"] and params.init["method_init"] == "corr_pnr" and params.patch["rf"] is None
    assert params.temporal["p"] == params.preprocess["p"] == result.g.shape[1]
    assert opened.mmap_file == ""


@pytest.mark.parametrize("accepted", [False, True])
def test_plots(opened, result, tmp_path, monkeypatch, capsys, accepted):
    import bokeh.io
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    bokeh.io.output_file(str(tmp_path / "contours.html"))
    # saves what it would open in a browser
    monkeypatch.setattr("bokeh.plotting.show", bokeh.io.save)
    estimates = opened.estimates
    which = estimates.idx_components if accepted else None
    estimates.plot_contours(img=estimates.Cn, idx=which, params=opened.params)
    centres = np.array([contour["CoM"] for contour in estimates.coordinates])
    assert np.allclose(centres, result.center, atol=0.01)
    estimates.plot_contours_nb(img=estimates.Cn, idx=which, params=opened.params)
    assert (tmp_path / "contours.html").stat().st_size > 10_000
    estimates.view_components(img=estimates.Cn, idx=which)
    estimates.nb_view_components(img=estimates.Cn, idx=which)
    estimates.hv_view_components(img=estimates.Cn, idx=which)
    # what it prints when it takes a plain plot instead
    assert "Error with bokeh" not in capsys.readouterr().out
    plt.close("all")


def test_its_ring_background_is_ours(opened, result, frames):
    """CaImAn computes the background from W and b0: what is left beside the cells must be about the noise."""
    panels = opened.estimates.play_movie(frames, display=False)
    width = result.dims[1]
    movie, left = np.array(panels[..., :width]), np.array(panels[..., 2 * width :])
    inside = (slice(None), slice(8, -8), slice(8, -8))
    noise = np.median(result.sn.reshape(result.dims, order="F")[inside[1:]])
    assert np.std((movie - movie.mean(axis=0))[inside]) > 1.5 * noise
    assert np.std(left[inside]) < 1.15 * noise


def test_evaluates_again(opened, result, frames, recording):
    estimates = opened.estimates
    estimates.evaluate_components(frames, opened.params)
    both = np.concatenate([estimates.idx_components, estimates.idx_components_bad])
    assert sorted(both.tolist()) == list(range(result.n_components))
    cells = [component for component, _ in simulation.match(result, recording)]
    assert len(cells) >= 7
    assert set(cells) <= set(estimates.idx_components.tolist())
    estimates.filter_components(frames, opened.params, new_dict={"min_SNR": 1e3, "rval_thr": 1.01})
    assert len(estimates.idx_components) < len(cells)


def test_computes_and_selects_again(opened, result, frames, tmp_path):
    from caiman.source_extraction.cnmf.cnmf import load_CNMF

    estimates = opened.estimates
    pixels = np.array(frames).reshape(len(frames), -1, order="F").T
    estimates.compute_residuals(pixels)
    assert estimates.R.shape == result.C.shape
    estimates.detrend_df_f(quantileMin=8, frames_window=250)
    assert estimates.F_dff.shape == result.C.shape
    estimates.select_components(use_object=True)
    opened.save(str(tmp_path / "again.hdf5"))
    again = load_CNMF(str(tmp_path / "again.hdf5"))
    assert again.estimates.A.shape[1] == read_result(tmp_path / "again.hdf5").n_components == len(result.accepted)
    again.estimates.restore_discarded_components()
    assert again.estimates.A.shape[1] == len(again.estimates.C) == result.n_components


def test_updates_the_footprints(opened, result, frames, recording):
    """Fitted anew by CaImAn to the movie without the background, with our traces, those of cells stay what they are."""
    estimates = opened.estimates
    pixels = np.array(frames).reshape(len(frames), -1, order="F").T
    # CaImAn changes them in place
    before = estimates.A.copy()
    opened.update_spatial(pixels - estimates.compute_background(pixels), use_init=False)
    first, second = before.toarray(), estimates.A.toarray()
    cosine = first.T @ second / np.outer(np.linalg.norm(first, axis=0), np.linalg.norm(second, axis=0))
    cells = [component for component, _ in simulation.match(result, recording)]
    # CaImAn drops components of which nothing is left, so the others may count on from elsewhere
    assert len(cells) >= 7 and cosine[cells].max(axis=1).min() > 0.9


def test_opens_a_piecewise_rigid_result(recording, tmp_path):
    given = {"pw_rigid": True, "strides": 30, "overlaps": 10}
    result = extract(recording.movie, recording.fps, given, output=tmp_path, progress=False)
    assert result.motion.y.shape[1] > 1
    from caiman.source_extraction.cnmf.cnmf import load_CNMF

    theirs = load_CNMF(str(tmp_path / RESULT_NAME))
    assert np.allclose(theirs.estimates.A.toarray(), result.A.toarray())
    assert np.array_equal(theirs.estimates.C, result.C) and theirs.dims == result.dims
    assert theirs.params.motion["pw_rigid"] is True
    assert tuple(theirs.params.motion["strides"]) == (30, 30) and tuple(theirs.params.motion["overlaps"]) == (10, 10)
