"""Pictures of the face's regions, of the eye, and of what the face explains."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from workflow_miniscope import figures


def test_regions_lie_on_the_binned_picture_where_they_are_in_pixels():
    region = figures.FaceRegion("pupil", np.arange(8, 24), np.arange(4, 12))
    figure = figures.face_regions(np.zeros((15, 20)), [region], sbin=4)
    (patch,) = figure.axes[0].patches
    # columns 8 to 23 are bins 2 to 5, whose pixels reach from 1.5 to 5.5
    np.testing.assert_allclose(patch.get_bbox().extents, (1.5, 0.5, 5.5, 2.5))
    assert figures.face_regions(np.zeros((15, 20)), []).axes[0].get_legend() is None


def test_the_eye_has_gaps_where_it_is_closed():
    times = np.arange(100) / 10
    area = np.full(100, 50.0)
    closed = np.zeros(100, bool)
    closed[[0, 30, 31, 32, 99]] = True
    area[closed] = np.nan
    figure = figures.eye(times, [("left", area, area + 3, area - 3)], [("lid", np.ones(100))], closed)
    assert [axes.get_ylabel().split("\n")[0] for axes in figure.axes] == ["left", "left", "lid"]
    np.testing.assert_array_equal(np.isnan(figure.axes[0].lines[0].get_ydata()), closed)
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in figure.axes[0].patches]
    np.testing.assert_allclose(spans, [(0, 0), (3.0, 3.2), (9.9, 9.9)])
    # the centre is drawn as its distance from where it usually is
    assert np.nanmax(np.abs(figure.axes[1].lines[0].get_ydata())) == 0
    with pytest.raises(ValueError, match="neither a pupil nor a lid"):
        figures.eye(times)
    with pytest.raises(ValueError, match="darkness 99"):
        figures.eye(times, blinks=[("lid", np.ones(99))])


def test_a_region_has_its_colour_in_every_figure():
    names = ["whiskers", "left pupil", "left lid"]
    colours = figures.region_colours(names)
    assert len(set(colours.values())) == 3
    regions = [figures.FaceRegion(name, np.arange(9), np.arange(9)) for name in names]
    boxes = figures.face_regions(np.zeros((15, 20)), regions).axes[0].patches
    assert {box.get_label(): to_hex(box.get_edgecolor()).upper() for box in boxes} == colours
    times, line = np.arange(50) / 10, np.arange(50.0)
    panels = figures.eye(times, [("left pupil", line, line, line)], [("left lid", line)], colours=colours).axes
    assert [panel.lines[0].get_color() for panel in panels] == [colours[name] for name in names[1:2] * 2 + names[2:]]
    motion = figures.facial_motion(times, line, np.zeros((1, 50)), np.zeros((9, 9)), colour=colours["whiskers"])
    assert motion.axes[-2].lines[0].get_color() == colours["whiskers"]


def test_the_best_explained_cells_are_drawn_and_all_are_counted(tmp_path):
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(5, 200))
    explained = np.array([0.1, np.nan, 0.6, -5.0, 0.3])
    figure = figures.neural_prediction(
        np.arange(200) / 20, activity, 0.5 * activity, explained, labels=[10, 11, 12, 13, 14], count=2
    )
    bars, traces = figure.axes
    assert sum(bar.get_height() for bar in bars.patches) == 4, "also the one far below the picture's edge"
    assert bars.get_title(loc="left") == "4 cells, median 0.20"
    assert [text.get_text() for text in traces.texts] == ["12", "0.60", "14", "0.30"]
    # activity and prediction to one scale
    drawn, predicted = (line.get_ydata() for line in traces.lines[:2])
    assert np.ptp(predicted) == pytest.approx(0.5 * np.ptp(drawn))
    chance = np.array([0.2, np.nan, 0.2, -6.0, 0.3])
    bars = figures.neural_prediction(np.arange(200), activity, activity, explained, chance).axes[0]
    assert bars.get_title(loc="left") == "4 cells, median 0.20"
    # one is no better than chance, and one better, but below 0
    assert [text.get_text() for text in bars.texts] == ["1 above chance"]
    none = figures.neural_prediction(np.arange(9.0), np.zeros((0, 9)), np.zeros((0, 9)), [])
    assert figures.save(none, tmp_path / "none.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="same number of cells"):
        figures.neural_prediction(np.arange(200), activity, activity, explained[:2])
