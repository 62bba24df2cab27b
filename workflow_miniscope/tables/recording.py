"""What was recorded beside the frames, and how well: quality, frame times, head orientation, notes and settings.

Times are seconds from the start of the recording, on the clock that all devices of a session share. Nothing is repaired
silently: times are stored as they were recorded, with those that can be trusted marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from .. import daq
from ..database.connection import dj
from ..database.restriction import only_key
from ..elements.facemap import facemap
from ..elements.miniscope import miniscope
from ..elements.recordings import find_session_folder, find_videos, open_camera, open_scope
from ..elements.reference import device_folder_name
from ..elements.session import get_session_directory, session
from ..elements.translation import Key, Published
from ..errors import RecordingError
from ..movies.types import Bools, Floats

schema = dj.Schema()

# As long as their columns are
_NAME_LENGTH, _TEXT_LENGTH = 64, 4000

# Null where the recording cannot be read: then the reasons say why
_FIGURES = """
    ---
    verdict                     : enum('good', 'usable with warnings', 'unusable')
    reasons                     : json      # sentences, what makes it unusable first
    n_frames=null               : int32     # with a picture and a time
    n_video=null                : int32     # frames of the videos, before both were brought to one length
    n_stamps=null               : int32     # rows of the time stamps, before
    height=null                 : int32     # pixels
    width=null                  : int32     # pixels
    rate_hz=null                : float64   # by the time stamps
    duration_s=null             : float64
    jitter_ms=null              : float64   # standard deviation of the regular intervals
    dropped_frames=null         : int32
    gaps=null                   : int32
    longest_gap_s=null          : float64
    duplicate_times=null        : int32     # frames with the time of the frame before
    backward_times=null         : int32     # frames with an earlier time than the frame before
    daq_resets=null             : int32     # frames at which the counter of the DAQ did not advance
    out_of_order=null           : int32     # frames left out so that each is later than all before
    brightness=null             : float64   # median of the means of the frames, 0 to 255
    dark_frames=null            : int32     # less than half as bright as the median
    repeated_frames=null        : int32     # equal to the frame before
    saturated=null              : float64   # part of all pixels at the highest value
    orientation_samples=null    : int32
    orientation_invalid=null    : int32     # samples of the head orientation that are no rotation
    frame_brightness=null       : <blob>    # float32 [n_frames], mean of each frame
    """


# Quality ---------------------------------------------------------------------


class _Quality(Published):
    """What the two tables of quality share."""

    def make_insert(self, key: Key, row: dict[str, Any]) -> None:
        self.insert1({**key, **row})

    @classmethod
    def forget_unreadable(cls, chosen: Any) -> int:
        """Delete verdicts on recordings that could not be read then and can be now. Returns how many."""
        info = {"RecordingQuality": miniscope, "CameraQuality": facemap}[cls.__name__].RecordingInfo
        stale = ((cls() & "n_frames is null" & chosen) & info.proj()).keys()
        for key in stale:
            (cls() & key).delete_quick()
        return len(stale)


@schema
class RecordingQuality(_Quality, dj.Computed):
    """Figures and verdict of a scope's recording, from its times and each of its frames (see ``daq.assess``)."""

    definition = f"""
    -> miniscope.Recording
    {_FIGURES}
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        acq_software, device = (miniscope.Recording & key).fetch1("acq_software", "device")
        return acq_software, device_folder_name(device), get_session_directory(key)

    def make_compute(self, key: Key, acq_software: str, device: str, session_dir: str) -> tuple[Any, ...]:
        folder = find_session_folder(session_dir)
        return (_judged(lambda: open_scope(folder, acq_software, device)),)


@schema
class CameraQuality(_Quality, dj.Computed):
    """Figures and verdict of a camera's recording, from its times and each of its frames (see ``daq.assess``)."""

    definition = f"""
    -> facemap.VideoRecording
    {_FIGURES}
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        return ((facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist(),)

    def make_compute(self, key: Key, files: list[str]) -> tuple[Any, ...]:
        paths = find_videos(files)
        return (_judged(lambda: open_camera(paths)[1]),)


def _judged(find: Callable[[], daq.Device]) -> dict[str, Any]:
    """Return the row of a device; where it cannot be found or read, that is the verdict."""
    seen = None
    try:
        checked = daq.check_device(find(), progress=True)
        quality, seen = checked.quality, checked.survey
    except RecordingError as error:
        quality = daq.unreadable(str(error))
    row = {**asdict(quality), "reasons": list(quality.reasons)}
    return row if seen is None else {**row, "frame_brightness": seen.brightness}


# Times -----------------------------------------------------------------------


@schema
class CameraTimes(dj.Imported):
    """Times of a camera's frames; those of a scope are in ``miniscope.RecordingInfo``, on the same clock."""

    definition = """
    -> facemap.RecordingInfo
    ---
    n_frames    : int32    # with a time: the first ones of the video
    fps         : float64  # by the time stamps; the Element's column holds whole numbers
    times       : <blob>   # float64 [n_frames], s from the start of the recording, as recorded
    in_order    : <blob>   # bool [n_frames], false for frames to leave out so that each is later than all before
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        return ((facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist(),)

    def make_compute(self, key: Key, files: list[str]) -> tuple[Any, ...]:
        _, device = open_camera(find_videos(files))
        recording = device.read()
        return recording.n_frames, recording.fps, recording.times, recording.in_order

    def make_insert(self, key: Key, n_frames: int, fps: float, times: Floats, in_order: Bools) -> None:
        self.insert1({**key, "n_frames": n_frames, "fps": fps, "times": times, "in_order": in_order})


# Head orientation ------------------------------------------------------------


@schema
class HeadOrientation(dj.Imported):
    """Orientation of a scope on its own clock; no samples where it does not measure it."""

    definition = """
    -> miniscope.RecordingInfo
    ---
    n_samples         : int32
    n_invalid         : int32   # samples whose norm is not 1, which are no rotation
    times=null        : <blob>  # float64 [n_samples], s from the start of the recording; samples are not frames
    quaternions=null  : <blob>  # float64 [n_samples, 4], w x y z as recorded
    valid=null        : <blob>  # bool [n_samples]
    euler=null        : <blob>  # float64 [n_samples, 3], degrees: yaw, pitch, roll (scipy's ZYX); nan where invalid
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        acq_software, device = (miniscope.Recording & key).fetch1("acq_software", "device")
        return acq_software, device_folder_name(device), get_session_directory(key)

    def make_compute(self, key: Key, acq_software: str, device: str, session_dir: str) -> tuple[Any, ...]:
        return (open_scope(find_session_folder(session_dir), acq_software, device).head_orientation(),)

    def make_insert(self, key: Key, orientation: daq.HeadOrientation | None) -> None:
        if orientation is None:
            self.insert1({**key, "n_samples": 0, "n_invalid": 0})
            return
        self.insert1(
            {
                **key,
                "n_samples": len(orientation.times),
                "n_invalid": int(np.count_nonzero(~orientation.valid)),
                "times": orientation.times,
                "quaternions": orientation.quaternions,
                "valid": orientation.valid,
                "euler": daq.euler_degrees(orientation.quaternions, orientation.valid),
            }
        )


