"""CaImAn's parameters: which there are, in which of its groups, and what they may be.

Names and groups are those of CaImAn 1.12 (``CNMFParams``), written down so that a parameter set is checked
where CaImAn is not installed. They are given flat; a name that stands in several groups is set in all.
"""

from __future__ import annotations

import logging
from typing import Any

from ...errors import ParameterError
from ..base import check_names
from ..values import anything, choice, flag, number, optional, pair, positive, whole

logger = logging.getLogger(__name__)

_METHODS = ("greedy_roi", "corr_pnr", "greedy_pnr", "sparse_nmf", "compressed_nmf", "graph_nmf", "pca_ica")

GROUPS = {
    "data": {"decay_time": positive, "dxy": anything},
    "motion": {
        "border_nan": choice("copy", "min", True, False),
        "gSig_filt": optional(pair(1)),
        "max_deviation_rigid": whole(),
        "max_shifts": pair(1),
        "min_mov": optional(number()),
        "niter_rig": whole(1),
        "nonneg_movie": flag,
        "num_frames_split": whole(10),
        "overlaps": pair(1),
        "pw_rigid": flag,
        "shifts_interpolate": flag,
        "shifts_opencv": flag,
        "strides": pair(1),
        "upsample_factor_grid": whole(1),
    },
    "init": {
        "K": optional(whole(1)),
        "SC_kernel": choice("heat", "cos", "binary"),
        "SC_nnn": whole(1),
        "SC_normalize": flag,
        "SC_sigma": positive,
        "SC_thr": number(0),
        "SC_use_NN": flag,
        "alpha_snmf": number(0),
        "center_psf": flag,
        "gSig": pair(1),
        "gSiz": optional(pair(1)),
        "greedyroi_nmf_init_method": anything,
        "greedyroi_nmf_max_iter": whole(1),
        "init_iter": whole(1),
        "kernel": anything,
        "lambda_gnmf": number(0),
        "maxIter": whole(1),
        "max_iter_snmf": whole(1),
        "method_init": choice(*_METHODS),
        "min_corr": number(0, 1),
        "min_pnr": number(0),
        "nIter": whole(1),
        "nb": whole(-1),
        "normalize_init": flag,
        "options_local_NMF": anything,
        "perc_baseline_snmf": number(0, 100),
        "ring_size_factor": optional(positive),
        "rolling_length": whole(1),
        "rolling_sum": flag,
        "seed_method": choice("auto", "manual", "semi"),
        "sigma_smooth_snmf": anything,
        "snmf_l1_ratio": number(0, 1),
        "ssub": whole(1),
        "ssub_B": whole(1),
        "tsub": whole(1),
    },
    "preprocess": {
        "check_nan": flag,
        "compute_g": flag,
        "include_noise": flag,
        "lags": whole(1),
        "max_num_samples_fft": whole(1),
        "n_pixels_per_process": optional(whole(1)),
        "noise_method": choice("mean", "median", "logmexp"),
        "noise_range": anything,
        "p": whole(),
        "pixels": anything,
        "sn": anything,
    },
    "spatial": {
        "dist": positive,
        "expandCore": anything,
        "extract_cc": flag,
        "maxthr": number(0, 1),
        "medw": anything,
        "method_exp": choice("dilate", "ellipse"),
        "method_ls": choice("lasso_lars", "nnls_L0"),
        "n_pixels_per_process": optional(whole(1)),
        "normalize_yyt_one": flag,
        "nrgthr": number(0, 1),
        "num_blocks_per_run_spat": whole(1),
        "se": anything,
        "ss": anything,
        "thr_method": choice("nrg", "max"),
        "update_background_components": flag,
    },
    "temporal": {
        "ITER": whole(1),
        "bas_nonneg": flag,
        "block_size_temp": whole(1),
        "fudge_factor": number(0, 1),
        "lags": whole(1),
        "method_deconvolution": choice("oasis", "cvx", "cvxpy"),
        "noise_method": choice("mean", "median", "logmexp"),
        "noise_range": anything,
        "num_blocks_per_run_temp": whole(1),
        "optimize_g": flag,
        "p": whole(),
        "s_min": optional(number()),
        "solvers": anything,
        "verbosity": flag,
    },
    "merging": {"do_merge": flag, "merge_parallel": flag, "merge_thr": number(0, 1)},
    "patch": {
        "border_pix": whole(),
        "del_duplicates": flag,
        "in_memory": flag,
        "low_rank_background": optional(flag),
        "memory_fact": positive,
        "n_processes": optional(whole(1)),
        "nb_patch": whole(-1),
        "only_init": flag,
        "p_patch": whole(),
        "p_ssub": whole(1),
        "p_tsub": whole(1),
        "remove_very_bad_comps": flag,
        "rf": optional(whole(1)),
        "skip_refinement": flag,
        "stride": optional(whole(1)),
    },
    "quality": {
        "SNR_lowest": number(),
        "cnn_lowest": number(0, 1),
        "gSig_range": anything,
        "max_ecc": positive,
        "min_SNR": number(),
        "min_cnn_thr": number(0, 1),
        "rval_lowest": number(-1, 1),
        "rval_thr": number(-1, 1),
        "use_cnn": flag,
        "use_ecc": flag,
    },
    # the online algorithms are not run here; these two are what evaluation shares with them
    "online": {"min_SNR": number(), "rval_thr": number(-1, 1)},
}

