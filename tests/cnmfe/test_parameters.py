import logging

import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe import Parameters, extract
from workflow_miniscope.elements.stored_values import hash_params
from workflow_miniscope.engines import get
from workflow_miniscope.errors import ParameterError


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"gSigg": 4}, "gSig"),
        ({"min_cor": 0.5}, "min_corr"),
        ({"gSig": -1}, "gSig"),
        ({"min_corr": 2}, "min_corr"),
        ({"merge_thr": "high"}, "merge_thr"),
        ({"p": 3}, "p must be one of 1, 2"),
        ({"rval_thr": 7}, "rval_thr"),
        ({"max_shifts": [1, 2, 3]}, "max_shifts"),
        ({"decay_time": 0}, "decay_time"),
        ({"pw_rigid": "blocks"}, "pw_rigid must be true or false"),
        ({"strides": "far"}, "strides must be one or two whole numbers, at least 1"),
        ({"strides": [40, 8], "pw_rigid": True}, "8 pixels apart .strides., and must be 16 or more"),
        ({"overlaps": [8, -8]}, "overlaps must be one or two whole numbers, at least 0"),
        ({"max_deviation_rigid": -1}, "max_deviation_rigid must be a number from 0 to 100"),
    ],
)
def test_wrong_parameters_are_named(params, said):
    with pytest.raises(ParameterError, match=said):
        Parameters.parse(params)


def test_caiman_parameters_that_are_not_used_are_reported(caplog):
    recording = simulation.make(frames=120, height=48, width=48, n_cells=2)
    with caplog.at_level(logging.WARNING):
        result = extract(recording.movie, 20.0, {"rf": 40, "init": {"K": None, "gSig": [4, 4]}}, progress=False)
    assert "K, rf" in caplog.text
    assert result.requested["unused"] == {"rf": 40, "K": None}
    assert result.params["init"]["gSig"] == [4, 4]


def test_what_was_suggested_is_stored(extracted):
    for name in ("gSig", "gSiz", "min_corr", "min_pnr", "ssub", "ssub_B", "ring_size_factor"):
        assert extracted.params["init"][name] is not None
    assert extracted.params["data"]["decay_time"] == pytest.approx(0.5, rel=0.3)
    assert extracted.params["temporal"]["rise_time"] == pytest.approx(0.05, rel=0.5)
    assert extracted.params["data"]["fr"] == 20.0


def test_a_result_says_what_caiman_would_otherwise_guess(extracted):
    """Its defaults are a classifier, which evaluating again would load, and a low-rank background."""
    params = extracted.params
    assert params["quality"]["use_cnn"] is False
    assert [params[group]["nb"] for group in ("init", "spatial", "temporal")] == [0, 0, 0]
    assert params["init"]["center_psf"] is True and params["init"]["method_init"] == "corr_pnr"


def test_the_engine_takes_its_own_defaults():
    engine = get("cnmfe")
    assert engine.unavailable() is None
    assert engine.parse(engine.parse({}).plain()) == engine.parse({}) == Parameters()
    assert engine.parse({"nb": 0, "gSig": 3}).gSig == [3, 3]
    with pytest.raises(ParameterError, match="min_SNR"):
        engine.parse({"min_snr": 3})


def test_what_only_caiman_uses_travels_apart():
    parsed = get("cnmfe").parse({"patch": {"rf": 40}, "K": None, "fr": 20, "gSig": [4, 4]})
    assert parsed.unused == {"rf": 40, "K": None}
    assert list(parsed.plain())[:3] == ["rf", "K", "decay_time"] and "fr" not in parsed.plain()
    assert parsed.replaced(gSig=[3, 3]).unused == parsed.unused


def test_the_defaults_are_those_of_stored_parameter_sets():
    """``process`` stores them under a hash of their content: other numbers would be another set in labs' databases."""
    assert hash_params("cnmfe", Parameters().plain()) == "b3803f3a-95ad-33aa-5062-12b3e6f32f7c"


def test_frame_rate_must_be_a_positive_number():
    with pytest.raises(ParameterError, match="frame rate"):
        extract(np.zeros((100, 20, 20), np.uint8), fps=0)
