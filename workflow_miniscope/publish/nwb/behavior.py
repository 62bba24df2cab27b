"""Head orientation, face, eyes, and what was written down."""

from __future__ import annotations

from typing import Any

import numpy as np
from pynwb.base import TimeSeries
from pynwb.behavior import BehavioralTimeSeries, EyeTracking, PupilTracking, SpatialSeries

from ..contents import Contents, Key, Video
from .devices import safe
from .face_tables import face_images, face_tables
from .imaging import Imaged
from .streams import Columns, compressed
from .tables import table


def add_notes(file: Any, contents: Contents) -> None:
    """Add what was written down during the recording."""
    if not contents.notes:
        return
    events = file.create_events_table(
        name="notes",
        description="What was written down during the recording, by the experimenter or, where a control was changed, "
        "by the acquisition program as device, property and value.",
    )
    for time, text in contents.notes:
        events.add_event(timestamp=time, annotation=text)


def orientations(imaged: list[Imaged]) -> list[Any]:
    """Return the head orientation of each scope that measured it, on its own clock."""
    found = []
    for scope in imaged:
        row = scope.scope.orientation
        if not row or not row["n_samples"]:
            continue
        times, valid = np.asarray(row["times"], float), np.asarray(row["valid"], bool)
        marks = {} if valid.all() else {"control": (~valid).astype(np.uint8), "control_description": _VALID}
        quaternions = TimeSeries(
            name=f"head_orientation{scope.suffix}",
            description=f"Orientation of {scope.scope.device} as recorded: w, x, y and z. A sample is no frame.",
            data=compressed(row["quaternions"]),
            unit="n.a.",
            timestamps=times,
            **marks,
        )
        euler = TimeSeries(
            name=f"head_angles{scope.suffix}",
            description="Yaw, pitch and roll of the same (intrinsic rotations about z, y and x); nan where it is none.",
            data=compressed(row["euler"]),
            unit="degrees",
            timestamps=quaternions,
        )
        found += [quaternions, euler]
    return found


_VALID = ["a rotation", "no rotation: the quaternion's norm is not 1"]