# Notes and settings ----------------------------------------------------------


@schema
class Notes(dj.Imported):
    """What was written down during a session, by the experimenter or by the program when a control was changed."""

    definition = """
    -> session.SessionDirectory
    ---
    n_notes  : int32
    """

    class Note(dj.Part):
        """One note."""

        definition = """
        -> master
        note_id    : int32
        ---
        note_time  : float64        # s from the start of the recording
        note       : varchar(4000)  # changes of a control: device,property,value
        """

    def make(self, key: Key) -> None:
        notes = _open_session(key).notes
        self.insert1({**key, "n_notes": len(notes)})
        self.Note.insert(
            {**key, "note_id": i, "note_time": note.time, "note": _shortened(note.text)} for i, note in enumerate(notes)
        )


@schema
class Settings(dj.Imported):
    """Everything the metadata files say that is not about the recording computer, by path, such as ROI.width."""

    definition = """
    -> session.SessionDirectory
    ---
    n_settings  : int32
    """

    class Session(dj.Part):
        """A setting of the session."""

        definition = """
        -> master
        setting  : varchar(64)
        ---
        value    : varchar(4000)  # JSON: text in quotes, numbers without
        """

    class Device(dj.Part):
        """A setting of a device."""

        definition = """
        -> master
        device   : varchar(255) # name of its folder; the session's devices without a recording are here, too
        setting  : varchar(64)
        ---
        value    : varchar(4000)  # JSON: text in quotes, numbers without
        """

    def make(self, key: Key) -> None:
        found = daq.all_settings(_open_session(key))
        of_session = found.pop(None)
        self.insert1({**key, "n_settings": len(of_session) + sum(map(len, found.values()))})
        self.Session.insert({**key, **_setting(name, value)} for name, value in of_session.items())
        self.Device.insert(
            {**key, "device": device, **_setting(name, value)}
            for device, settings in found.items()
            for name, value in settings.items()
        )


