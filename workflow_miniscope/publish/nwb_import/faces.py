"""The results of Facemap in an NWB file of ours, read and inserted as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...analysis.eye import count_closures
from ...database.large_inserts import insert_large
from ...elements.stored_values import naive_utc
from ...errors import ResultError
from ..nwb.devices import safe
from ..nwb.face_tables import PICTURES, PLACES, nested
from .recorded import Recorded

Row = dict[str, Any]

#: Decompositions, the table of their components and the column of their masks.
_SVDS = {"motion": ("MotionSVD", "motmask"), "movie": ("MovieSVD", "movmask")}


@dataclass(frozen=True)
class Face:
    """A result of a camera, as rows of the tables without their keys.

    Attributes
    ----------
    camera : int
        Index of the camera among those of the session.
    task_id : int
        Number of the task.
    task, processing, summary : dict
        Columns of ``facemap.FacemapTask``, ``FacemapProcessing`` and ``FacialSignal.Summary``.
    regions : list of dict
        Rows of ``facemap.FacialSignal.Region``.
    components : dict of list of dict
        Rows of ``facemap.FacialSignal.MotionSVD`` and ``MovieSVD``, by these names.
    pupils, blinks : list of dict
        Rows of ``face.Pupil.Region`` and ``face.Blink.Region``.
    run_note : dict
        What was noted when it was computed.
    """

    camera: int
    task_id: int
    task: Row
    processing: Row
    summary: Row
    regions: list[Row] = field(default_factory=list)
    components: dict[str, list[Row]] = field(default_factory=dict)
    pupils: list[Row] = field(default_factory=list)
    blinks: list[Row] = field(default_factory=list)
    run_note: Row = field(default_factory=dict)


def read_faces(file: Any, path: Path, cameras: Sequence[Recorded]) -> list[Face]:
    """Read all results of the session's cameras; none where a file has no table of them.

    Raises
    ------
    ResultError
        Something that a result needs is missing.
    """
    behavior = file.processing.get("behavior")
    if behavior is None or "face_analyses" not in behavior.data_interfaces:
        return []
    runs = behavior["face_analyses"].to_dataframe().to_dict("records")
    numbers = {camera.device.name: number for number, camera in enumerate(cameras)}
    found = []
    for run in runs:
        if run["camera"] not in numbers:
            raise ResultError(f"{path} has a face of the camera {run['camera']}, and no frames of it.")
        several = sum(other["camera"] == run["camera"] for other in runs) > 1
        end = f"_{safe(run['camera'])}" if len(cameras) > 1 else ""
        end += f"_t{run['task_id']}" if several else ""
        try:
            found.append(_Reader(behavior, run, end).read(numbers[run["camera"]]))
        except KeyError as error:
            raise ResultError(
                f"{path} lacks {error} of the face in {run['camera']}; was it written by workflow-miniscope?"
            ) from None
    return found


@dataclass(frozen=True)
class _Reader:
    """Reads a result.

    Attributes
    ----------
    behavior : ProcessingModule
        Where it is.
    run : dict
        Its row in the table of the analyses of faces.
    end : str
        End of the names of all its objects.
    """

    behavior: Any
    run: Row
    end: str

    def read(self, camera: int) -> Face:
        regions = self._rows("face_regions")
        motions = [row for row in regions if row["kind"] == "motion"]
        version = "" if self.run["version"] == "unknown" else self.run["version"]
        computed = datetime.fromisoformat(self.run["computed"].removesuffix("Z")).replace(tzinfo=UTC)
        return Face(
            camera=camera,
            task_id=int(self.run["task_id"]),
            task={
                "facemap_params": nested((row["parameter"], row["value"]) for row in self._rows("face_parameters")),
                "do_mot_svd": bool(self.run["motion_svd"]),
                "do_mov_svd": bool(self.run["movie_svd"]),
                "task_description": self.run["note"],
            },
            processing={"processing_time": naive_utc(computed), "package_version": version},
            summary=self._summary(),
            regions=[self._region(row) for row in motions],
            components={
                table: [one for row in motions for one in self._components(kind, mask, int(row["number"]))]
                for kind, (table, mask) in _SVDS.items()
            },
            pupils=[self._pupil(row) for row in regions if row["kind"] == "pupil"],
            blinks=[self._blink(row) for row in regions if row["kind"] == "blink"],
            run_note=self._run_note(),
        )

    def _rows(self, name: str) -> list[Row]:
        """Return the rows of a table that are of this result."""
        if name not in self.behavior.data_interfaces:
            return []
        rows = self.behavior[name].to_dataframe().to_dict("records")
        return [row for row in rows if row["camera"] == self.run["camera"] and row["task_id"] == self.run["task_id"]]

    def _run_note(self) -> Row:
        note: Row = {}
        if np.isfinite(self.run["duration"]):
            note["duration_s"] = float(self.run["duration"])
        packages = self._rows("face_packages")
        if packages:
            note["packages"] = {row["package"]: row["version"] for row in packages}
        return note

    def _summary(self) -> Row:
        images = self.behavior[f"face_images{safe(self.end)}"].images
        pictures = {column: np.ascontiguousarray(images[name].data[:].T) for name, column in PICTURES.items()}
        return {"sbin": int(self.run["bin"]), **pictures}

    def _data(self, container: str, name: str) -> Any:
        return self.behavior[container][safe(f"{name}{self.end}")].data[:]

    def _region(self, row: Row) -> Row:
        places = {column: np.asarray(row[name]) for name, column in PLACES.items()}
        motion = self._data("face_motion", f"motion_energy_{row['number']}")
        return {"roi_no": int(row["number"]), "roi_name": row["region"], **places, "motion": motion}

    def _components(self, kind: str, mask: str, number: int) -> list[Row]:
        name = f"{kind}_svd_{number}"
        if safe(f"{name}{self.end}") not in self.behavior["face_motion"].time_series:
            return []
        courses = np.ascontiguousarray(self._data("face_motion", name).T)
        told = self.behavior[safe(f"{name}{self.end}_masks")]
        masks, values = told["mask"][:], told["singular_value"][:]
        return [
            {
                "roi_no": number,
                "pc_no": i,
                "singular_value": None if np.isnan(values[i]) else float(values[i]),
                mask: np.ascontiguousarray(masks[i]),
                "projection": course,
            }
            for i, course in enumerate(courses)
        ]

    def _pupil(self, row: Row) -> Row:
        number = row["number"]
        area = self._data("PupilTracking", f"pupil_area_{number}")
        position = self._data("EyeTracking", f"pupil_position_{number}")
        closed = np.isnan(area)  # and nowhere else: an open eye's pupil has an area
        return {
            "region_no": int(number),
            "region_name": row["region"],
            "area": area,
            "x": np.ascontiguousarray(position[:, 0]),
            "y": np.ascontiguousarray(position[:, 1]),
            "half_axes": self._data("PupilTracking", f"pupil_half_axes_{number}"),
            "closed": closed,
            "n_closures": count_closures(closed),
        }

    def _blink(self, row: Row) -> Row:
        closed = self._data("blink", f"closed_{row['number']}") == 1
        return {
            "region_no": int(row["number"]),
            "region_name": row["region"],
            "darkness": self._data("blink", f"darkness_{row['number']}"),
            "closed": closed,
            "n_closures": count_closures(closed),
        }


def insert_faces(key: Row, faces: Sequence[tuple[Face, str]]) -> None:
    """Insert the results of a session's cameras, within the transaction that the caller holds.

    Parameters
    ----------
    key : dict
        Of the session.
    faces : sequence of (Face, str)
        Each result, and the folder below the processed root for what Facemap would write if it was run again.
    """
    from ...pipeline import face, facemap, provenance
    from .rows import fill

    direct = {"allow_direct_insert": True}
    signal = facemap.FacialSignal
    for one, folder in faces:
        own = {**key, "recording_id": one.camera, "facemap_task_id": one.task_id}
        facemap.FacemapTask.insert1({**own, **one.task, "facemap_output_dir": folder, "task_mode": "trigger"})
        facemap.FacemapProcessing.insert1({**own, **one.processing}, **direct)
        fill(provenance.FaceRun, own)
        signal.insert1(own, **direct)
        insert_large(signal.Region, ({**own, **row} for row in one.regions))
        for table, rows in one.components.items():
            insert_large(getattr(signal, table), [{**own, **row} for row in rows])
        signal.Summary.insert1({**own, **one.summary})
        for eye, rows in ((face.Pupil, one.pupils), (face.Blink, one.blinks)):
            eye.insert1({**own, "n_regions": len(rows)}, **direct)
            insert_large(eye.Region, [{**own, **row} for row in rows])