class Faces:
    """Results of Facemap, for the module ``behavior``.

    Parameters
    ----------
    module : ProcessingModule
        Where they go.
    cameras : list of (Video, ImageSeries)
        The session's cameras and their series.
    """

    def __init__(self, module: Any, cameras: list[tuple[Video, Any]]) -> None:
        self._module = module
        self._cameras = {video.key["recording_id"]: (video, series) for video, series in cameras}
        self._containers: dict[str, Any] = {}

    def add(self, keys: tuple[Key, ...]) -> None:
        """Add all results of a session."""
        if not keys:
            return
        for key in keys:
            video, series = self._cameras[key["recording_id"]]
            several = sum(other["recording_id"] == key["recording_id"] for other in keys) > 1
            suffix = f"_{safe(video.device)}" if len(self._cameras) > 1 else ""
            suffix += f"_t{key['facemap_task_id']}" if several else ""
            # the frames at the video's end that got no time belong to no moment
            self._add_motion(key, suffix, series, len(video.times))
            self._add_eyes(key, suffix, series, len(video.times))
            images = face_images(key, video.device, safe(suffix))
            if images is not None:
                self._module.add(images)
        for told in face_tables(keys, {number: video for number, (video, _) in self._cameras.items()}):
            self._module.add(told)

    def _container(self, kind: type, name: str) -> Any:
        if name not in self._containers:
            self._containers[name] = kind(name=name)
            self._module.add(self._containers[name])
        return self._containers[name]

    def _series(self, name: str, text: str, data: Any, unit: str, series: Any) -> Any:
        marks = {}
        if series.control is not None:
            marks = {"control": series.control, "control_description": series.control_description}
        return TimeSeries(
            name=safe(name), description=text, data=compressed(data), unit=unit, timestamps=series, **marks
        )

    def _add_motion(self, key: Key, suffix: str, series: Any, n: int) -> None:
        from ...pipeline import facemap

        signal = facemap.FacialSignal
        for region in (signal.Region & key).to_dicts(order_by="roi_no"):
            name = f"{region['roi_no']}{suffix}"
            box = ", ".join(
                f"{axis} {min(region[f'{axis}range'])} to {max(region[f'{axis}range'])}"
                for axis in "xy"
                if len(region[f"{axis}range"])
            )
            text = f"region {region['roi_no']}, {region['roi_name'] or 'without a name'} ({box} pixels)"
            motion = self._series(
                f"motion_energy_{name}", f"Motion energy of {text}.", region["motion"][:n], "grey levels", series
            )
            self._container(BehavioralTimeSeries, "face_motion").add_timeseries(motion)
            place = {**key, "roi_no": region["roi_no"]}
            for components, mask, kind in (
                (signal.MotionSVD, "motmask", "motion"),
                (signal.MovieSVD, "movmask", "movie"),
            ):
                self._add_components(components & place, mask, f"{kind}_svd_{name}", f"{kind} of {text}", series, n)

    def _add_components(self, query: Any, mask: str, name: str, text: str, series: Any, n: int) -> None:
        numbers = [int(number) for number in query.to_arrays("pc_no", order_by="pc_no")]
        if not numbers:
            return
        courses = query.proj("projection")

        def fetch(first: int, stop: int) -> list[Any]:
            some = courses & [{"pc_no": number} for number in numbers[first:stop]]
            return [row["projection"][:n] for row in some.to_dicts(order_by="pc_no")]

        data = Columns(n, len(numbers), fetch(0, 1)[0].dtype, fetch)
        described = f"Time courses of the principal components of the {text}; their masks are in {name}_masks."
        self._container(BehavioralTimeSeries, "face_motion").add_timeseries(
            self._series(name, described, data, "n.a.", series)
        )
        rows = query.proj(mask, "singular_value").to_dicts(order_by="pc_no")
        singular = [np.nan if row["singular_value"] is None else float(row["singular_value"]) for row in rows]
        columns: dict[str, tuple[str, Any]] = {
            "mask": ("Weight of each bin of pixels, [y, x].", np.stack([row[mask] for row in rows])),
            "singular_value": ("Its singular value.", singular),
        }
        self._module.add(table(safe(f"{name}_masks"), f"Principal components of the {text}.", columns))

    def _add_eyes(self, key: Key, suffix: str, series: Any, n: int) -> None:
        from ...pipeline import face

        for pupil in (face.Pupil.Region() & key).to_dicts(order_by="region_no"):
            name, text = f"{pupil['region_no']}{suffix}", f"pupil {pupil['region_no']} ({pupil['region_name']})"
            tracking = self._container(PupilTracking, "PupilTracking")
            tracking.add_timeseries(
                self._series(f"pupil_area_{name}", f"Area of {text}.", pupil["area"][:n], "square pixels", series)
            )
            tracking.add_timeseries(
                self._series(
                    f"pupil_half_axes_{name}", f"Half axes of {text}.", pupil["half_axes"][:n], "pixels", series
                )
            )
            self._container(EyeTracking, "EyeTracking").add_spatial_series(
                SpatialSeries(
                    name=safe(f"pupil_position_{name}"),
                    description=f"x and y of the centre of {text}; nan while the eye is closed.",
                    data=compressed(np.stack([pupil["x"][:n], pupil["y"][:n]], axis=1)),
                    reference_frame="Upper left corner of the camera's frame, x to the right, y down.",
                    unit="pixels",
                    timestamps=series,
                )
            )
        for blink in (face.Blink.Region() & key).to_dicts(order_by="region_no"):
            name, text = f"{blink['region_no']}{suffix}", f"eye {blink['region_no']} ({blink['region_name']})"
            lids = self._container(BehavioralTimeSeries, "blink")
            lids.add_timeseries(
                self._series(
                    f"darkness_{name}",
                    f"Darkness of {text}, summed grey levels below the saturation; falls in a blink.",
                    blink["darkness"][:n],
                    "grey levels",
                    series,
                )
            )
            closed = blink["closed"][:n].astype(np.uint8)
            lids.add_timeseries(self._series(f"closed_{name}", f"1 while {text} is closed.", closed, "n.a.", series))
