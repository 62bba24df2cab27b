"""The groups ``evaluation`` and ``verdict`` of a result file, which CaImAn does not know and leaves alone."""

from __future__ import annotations

import json

import h5py
import numpy as np

from .evaluation import Evaluation
from .hdf5 import read_whole
from .verdict import Verdict


def write_evaluation(file: h5py.File, evaluation: Evaluation | None) -> None:
    """Add the group ``evaluation``, if there is one to write."""
    if evaluation is None:
        return
    group = file.create_group("evaluation")
    group.attrs["model"] = evaluation.model
    group["probability"] = evaluation.probability
    for name, values in evaluation.properties.items():
        group[f"properties/{name}"] = values
    text = h5py.string_dtype("utf-8")
    group.create_dataset("reasons", data=np.array(evaluation.reasons, dtype=object), dtype=text)


def read_evaluation(file: h5py.File) -> Evaluation | None:
    """Read it; None where the file has none, as those of CaImAn."""
    if "evaluation" not in file:
        return None
    group = file["evaluation"]
    return Evaluation(
        read_whole(group["probability"]),
        {name: read_whole(values) for name, values in group.get("properties", {}).items()},
        list(group["reasons"].asstr()[()]),
        str(group.attrs["model"]),
    )


def write_verdict(file: h5py.File, verdict: Verdict | None) -> None:
    """Add the group ``verdict``, if there is one to write."""
    if verdict is None:
        return
    attributes = file.create_group("verdict").attrs
    attributes["level"] = verdict.level
    attributes["reasons"] = json.dumps(verdict.reasons)
    attributes["figures"] = json.dumps(verdict.figures)


def read_verdict(file: h5py.File) -> Verdict | None:
    """Read it; None where the file has none."""
    if "verdict" not in file:
        return None
    attributes = file["verdict"].attrs
    return Verdict(attributes["level"], json.loads(attributes["reasons"]), json.loads(attributes["figures"]))
