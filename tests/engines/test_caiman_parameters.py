"""CaImAn's parameters are checked where CaImAn is not installed."""

import logging
from pathlib import Path

import pytest

from workflow_miniscope import engines
from workflow_miniscope.elements.stored_values import hash_params
from workflow_miniscope.engines.caiman import parameters
from workflow_miniscope.errors import ParameterError
from workflow_miniscope.results.caiman import read_result

DATA = Path(__file__).parents[1] / "results" / "data"
parse = engines.get("caiman").parse


def check(params):
    return parse(params).plain()


def test_defaults_are_valid_and_unchanged():
    default = check({})
    assert check(default) == default and default["gSiz"] == [17, 17]
    default["gSig"].append(5)
    assert check({})["gSig"] == [4, 4]


def test_the_defaults_are_those_of_stored_parameter_sets():
    """``process`` stores them under a hash of their content: other numbers would be another set in labs' databases."""
    assert hash_params("caiman", check({})) == "945d80d5-144a-1319-cbc4-0e1ad145eeac"


def test_given_values_win():
    checked = check({"min_corr": 0.8, "gSig": 3, "max_shifts": (5, 6), "pw_rigid": 1, "tsub": 1.0})
    assert checked["min_corr"] == 0.8 and checked["gSig"] == [3, 3] and checked["max_shifts"] == [5, 6]
    assert checked["pw_rigid"] is True and type(checked["tsub"]) is int
    assert checked["min_pnr"] == 7


def test_box_follows_the_size_of_a_cell():
    assert check({"gSig": [6, 7]})["gSiz"] == [25, 29]
    assert check({"gSig": 6, "gSiz": 21})["gSiz"] == [21, 21]


def test_groups_are_taken_too():
    nested = {"init": {"gSig": [3, 3]}, "motion": {"pw_rigid": True}, "min_SNR": 2}
    assert check(nested) == check({"gSig": [3, 3], "pw_rigid": True, "min_SNR": 2})


def test_a_name_goes_into_every_group_that_has_it():
    groups = parse({"p": 2, "min_SNR": 4, "noise_range": [0.2, 0.5]}).grouped()
    assert groups["preprocess"]["p"] == groups["temporal"]["p"] == 2
    assert groups["quality"]["min_SNR"] == groups["online"]["min_SNR"] == 4
    assert groups["preprocess"]["noise_range"] == groups["temporal"]["noise_range"]
    assert "gSig" in groups["init"] and "gSig" not in groups["motion"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"min_cor": 0.8}, r"no parameter 'min_cor' \(did you mean 'min_corr'\?\)"),
        ({"merge_thresh": 0.8}, "did you mean 'merge_thr'"),
        ({"gnb": 2}, "did you mean 'nb'"),
        ({"init": {"gsig": 3}}, "did you mean 'gSig'"),
        ({"min_corr": 1.2}, "min_corr must be a number from 0 to 1, not 1.2"),
        ({"gSig": "four"}, "gSig must be one or two whole numbers, at least 1, not 'four'"),
        ({"max_shifts": 0}, "max_shifts must be"),
        ({"method_init": "corr_prn"}, "method_init must be one of 'greedy_roi', 'corr_pnr'"),
        ({"n_processes": 0}, "n_processes must be a whole number, at least 1, or none"),
        ({"pw_rigid": "yes"}, "pw_rigid must be true or false"),
        ({"decay_time": 0}, "decay_time must be a number above 0"),
        ({"rf": 15}, r"rf \(half a patch, 15\) must be larger than gSiz \(17\)"),
        ({"shifts_opencv": False}, "works only without gSig_filt"),
        ({"method_init": "greedy_roi"}, "needs K"),
        ({"is3D": True}, "volumetric"),
    ],
)
def test_wrong_parameters_are_named(params, says):
    with pytest.raises(ParameterError, match=says):
        parse(params)


def test_what_comes_from_the_recording_is_not_taken_from_the_set(caplog):
    with caplog.at_level(logging.WARNING):
        checked = check({"fr": 30, "fnames": ["a.avi"], "is3D": False})
    assert not {"fr", "fnames", "is3D"} & set(checked)
    assert "fr is taken from the recording" in caplog.text and "fnames" in caplog.text


def test_every_parameter_of_a_real_file_is_known():
    """What CaImAn 1.12 itself wrote passes the check, but for what belongs to its online algorithms."""
    params = read_result(DATA / "caiman_1.12.1_fit_file_80px.hdf5").params
    used = {group: values for group, values in params.items() if group not in ("online", "ring_CNN")}
    for name in ("indices", "num_splits_to_process_els", "num_splits_to_process_rig", "use_cuda"):
        del used["motion"][name]
    checked = check({name: value for values in used.values() for name, value in values.items()})
    assert checked["min_corr"] == 0.7 and checked["gSiz"] == [17, 17] and checked["method_ls"] == "lasso_lars"
    assert set(used) == set(parameters.GROUPS) - {"online"}


def test_the_defaults_that_are_left_to_caiman_are_its_own():
    """As a real file of CaImAn 1.12 has those that nobody set."""
    stored = read_result(DATA / "caiman_1.12.1_fit_file_80px.hdf5").params
    model = parameters.Parameters
    # computed from the field where nobody says them, and a matrix that the model describes in words
    computed = {"n_pixels_per_process", "expandCore"}
    left = [name for name in model.model_fields if model.facts(name)["given"] != "always" and name not in computed]
    assert len(left) > 60
    for name in left:
        for group in model.facts(name)["groups"]:
            if group != "online":
                assert stored[group][name] == model.model_fields[name].default, name
