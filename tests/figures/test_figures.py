"""The figures show what they were given, in the right place, and leave the user's matplotlib alone."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from workflow_miniscope import figures
from workflow_miniscope.results.footprint_size import half_maximum_area


def disc(x, y, radius=4, height=40, width=90):
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(columns - x, rows - y)
    ypix, xpix = np.nonzero(distance < radius)
    return xpix, ypix, np.exp(-((distance[ypix, xpix] / radius) ** 2))


def outlines(figure):
    return [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def test_footprints_lie_where_the_cells_are_in_a_wide_image():
    figure = figures.footprints(np.zeros((40, 90)), [disc(70, 10), disc(20, 30)])
    centres = [segment.mean(axis=0) for c in outlines(figure) for segment in c.get_segments()]
    assert len(centres) == 2
    np.testing.assert_allclose(centres, [(70, 10), (20, 30)], atol=0.6)


def test_an_outline_surrounds_the_asked_part_of_the_energy():
    cell = disc(45, 20, radius=12)
    energies = []
    for energy in (0.5, 0.95):
        figure = figures.footprints(np.zeros((40, 90)), [cell], energy=energy)
        (segment,) = outlines(figure)[1].get_segments()
        reach = np.hypot(*(segment - (45, 20)).T).mean()
        inside = np.hypot(cell[0] - 45, cell[1] - 20) <= reach
        energies.append((cell[2][inside] ** 2).sum() / (cell[2] ** 2).sum())
    np.testing.assert_allclose(energies, [0.5, 0.95], atol=0.08)


def test_highlighted_footprints_still_tell_accepted_from_rejected():
    """Their colours go round, so that one of them is that of the accepted, and one that of the rejected."""
    cells = [disc(x, 20) for x in (10, 30, 50)]
    figure = figures.footprints(np.zeros((40, 90)), cells, accepted=[True, False, True], highlight=[0, 1, 2])
    dashes = [collection.get_linestyle()[0][1] for collection in outlines(figure)[2:]]
    assert [dash is None for dash in dashes] == [True, False, True]


def test_footprints_tell_accepted_from_rejected_and_label_only_the_highlighted():
    cells = [disc(x, 20) for x in (10, 30, 50, 70)]
    figure = figures.footprints(
        np.zeros((40, 90)), cells, accepted=[True, False, True, True], highlight=[2], labels=[7, 8, 9, 10]
    )
    rejected, accepted, highlighted = outlines(figure)
    assert [len(c.get_segments()) for c in (rejected, accepted, highlighted)] == [1, 3, 1]
    axes = figure.axes[0]
    assert [entry.get_text() for entry in axes.get_legend().get_texts()] == ["3 accepted", "1 rejected"]
    assert "9" in [text.get_text() for text in axes.texts]
    assert not {"7", "8", "10"} & {text.get_text() for text in axes.texts}


def test_a_cell_at_the_border_and_a_mask_of_equal_weights_have_closed_outlines():
    flat = (np.array([0, 1, 0, 1]), np.array([38, 38, 39, 39]), np.ones(4))
    figure = figures.footprints(np.zeros((40, 90)), [disc(0, 0), flat])
    segments = outlines(figure)[1].get_segments()
    assert len(segments) == 2
    for segment in segments:
        np.testing.assert_array_equal(segment[0], segment[-1])


def test_swapped_rows_and_columns_are_noticed():
    x, y, weights = disc(70, 10)
    with pytest.raises(ValueError, match="are its x and y swapped"):
        figures.footprints(np.zeros((40, 90)), [(y, x, weights)])


def test_no_cells_at_all_still_make_a_picture(tmp_path):
    figure = figures.footprints(np.full((40, 90), np.nan), [])
    assert figures.save(figure, tmp_path / "none.png").stat().st_size > 1000
    assert len(figures.clearest(np.zeros((0, 100)), 5)) == 0


def test_the_clearest_cells_are_those_with_transients():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (20, 1000))
    noise[[3, 11], 400:440] += 12
    noise[5] *= 30  # loud, but nothing stands out
    assert figures.clearest(noise, 2).tolist() == [3, 11]


def test_traces_are_drawn_to_one_scale_on_the_frames_own_times():
    times = np.cumsum(np.r_[0.3, np.full(99, 0.05)])
    dff = np.zeros((3, 100))
    dff[:, 50] = 1, 2, 4
    activity = np.zeros((3, 100))
    activity[:, 50] = 0.1, 5, 3
    figure = figures.traces(times, dff, activity, labels=["a", "b", "c"])
    lines = figure.axes[0].lines[:3]
    assert np.ptp([np.ptp(line.get_ydata()) for line in lines]) == pytest.approx(3)
    for line in lines:
        np.testing.assert_allclose(line.get_xdata(), times)
    bars = figure.axes[0].collections
    assert [c.get_segments()[0][0, 0] for c in bars] == [pytest.approx(times[50])] * 3


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="times 5, fluorescence 6"):
        figures.traces(np.arange(5), np.zeros((2, 6)))
    with pytest.raises(ValueError, match="x_shifts 4"):
        figures.motion_shifts(np.arange(5), np.zeros(5), np.zeros(4))
    with pytest.raises(ValueError, match="components 6"):
        figures.facial_motion(np.arange(5), np.zeros(5), np.zeros((2, 6)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match="at least 2"):
        figures.frame_intervals([1.0])


def test_piecewise_shifts_show_their_median_and_spread():
    times = np.arange(50) / 10
    blocks = np.stack([np.zeros(50), np.ones(50), np.full(50, 5.0)])
    axes = figures.motion_shifts(times, blocks, -blocks).axes[0]
    assert [line.get_ydata()[0] for line in axes.lines] == [1, -1]
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == (0, 5)


def test_lost_frames_are_counted_and_marked():
    kept = np.delete(np.arange(1000), [100, 500, 501, 502])
    figure = figures.frame_intervals(kept / 30)
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "30.00 frames/s, 4 of 1000 frames lost"
    assert [text.get_text() for text in axes.texts] == ["1 lost", "3 lost"]


def test_facial_motion_keeps_the_components_relative_strength():
    rng = np.random.default_rng(2)
    components = rng.normal(0, 1, (3, 400)) * [[9], [3], [1]]
    figure = figures.facial_motion(
        np.arange(400) / 30, rng.random(400), components, np.zeros((20, 30)), rng.normal(size=(3, 20, 30))
    )
    stack = figure.axes[-1]
    drawn = [line.get_ydata() for line in stack.lines if len(line.get_ydata()) == 400]
    np.testing.assert_allclose([np.std(line) for line in drawn], components.std(axis=1))
    shown = [axes.images[0].get_array().shape for axes in figure.axes if axes.images]
    assert shown == [(20, 30)] * 3


def test_drawing_changes_no_settings_and_needs_no_display():
    before = dict(matplotlib.rcParams)
    figures.frame_intervals(np.arange(10.0))
    assert dict(matplotlib.rcParams) == before
    code = "import sys, workflow_miniscope.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_save_makes_the_folder_and_returns_the_path(tmp_path):
    path = figures.save(figures.frame_intervals(np.arange(10.0)), tmp_path / "new" / "intervals.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_title_tells_everything_and_is_never_cut():
    long = "m1 · 2026-01-15 10:20:30 local time (18:20:30 UTC) · My_V4_Miniscope\nparamset 12: cnmfe, small somata"
    for draw in (
        lambda: figures.face_regions(np.zeros((40, 40)), [], title=long),
        lambda: figures.cell_quality(np.arange(9.0), title=long),
        lambda: figures.traces(np.arange(9.0), np.zeros((2, 9)), title=long),
    ):
        figure = draw()
        figure.draw_without_rendering()
        assert figure.get_suptitle().replace("\n", " ") == long.replace("\n", " ")
        drawn, whole = figure._suptitle.get_window_extent(), figure.bbox
        assert whole.x0 <= drawn.x0 and drawn.x1 <= whole.x1 and drawn.y1 <= whole.y1


def test_a_raster_puts_alike_cells_together_and_leaves_pauses_white():
    rng = np.random.default_rng(3)
    times = np.r_[np.arange(300), np.arange(500, 800)] / 20  # paused for 10 s
    groups = np.tile([0, 1], 6)
    shared = (rng.random((2, len(times))) < 0.03).astype(float)
    traces = np.array([1000 * (number + 1) * shared[group] for number, group in enumerate(groups)])
    mean, image, *_ = figures.raster(times, traces + rng.normal(0, 1, traces.shape)).axes
    drawn = image.images[0].get_array()
    assert drawn.shape[0] == 12 and image.images[0].get_extent() == [0, times[-1] + 0.05, 12, 0]
    at = (np.arange(drawn.shape[1]) + 0.5) / drawn.shape[1] * (times[-1] + 0.05)
    assert np.ma.getmaskarray(drawn)[:, (at > 15.1) & (at < 24.9)].all()
    assert not np.ma.getmaskarray(drawn)[:, at < 14.9].all()
    alike = np.corrcoef(np.nan_to_num(drawn.filled(0)))[0] > 0.5
    assert sorted(alike[:6]) in ([False] * 6, [True] * 6), "the first six are of one group"
    assert alike.sum() == 6
    assert figures.raster(times, np.zeros((0, len(times)))).axes[1].get_ylabel().startswith("0 cells")


@pytest.mark.parametrize("draw", ["raster", "registration"])
def test_a_label_is_no_longer_than_its_axis(draw):
    times, random = np.arange(200) / 20, np.random.default_rng(0).random((2, 120, 160))
    if draw == "raster":
        axes = figures.raster(times, np.random.default_rng(0).random((57, 200))).axes[1]
    else:
        axes = figures.registration(random, (0.5, 0.6), times, np.ones((2, 200))).axes[-1]
    axes.figure.draw_without_rendering()
    label, beside = axes.yaxis.label.get_window_extent(), axes.get_window_extent()
    assert beside.y0 - 2 < label.y0 and label.y1 < beside.y1 + 2


def test_components_are_counted_by_clearness_and_by_the_size_a_person_sees():
    x, y, weights = disc(45, 20, radius=15)
    area = half_maximum_area(weights)
    assert area == np.count_nonzero(np.hypot(x - 45, y - 20) <= 15 * np.sqrt(np.log(2)))
    assert len(weights) > 1.4 * area
    assert half_maximum_area(np.zeros(0)) == 0
    snr, size = figures.cell_quality(
        np.full(4, np.pi * 9), np.array([2.0, 4.0, np.nan, 8.0]), [True, True, True, False], um_per_px=2.0
    ).axes
    assert [text.get_text() for text in snr.get_legend().get_texts()] == ["2 accepted, median 3", "1 rejected"]
    assert size.get_legend().get_texts()[0].get_text() == "3 accepted, median 12", "6 px of 2 µm"
    assert size.get_xlabel() == "Diameter at half maximum (µm)"


def test_a_pixel_of_known_size_gives_scale_bars_in_micrometres():
    image = np.random.default_rng(0).random((40, 60))
    none = np.zeros((0, 2))
    for draw in (
        lambda **scale: figures.footprints(image, [], **scale).axes[0],
        lambda **scale: figures.comparison(image, [], [], none, np.zeros(0), **scale).axes[0],
        lambda **scale: figures.summary_images({"mean": image, "maximum": image}, **scale).axes[-1],
    ):
        assert draw(um_per_px=2.5).texts[-1].get_text() == "20 µm", "8 pixels, below a sixth of 60"
        assert draw().texts[-1].get_text() == "10 px"
    times = np.arange(50) / 10
    scale = figures.motion_shifts(times, np.zeros(50), np.ones(50), um_per_px=2.5).axes[0].child_axes[0]
    assert scale.get_ylabel() == "µm"
