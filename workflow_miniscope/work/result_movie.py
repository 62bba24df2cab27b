"""The recording that a result was made from, where it is still on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import daq
from ..errors import RecordingError, WorkflowError
from ..movies import Movie, fingerprint
from ..movies.types import Floats


@dataclass(frozen=True)
class OpenedMovie:
    """A movie and the moments of its frames.

    Attributes
    ----------
    movie : Movie
        The recording as it was taken.
    times : float64 [frames] or None
        Time of each frame (s), nan where it is not trusted; None where that is not known.
    """

    movie: Movie
    times: Floats | None


@dataclass(frozen=True)
class ResultMovie:
    """Where the recording of a result is.

    Attributes
    ----------
    result : Path
        The result file.
    folder : Path or None
        The scope's folder.
    key : dict or None
        Of ``miniscope.RecordingInfo``: then the database knows the files.
    """

    result: Path
    folder: Path | None = None
    key: dict[str, Any] | None = None

    def open(self) -> OpenedMovie:
        """Open it.

        Raises
        ------
        RecordingError
            It is not there, cannot be read, or is not what the result was made from.
        """
        if self.key is not None:
            found, files = self._of_database(self.key)
        else:
            found, files = self._of_folder()
        changed = fingerprint.changed(self.result, files) if (self.result.parent / fingerprint.NAME).exists() else None
        if changed:
            raise RecordingError(f"The recording is not the one that the result was made from: {changed}.")
        return found

    def _of_folder(self) -> tuple[OpenedMovie, list[Path]]:
        folder = self.folder or fingerprint.recorded_folder(self.result)
        if folder is None:
            raise RecordingError(
                "Where the recording is, the result does not say: name the scope's folder with --movie."
            )
        if not folder.is_dir():
            raise RecordingError(f"The recording is not on this disk: there is no folder {folder}. See --movie.")
        recording = daq.open_device(folder).read()
        return OpenedMovie(recording.movie, daq.cleaned(recording.times)), list(recording.movie.files)

    def _of_database(self, key: dict[str, Any]) -> tuple[OpenedMovie, list[Path]]:
        from ..paths import find_full_path, get_miniscope_root_data_dir
        from ..pipeline import miniscope

        n_frames, times = (miniscope.RecordingInfo & key).fetch1("nframes", "time_stamps")
        names = (miniscope.RecordingInfo.File & key).to_arrays("file_path", order_by="file_id").tolist()
        roots = get_miniscope_root_data_dir()
        try:
            files = [find_full_path(roots, name) for name in names]
        except (WorkflowError, OSError) as error:
            raise RecordingError(f"The recording is not on this disk: {error}") from None
        return OpenedMovie(daq.Movie(files, n_frames=int(n_frames)), daq.cleaned(np.asarray(times))), files
