"""Planted cells are found again, each once, whatever else is there."""

import numpy as np
import planted
import pytest
import scipy.sparse

from workflow_miniscope.analysis.matching import THRESHOLD, correlate_rows, cosine_similarity, match_footprints


def test_cells_in_another_order_and_of_another_scale_are_the_same():
    A = planted.footprints()
    order = [2, 0, 3, 1]
    found = match_footprints(A, 50 * A[:, order], threshold=1.0)
    assert found.pairs.tolist() == [[i, order.index(i)] for i in range(4)]
    np.testing.assert_allclose(found.similarity, 1)


def test_what_only_one_has_is_left_alone():
    first = planted.footprints([(8, 50), (30, 12), (20, 33)])
    second = planted.footprints([(20, 34), (10, 12), (8, 50)])
    assert match_footprints(first, second).pairs.tolist() == [[0, 2], [2, 0]]


def test_each_cell_is_paired_once_and_the_pairs_are_best_together():
    # the second of the first analysis is nearest to 0 too, which has a better one
    first = planted.footprints([(20, 30), (20, 31.5)])
    second = planted.footprints([(20, 30.2), (20, 33)])
    assert cosine_similarity(first, second).argmax(axis=1).tolist() == [0, 0]
    assert match_footprints(first, second, 0.3).pairs.tolist() == [[0, 0], [1, 1]]
    # one cell seen twice stays one pair
    assert match_footprints(first, second[:, [0]]).pairs.tolist() == [[0, 0]]


def test_cells_that_cannot_be_a_pair_do_not_break_one():
    """Summed over all cells, two poor pairs may be more than one good pair and none."""
    similarity = np.array([[0.7, 0.45], [0.45, 0.0]])
    # vectors with exactly these cosines
    first, second = np.eye(4)[:, :2], np.zeros((4, 2))
    second[:2] = similarity
    second[2, 0], second[3, 1] = np.sqrt(1 - (similarity**2).sum(axis=0))
    np.testing.assert_allclose(cosine_similarity(first, second), similarity)
    assert match_footprints(first, second, 0.3).pairs.tolist() == [[0, 1], [1, 0]]
    assert match_footprints(first, second, 0.5).pairs.tolist() == [[0, 0]]


def test_the_threshold_is_where_its_documentation_says():
    sigma = 2.5

    def gaussian(column, sigma):
        rows, columns = np.mgrid[:81, :81]
        return np.exp(-((rows - 40) ** 2 + (columns - column) ** 2) / (2 * sigma**2)).ravel(order="F")[:, None]

    apart = cosine_similarity(gaussian(40, sigma), gaussian(40 + 1.7 * sigma, sigma))
    wider = cosine_similarity(gaussian(40, sigma), gaussian(40, 3.7 * sigma))
    assert apart.item() == pytest.approx(THRESHOLD, abs=0.02)
    assert wider.item() == pytest.approx(THRESHOLD, abs=0.02)


def test_which_is_first_makes_no_difference():
    rng = np.random.default_rng(4)
    places = rng.uniform([5, 5], [35, 59], (30, 2))
    first = planted.footprints(places)
    second = planted.footprints(places[:25] + rng.normal(0, 0.6, (25, 2)))
    there, back = match_footprints(first, second), match_footprints(second, first)
    assert sorted(there.pairs.tolist()) == sorted(pair[::-1] for pair in back.pairs.tolist())
    assert len(there) == 25


def test_nothing_empty_and_nothing_to_compare():
    A = planted.footprints()
    none = scipy.sparse.csc_matrix((A.shape[0], 0))
    assert len(match_footprints(A, none)) == len(match_footprints(none, none)) == 0
    blank = scipy.sparse.csc_matrix((A.shape[0], 2))
    assert len(match_footprints(blank, A)) == 0
    assert match_footprints(none, A).pairs.shape == (0, 2)
    with pytest.raises(ValueError, match="2560 and of 10 pixels"):
        match_footprints(A, scipy.sparse.csc_matrix((10, 2)))
    for threshold in (0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            match_footprints(A, A, threshold)


def test_correlation_of_traces_row_by_row():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 4, 500))
    second[0] = 3 * first[0] - 7
    second[1] = -first[1]
    second[3] = 2.0
    found = correlate_rows(first, second)
    np.testing.assert_allclose(found[:2], [1, -1])
    assert found[2] == pytest.approx(np.corrcoef(first[2], second[2])[0, 1])
    assert np.isnan(found[3])
    assert correlate_rows(np.zeros((0, 5)), np.zeros((0, 5))).shape == (0,)
