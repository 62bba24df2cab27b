"""Which components are accepted, by properties that mean the same in every recording; and what a result is worth."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe import verdict
from workflow_miniscope.cnmfe.calcium import transients
from workflow_miniscope.cnmfe.cells import acceptance, probability, shape
from workflow_miniscope.cnmfe.model.components import Components
from workflow_miniscope.cnmfe.parameters import Parameters

DECAY = 10.0  # frames
CELL = {
    "rise_skewness": 1.5,
    "skewness": 3.5,
    "snr": 7.0,
    "consistency": 0.99,
    "width": 3.3,
    "compactness": 0.75,
    "persistence": 1.0,
    "smoothness": 1.0,
    "eccentricity": 1.2,
}


def components(footprints):
    n, side, _ = footprints.shape
    c = Components((side, side), 10, side // 2)
    c.append(np.full((n, 2), side // 2), footprints, footprints > 0, np.zeros((n, 10), np.float32))
    return c


def evaluated(params=None, **properties):
    """Evaluate one component that is a cell but for these properties."""
    one = {name: np.array([value]) for name, value in (CELL | properties).items()}
    accepted, evaluation = acceptance.evaluate(one, Parameters.parse(params))
    return bool(accepted[0]), evaluation


def test_a_cell_cut_by_the_border_is_not_judged_by_its_shape():
    rows, columns = np.mgrid[:31, :31]
    sliver = np.exp(-(rows**2) / 2 - (columns - 15) ** 2 / 50)
    inside = np.exp(-((rows - 15) ** 2) / 2 - (columns - 15) ** 2 / 50)
    cut, line = shape.eccentricity(components(np.stack([sliver, inside]).astype(np.float32)))
    assert cut == 1
    assert line == pytest.approx(5, rel=0.1)


def test_the_width_of_a_footprint_is_that_of_its_bright_part():
    rows, columns = np.mgrid[:41, :41]
    distance = np.hypot(rows - 20, columns - 20)
    narrow, twice, dim = shape.width(
        components(np.stack([distance < 6, distance < 12, (distance < 6) + 0.2]).astype(np.float32))
    )
    assert twice == pytest.approx(2 * narrow, rel=0.05)
    assert dim == narrow


def test_what_is_in_several_pieces_is_not_compact():
    rows, columns = np.mgrid[:41, :41]
    disk, other = np.hypot(rows - 20, columns - 14) < 6, np.hypot(rows - 20, columns - 30) < 5.5
    crescent = (np.hypot(rows - 20, columns - 20) < 14) & (np.hypot(rows - 20, columns - 24) > 13)
    one, pieces, bent = shape.compactness(components(np.stack([disk, disk | other, crescent]).astype(np.float32)), 8)
    assert one > 0.55
    assert pieces < 0.65 * one
    assert bent < 0.65 * one


@pytest.fixture
def traces(rng):
    """Transients of calcium; the same upside down; backwards; waves; single bright frames; noise."""
    spikes = rng.random(1500) < 0.01
    calcium = np.convolve(spikes, np.exp(-np.arange(60) / DECAY) - np.exp(-np.arange(60) / 1.5))[:1500]
    wave = np.sin(np.arange(1500) / 12) * (1 + np.sin(np.arange(1500) / 190))
    flashes = np.where(np.arange(1500) % 300 == 150, 20.0, 0)
    clean = np.stack([calcium / calcium.std(), -calcium / calcium.std(), calcium[::-1] / calcium.std(), wave, flashes])
    return np.concatenate([clean, np.zeros((1, 1500))]) + rng.normal(0, 0.3, (6, 1500))


def test_transients_rise_faster_than_they_fall(traces):
    calcium, down, backwards, wave, flashes, noise = transients.rise_skewness(traces, DECAY)
    assert calcium > 1
    assert down < -1
    assert backwards < -1
    assert np.abs([wave, flashes, noise]).max() < 0.3


def test_transients_go_up_only(traces):
    calcium, down, _, wave, _, noise = transients.skewness(traces, DECAY)
    assert calcium > 1.5
    assert down < -1.5
    assert np.abs([wave, noise]).max() < 0.5


def test_transients_last(traces):
    kernel = np.exp(-np.arange(60) / DECAY) - np.exp(-np.arange(60) / 1.5)
    calcium, down, _, _, flashes, _ = transients.persistence(traces, kernel, DECAY)
    assert calcium == pytest.approx(1, abs=0.25)
    assert down == 0
    assert flashes < 0.1


def test_a_decay_shorter_than_a_frame_and_a_trace_that_does_not_change():
    assert transients.rise_skewness(np.zeros((1, 100)), 0.3).tolist() == [0]
    assert transients.skewness(np.ones((1, 100)), 0.3).tolist() == [0]


def test_a_cell_is_accepted_and_has_no_reason():
    accepted, evaluation = evaluated()
    assert accepted
    assert evaluation.reasons == [""]
    assert evaluation.probability[0] > 0.95


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"rise_skewness": 0.0, "skewness": 0.8, "snr": 2.0, "width": 4.7, "compactness": 0.4},
            "falls as fast as it rises",
        ),
        ({"compactness": 0.15, "snr": 1.3, "rise_skewness": 0.4, "skewness": 2.0}, "is not in one place"),
        ({"width": 9.5}, "wider than any soma"),
        ({"width": 1.0}, "smaller than any soma"),
        ({"snr": 1.0}, "below SNR_lowest"),
        ({"snr": 20.0, "consistency": 0.3}, "is not what lights up"),
        ({"persistence": 0.1}, "shorter than a calcium transient"),
        ({"smoothness": 0.3}, "its pixels flash alone"),
        ({"eccentricity": 4.0}, "max_ecc"),
        ({"snr": 2.0, "consistency": 0.7}, "neither min_SNR nor rval_thr"),
    ],
)
def test_every_refusal_has_its_reason(changed, reason):
    accepted, evaluation = evaluated(**changed)
    assert not accepted
    assert reason in evaluation.reasons[0]


def test_the_rule_of_caiman_alone():
    background = {"rise_skewness": 0.0, "skewness": 0.8, "width": 5.5, "snr": 3.5, "compactness": 0.3}
    assert not evaluated(**background)[0]
    assert evaluated({"min_probability": 0}, **background)[0]


def test_a_field_in_which_nothing_is_in_focus_has_no_cells():
    """Defocused by 14 pixels, 32 of 46 components were accepted: transients, and blobs wider than any soma."""
    blurred = {name: np.full(8, value) for name, value in (CELL | {"width": 6.2}).items()}
    suggested = acceptance.evaluate(blurred, Parameters(), size_given=False)
    assert not suggested[0].any()
    assert set(suggested[1].reasons) == {acceptance.OUT_OF_FOCUS}
    # a size that was given may be too small
    assert acceptance.evaluate(blurred, Parameters(), size_given=True)[0].all()
    # cells out of focus beside some that are not
    blurred["width"][:3] = 3.2
    assert acceptance.evaluate(blurred, Parameters(), size_given=False)[0].all()


def test_what_others_are_does_not_matter():
    """Few accepted components used to say what is usual for all."""
    one = {name: np.array([value, value]) for name, value in CELL.items()}
    one["width"] = np.array([1.3, 3.3])
    assert acceptance.evaluate(one, Parameters.parse(None))[0].tolist() == [True, True]


def test_how_frequent_cells_are_is_told_by_the_recording():
    """Eleven of 112 candidates of a recording without cells were accepted, because each alone was likely enough."""
    nothing = np.r_[np.full(100, 0.02), 0.6, 0.55]
    assert probability.in_recording(nothing)[-2:].max() < 0.1
    full = np.r_[np.full(100, 0.98), 0.4, 0.3]
    assert probability.in_recording(full)[-2:].min() > 0.9
    # few say little
    assert probability.in_recording(np.array([0.4])) == pytest.approx(0.4, abs=0.03)
    assert probability.in_recording(np.zeros(0)).shape == (0,)
    assert probability.in_recording(np.ones(3)) == pytest.approx(1)


def test_each_property_speaks_in_its_direction():
    base = evaluated()[1].probability[0]
    for name, one in probability.PROPERTIES.items():
        step = 0.5 * one.good * abs(CELL[name])
        assert evaluated(**{name: CELL[name] + step})[1].probability[0] >= base, name
        assert evaluated(**{name: CELL[name] - step})[1].probability[0] <= base, name


def test_what_could_not_be_measured_speaks_against_a_cell():
    assert evaluated(consistency=np.nan)[1].probability[0] == evaluated(consistency=0.0)[1].probability[0]


def figures(**changed):
    usual = {"candidates": 120, "accepted": 100, "likely": 95, "at_limit": 0.0, "structure": 1.1, "decay": 0.5}
    usual |= {"left_out": {}, "partly_seen": 0.02, "moving": 0.0, "light": 1.0, "bands": False, "out_of_focus": False}
    return verdict.Figures(**({"bits_per_pixel": np.nan, "noise_of_neighbours": -0.05} | usual | changed))


def test_a_good_result_is_trusted():
    judged = verdict.judge(figures())
    assert (judged.level, judged.reasons) == ("trusted", [])
    assert judged.figures["accepted"] == 100
    assert "bits_per_pixel" not in judged.figures


@pytest.mark.parametrize(
    ("changed", "level", "sentence"),
    [
        ({"at_limit": 0.05}, "usable with warnings", "5% of the frames are at the limit of the registration"),
        ({"at_limit": 0.4}, "not to be trusted", "40% of the frames"),
        ({"bits_per_pixel": 0.25}, "usable with warnings", "0.25 bits per pixel"),
        ({"bits_per_pixel": 0.1}, "usable with warnings", "0.10 bits per pixel"),
        ({"bits_per_pixel": 0.02}, "not to be trusted", "0.02 bits per pixel"),
        ({"noise_of_neighbours": 0.12}, "usable with warnings", "Neighbouring pixels have noise in common"),
        (
            {"noise_of_neighbours": 0.09, "candidates": 415, "accepted": 75, "likely": 70},
            "not to be trusted",
            "Neighbouring pixels have noise in common",
        ),
        ({"structure": 5.0}, "not to be trusted", "5.0 times as much as the noise"),
        ({"candidates": 971, "accepted": 5, "likely": 4}, "not to be trusted", "Only 5 of 971 candidates"),
        ({"candidates": 160, "accepted": 14, "likely": 12}, "usable with warnings", "Only 14 of 160 candidates"),
        ({"candidates": 160, "accepted": 14, "likely": 8}, "not to be trusted", "Only 14 of 160 candidates"),
        ({"decay": 0.03}, "not to be trusted", "decay within 0.03 s"),
        (
            {"left_out": {"dark": 0.1, "repeated": 0.01}},
            "usable with warnings",
            "10% of the frames do not show the field",
        ),
        ({"left_out": {"repeated": 0.4}}, "usable with warnings", "40% of the frames show the frame before once more"),
        ({"left_out": {"other_field": 0.5}}, "not to be trusted", "50% of the frames show another field"),
        ({"partly_seen": 0.28}, "usable with warnings", "28% of the field is seen for a part of the recording only"),
        ({"moving": 0.3}, "usable with warnings", "Something moves through the field in 30% of the recording"),
        ({"light": 0.5}, "usable with warnings", "The light fell to 50% of what it was"),
        ({"out_of_focus": True}, "not to be trusted", "out of focus, or gSig is too small"),
        ({"bands": True}, "usable with warnings", "flicker as a whole"),
        ({"likely": 20}, "not to be trusted", "Only 20 of the 100 accepted"),
        ({"candidates": 11, "accepted": 3, "likely": 3}, "usable with warnings", "Only 3 of 11 components accepted"),
        ({"candidates": 12, "accepted": 0, "likely": 0}, "not to be trusted", "No component looks like a cell"),
        ({"candidates": 0, "accepted": 0, "likely": 0}, "usable with warnings", "No component looks like a cell"),
    ],
)
def test_what_is_wrong_is_said(changed, level, sentence):
    judged = verdict.judge(figures(**changed))
    assert judged.level == level
    assert sentence in " ".join(judged.reasons)


def test_compression_is_the_cause_of_common_noise_where_it_is_known():
    judged = verdict.judge(figures(noise_of_neighbours=0.12, bits_per_pixel=0.1))
    assert [sentence.split()[1] for sentence in judged.reasons] == ["movie"]


def test_the_worst_comes_first():
    judged = verdict.judge(figures(at_limit=0.05, bits_per_pixel=0.02))
    assert [sentence.split()[0] for sentence in judged.reasons] == ["The", "5%"]
    assert str(judged).startswith("Not to be trusted. The movie is compressed")
