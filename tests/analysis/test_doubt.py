"""Which components are doubtful, and why others were refused."""

import numpy as np
import planted
import pytest

from workflow_miniscope.analysis.doubt import Thresholds, doubt, margin, reason
from workflow_miniscope.results.caiman import Evaluation

LIMITS = Thresholds(min_SNR=3, rval_thr=0.88, SNR_lowest=1.1, rval_lowest=0.2)


def test_the_margin_has_the_sign_of_the_rule():
    rng = np.random.default_rng(0)
    snr, r = rng.uniform(0.2, 8, 500), rng.uniform(-0.5, 1, 500)
    rule = ((snr >= 3) | (r >= 0.88)) & (snr >= 1.1) & (r >= 0.2)
    assert np.array_equal(margin(snr, r, LIMITS) >= 0, rule) and 100 < rule.sum() < 400


def test_doubt_falls_with_the_distance_from_the_threshold():
    result = planted.result()
    result.params = {"quality": vars(LIMITS)}
    result.snr, result.r_values = np.array([3.1, 12, 0.3, 6]), np.array([0.5, 0.97, 0.3, 0.7])
    assert np.argsort(-doubt(result)).tolist()[0] == 0
    assert doubt(result)[1] < doubt(result)[3]
    result.rejected, result.accepted = np.array([1, 2]), np.array([0, 3])
    assert doubt(result)[1] > doubt(result)[3]  # rejected in spite of good values: a person should look
    result.snr[3] = np.nan
    assert doubt(result)[3] == 1


@pytest.mark.parametrize(
    ("snr", "r", "said"),
    [
        (1.0, 0.95, "signal to noise 1.00 is below the lowest allowed, 1.10"),
        (9.0, 0.1, "footprint consistency 0.10 is below the lowest allowed, 0.20"),
        (2.0, 0.5, "signal to noise 2.00 is below 3.00, and footprint consistency 0.50 is below 0.88"),
        (9.0, 0.95, "it passes the thresholds"),
    ],
)
def test_the_reason_is_the_test_that_refused(snr, r, said):
    result = planted.result()
    result.params = {"quality": vars(LIMITS)}
    result.snr[2], result.r_values[2] = snr, r
    assert said in reason(result, 2)
    assert reason(result, 0) == ""
    result.snr = None
    assert reason(result, 2) == "the file does not say why"


def test_the_engines_own_probability_and_reasons_come_first():
    result = planted.result()
    result.evaluation = Evaluation(np.array([0.9, 0.55, 0.1, np.nan]), reasons=["", "", "shape of a vessel", ""])
    np.testing.assert_allclose(doubt(result), [0.2, 0.9, 0.2, 1])
    assert reason(result, 2) == "shape of a vessel" and reason(result, 0) == ""


def test_thresholds_that_a_file_lacks_are_caimans():
    assert Thresholds.of({"quality": {"min_SNR": 4, "rval_thr": None}}) == Thresholds(min_SNR=4)