def _open_session(key: dict[str, Any]) -> daq.Session:
    return daq.open_session(find_session_folder(get_session_directory(key)), allow_broken=True)


def _shortened(text: str) -> str:
    ending = " [longer in the file]"
    return text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - len(ending)] + ending


def _setting(name: str, value: Any) -> dict[str, str]:
    written = json.dumps(value, ensure_ascii=False)
    for what, text, length in (("name", name, _NAME_LENGTH), ("value", written, _TEXT_LENGTH)):
        if len(text) > length:
            raise RecordingError(
                f"The setting '{name[:_NAME_LENGTH]}' of metaData.json has a {what} of more than {length} characters; "
                "is it the program's file?"
            )
    return {"setting": name, "value": written}


def changed_settings(before: dict[str, Any], after: dict[str, Any]) -> list[daq.Change]:
    """Tell which settings changed between two sessions.

    Parameters
    ----------
    before, after : dict
        Each a restriction that chooses one session whose settings were imported.

    Returns
    -------
    list of Change
        Device, setting, and its two values; ``str`` makes a sentence of one.
    """
    return daq.changes(_stored_settings(before), _stored_settings(after))


def _stored_settings(restriction: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    key = (Settings() & restriction).fetch1("KEY")
    stored: dict[str | None, dict[str, Any]] = {
        None: {row["setting"]: json.loads(row["value"]) for row in (Settings.Session & key).to_dicts()}
    }
    for row in (Settings.Device & key).to_dicts():
        stored.setdefault(row["device"], {})[row["setting"]] = json.loads(row["value"])
    return stored


# One device's signal at another's frames -------------------------------------


def synchronized(
    scope: dict[str, Any],
    camera: dict[str, Any],
    signal: Floats | None = None,
    roi_no: int = 0,
    method: str = "nearest",
    max_error_ms: float | None = None,
) -> daq.Aligned:
    """Read a camera's signal at a scope's frames.

    Parameters
    ----------
    scope : dict
        Key of a ``miniscope.RecordingInfo``.
    camera : dict
        Key of a ``CameraTimes``, of the same session.
    signal : ndarray [camera frames, ...], optional
        Any signal of the camera's video. By default the motion that Facemap found.
    roi_no : int
        Facemap's region whose motion is read; 0 is the full frame.
    method : "nearest" or "linear"
        Value of the nearest frame, or linear interpolation between two.
    max_error_ms : float, optional
        Give nan where the camera's nearest frame is farther away; by default 1.25 of its usual intervals, so that
        gaps are not filled.

    Returns
    -------
    Aligned
        ``values`` [scope frames, ...], ``frames`` of the camera, and ``error_ms``; nan for frames of the scope whose
        times are out of order.

    Raises
    ------
    RecordingError
        The keys do not choose one scope and one camera of one session, or the signal is not of this camera.
    """
    scope_row = _one(miniscope.RecordingInfo, scope, "scope recording")
    camera_row = _one(CameraTimes, camera, "camera recording with times")
    shared = session.Session.primary_key
    if any(scope_row[name] != camera_row[name] for name in shared):
        raise RecordingError("The scope and the camera are of different sessions, whose clocks are not related.")
    if signal is None:
        signal = _one(facemap.FacialSignal.Region, {**camera, "roi_no": roi_no}, "result of Facemap")["motion"]
    signal, times = np.asarray(signal), camera_row["times"]
    key = {name: camera_row[name] for name in CameraTimes.primary_key}
    n_video = int((facemap.RecordingInfo & key).fetch1("nframes"))
    if len(signal) not in (len(times), n_video):
        raise RecordingError(
            f"The signal has {len(signal)} values, the camera {n_video} frames: it belongs to another recording."
        )
    # frames at the video's end that got no time belong to no moment, nor do the scope's whose time is wrong
    n = min(len(signal), len(times))
    wanted = np.asarray(scope_row["time_stamps"], float)
    wanted = np.where(daq.in_order(wanted), wanted, np.nan)
    return daq.align(signal[:n], times[:n], wanted, method, max_error_ms)


def _one(table: Any, restriction: dict[str, Any], what: str) -> dict[str, Any]:
    row: dict[str, Any] = (table & only_key(table, restriction, what, RecordingError)).fetch1()
    return row
