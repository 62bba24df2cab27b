"""Which file of a folder is CaImAn's result."""

from __future__ import annotations

from pathlib import Path

import h5py

from ...errors import ResultError

SUFFIXES = (".hdf5", ".h5")


def find_result(path: str | Path) -> Path:
    """Find the result file of a folder.

    ``CNMF.fit_file`` leaves the result of its first pass beside the final one, under the same name ending in
    ``_init``, and without the group ``motion_correction``: where there are several, those are left out.

    Parameters
    ----------
    path : str or Path
        A folder, or the file itself.

    Raises
    ------
    ResultError
        If there is none, or several that could be meant.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise ResultError(f"There is no result file or folder {path}.")
    found, unreadable = {}, []
    for candidate in sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()):
        try:
            with h5py.File(candidate, "r") as file:
                if is_result(file):
                    found[candidate] = "motion_correction" in file
        except (OSError, RuntimeError):  # what h5py makes of a damaged file depends on where
            unreadable.append(candidate.name)
    if not found:
        damaged = f"; {', '.join(unreadable)} cannot be read as HDF5" if unreadable else ""
        raise ResultError(f"{path} holds no result of CaImAn (an .hdf5 file with estimates/A){damaged}.")
    final = [p for p in found if not (p.stem.endswith("_init") and _final(p) in found)]
    chosen = [p for p in final if found[p]] or final
    if len(chosen) > 1:
        names = ", ".join(p.name for p in chosen)
        raise ResultError(f"{path} holds several results of CaImAn ({names}): name the file that is meant.")
    return chosen[0]


def is_result(file: h5py.File) -> bool:
    """Whether an HDF5 file has what every result of CaImAn has."""
    return "estimates/A" in file and ("dims" in file or "estimates/dims" in file)


def _final(path: Path) -> Path:
    return path.with_name(path.stem.removesuffix("_init") + path.suffix)
