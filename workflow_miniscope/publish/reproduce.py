"""The same computation once more, from an NWB file and its videos alone, compared bit by bit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import daq, engines
from ..engines.run_notes import environment
from ..errors import ResultError
from ..movies import Movie
from ..results.caiman import CaimanResult, read_result
from .packages import need


@dataclass(frozen=True)
class Compared:
    """One kind of result in the file and computed again.

    Attributes
    ----------
    what : str
        What was compared.
    identical : bool
        Whether every bit is the same.
    difference : str
        How they differ; empty where they do not.
    """

    what: str
    identical: bool
    difference: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {'identical' if self.identical else self.difference}"


@dataclass(frozen=True)
class Reproduced:
    """An analysis of a file, computed again.

    Attributes
    ----------
    name : str
        Scope and engine.
    compared : tuple of Compared
        What was compared.
    packages : tuple of str
        Packages of other versions than those that the file names.
    by_hand : bool
        Whether a person went through the components: which were accepted then is not compared.
    """

    name: str
    compared: tuple[Compared, ...]
    packages: tuple[str, ...]
    by_hand: bool = False

    @property
    def identical(self) -> bool:
        """Whether every number is bit-identical."""
        return all(item.identical for item in self.compared)

    def __str__(self) -> str:
        verdict = "every number is bit-identical" if self.identical else "not everything is identical"
        lines = [f"{self.name}: {verdict}", *(f"  {item}" for item in self.compared)]
        lines += [f"  other version: {package}" for package in self.packages]
        return "\n".join([*lines, *([_BY_HAND] if self.by_hand else [])])


_BY_HAND = "  curated by hand: what a person accepted, rejected, merged, split or drew is not computed again"


class StoredMovie:
    """Frames in an NWB file, [time, x, y], read a piece at a time as rows and columns.

    Parameters
    ----------
    data : h5py.Dataset
        The frames.
    """

    def __init__(self, data: Any) -> None:
        self._data = data
        self.n_frames, self.width, self.height = data.shape

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[Any]]:
        """Give the frames from ``start`` up to, not including, ``stop``, one after the other."""
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        for first in range(start, stop, 64):
            for frame in self._data[first : min(first + 64, stop)]:
                yield np.ascontiguousarray(frame.T)

    def blocks(self, size: int = 256) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give pairs of (index of the first frame, frames)."""
        for first in range(0, self.n_frames, size):
            yield first, np.ascontiguousarray(self._data[first : first + size].transpose(0, 2, 1))


def reproduce(path: Path, progress: bool = True) -> list[Reproduced]:
    """Compute all analyses of an NWB file of ours again and compare every number.

    Parameters
    ----------
    path : Path
        A file that :func:`.dataset.export_nwb` wrote, its videos beside it.
    progress : bool
        Show progress bars on a terminal.

    Raises
    ------
    ResultError
        The file is none of ours, or has no analysis.
    EngineError
        The engine cannot run here.
    RecordingError
        A video is missing.
    """
    pynwb = need("pynwb")
    if not path.is_file():
        raise ResultError(f"{path} does not exist; name an NWB file.")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(pynwb.NWBHDF5IO(path, "r")).read()
        except Exception as error:  # pynwb lets the errors of everything below it through
            raise ResultError(f"{path} cannot be read as an NWB file ({error}).") from None
        ophys = file.processing.get("ophys")
        if ophys is None or "analyses" not in ophys.data_interfaces:
            raise ResultError(f"{path} has no table of analyses, which files of workflow-miniscope have.")
        analyses = ophys["analyses"].to_dataframe()
        return [_again(path, file, dict(row), progress) for _, row in analyses.iterrows()]


