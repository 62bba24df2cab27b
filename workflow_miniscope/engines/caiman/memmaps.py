"""The movie in CaImAn's memory-mapped files, written and turned around in blocks.

CaImAn's own ``save_memmap`` does the same with the whole movie in memory, twice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...bars import tqdm
from ...movies import Movie
from ...movies.summary import SummaryImages

# bytes of float32 that are in memory at a time
_BLOCK = 256 * 2**20


def path_for(folder: Path, name: str, dims: tuple[int, int], order: str, frames: int) -> Path:
    """CaImAn reads the shape of such a file from its name; ``name`` has no underscore."""
    return folder / f"{name}_d1_{dims[0]}_d2_{dims[1]}_d3_1_order_{order}_frames_{frames}.mmap"


def write_movie(movie: Movie, folder: Path, progress: bool = True) -> Path:
    """Decode a movie into a float32 file in Fortran order: frame after frame, each column by column.

    Parameters
    ----------
    movie : Movie
        The recording.
    folder : Path
        Where the file goes.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        The file.
    """
    dims = (movie.height, movie.width)
    path = path_for(folder, "movie", dims, "F", movie.n_frames)
    pixels = dims[0] * dims[1]
    with (
        open(path, "wb") as file,
        tqdm(total=movie.n_frames, desc="decode", unit="frame", disable=None if progress else True) as bar,
    ):
        for _, block in movie.blocks():
            columns = block.transpose(0, 2, 1).reshape(len(block), pixels)
            columns.astype(np.float32).tofile(file)
            bar.update(len(block))
    return path


def to_c_order(
    paths: list[Path], dims: tuple[int, int], folder: Path, progress: bool = True
) -> tuple[Path, SummaryImages]:
    """Turn registered files into one in C order, pixel after pixel, and see the summary images on the way.

    Parameters
    ----------
    paths : list of Path
        Files in Fortran order, as ``MotionCorrect`` writes them.
    dims : tuple of int
        (height, width).
    folder : Path
        Where the file goes.
    progress : bool
        Show a progress bar.

    Returns
    -------
    path : Path
        The file in C order.
    summary : SummaryImages
        Of the registered movie.
    """
    pixels = dims[0] * dims[1]
    parts = [np.memmap(path, mode="r", dtype=np.float32).reshape(-1, pixels) for path in paths]
    frames = sum(len(part) for part in parts)
    path = path_for(folder, "registered", dims, "C", frames)
    target = np.memmap(path, mode="w+", dtype=np.float32, shape=(pixels, frames))
    summary = SummaryImages(*dims)
    step = max(_BLOCK // (4 * pixels), 16)
    at = 0
    with tqdm(total=frames, desc="summary images", unit="frame", disable=None if progress else True) as bar:
        for part in parts:
            for start in range(0, len(part), step):
                block = np.array(part[start : start + step])
                summary.add(block.reshape(-1, dims[1], dims[0]).transpose(0, 2, 1))
                # CaImAn's own offset: a pixel that is always 0 has no noise to divide by
                target[:, at : at + len(block)] = block.T + np.float32(0.0001)
                at += len(block)
                bar.update(len(block))
    target.flush()
    return path, summary
