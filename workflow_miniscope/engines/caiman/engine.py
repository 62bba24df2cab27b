"""Drive CaImAn with its public steps, one after the other.

``CNMF.fit_file`` is not used: in current versions it reads AVI files with a loader that needs a desktop and
fails when it is asked to evaluate, and it refits, which makes one-photon results worse.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...errors import EngineError
from ...movies import Movie
from ...results.caiman import (
    RESULT_NAME,
    PiecewiseShifts,
    RigidShifts,
    compute_dff,
    read_result,
    shift_blocks,
    write_motion_correction,
    write_provenance,
)
from ...results.caiman.dff import is_sane
from ..base import FrameTimes, Needs
from . import installed, memmaps
from .parameters import Parameters
from .progress import follow


class CaimanEngine:
    """CaImAn (Giovannucci et al. 2019, eLife 8:e38173): CNMF-E or CNMF with its motion correction."""

    name = "caiman"
    description = "CaImAn (conda-forge): rigid or piecewise-rigid registration, CNMF-E or CNMF"
    needs: Needs = "rate"

    def unavailable(self) -> str | None:
        """Say in one sentence why CaImAn cannot run here, or None when it can."""
        return installed.problem()

    def version(self) -> str:
        """Version of the installed CaImAn."""
        return installed.version()

    def model(self) -> type[Parameters]:
        """Give the model of its parameters."""
        return Parameters

    def parse(self, params: Mapping[str, Any] | Parameters | None) -> Parameters:
        """Fill in the defaults and check, see :meth:`parameters.Parameters.parse`."""
        return Parameters.parse(params)

    def run(self, movie: Movie, params: Parameters, output_dir: Path, times: FrameTimes, progress: bool = True) -> Path:
        """Register, extract, deconvolve and evaluate.

        Parameters
        ----------
        movie : Movie
            The recording; read once, in blocks.
        params : Parameters
            As :meth:`parse` gives them.
        output_dir : Path
            An existing folder. The scratch files (three float32 copies of the movie at most at a time, two
            for most of it) lie in a folder in it, which is removed at the end.
        times : FrameTimes
            The rate is used; CaImAn takes all frames as consecutive.
        progress : bool
            Show progress bars.

        Returns
        -------
        Path
            The result file.

        Raises
        ------
        EngineError
            If CaImAn does not import, finds no component, or lacks the classifier that ``use_cnn`` needs.
        """
        path = Path(output_dir) / RESULT_NAME
        with (
            # first, because importing OpenCV sets variables too
            _scratch(Path(output_dir) / "scratch") as scratch,
            _opencv_threads(),
            _processes(params.n_processes) as (caiman, dview, n_processes),
        ):
            if params.use_cnn:
                installed.require_classifier()
            run = _Run(caiman, dview, n_processes, movie, times.rate, params, scratch, path, progress)
            steps = (run.decode, run.register, run.transpose, run.extract, run.evaluate, run.save)
            with follow(len(steps), dview, progress) as begin:
                for step in steps:
                    begin(step.__name__)
                    step()
        # what cannot be read again is not a result
        read_result(path)
        return path


class _Run:
    """One run, step by step; each step leaves what the next one needs."""

    def __init__(
        self,
        caiman: Any,
        dview: Any,
        n_processes: int,
        movie: Movie,
        fps: float,
        params: Parameters,
        scratch: Path,
        path: Path,
        progress: bool,
    ):
        self.caiman, self.dview, self.n_processes = caiman, dview, n_processes
        self.movie, self.fps, self.params = movie, fps, params
        self.scratch, self.path, self.progress = scratch, path, progress
        self.dims = (movie.height, movie.width)

    def decode(self) -> None:
        self.raw = memmaps.write_movie(self.movie, self.scratch, progress=self.progress)
        groups = self.params.grouped()
        groups["data"] |= {"fnames": [str(self.raw)], "fr": self.fps, "dims": self.dims}
        groups["patch"]["n_processes"] = self.n_processes
        self.opts = self.caiman.source_extraction.cnmf.params.CNMFParams(params_dict=groups)

    def register(self) -> None:
        settings = self.opts.get_group("motion")
        window = np.add(settings["strides"], settings["overlaps"])
        if settings["pw_rigid"] and np.any(window > self.dims):
            raise EngineError(
                f"CaImAn's blocks of {window[0]} x {window[1]} pixels (strides + overlaps) do not fit the "
                f"field of {self.dims[0]} x {self.dims[1]}: choose smaller ones."
            )
        mc = self.caiman.motion_correction.MotionCorrect([str(self.raw)], dview=self.dview, **settings)
        mc.motion_correct(save_movie=True)
        self.raw.unlink()
        self.registered = [Path(name) for name in mc.mmap_file]
        if mc.pw_rigid:
            self.template, self.shifts = mc.total_template_els, [mc.x_shifts_els, mc.y_shifts_els]
            # the first axis is x for CaImAn: x_shifts_els moves rows
            rows, columns = np.array(mc.x_shifts_els), np.array(mc.y_shifts_els)
            blocks = shift_blocks(rows.shape[1], self.dims, settings)
            self.motion: PiecewiseShifts | RigidShifts = PiecewiseShifts(y=rows, x=columns, blocks=blocks)
        else:
            self.template, self.shifts = mc.total_template_rig, mc.shifts_rig
            self.motion = RigidShifts(np.array(mc.shifts_rig))

    def transpose(self) -> None:
        turned, self.summary = memmaps.to_c_order(self.registered, self.dims, self.scratch, progress=self.progress)
        for path in self.registered:
            path.unlink()
        Yr, dims, frames = self.caiman.load_memmap(str(turned))
        self.frames = np.reshape(Yr.T, (frames, *dims), order="F")

    def extract(self) -> None:
        cnmf = self.caiman.source_extraction.cnmf.cnmf
        self.cnm = cnmf.CNMF(self.n_processes, params=self.opts, dview=self.dview)
        self.cnm.fit(self.frames)
        estimates = self.cnm.estimates
        if estimates.A is None or estimates.A.shape[1] == 0:
            raise EngineError("CaImAn found no component in this recording: lower min_corr or min_pnr, or check gSig.")

    def evaluate(self) -> None:
        estimates = self.cnm.estimates
        estimates.evaluate_components(self.frames, self.cnm.params, dview=self.dview)
        self.dff_method = "file"
        if estimates.b is not None and estimates.b.shape[1]:
            estimates.detrend_df_f(quantileMin=8, frames_window=250)
        if estimates.F_dff is None or not is_sane(estimates.F_dff):
            # with a ring background CaImAn divides by the baseline of a trace whose background is gone
            self.dff_method = "computed: over the ring background"
            estimates.F_dff = compute_dff(
                estimates.A,
                estimates.C,
                YrA=estimates.YrA,
                b0=estimates.b0,
                average_image=self.summary.average(),
            )

    def save(self) -> None:
        cnm, estimates = self.cnm, self.cnm.estimates
        estimates.Cn = self.summary.correlation()
        estimates.shifts = self.shifts
        # neither the cluster nor the scratch files outlive the run
        cnm.dview, cnm.mmap_file = None, ""
        cnm.params.data["fnames"] = [str(file) for file in getattr(self.movie, "files", ())] or None
        cnm.save(str(self.path))
        images = {
            "reference_image": np.asarray(self.template, dtype=np.float32),
            "average_image": self.summary.average(),
            "correlation_image": self.summary.correlation(),
            "max_image": self.summary.maximum(),
        }
        with h5py.File(self.path, "r+") as file:
            write_motion_correction(file, self.dims, self.motion, images)
            write_provenance(
                file,
                method="caiman",
                version=installed.version(),
                parameters=self.params.grouped(),
                dff_method=self.dff_method,
            )


@contextmanager
def _opencv_threads() -> Iterator[None]:
    """CaImAn turns OpenCV's threads off for the whole process, where videos are still to be decoded."""
    import cv2

    before = cv2.getNumThreads()
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Make a folder that CaImAn takes for its temporary files; gone at the end, as is what we told it."""
    folder.mkdir(parents=True)
    try:
        with _environment(CAIMAN_TEMP=str(folder)):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables, and put all as they were at the end: CaImAn sets some of its own."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _processes(wanted: int | None) -> Iterator[tuple[Any, Any, int]]:
    """CaImAn, and its processes with one thread each; stopped at the end, however it ends.

    CaImAn is imported in here: libraries that it brings read their number of threads as they load.
    """
    n = wanted or max(_cores() - 1, 1)
    with _single_threads() if n > 1 else nullcontext():
        caiman = installed.load()
        if n == 1:
            yield caiman, None, 1
            return
        _, dview, n = caiman.cluster.setup_cluster(backend="multiprocessing", n_processes=n, ignore_preexisting=True)
        try:
            yield caiman, dview, n
        finally:
            caiman.stop_server(dview=dview)
            dview.join()


def _cores() -> int:
    """Cores that this process may use, which in a container are fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _single_threads() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    with _environment(**threads), threadpool_limits(1):
        yield


ENGINE = CaimanEngine()