def _again(path: Path, file: Any, analysis: dict[str, Any], progress: bool) -> Reproduced:
    series = next(
        item
        for item in file.acquisition.values()
        if hasattr(item, "imaging_plane") and item.device.name == analysis["device"]
    )
    times = np.asarray(series.timestamps[:], np.float64)
    engine = engines.get(analysis["engine"], "cells")
    params = _params(file, int(analysis["paramset_id"]))
    # element-miniscope's own parameter, which no engine knows
    parsed = engine.parse({name: value for name, value in params.items() if name != "segmentation_channel"})
    with tempfile.TemporaryDirectory() as folder:
        result = read_result(
            engines.run_engine(
                engine,
                _movie(path, series, len(times)),
                parsed,
                Path(folder) / "again",
                fps=daq.examine(times).fps,
                times=daq.cleaned(times),
                progress=progress,
                child=engines.in_child(engine),
            )
        )
    return Reproduced(
        f"{analysis['scope']}, {analysis['engine']} {analysis['version']}",
        tuple(_compare(file, analysis, result)),
        tuple(_other_versions(file, analysis)),
        bool(analysis["curated_by_hand"]),
    )


def _movie(path: Path, series: Any, n_frames: int) -> Movie:
    if series.external_file is None:
        return StoredMovie(series.data)
    return daq.Movie([path.parent / name for name in series.external_file], n_frames=n_frames)


def _params(file: Any, paramset_id: int) -> dict[str, Any]:
    ophys = file.processing["ophys"]
    if "analysis_parameters" not in ophys.data_interfaces:
        return {}
    rows = ophys["analysis_parameters"].to_dataframe()
    of_set = rows[rows.paramset_id == paramset_id]
    return {str(row.parameter): json.loads(row.value) for row in of_set.itertuples()}


def _compare(file: Any, analysis: dict[str, Any], result: CaimanResult) -> Iterator[Compared]:
    """Compare footprints and traces of a result with those in a file."""
    ophys, name = file.processing["ophys"], analysis["plane_segmentation"]
    n = int(analysis["n_components"])
    if result.n_components != n:
        yield Compared("components", False, f"{n} in the file, {result.n_components} now")
        return
    if not n:
        yield Compared("components", True)
        return
    segmentation = ophys["ImageSegmentation"][name]
    other = [i for i in range(n) if not _same_mask(segmentation["pixel_mask"][i], result.mask(int(segmentation.id[i])))]
    yield Compared("footprints", not other, f"{len(other)} of {n} differ")
    accepted = set(result.accepted.tolist())
    if "accepted" in segmentation.colnames and not analysis["curated_by_hand"]:
        stored = {
            int(number) for number, taken in zip(segmentation.id[:], segmentation["accepted"][:], strict=True) if taken
        }
        yield Compared("accepted components", stored == accepted, f"{len(stored ^ accepted)} of {n} differ")
    order = segmentation.id[:]
    end = name.removeprefix("PlaneSegmentation")
    for container, kind, traces in (
        ("Fluorescence", "denoised", result.C),
        ("Fluorescence", "deconvolved", result.S),
        ("DfOverF", "dff", result.F_dff),
    ):
        if container in ophys.data_interfaces and f"{kind}{end}" in ophys[container].roi_response_series:
            yield _same_traces(
                kind, ophys[container][f"{kind}{end}"].data[:].T, None if traces is None else traces[order]
            )


def _same_mask(pixels: Any, mask: Any) -> bool:
    pixels = np.asarray(pixels)
    return all(
        np.array_equal(pixels[name], now)
        for name, now in (("x", mask.xpix), ("y", mask.ypix), ("weight", mask.weights))
    )


def _same_traces(kind: str, stored: NDArray[Any], now: NDArray[Any] | None) -> Compared:
    if now is None:
        return Compared(kind, False, "in the file, and not computed now")
    if np.array_equal(stored, now, equal_nan=True):
        return Compared(kind, True)
    worst = float(np.nanmax(np.abs(stored.astype(np.float64) - now)))
    return Compared(kind, False, f"up to {worst:.3g} apart, of at most {float(np.nanmax(np.abs(stored))):.3g}")


def _other_versions(file: Any, analysis: dict[str, Any]) -> Iterator[str]:
    """Say which packages are not those that the file names."""
    ophys = file.processing["ophys"]
    if "analysis_packages" not in ophys.data_interfaces:
        return
    rows = ophys["analysis_packages"].to_dataframe()
    here = environment()["packages"]
    for row in rows[rows.paramset_id == analysis["paramset_id"]].drop_duplicates("package").itertuples():
        now = here.get(row.package, "not installed")
        if now != row.version:
            yield f"{row.package} {row.version} in the file, {now} here"
