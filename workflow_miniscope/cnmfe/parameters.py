"""The parameters, under CaImAn's names: what each is, in which unit, what it may be and what it is by default.

A parameter that is None is suggested from the recording; the value that was used is stored with the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from ..errors import ParameterError
from ..parameters import (
    Correlation,
    Flag,
    Fraction,
    FromOne,
    Model,
    NotNegative,
    Number,
    Pair,
    PairFromZero,
    Positive,
    parameter,
)
from ..parameters.kinds import Keep, whole
from ..results.caiman.groups import flattened

# px: between the middles of the blocks of piecewise-rigid registration
SMALLEST_STRIDE = 16

_Value = TypeVar("_Value")
_Order = Annotated[Literal[1, 2], BeforeValidator(whole)]
#: px: farther than this no block lies from the shift of its frame
_Deviation = Annotated[float, Field(strict=True, ge=0, le=100), Keep]


class Parameters(Model):
    """Parameters of the native engine. Make them with :meth:`parse`, which refuses wrong ones."""

    owner: ClassVar[str] = "cnmfe"
    none_means: ClassVar[str] = "suggested"

    decay_time: Positive | None = parameter(None, "decay time of a transient", "s", group="data")
    rise_time: Positive | None = parameter(None, "rise time of a transient", "s", group="temporal")
    gSig: Pair | None = parameter(None, "size of a soma: sigma of a Gaussian (rows, columns)", "px", group="init")
    gSiz: Pair | None = parameter(None, "diameter of a soma; default 4 gSig + 1", "px", group="init")
    min_corr: Fraction | None = parameter(None, "seeds: least correlation with the neighbours", group="init")
    min_pnr: NotNegative | None = parameter(None, "seeds: least peak to noise ratio", group="init")
    ssub: FromOne | None = parameter(None, "side of a bin of the working grid", "px", group="init")
    ssub_B: FromOne | None = parameter(None, "side of a bin of the background's grid", "px", group="init")
    ring_size_factor: Positive | None = parameter(None, "radius of the background's ring", "gSiz", group="init")
    pw_rigid: Flag = parameter(False, "true: blocks of the field may move differently", group="motion")
    strides: Pair | None = parameter(None, "pw_rigid: distance of the blocks (rows, columns)", "px", group="motion")
    overlaps: PairFromZero | None = parameter(
        None, "pw_rigid: overlap of the blocks; a block has the sum of both", "px", group="motion"
    )
    max_deviation_rigid: _Deviation = parameter(
        3, "pw_rigid: largest deviation of a block from the shift of the frame", "px", group="motion"
    )
    max_shifts: Pair = parameter([20, 20], "largest shift (rows, columns)", "px", group="motion")
    gSig_filt: Pair | None = parameter(None, "size of what registration follows", "px", group="motion")
    motion_correct: Flag = parameter(True, "false: the movie is registered already", group="motion")
    merge_thr: Fraction = parameter(0.7, "merge overlapping components that correlate more", group="merging")
    p: _Order = parameter(2, "order of the calcium model: 2 has a rise time", group="temporal")
    min_SNR: Number = parameter(3.0, "accept from this signal to noise ratio on", group="quality")
    rval_thr: Correlation = parameter(0.88, "or from this consistency of the footprint on", group="quality")
    SNR_lowest: Number = parameter(1.1, "reject below this signal to noise ratio", group="quality")
    rval_lowest: Correlation = parameter(-1.0, "reject below this consistency", group="quality")
    use_ecc: Flag = parameter(True, "reject what is too long for a soma", group="quality")
    max_ecc: Positive = parameter(2.5, "largest ratio of the footprint's axes", group="quality")
    min_probability: Fraction = parameter(
        0.5, "reject below this probability of being a cell; 0: CaImAn's rule alone", group="quality"
    )

    _unused: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, Any] | Self | None) -> Self:
        """Check names and values, flat or in CaImAn's groups; see :meth:`Model.parse`.

        What only CaImAn uses is kept apart, in :attr:`unused`.
        """
        parsed = super().parse(given)
        if isinstance(given, Mapping):
            parsed._unused = {name: value for name, value in flattened(given).items() if name in UNUSED}
        return parsed

    @classmethod
    def prepare(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Leave out what only CaImAn uses, and what comes from the recording."""
        leave = UNUSED | FROM_RECORDING
        return {name: value for name, value in flattened(given).items() if name not in leave}

    @classmethod
    def known_names(cls) -> set[str]:
        """Names that a user may have meant by an unknown one: CaImAn's that mean nothing here, too."""
        return super().known_names() | UNUSED

    @classmethod
    def called(cls, name: str, given: Mapping[str, Any]) -> str:
        """How a sentence begins that says what is wrong with a value."""
        return f"The parameter {name}"

    @model_validator(mode="after")
    def _blocks_can_be_told_from_noise(self) -> Self:
        if self.pw_rigid and self.strides and min(self.strides) < SMALLEST_STRIDE:
            raise ParameterError(
                f"pw_rigid: the blocks are {min(self.strides)} pixels apart (strides), and must be {SMALLEST_STRIDE} "
                "or more: smaller ones cannot be told from noise."
            )
        return self

    @property
    def unused(self) -> dict[str, Any]:
        """Parameters of CaImAn among those given that this engine does not use."""
        return dict(self._unused)

    def plain(self) -> dict[str, Any]:
        """Give all of them, by name, those that are not used first."""
        return self.unused | super().plain()

    def grouped(self) -> dict[str, dict[str, Any]]:
        """Give all of them, in CaImAn's groups, with what CaImAn must know to go on from the result.

        For what a file does not say CaImAn takes its own defaults: two-photon data, a background of one component, and
        a classifier that it has to load.
        """
        out: dict[str, dict[str, Any]] = {group: dict(values) for group, values in _MODEL.items()}
        for name, value in super().plain().items():
            out.setdefault(self.facts(name)["group"], {})[name] = value
        return out


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
_MODEL: dict[str, dict[str, Any]] = {
    "init": {"method_init": "corr_pnr", "K": None, "center_psf": True, "normalize_init": False, "nb": 0},
    "patch": {"rf": None, "only_init": True, "nb_patch": 0, "low_rank_background": None, "n_processes": 1},
    # what CaImAn's CNMF is made with; without it an update of the footprints fails
    "spatial": {"nb": 0, "n_pixels_per_process": 4000},
    "temporal": {"nb": 0},
    "quality": {"use_cnn": False},
}

FROM_RECORDING = frozenset("fnames fr dims var_name_hdf5 caiman_version last_commit".split())


def known(value: _Value | None) -> _Value:
    """Take a value that is optional, and has been given, suggested or computed by now."""
    if value is None:
        raise ValueError("A value is used before it is known.")
    return value


def mean_size(sizes: Sequence[float] | None) -> float:
    """Give the mean of a size (rows, columns)."""
    return float(np.mean(known(sizes)))
