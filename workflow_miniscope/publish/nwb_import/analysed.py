"""The results of scopes in an NWB file of ours, as the result files that they once were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ... import engines
from ...errors import ResultError
from ...results.caiman import CaimanResult, Evaluation, PiecewiseShifts, RigidShifts, Verdict
from ...results.caiman.verdict import LEVELS
from ..nwb.frame_tables import read_frame_tables
from .recorded import Recorded


@dataclass(frozen=True)
class Analysed:
    """A curated result of a scope.

    Attributes
    ----------
    scope : int
        Index of the scope among those of the session.
    paramset_id, curation_id : int
        As they were in the database that it is from.
    params : dict
        Parameters that are not at the engine's defaults.
    result : CaimanResult
        Components, traces, shifts, images.
    curated : datetime
        UTC.
    by_hand : bool
        Whether somebody curated it.
    curation_note : str
    run_note : dict
        What was noted when it was computed (see ``elements.run_notes``).
    """

    scope: int
    paramset_id: int
    curation_id: int
    params: dict[str, Any]
    result: CaimanResult
    curated: datetime
    by_hand: bool
    curation_note: str
    run_note: dict[str, Any]


def read_analyses(file: Any, path: Path, scopes: tuple[Recorded, ...]) -> Iterator[Analysed]:
    """Read the results that the table of analyses names, one after the other.

    Parameters
    ----------
    file : NWBFile
        The opened file.
    path : Path
        Where it is.
    scopes : tuple of Recorded
        The session's scopes.

    Raises
    ------
    ResultError
        Something that a result needs is missing.
    """
    ophys = file.processing.get("ophys")
    if ophys is None or "analyses" not in ophys.data_interfaces:
        return
    rows = ophys["analyses"].to_dataframe().to_dict("records")
    numbers = {recorded.device.name: number for number, recorded in enumerate(scopes)}
    for row in rows:
        if row["scope"] not in numbers:
            raise ResultError(f"{path} has cells of the scope {row['scope']}, and no frames of it.")
        number = numbers[row["scope"]]
        alone = sum(other["scope"] == row["scope"] for other in rows) == 1
        end = scopes[number].series.removeprefix("OnePhotonSeries")
        end += "" if alone else f"_p{row['paramset_id']}_c{row['curation_id']}"
        try:
            yield _Analysis(ophys, row, end, scopes[number]).read(number)
        except KeyError as error:
            raise ResultError(
                f"{path} lacks {error} of the analysis of {row['scope']}; was it written by workflow-miniscope?"
            ) from None


@dataclass(frozen=True)
class _Analysis:
    """Reads a result.

    Attributes
    ----------
    ophys : ProcessingModule
        Where it is.
    row : dict
        Its row in the table of analyses.
    end : str
        End of the names of all its objects.
    scope : Recorded
        What was analysed.
    """

    ophys: Any
    row: dict[str, Any]
    end: str
    scope: Recorded

    def read(self, scope: int) -> Analysed:
        engines.get(self.row["engine"], "cells")  # one that is not known here cannot be in the database
        params = self._params()
        return Analysed(
            scope=scope,
            paramset_id=int(self.row["paramset_id"]),
            curation_id=int(self.row["curation_id"]),
            params=params,
            result=CaimanResult(
                dims=(self.scope.height, self.scope.width),
                requested={"file": params} if params else {},
                motion=self._motion(),
                frames=read_frame_tables(self.ophys, self.end),
                verdict=self._verdict(),
                method=self.row["engine"],
                version="" if self.row["version"] == "unknown" else self.row["version"],
                created=_moment(self.row["computed"]),
                **self._components(),
                **self._images(),
            ),
            curated=_moment(self.row["curated"]),
            by_hand=bool(self.row["curated_by_hand"]),
            curation_note=self.row["curation_note"],
            run_note=self._run_note(),
        )

    def _params(self) -> dict[str, Any]:
        if "analysis_parameters" not in self.ophys.data_interfaces:
            return {}
        table = self.ophys["analysis_parameters"].to_dataframe()
        of_set = table[table.paramset_id == self.row["paramset_id"]]
        return {str(row.parameter): json.loads(row.value) for row in of_set.itertuples()}

    def _run_note(self) -> dict[str, Any]:
        note: dict[str, Any] = {}
        if np.isfinite(self.row["duration"]):
            note["duration_s"] = float(self.row["duration"])
        if "analysis_packages" in self.ophys.data_interfaces:
            table = self.ophys["analysis_packages"].to_dataframe()
            of_set = table[table.paramset_id == self.row["paramset_id"]]
            note["packages"] = {str(row.package): str(row.version) for row in of_set.itertuples()}
        return note

    def _verdict(self) -> Verdict | None:
        if self.row["verdict"] not in LEVELS:
            return None
        return Verdict(self.row["verdict"], self.row["reasons"].splitlines(), {})

    def _motion(self) -> RigidShifts | PiecewiseShifts | None:
        name = f"motion_correction{self.end}"
        if name not in self.ophys.data_interfaces:
            return None
        moved = np.asarray(self.ophys[name].data[:], np.float64)  # x and y
        if moved.ndim == 2:
            return RigidShifts(moved[:, ::-1])
        blocks = self.ophys[f"{name}_blocks"].to_dataframe()
        edges = blocks[["y_start", "y_stop", "x_start", "x_stop"]].to_numpy()
        return PiecewiseShifts(y=moved[:, :, 1], x=moved[:, :, 0], blocks=edges)

    def _images(self) -> dict[str, Any]:
        name = f"summary_images{self.end}"
        images = self.ophys[name].images if name in self.ophys.data_interfaces else {}
        columns = {
            "registration_template": "reference_image",
            "average": "average_image",
            "correlation": "correlation_image",
            "maximum": "max_image",
        }
        return {columns[name]: np.asarray(images[name].data[:]).T for name in images if name in columns}

    def _components(self) -> dict[str, Any]:
        """Return footprints and traces, and what was thought of them."""
        n_frames, n_pixels = len(self.scope.times), self.scope.height * self.scope.width
        n = int(self.row["n_components"])
        if not n:
            none = np.zeros((0, n_frames), np.float32)
            return {"A": scipy.sparse.csc_matrix((n_pixels, 0)), "C": none, "S": none, "YrA": none}
        table = self.ophys["ImageSegmentation"][self.row["plane_segmentation"]]
        if table.id[:].tolist() != list(range(n)):
            raise ResultError(f"{table.name} has not the components 0 to {n - 1}, as files of workflow-miniscope do.")
        columns = {"snr": "snr", "r_values": "r_value", "cnn_preds": "cnn_prediction"}
        denoised, raw = self._traces("Fluorescence", "denoised"), self._traces("Fluorescence", "raw")
        if denoised is None:
            raise KeyError(f"denoised{self.end}")
        return {
            "A": self._footprints(table),
            "C": denoised,
            "S": self._traces("Fluorescence", "deconvolved"),
            "YrA": None if raw is None else raw - denoised,
            "F_dff": self._traces("DfOverF", "dff"),
            # what computes the baselines again
            "dff_method": "computed: the file has no dF/F" if self._has("Fluorescence", "baseline") else "",
            "accepted": np.flatnonzero(table["accepted"][:]) if "accepted" in table.colnames else None,
            "evaluation": self._evaluation(table),
            **{name: table[column][:] for name, column in columns.items() if column in table.colnames},
        }

    def _footprints(self, table: Any) -> scipy.sparse.csc_matrix:
        height = self.scope.height
        pixels = [np.asarray(table["pixel_mask"][i]) for i in range(len(table))]
        starts = np.concatenate([[0], np.cumsum([len(some) for some in pixels])])
        everything = np.concatenate(pixels)
        places = everything["x"].astype(np.int64) * height + everything["y"]
        shape = (height * self.scope.width, len(pixels))
        return scipy.sparse.csc_matrix((everything["weight"], places, starts), shape=shape)

    def _evaluation(self, table: Any) -> Evaluation | None:
        if "probability" not in table.colnames:
            return None
        return Evaluation(table["probability"][:], reasons=[str(reason) for reason in table["rejected_because"][:]])

    def _has(self, container: str, kind: str) -> bool:
        found = self.ophys.data_interfaces.get(container)
        return found is not None and f"{kind}{self.end}" in found.roi_response_series

    def _traces(self, container: str, kind: str) -> NDArray[np.float32] | None:
        """Return traces [component, frame], or None where there are none of this kind."""
        if not self._has(container, kind):
            return None
        stored = self.ophys[container][f"{kind}{self.end}"].data
        traces = np.empty((stored.shape[1], stored.shape[0]), np.float32)
        for first in range(0, stored.shape[1], 64):  # the other way round, without a copy of all
            traces[first : first + 64] = stored[:, first : first + 64].T
        return traces


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
