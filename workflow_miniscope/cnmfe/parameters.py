"""The parameters, under CaImAn's names: what each is, in which unit, what it may be and what it is by default.

A parameter that is None is suggested from the recording; the value that was used is stored with the result.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from typing import Any

from ..engines.values import Kind, choice, flag, number, optional, pair, positive, whole
from ..errors import ParameterError, in_brackets

logger = logging.getLogger(__name__)


def _parameter(default: Any, kind: Kind, group: str, unit: str, text: str):
    metadata = {"kind": kind, "group": group, "unit": unit, "text": text}
    if isinstance(default, list):
        return dataclass_field(default_factory=lambda: list(default), metadata=metadata)
    return dataclass_field(default=default, metadata=metadata)


_size = optional(pair(1))
# px: between the middles of the blocks of piecewise-rigid registration
SMALLEST_STRIDE = 16


@dataclass
class Parameters:
    """Parameters of the native engine. Make them with :meth:`check`, which refuses wrong ones."""

    decay_time: float | None = _parameter(None, optional(positive), "data", "s", "decay time of a transient")
    rise_time: float | None = _parameter(None, optional(positive), "temporal", "s", "rise time of a transient")
    gSig: list | None = _parameter(None, _size, "init", "px", "size of a soma: sigma of a Gaussian (rows, columns)")
    gSiz: list | None = _parameter(None, _size, "init", "px", "diameter of a soma; default 4 gSig + 1")
    min_corr: float | None = _parameter(
        None, optional(number(0, 1)), "init", "", "seeds: least correlation with the neighbours"
    )
    min_pnr: float | None = _parameter(None, optional(number(0)), "init", "", "seeds: least peak to noise ratio")
    ssub: int | None = _parameter(None, optional(whole(1)), "init", "px", "side of a bin of the working grid")
    ssub_B: int | None = _parameter(None, optional(whole(1)), "init", "px", "side of a bin of the background's grid")
    ring_size_factor: float | None = _parameter(
        None, optional(positive), "init", "gSiz", "radius of the background's ring"
    )
    pw_rigid: bool = _parameter(False, flag, "motion", "", "true: blocks of the field may move differently")
    strides: list | None = _parameter(None, _size, "motion", "px", "pw_rigid: distance of the blocks (rows, columns)")
    overlaps: list | None = _parameter(
        None, optional(pair(0)), "motion", "px", "pw_rigid: overlap of the blocks; a block has the sum of both"
    )
    max_deviation_rigid: float = _parameter(
        3, number(0, 100), "motion", "px", "pw_rigid: largest deviation of a block from the shift of the frame"
    )
    max_shifts: list = _parameter([20, 20], pair(1), "motion", "px", "largest shift (rows, columns)")
    gSig_filt: list | None = _parameter(None, _size, "motion", "px", "size of what registration follows")
    motion_correct: bool = _parameter(True, flag, "motion", "", "false: the movie is registered already")
    merge_thr: float = _parameter(0.7, number(0, 1), "merging", "", "merge overlapping components that correlate more")
    p: int = _parameter(2, choice(1, 2), "temporal", "", "order of the calcium model: 2 has a rise time")
    min_SNR: float = _parameter(3.0, number(), "quality", "", "accept from this signal to noise ratio on")
    rval_thr: float = _parameter(0.88, number(-1, 1), "quality", "", "or from this consistency of the footprint on")
    SNR_lowest: float = _parameter(1.1, number(), "quality", "", "reject below this signal to noise ratio")
    rval_lowest: float = _parameter(-1.0, number(-1, 1), "quality", "", "reject below this consistency")
    use_ecc: bool = _parameter(True, flag, "quality", "", "reject what is too long for a soma")
    max_ecc: float = _parameter(2.5, positive, "quality", "", "largest ratio of the footprint's axes")
    min_probability: float = _parameter(
        0.5, number(0, 1), "quality", "", "reject below this probability of being a cell; 0: CaImAn's rule alone"
    )

    @classmethod
    def check(cls, given: dict[str, Any] | None) -> Parameters:
        """Check names and values, flat or in CaImAn's groups.

        Raises
        ------
        ParameterError
            Naming the parameter and what it may be, or the nearest known one.
        """
        given = _flat(given or {})
        known = {item.name: item.metadata["kind"] for item in fields(cls)}
        values = {}
        for name, value in given.items():
            if name in UNUSED or name in FROM_RECORDING:
                continue
            if name not in known:
                raise ParameterError(f"cnmfe has no parameter {name!r}{in_brackets(name, {*known, *UNUSED})}.")
            try:
                values[name] = known[name](value)
            except ValueError as error:
                raise ParameterError(f"The parameter {name} must be {error}, not {value!r}.") from None
        strides = values.get("strides")
        if values.get("pw_rigid") and strides and min(strides) < SMALLEST_STRIDE:
            raise ParameterError(
                f"pw_rigid: the blocks are {min(strides)} pixels apart (strides), and must be {SMALLEST_STRIDE} or "
                "more: smaller ones cannot be told from noise."
            )
        return cls(**values)

    def flat(self) -> dict[str, Any]:
        """All of them, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def grouped(self) -> dict[str, dict[str, Any]]:
        """All of them, in CaImAn's groups, with what CaImAn must know to go on from the result.

        For what a file does not say CaImAn takes its own defaults: two-photon data, a background of one component, and
        a classifier that it has to load.
        """
        out = {group: dict(values) for group, values in _MODEL.items()}
        for item in fields(self):
            out.setdefault(item.metadata["group"], {})[item.name] = getattr(self, item.name)
        return out

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """The table of parameters: name, group, unit, default and text of each."""
        defaults = cls()
        return [
            {"name": item.name, "default": getattr(defaults, item.name)}
            | {key: item.metadata[key] for key in ("group", "unit", "text")}
            for item in fields(cls)
        ]


