"""What computed the results of a face, and where in the camera's frame its regions are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from hdmf.common import DynamicTable, VectorData, VectorIndex
from numpy.typing import NDArray
from pynwb.base import Images
from pynwb.image import GrayscaleImage

from ...elements.stored_values import hash_params
from ..contents import Key, Video
from ..private import public, without_paths
from .tables import table

#: Columns of the table of regions that are numbers of columns and rows, and the columns of the database.
PLACES = {"x": "xrange", "y": "yrange", "x_bins": "xrange_bin", "y_bins": "yrange_bin"}
#: Pictures of a camera, and the columns of the database.
PICTURES = {"average_frame": "avgframe", "average_motion": "avgmotion"}


def face_tables(faces: tuple[Key, ...], cameras: dict[int, Video]) -> Iterator[Any]:
    """Give the tables of all results of a session.

    Parameters
    ----------
    faces : tuple of dict
        Keys of ``facemap.FacialSignal``.
    cameras : dict of Video
        By the number of their recordings.
    """
    runs, params, packages, regions = [], [], [], []
    for key in faces:
        place = {"camera": cameras[key["recording_id"]].device, "task_id": int(key["facemap_task_id"])}
        run, given, with_packages = _run(key)
        runs.append({**place, **run})
        params += [{**place, "parameter": name, "value": value} for name, value in given]
        packages += [{**place, "package": name, "version": version} for name, version in with_packages]
        regions += [{**place, **region} for region in _regions(key)]
    yield _table("face_analyses", "What computed each result of a camera.", _RUN, runs)
    if params:
        yield _table("face_parameters", "Parameters of the analyses of faces.", _PARAMETER, params)
    if packages:
        yield _table("face_packages", "Python packages that took part in them.", _PACKAGE, packages)
    if regions:
        yield _regions_table(regions)


_OF = {"camera": "Camera.", "task_id": "Number of the analysis of this camera."}
_RUN = {
    **_OF,
    "engine": "Program that computed it.",
    "version": "Version of the program.",
    "parameters_hash": "MD5 of engine and parameters.",
    "computed": "When it was computed, UTC.",
    "duration": "How long the computation took, seconds; nan where it is not known.",
    "motion_svd": "Whether the motion was decomposed.",
    "movie_svd": "Whether the pictures were decomposed.",
    "bin": "Side of the bins of pixels in which motion was computed.",
    "note": "What was noted of it.",
}
_PARAMETER = {
    **_OF,
    "parameter": "Name; of those within others by their path, such as rois.0.name.",
    "value": "Value, as JSON.",
}
_PACKAGE = {**_OF, "package": "Name.", "version": "Version."}
_REGION = {
    **_OF,
    "kind": "motion, pupil or blink.",
    "number": "Number of the region among those of its kind; motion 0 is the full frame.",
    "region": "As the user named it.",
}
_PLACED = {
    "x": "Columns of the camera's frame that it covers; none where the parameters say it.",
    "y": "Rows of the camera's frame that it covers.",
    "x_bins": "The same columns in bins of pixels.",
    "y_bins": "The same rows in bins of pixels.",
}


def _table(name: str, text: str, described: dict[str, str], rows: list[dict[str, Any]]) -> Any:
    return table(name, text, {column: (told, [row[column] for row in rows]) for column, told in described.items()})


def _run(key: Key) -> tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the row of a run, its parameters and the packages that took part."""
    from ...pipeline import facemap, provenance

    row = (facemap.FacemapTask * facemap.FacemapProcessing & key).fetch1()
    bins = (facemap.FacialSignal.Summary & key).to_arrays("sbin").tolist()
    noted = (provenance.FaceRun() & key).to_dicts()
    duration = noted[0]["duration_s"] if noted else None
    run = {
        "engine": "facemap",
        "version": row["package_version"] or "unknown",
        "parameters_hash": hash_params("facemap", row["facemap_params"]),
        "computed": f"{row['processing_time'].isoformat()}Z",
        "duration": np.nan if duration is None else float(duration),
        "motion_svd": bool(row["do_mot_svd"]),
        "movie_svd": bool(row["do_mov_svd"]),
        "bin": int(bins[0]) if bins else 0,
        "note": without_paths(row["task_description"]),
    }
    params = public(row["facemap_params"])
    return run, list(_flat(params)), sorted(noted[0]["packages"].items()) if noted else []


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Give parameters with their values as JSON; those within others by their path, such as ``rois.0.name``."""
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict) and all(str(inner) and not re.search(r"\.|^\d+$", str(inner)) for inner in value):
        items = [(str(inner), value[inner]) for inner in sorted(value)]
    elif isinstance(value, (list, tuple)) and any(isinstance(inner, dict) for inner in value):
        items = [(str(i), inner) for i, inner in enumerate(value)]
    for inner, content in items:
        yield from _flat(content, f"{name}.{inner}" if name else inner)
    if not items and name:
        yield name, json.dumps(value, default=_plain, sort_keys=True)


def nested(given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return parameters as they were before each had a row of its own.

    >>> nested([("rois.0.kind", '"pupil"'), ("rois.0.x", "[20, 60]"), ("sbin", "4")])
    {'rois': [{'kind': 'pupil', 'x': [20, 60]}], 'sbin': 4}
    """
    params: dict[str, Any] = {}
    for name, value in given:
        *outer, last = name.split(".")
        place = params
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = json.loads(value)
    return {name: _lists(value) for name, value in params.items()}


