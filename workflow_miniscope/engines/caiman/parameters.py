"""CaImAn's parameters: which there are, in which of its groups, and what they may be.

Names, groups and the defaults of what is left to CaImAn are those of CaImAn 1.12 (``CNMFParams``), written down so
that a parameter set is checked where CaImAn is not installed. They are given flat or in groups; a name that stands in
several groups is set in all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from ...errors import ParameterError
from ...parameters import (
    Correlation,
    Flag,
    Fraction,
    FromOne,
    FromZero,
    Model,
    NotNegative,
    Number,
    Pair,
    Positive,
    parameter,
)
from ...parameters.kinds import Keep, whole, zero_or_one
from ...results.caiman.groups import flattened

logger = logging.getLogger(__name__)

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

_Border = Annotated[Literal["copy", "min", True, False], BeforeValidator(zero_or_one)]
_Method = Literal["greedy_roi", "corr_pnr", "greedy_pnr", "sparse_nmf", "compressed_nmf", "graph_nmf", "pca_ica"]
_Noise = Literal["mean", "median", "logmexp"]
#: -1 is the full background of CaImAn's ring model, 0 leaves it out of the result
_Background = Annotated[int, Field(strict=True, ge=-1), BeforeValidator(whole)]
_FramesSplit = Annotated[int, Field(strict=True, ge=10), BeforeValidator(whole)]
_Percent = Annotated[float, Field(strict=True, ge=0, le=100), Keep]


def _ours(default: Any, groups: str, meaning: str, unit: str = "") -> Any:
    """Declare a parameter that this engine gives CaImAn in any case."""
    return parameter(default, meaning, unit, groups=groups.split(), given="always")


def _caimans(default: Any, groups: str, meaning: str, unit: str = "") -> Any:
    """Declare a parameter that is left to CaImAn, whose default this is, unless the user gives it."""
    return parameter(default, meaning, unit, groups=groups.split(), given="where asked for")


class Parameters(Model):
    """Parameters of CaImAn.

    The defaults of the first part are chosen for a V4 at full resolution (1 to 2 um a pixel), not tuned to a recording:
    on a simulated one of 119 cells in 200 x 200 pixels they accept 92, all of them real; gSig 3, gSig_filt 3, min_corr
    0.8, min_pnr 10, which are often copied from a demo, find a third.
    """

    owner: ClassVar[str] = "CaImAn"

    decay_time: Positive = _ours(0.4, "data", "decay time of a transient; GCaMP6f to 8m", "s")
    # registration: high-passed frames; 1.5 times the size of a cell registers one-photon data best
    pw_rigid: Flag = _ours(False, "motion", "true: blocks of the field may move differently")
    gSig_filt: Pair | None = _ours(
        [6, 6], "motion", "size of what registration follows; none: frames as they are", "px"
    )
    max_shifts: Pair = _ours([15, 15], "motion", "largest shift (rows, columns)", "px")
    strides: Pair = _ours([96, 96], "motion", "pw_rigid: distance of the blocks (rows, columns)", "px")
    overlaps: Pair = _ours([32, 32], "motion", "pw_rigid: overlap of the blocks; a block has the sum of both", "px")
    max_deviation_rigid: FromZero = _ours(
        3, "motion", "pw_rigid: largest deviation of a block from the shift of the frame", "px"
    )
    border_nan: _Border = _ours("copy", "motion", "what fills the border that a shift uncovers; true leaves it empty")
    method_init: _Method = _ours("corr_pnr", "init", "how cells are looked for; corr_pnr is that of CNMF-E")
    K: FromOne | None = _ours(None, "init", "number of cells, of a patch where there are patches; none: all seeds")
    gSig: Pair = _ours([4, 4], "init", "size of a soma: half its width; 4 for a V4 at full resolution", "px")
    gSiz: Pair | None = _ours(None, "init", "side of the box of a cell; none: 4 gSig + 1", "px")
    # rather too many, the evaluation rejects
    min_corr: Fraction = _ours(0.75, "init", "seeds: least correlation with the neighbours")
    min_pnr: NotNegative = _ours(7, "init", "seeds: least peak to noise ratio")
    ssub: FromOne = _ours(1, "init", "side of a bin in which cells are looked for", "px")
    tsub: FromOne = _ours(2, "init", "frames of a bin in which cells are looked for", "frames")
    p: FromZero = _ours(1, "preprocess temporal", "order of the calcium model: 2 has a rise time, 0: none is fitted")
    merge_thr: Fraction = _ours(0.7, "merging", "merge overlapping components that correlate more")
    # background: the ring model of CNMF-E
    center_psf: Flag = _ours(True, "init", "true: one photon, the surround is subtracted")
    nb: _Background = _ours(0, "init", "components of the background; 0 and -1: the ring model")
    nb_patch: _Background = _ours(0, "patch", "the same of a patch")
    low_rank_background: Flag | None = _ours(None, "patch", "background of few components; none: the ring model")
    normalize_init: Flag = _ours(False, "init", "equalise the pixels before cells are looked for")
    update_background_components: Flag = _ours(True, "spatial", "fit the background anew with the footprints")
    ssub_B: FromOne = _ours(2, "init", "side of a bin of the background's grid", "px")
    ring_size_factor: Positive | None = _ours(1.4, "init", "radius of the background's ring; none: no ring", "gSiz")
    # patches of 80 x 80 keep the memory of a full field below 16 GB
    rf: FromOne | None = _ours(40, "patch", "half a patch; none: the whole field at once", "px")
    stride: FromOne | None = _ours(20, "patch", "overlap of the patches", "px")
    only_init: Flag = _ours(True, "patch", "patches are used to find cells, and all are fitted together")
    del_duplicates: Flag = _ours(True, "patch", "leave out cells that two patches share")
    border_pix: FromZero = _ours(0, "patch", "border that is left out", "px")
    n_processes: FromOne | None = _ours(None, "patch", "processes at a time; none: one fewer than the processors")
    # the classifier was trained on two-photon data
    min_SNR: Number = _ours(2.5, "quality online", "accept from this signal to noise ratio on")
    rval_thr: Correlation = _ours(0.8, "quality online", "or from this consistency of the footprint on")
    use_cnn: Flag = _ours(False, "quality", "judge footprints with CaImAn's classifier, too")

    dxy: Any = _caimans([1, 1], "data", "resolution", "px/um")
    min_mov: Number | None = _caimans(
        None, "motion", "smallest value of the movie; none: it is looked up", "grey levels"
    )
    niter_rig: FromOne = _caimans(1, "motion", "repetitions of the rigid registration")
    nonneg_movie: Flag = _caimans(True, "motion", "shift the values so that none is negative")
    num_frames_split: _FramesSplit = _caimans(80, "motion", "frames that are registered together", "frames")
    shifts_interpolate: Flag = _caimans(False, "motion", "interpolate the blocks' shifts over the field")
    shifts_opencv: Flag = _caimans(True, "motion", "shift frames with OpenCV; false: with a Fourier transform")
    upsample_factor_grid: FromOne = _caimans(4, "motion", "pw_rigid: how much finer the grid of shifts is")

    seed_method: Literal["auto", "manual", "semi"] = _caimans("auto", "init", "who chooses the seeds")
    init_iter: FromOne = _caimans(2, "init", "corr_pnr: how often seeds are looked for")
    nIter: FromOne = _caimans(5, "init", "greedy_roi: refinements of a component")
    rolling_sum: Flag = _caimans(True, "init", "greedy_roi: look for cells in a running sum")
    rolling_length: FromOne = _caimans(100, "init", "greedy_roi: length of the running sum", "frames")
    kernel: Any = _caimans(None, "init", "greedy_roi: a footprint to look for")
    greedyroi_nmf_init_method: Any = _caimans("nndsvdar", "init", "greedy_roi: start of its factorisation")
    greedyroi_nmf_max_iter: FromOne = _caimans(200, "init", "greedy_roi: most iterations of its factorisation")
    maxIter: FromOne = _caimans(5, "init", "iterations of the first fit")
    max_iter_snmf: FromOne = _caimans(500, "init", "sparse_nmf: most iterations")
    alpha_snmf: NotNegative = _caimans(0.5, "init", "sparse_nmf: weight of sparsity")
    snmf_l1_ratio: Fraction = _caimans(0.0, "init", "sparse_nmf: share of the L1 norm in it")
    sigma_smooth_snmf: Any = _caimans([0.5, 0.5, 0.5], "init", "sparse_nmf: smoothing in time, rows, columns")
    perc_baseline_snmf: _Percent = _caimans(20, "init", "sparse_nmf: percentile that is the baseline", "%")
    options_local_NMF: Any = _caimans(None, "init", "options of the local factorisation")
    lambda_gnmf: NotNegative = _caimans(1, "init", "graph_nmf: weight of its regularisation")
    SC_kernel: Literal["heat", "cos", "binary"] = _caimans("heat", "init", "graph_nmf: kernel of the affinity")
    SC_sigma: Positive = _caimans(1, "init", "graph_nmf: width of the kernel")
    SC_thr: NotNegative = _caimans(0, "init", "graph_nmf: least affinity")
    SC_normalize: Flag = _caimans(True, "init", "graph_nmf: standardise before the affinity")
    SC_use_NN: Flag = _caimans(False, "init", "graph_nmf: nearest neighbours only")
    SC_nnn: FromOne = _caimans(20, "init", "graph_nmf: number of them")

    check_nan: Flag = _caimans(True, "preprocess", "look for values that are no number")
    compute_g: Flag = _caimans(False, "preprocess", "estimate one time constant for all pixels")
    include_noise: Flag = _caimans(False, "preprocess", "use the noise where time constants are estimated")
    lags: FromOne = _caimans(5, "preprocess temporal", "lags that time constants are estimated from", "frames")
    max_num_samples_fft: FromOne = _caimans(3072, "preprocess", "frames that noise is estimated from", "frames")
    n_pixels_per_process: FromOne | None = _caimans(
        None, "preprocess spatial", "pixels that a process works on; none: from the field", "px"
    )
    noise_method: _Noise = _caimans("mean", "preprocess temporal", "how the spectrum is averaged for the noise")
    noise_range: Any = _caimans([0.25, 0.5], "preprocess temporal", "frequencies that are noise", "of the frame rate")
    pixels: Any = _caimans(None, "preprocess", "saturated pixels, to be left out")
    sn: Any = _caimans(None, "preprocess", "noise of each pixel; none: estimated", "grey levels")

    method_exp: Literal["dilate", "ellipse"] = _caimans("dilate", "spatial", "how footprints may grow")
    dist: Positive = _caimans(3, "spatial", "method_exp ellipse: how much")
    expandCore: Any = _caimans(None, "spatial", "method_exp dilate: its element; none: a diamond of 5 x 5 pixels")
    method_ls: Literal["lasso_lars", "nnls_L0"] = _caimans("lasso_lars", "spatial", "how footprints are fitted")
    thr_method: Literal["nrg", "max"] = _caimans("nrg", "spatial", "how footprints are cut off, see the next two")
    nrgthr: Fraction = _caimans(0.9999, "spatial", "thr_method nrg: energy that is kept")
    maxthr: Fraction = _caimans(0.1, "spatial", "thr_method max: part of the maximum that is kept")
    extract_cc: Flag = _caimans(True, "spatial", "keep the largest connected part of a footprint")
    medw: Any = _caimans(None, "spatial", "window of the median filter of footprints; none: 3 x 3", "px")
    se: Any = _caimans(None, "spatial", "element that closes footprints; none: 3 x 3")
    ss: Any = _caimans(None, "spatial", "element of what is connected; none: 3 x 3")
    normalize_yyt_one: Flag = _caimans(True, "spatial", "scale the traces before footprints are fitted")
    num_blocks_per_run_spat: FromOne = _caimans(20, "spatial", "blocks of pixels at a time; fewer need less memory")

    method_deconvolution: Literal["oasis", "cvx", "cvxpy"] = _caimans("oasis", "temporal", "how traces are deconvolved")
    solvers: Any = _caimans(["ECOS", "SCS"], "temporal", "method_deconvolution cvxpy: its solvers")
    ITER: FromOne = _caimans(2, "temporal", "sweeps over the traces")
    s_min: Number | None = _caimans(None, "temporal", "least size of a spike; none: any size", "grey levels")
    bas_nonneg: Flag = _caimans(False, "temporal", "baselines of 0 or more")
    fudge_factor: Fraction = _caimans(0.96, "temporal", "correction of the estimated time constants")
    optimize_g: Flag = _caimans(False, "temporal", "fit the time constants with the traces")
    block_size_temp: FromOne = _caimans(5000, "temporal", "pixels at a time; fewer need less memory", "px")
    num_blocks_per_run_temp: FromOne = _caimans(20, "temporal", "blocks at a time; fewer need less memory")
    verbosity: Flag = _caimans(False, "temporal", "say more in the log")

    do_merge: Flag = _caimans(True, "merging", "merge components")
    merge_parallel: Flag = _caimans(False, "merging", "merge in several processes")

    in_memory: Flag = _caimans(True, "patch", "read patches into memory")
    memory_fact: Positive = _caimans(1, "patch", "memory that may be used, in units of 16 GB")
    p_patch: FromZero = _caimans(0, "patch", "order of the calcium model in a patch")
    p_ssub: FromOne = _caimans(2, "patch", "side of a bin in a patch", "px")
    p_tsub: FromOne = _caimans(2, "patch", "frames of a bin in a patch", "frames")
    remove_very_bad_comps: Flag = _caimans(False, "patch", "leave out bad components of a patch at once")
    skip_refinement: Flag = _caimans(False, "patch", "leave out the second fit of a patch")

    SNR_lowest: Number = _caimans(0.5, "quality", "reject below this signal to noise ratio")
    rval_lowest: Correlation = _caimans(-1, "quality", "reject below this consistency")
    min_cnn_thr: Fraction = _caimans(0.9, "quality", "use_cnn: accept from this probability on")
    cnn_lowest: Fraction = _caimans(0.1, "quality", "use_cnn: reject below this probability")
    gSig_range: Any = _caimans(None, "quality", "use_cnn: sizes of somata to try; none: gSig", "px")
    use_ecc: Flag = _caimans(False, "quality", "reject what is too long for a soma")
    max_ecc: Positive = _caimans(3, "quality", "use_ecc: largest ratio of the footprint's axes")

    @classmethod
    def parse(cls, given: Mapping[str, Any] | Self | None) -> Self:
        """Check names and values, flat or in CaImAn's groups; see :meth:`Model.parse`."""
        parsed = super().parse(given)
        if parsed.gSiz is None:
            # a box for the cells that goes with their size
            parsed = parsed.replaced(gSiz=[4 * size + 1 for size in parsed.gSig])
        parsed._check_together()
        return parsed

    @classmethod
    def prepare(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take parameters out of their groups, and leave out what comes from the recording.

        Raises
        ------
        ParameterError
            The parameters are for volumes.
        """
        flat = flattened(given)
        if flat.pop("is3D", False):
            raise ParameterError("is3D: volumetric recordings are not supported.")
        for name in FROM_RECORDING:
            if flat.pop(name, None) is not None:
                logger.warning("The parameter %s is taken from the recording; the one given is not used.", name)
        return flat

    def _check_together(self) -> None:
        if self.rf is not None and self.gSiz is not None and self.rf <= self.gSiz[0]:
            raise ParameterError(f"CaImAn's rf (half a patch, {self.rf}) must be larger than gSiz ({self.gSiz[0]}).")
        if not self.shifts_opencv and self.gSig_filt is not None:
            raise ParameterError("CaImAn's shifts_opencv=false works only without gSig_filt (gSig_filt: none).")
        if self.method_init != "corr_pnr" and self.K is None:
            raise ParameterError(f"CaImAn's method_init={self.method_init!r} needs K, the number of cells.")

    def plain(self) -> dict[str, Any]:
        """Give those that CaImAn is given, by name: what is left to it is not among them."""
        every = super().plain()
        return {
            name: every[name]
            for name in every
            if name in self.model_fields_set or self.facts(name)["given"] == "always"
        }

    def grouped(self) -> dict[str, dict[str, Any]]:
        """Give the same in CaImAn's groups, each name in every group that has it."""
        groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
        for name, value in self.plain().items():
            for group in self.facts(name)["groups"]:
                groups[group][name] = value
        return groups


#: CaImAn's groups with a parameter. Of the online algorithms, which are not run here, only what evaluation shares
GROUPS = tuple(dict.fromkeys(group for name in Parameters.model_fields for group in Parameters.facts(name)["groups"]))