# CaImAn's parameters that parameter sets made for it carry and that mean nothing here
UNUSED = frozenset(
    """
    K SC_kernel SC_nnn SC_normalize SC_sigma SC_thr SC_use_NN alpha_snmf center_psf greedyroi_nmf_init_method
    greedyroi_nmf_max_iter init_iter kernel lambda_gnmf maxIter max_iter_snmf method_init nIter nb normalize_init
    options_local_NMF perc_baseline_snmf rolling_length rolling_sum seed_method sigma_smooth_snmf snmf_l1_ratio tsub
    border_nan min_mov niter_rig nonneg_movie num_frames_split shifts_interpolate shifts_opencv upsample_factor_grid
    splits_els splits_rig num_splits_to_process_els num_splits_to_process_rig use_cuda indices is3D gSig_range
    check_nan compute_g include_noise lags max_num_samples_fft n_pixels_per_process noise_method noise_range pixels
    sn dist expandCore extract_cc maxthr medw method_exp method_ls normalize_yyt_one nrgthr
    num_blocks_per_run_spat se ss thr_method update_background_components ITER bas_nonneg block_size_temp
    fudge_factor method_deconvolution num_blocks_per_run_temp optimize_g s_min solvers verbosity do_merge merge_parallel
    max_merge_area border_pix del_duplicates in_memory low_rank_background memory_fact n_processes nb_patch only_init
    p_patch p_ssub p_tsub remove_very_bad_comps rf skip_refinement stride cnn_lowest min_cnn_thr
    use_cnn dxy
    """.split()
)

# what this engine computes, in CaImAn's words
_MODEL = {
    "init": {"method_init": "corr_pnr", "K": None, "center_psf": True, "normalize_init": False, "nb": 0},
    "patch": {"rf": None, "only_init": True, "nb_patch": 0, "low_rank_background": None, "n_processes": 1},
    # what CaImAn's CNMF is made with; without it an update of the footprints fails
    "spatial": {"nb": 0, "n_pixels_per_process": 4000},
    "temporal": {"nb": 0},
    "quality": {"use_cnn": False},
}

FROM_RECORDING = frozenset("fnames fr dims var_name_hdf5 caiman_version last_commit".split())

_GROUPS = frozenset("data init merging motion online patch preprocess quality ring_CNN spatial temporal".split())


def unused(given: dict[str, Any] | None) -> dict[str, Any]:
    """Parameters of CaImAn among those given that this engine does not use."""
    return {name: value for name, value in _flat(given or {}).items() if name in UNUSED}


def _flat(params: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if name in _GROUPS and isinstance(value, dict):
            flat.update(value)
        else:
            flat[name] = value
    return flat
