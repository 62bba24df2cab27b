"""Real movies, of which at most somebody's list of cells is known."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from . import codecs
from .frames import read_movie
from .made import Made

# a component is a reference cell if their centres are closer than this, pixels
NEAR = 6.0


def write_movie(path: Path, fps: float, cells: Path | None, root: Path) -> Path:
    """Give the folder of ``root`` that stands for a movie: what the engine reads is the file itself if it is an AVI.

    Parameters
    ----------
    path : Path
        See :func:`worlds.frames.read_movie`.
    fps : float
        Frames a second.
    cells : Path, optional
        CSV with a row (y, x) for each reference cell, or NPY of footprints [cell, height, width]; kept as centres.
    root : Path
        Where recordings are kept.
    """
    folder = root / f"movie_{re.sub(r'[^A-Za-z0-9.-]+', '_', str(path.resolve()))}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if path.suffix == ".avi":
        (folder / "0.avi").symlink_to(path.resolve())
    else:
        movie = read_movie(path)
        none = np.zeros((0, len(movie)), np.float32)
        empty = np.zeros((0, *movie.shape[1:]), np.float32)
        still, calm = np.zeros((len(movie), 2)), np.zeros(len(movie), bool)
        codecs.write(folder, Made(movie, fps, empty, none, none, still, np.zeros(0, bool), calm))
    if cells is not None:
        np.save(folder / "cells.npy", _centers(cells))
    (folder / "recording.json").write_text(json.dumps({"recipe": str(path.name), "fps": fps}) + "\n")
    return folder


def _centers(path: Path) -> np.ndarray:
    if path.suffix == ".csv":
        return np.loadtxt(path, delimiter=",", ndmin=2)
    return np.array([_center(image) for image in np.load(path)])


def _center(image: np.ndarray) -> tuple[float, float]:
    weight = np.maximum(image - 0.5 * image.max(), 0)
    y, x = np.indices(image.shape)
    total = max(float(weight.sum()), 1e-9)
    return float((y * weight).sum() / total), float((x * weight).sum() / total)


def against_reference(estimate: Path, centers: np.ndarray) -> dict[str, object]:
    """Recall and precision by distance of centres, one to one."""
    with np.load(estimate) as file:
        found = np.array([_center(image) for image in file["A"]]).reshape(-1, 2)
    away = np.hypot(*(found[:, None] - centers[None]).transpose(2, 0, 1)) if len(found) else np.zeros((0, len(centers)))
    rows, columns = linear_sum_assignment(np.minimum(away, NEAR + 1))
    matched = int(np.sum(away[rows, columns] <= NEAR))
    recall, precision = matched / max(len(centers), 1), matched / max(len(found), 1)
    f1 = 2 * recall * precision / max(recall + precision, 1e-9)
    return {"cells": len(centers), "matched": matched, "recall": recall, "precision": precision, "f1": f1}