# known to CaImAn, and taken from the recording here: old parameter sets carry them
FROM_RECORDING = (
    "fnames",
    "fr",
    "dims",
    "var_name_hdf5",
    "caiman_version",
    "last_commit",
    "splits_rig",
    "splits_els",
)

# Chosen for a V4 at full resolution (1 to 2 um a pixel), not tuned to a recording: on a simulated one of 119 cells
# in 200 x 200 pixels they accept 92, all of them real; gSig 3, gSig_filt 3, min_corr 0.8, min_pnr 10, which are
# often copied from a demo, find a third
DEFAULTS: dict[str, Any] = {
    # a transient's decay, s: GCaMP6f to 8m
    "decay_time": 0.4,
    # registration: high-passed frames; 1.5 times the size of a cell registers one-photon data best
    "pw_rigid": False,
    "gSig_filt": [6, 6],
    "max_shifts": [15, 15],
    "strides": [96, 96],
    "overlaps": [32, 32],
    "max_deviation_rigid": 3,
    "border_nan": "copy",
    # cells: gSig is half the width of a soma in pixels, 4 for a V4 at full resolution
    "method_init": "corr_pnr",
    "K": None,
    "gSig": [4, 4],
    "gSiz": [17, 17],
    # seeds: rather too many, the evaluation below rejects
    "min_corr": 0.75,
    "min_pnr": 7,
    "ssub": 1,
    "tsub": 2,
    "p": 1,
    "merge_thr": 0.7,
    # background: the ring model of CNMF-E
    "center_psf": True,
    "nb": 0,
    "nb_patch": 0,
    "low_rank_background": None,
    "normalize_init": False,
    "update_background_components": True,
    "ssub_B": 2,
    "ring_size_factor": 1.4,
    # patches of 80 x 80 keep the memory of a full field below 16 GB
    "rf": 40,
    "stride": 20,
    "only_init": True,
    "del_duplicates": True,
    "border_pix": 0,
    "n_processes": None,
    # evaluation; the classifier was trained on two-photon data
    "min_SNR": 2.5,
    "rval_thr": 0.8,
    "use_cnn": False,
}


def check(params: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults and check names and values.

    Parameters
    ----------
    params : dict
        Flat, or in CaImAn's groups (``{"init": {"gSig": 4}}``).

    Returns
    -------
    dict
        Flat, plain values.

    Raises
    ------
    ParameterError
        Naming the parameter, what it may be, and for an unknown one the nearest that is known.
    """
    given = _flat(params)
    if given.pop("is3D", False):
        raise ParameterError("is3D: volumetric recordings are not supported.")
    for name in FROM_RECORDING:
        if given.pop(name, None) is not None:
            logger.warning("The parameter %s is taken from the recording; the one given is not used.", name)
    kinds = {name: kind for group in GROUPS.values() for name, kind in group.items()}
    check_names(given, kinds, "CaImAn")
    # a box for the cells that goes with their size, if only that is given
    checked = DEFAULTS | ({"gSiz": None} if "gSig" in given else {}) | given
    for name, value in checked.items():
        try:
            checked[name] = kinds[name](value)
        except ValueError as error:
            raise ParameterError(f"CaImAn's parameter {name} must be {error}, not {value!r}.") from None
    if checked["gSiz"] is None:
        checked["gSiz"] = [4 * size + 1 for size in checked["gSig"]]
    _check_together(checked)
    return checked


def grouped(params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put flat parameters into CaImAn's groups, each name into every group that has it."""
    return {group: {name: params[name] for name in kinds if name in params} for group, kinds in GROUPS.items()}


def _flat(params: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if name in GROUPS and isinstance(value, dict):
            flat.update(value)
        else:
            flat[name] = value
    return flat


def _check_together(params: dict[str, Any]) -> None:
    if params["rf"] is not None and params["rf"] <= params["gSiz"][0]:
        raise ParameterError(
            f"CaImAn's rf (half a patch, {params['rf']}) must be larger than gSiz ({params['gSiz'][0]})."
        )
    if not params.get("shifts_opencv", True) and params["gSig_filt"] is not None:
        raise ParameterError("CaImAn's shifts_opencv=false works only without gSig_filt (gSig_filt: none).")
    if params["method_init"] != "corr_pnr" and params["K"] is None:
        raise ParameterError(f"CaImAn's method_init={params['method_init']!r} needs K, the number of cells.")