def _lists(value: Any) -> Any:
    """Return lists in place of the entries that are named by their numbers."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(content) for name, content in value.items()}
    return list(inner.values()) if inner and list(inner) == [str(i) for i in range(len(inner))] else inner


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _regions(key: Key) -> Iterator[dict[str, Any]]:
    from ...pipeline import face, facemap

    for row in (facemap.FacialSignal.Region & key).proj("roi_name", *PLACES.values()).to_dicts(order_by="roi_no"):
        placed = {name: np.asarray(row[column]) for name, column in PLACES.items()}
        yield {"kind": "motion", "number": int(row["roi_no"]), "region": row["roi_name"], **placed}
    nowhere = dict.fromkeys(PLACES, np.zeros(0, int))
    for kind, query in (("pupil", face.Pupil.Region()), ("blink", face.Blink.Region())):
        for row in (query & key).proj("region_name").to_dicts(order_by="region_no"):
            yield {"kind": kind, "number": int(row["region_no"]), "region": row["region_name"], **nowhere}


def _regions_table(rows: list[dict[str, Any]]) -> DynamicTable:
    """Return the table of regions, in which the numbers of columns and rows are lists."""
    columns = [
        VectorData(name=name, description=text, data=[row[name] for row in rows]) for name, text in _REGION.items()
    ]
    for name, text in _PLACED.items():
        lists: list[NDArray[Any]] = [row[name] for row in rows]
        data = VectorData(name=name, description=text, data=np.concatenate(lists))
        ends = np.cumsum([len(some) for some in lists]).astype(np.uint32)
        columns += [VectorIndex(name=f"{name}_index", data=ends, target=data), data]
    return DynamicTable(
        name="face_regions",
        description="Regions of the cameras' frames that were analysed.",
        columns=columns,
        colnames=[*_REGION, *_PLACED],
    )


def face_images(key: Key, device: str, suffix: str) -> Images | None:
    """Return the mean frame and the mean motion of a camera, [x, y] in bins of pixels; None where there are none."""
    from ...pipeline import facemap

    for row in (facemap.FacialSignal.Summary & key).to_dicts():
        pictures = [
            GrayscaleImage(name=name, description=text, data=np.asarray(row[PICTURES[name]]).T)
            for name, text in (("average_frame", "Mean frame."), ("average_motion", "Mean of the absolute changes."))
        ]
        text = f"Images of {device}, [x, y], in bins of {row['sbin']} x {row['sbin']} pixels."
        return Images(name=f"face_images{suffix}", images=pictures, description=text)
    return None
