"""The picture of two analyses tells pairs from cells that one found alone."""

import matplotlib.colors
import numpy as np
import planted
import pytest

from workflow_miniscope import figures


def masks(cells):
    images = [planted.disc(row, column) for row, column in cells]
    return [(*np.nonzero(image)[::-1], image[image > 0]) for image in images]


def drawn(figure):
    """Outlines by colour and style, and the lines between centres."""
    lines = [c for c in figure.axes[0].collections if c.get_segments()]
    found = {}
    for collection in lines:
        colour = matplotlib.colors.to_hex(collection.get_colors()[0]).upper()
        style = "solid" if collection.get_linestyles()[0][1] is None else "dotted"
        found[colour, style] = collection.get_segments()
    return found


def test_pairs_are_solid_and_joined():
    first, second = [(8, 50), (30, 12), (20, 33)], [(20, 35), (10, 12), (8, 50)]
    figure = figures.comparison(
        np.zeros((40, 64)), masks(first), masks(second), np.array([[0, 2], [2, 0]]), np.array([0.9, np.nan])
    )
    found = drawn(figure)
    middle = {key: [s.mean(axis=0).round().tolist() for s in segments] for key, segments in found.items()}
    assert middle["#FFB000", "solid"] == [[50, 8], [33, 20]]
    assert middle["#FFB000", "dotted"] == [[12, 30]]
    assert middle["#63C7FF", "solid"] == [[35, 20], [50, 8]]
    assert middle["#63C7FF", "dotted"] == [[12, 10]]
    np.testing.assert_allclose(found["#FFFFFF", "solid"][1], [(33, 20), (35, 20)], atol=0.1)
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 1, "what is nan is in no bar"
    assert figure.axes[1].get_title(loc="left") == "2 cells in both\nmedian correlation 0.90"


def test_no_pairs_and_negative_correlations(tmp_path):
    cells = masks([(8, 50)])
    none = np.zeros((0, 2))
    figure = figures.comparison(np.zeros((40, 64)), cells, [], none, np.zeros(0))
    assert figures.save(figure, tmp_path / "none.png").stat().st_size > 1000
    figure = figures.comparison(np.zeros((40, 64)), cells, cells, np.array([[0, 0]]), np.array([-0.42]))
    assert figure.axes[1].get_xlim()[0] == pytest.approx(-0.45)
    with pytest.raises(ValueError, match="1 pairs, but 2 correlations"):
        figures.comparison(np.zeros((40, 64)), cells, cells, np.array([[0, 0]]), np.zeros(2))
