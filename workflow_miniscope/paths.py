"""Where files are: the configured root directories, and the relative paths the database holds.

The Elements ask their linking module for these functions by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .errors import RecordingError, SettingsError
from .settings import get_settings
from .spelling import composed, on_disk


def get_miniscope_root_data_dir() -> list[Path]:
    """Return the root directories of raw recordings; a new list at every call, because the Elements append to it."""
    return [on_disk(root) for root in get_settings().miniscope_root_data_dir]


def get_facemap_root_data_dir() -> list[Path]:
    """Return the root directories of camera videos; a new list at every call."""
    return [on_disk(root) for root in get_settings().facemap_root_data_dir]


def get_processed_root_data_dir() -> Path:
    """Return the directory below which results are written."""
    return on_disk(get_settings().processed_root_data_dir)


get_facemap_processed_data_dir = get_processed_root_data_dir


def find_full_path(roots: Iterable[Path], relative: str | Path) -> Path:
    """Find a relative path below one of the roots, in their order.

    Raises
    ------
    SettingsError
        No root directory is configured.
    RecordingError
        The path is outside the roots, or below none of them; a root that is not there is named.
    """
    roots = list(roots)
    if not roots:
        raise SettingsError(
            "No miniscope_root_data_dir is configured; name the folder of your recordings under 'custom' in "
            "dj_local_conf.json, or set MINISCOPE_ROOT_DATA_DIR."
        )
    try:
        return _find(roots, Path(str(relative).replace("\\", "/")))
    except (OSError, ValueError) as error:  # such as a name that is longer than a disk takes
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(f"{str(relative)[:100]} cannot be looked for below {_listed(roots)} ({reason}).") from None


def _find(roots: list[Path], relative: Path) -> Path:
    if relative.is_absolute():
        relative = on_disk(relative)
        to_relative(roots, relative)
        if relative.exists():
            return relative
    for root in roots:
        full = on_disk(root / relative)
        if full.exists():
            if not full.resolve().is_relative_to(root.resolve()):
                raise RecordingError(f"{relative} leads outside the root directory {root}; name a folder below it.")
            return full
    raise RecordingError(
        f"{relative} is not found below {_listed(roots)}; "
        + (say_absent(roots) or "check its spelling and the root directories.")
    )


def to_relative(roots: Iterable[Path], path: Path) -> str:
    """Return a path relative to the root it lies below, with forward slashes on every system, its letters composed.

    Raises
    ------
    RecordingError
        The path lies below none of the roots.
    """
    roots = list(roots)
    full = on_disk(Path(path)).resolve()
    for root in roots:
        if full.is_relative_to(root.resolve()):
            return composed(PurePosixPath(full.relative_to(root.resolve())).as_posix())
    raise RecordingError(
        f"{path} lies outside the root directories ({_listed(roots)}); move it below one of them, or add its folder to "
        "miniscope_root_data_dir."
    )


def say_absent(roots: Iterable[Path]) -> str:
    """Return a sentence that names the root directories that are not there, such as a disk that is not mounted.

    Nothing where all are there.
    """
    absent = [str(root) for root in roots if not root.is_dir()]
    if not absent:
        return ""
    if len(absent) == 1:
        return f"the root directory {absent[0]} is not there: mount it, or correct miniscope_root_data_dir."
    return f"the root directories {', '.join(absent)} are not there: mount them, or correct miniscope_root_data_dir."


def _listed(roots: Iterable[Path]) -> str:
    return ", ".join(str(root) for root in roots) or "none configured"
