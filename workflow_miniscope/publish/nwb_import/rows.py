"""What was read of an NWB file, as rows of the tables; all within the transaction that the caller holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import daq
from ...daq.metadata import number
from ...daq.qt import sensor_gain
from ...elements.miniscope import LED_UNKNOWN, find_paramset
from ...elements.reference import enter_device
from ...elements.stored_values import naive_utc
from ...errors import ResultError
from ...paths import get_facemap_root_data_dir, get_miniscope_root_data_dir, to_relative
from .analysed import Analysed
from .recorded import Animal, Recorded, RecordedSession

Key = dict[str, Any]

#: What is said of a recording whose file says nothing of its quality.
_UNSEEN = "It is from an NWB file that says nothing of its quality; its frames have not been looked at."


# Animal and session ----------------------------------------------------------


def insert_animal(animal: Animal, notes: list[str]) -> str:
    """Insert an animal unless it is there; return its name. What the database has differently is kept, and noted."""
    from ...pipeline import description, subject

    row = {name: getattr(animal, name) for name in ("subject", "sex", "subject_birth_date", "subject_description")}
    key = {"subject": animal.subject}
    there = (subject.Subject & key).to_dicts()
    if not there:
        subject.Subject.insert1(row)
        if animal.described:
            description.SubjectDescription.insert1({**key, **animal.described})
        return animal.subject
    differ = [name for name, value in row.items() if there[0][name] != value and value not in ("", "U")]
    if differ:
        notes.append(f"The animal {animal.subject} is in the database, and keeps the {differ[0]} that it has there.")
    return animal.subject


def insert_session(subject: str, recorded: RecordedSession, session_dir: str) -> Key:
    """Insert a session with its notes and settings; return its key.

    Raises
    ------
    ResultError
        It is in the database already.
    """
    from ...pipeline import recording, session

    key = {"subject": subject, "session_datetime": naive_utc(recorded.start)}
    if session.Session & key:
        raise ResultError(
            f"The session of {subject} that started at {key['session_datetime']} UTC is in the database already."
        )
    session.Session.insert1(key)
    session.SessionDirectory.insert1({**key, "session_dir": session_dir})
    if recorded.note:
        session.SessionNote.insert1({**key, "session_note": recorded.note})
    direct = {"allow_direct_insert": True}
    recording.Notes.insert1({**key, "n_notes": len(recorded.notes)}, **direct)
    recording.Notes.Note.insert(
        {**key, "note_id": i, "note_time": time, "note": text} for i, (time, text) in enumerate(recorded.notes)
    )
    devices = {one.device.name: one.settings for one in (*recorded.scopes, *recorded.cameras)}
    n_settings = len(recorded.settings) + sum(map(len, devices.values()))
    recording.Settings.insert1({**key, "n_settings": n_settings}, **direct)
    recording.Settings.Session.insert({**key, **_setting(*entry)} for entry in recorded.settings.items())
    recording.Settings.Device.insert(
        {**key, "device": device, **_setting(*entry)}
        for device, settings in devices.items()
        for entry in settings.items()
    )
    return key


def _setting(name: str, value: Any) -> dict[str, str]:
    return {"setting": name, "value": json.dumps(value, ensure_ascii=False)}


# Recordings ------------------------------------------------------------------


def insert_scope(key: Key, number_: int, recorded: Recorded, session: RecordedSession) -> tuple[Key, list[str]]:
    """Insert the recording of a scope; return its key, and what is said of its device."""
    from ...pipeline import miniscope, recording

    device, note = enter_device(recorded.device)
    own = {**key, "recording_id": number_}
    miniscope.Recording.insert1(
        {**own, "device": device, "acq_software": session.acq_software, "recording_notes": recorded.note}
    )
    settings, (fps, duration) = recorded.settings, _rate_and_duration(recorded)
    led = number(settings.get("led0", settings.get("excitation")))
    miniscope.RecordingInfo.insert1(
        {
            **own,
            "nchannels": 1,
            "nframes": len(recorded.times),
            "px_height": recorded.height,
            "px_width": recorded.width,
            "fps": fps,
            "gain": sensor_gain(recorded.device.device_type, settings.get("gain")),
            "spatial_downsample": 1,
            "led_power": LED_UNKNOWN if led is None else led,
            "time_stamps": recorded.times,
            # as when it was ingested: that program did not say when it began
            "recording_datetime": naive_utc(session.start) if session.acq_software != daq.ACQ_SOFTWARE[0] else None,
            "recording_duration": duration,
        },
        allow_direct_insert=True,
    )
    roots = get_miniscope_root_data_dir()
    files = [to_relative(roots, path) for path in recorded.device.files]
    miniscope.RecordingInfo.File.insert({**own, "file_id": i, "file_path": path} for i, path in enumerate(files))
    recording.RecordingQuality.insert1({**own, **_quality(recorded)}, allow_direct_insert=True)
    none = {"n_samples": 0, "n_invalid": 0}
    recording.HeadOrientation.insert1({**own, **(recorded.orientation or none)}, allow_direct_insert=True)
    return own, [note] if note else []


def insert_camera(key: Key, number_: int, recorded: Recorded, session: RecordedSession) -> list[str]:
    """Insert the recording of a camera; return what is said of its device."""
    from ...pipeline import facemap, recording

    device, note = enter_device(recorded.device)
    own = {**key, "recording_id": number_}
    facemap.VideoRecording.insert1({**own, "device": device})
    roots = get_facemap_root_data_dir()
    files = [to_relative(roots, path) for path in recorded.device.files]
    facemap.VideoRecording.File.insert({**own, "file_id": i, "file_path": path} for i, path in enumerate(files))
    fps, duration = _rate_and_duration(recorded)
    facemap.RecordingInfo.insert1(
        {
            **own,
            "px_height": recorded.height,
            "px_width": recorded.width,
            "nframes": recorded.n_video,
            "fps": round(fps),
            "recording_duration": duration,
            "recording_time": naive_utc(session.start) if session.acq_software != daq.ACQ_SOFTWARE[0] else None,
        },
        allow_direct_insert=True,
    )
    recording.CameraQuality.insert1({**own, **_quality(recorded)}, allow_direct_insert=True)
    times = {"n_frames": len(recorded.times), "fps": fps, "times": recorded.times, "in_order": recorded.in_order}
    recording.CameraTimes.insert1({**own, **times}, allow_direct_insert=True)
    return [note] if note else []


def _rate_and_duration(recorded: Recorded) -> tuple[float, float]:
    """Return frames a second and seconds: as the file says, else by the times alone."""
    told = recorded.quality
    if "rate_hz" in told and "duration_s" in told:
        return float(told["rate_hz"]), float(told["duration_s"])
    timing = daq.examine(recorded.times)
    trusted = recorded.times[recorded.in_order]
    return timing.fps, float(trusted[-1] - trusted[0]) + timing.interval


def _quality(recorded: Recorded) -> dict[str, Any]:
    """Return the row of a recording in the tables of quality."""
    from ...pipeline import recording

    n_orientation = recorded.orientation.get("n_samples")
    row = {
        "n_frames": len(recorded.times),
        "n_video": recorded.n_video,
        "height": recorded.height,
        "width": recorded.width,
        "orientation_samples": n_orientation,
        "orientation_invalid": recorded.orientation.get("n_invalid"),
    }
    if recorded.quality:
        row |= recorded.quality
    else:
        timing, (fps, duration) = daq.examine(recorded.times), _rate_and_duration(recorded)
        row |= {
            "verdict": "usable with warnings",
            "reasons": [_UNSEEN, *timing.warnings],
            "rate_hz": fps,
            "duration_s": duration,
            "jitter_ms": 1000 * timing.jitter,
            "dropped_frames": timing.dropped_frames,
            "gaps": len(timing.gaps),
            "longest_gap_s": max((gap.interval for gap in timing.gaps), default=0.0),
            "duplicate_times": len(timing.duplicates),
            "backward_times": len(timing.backward),
            "out_of_order": int(np.count_nonzero(~recorded.in_order)),
        }
    types = recording.RecordingQuality.heading.attributes
    return {
        name: int(value) if value is not None and types[name].type.startswith("int") else value
        for name, value in row.items()
    }


# Results ---------------------------------------------------------------------


def insert_analyses(scopes: Sequence[Key], analysed: Sequence[tuple[Analysed, str]]) -> None:
    """Insert the results of scopes: their tasks and curations, and all that follows from their result files.

    Parameters
    ----------
    scopes : sequence of dict
        Keys of the scopes' recordings.
    analysed : sequence of (Analysed, str)
        Each result, and the folder of its file below the processed root; of two curations of one parameter set the
        first is the one that was computed.
    """
    from ...pipeline import extraction, miniscope, miniscope_report, provenance

    for one, folder in analysed:
        task = {**scopes[one.scope], "paramset_id": _paramset(one)}
        if not miniscope.ProcessingTask & task:
            output = {"processing_output_dir": folder, "task_mode": "load"}
            miniscope.ProcessingTask.insert1({**task, **output})
            for table in (miniscope.Processing, provenance.ScopeRun, extraction.Verdict):
                fill(table, task)
        miniscope.Curation.insert1(
            {
                **task,
                "curation_id": one.curation_id,
                "curation_time": naive_utc(one.curated),
                "curation_output_dir": folder,
                "manual_curation": one.by_hand,
                "curation_note": one.curation_note,
            }
        )
    for table in (
        miniscope.MotionCorrection,
        miniscope.Segmentation,
        extraction.Evaluation,
        miniscope.Fluorescence,
        miniscope.Activity,
        miniscope.ProcessingQualityMetrics,
        miniscope_report.QualityMetrics,
    ):
        for scope in scopes:
            fill(table, scope)


def _paramset(one: Analysed) -> int:
    """Return the number of a parameter set: that of the file, unless the database has it for another."""
    from ...pipeline import miniscope

    engine = one.result.method
    there = find_paramset(engine, one.params)
    if there is not None:
        return there
    taken = set(miniscope.ProcessingParamSet.to_arrays("paramset_id").tolist())
    free = one.paramset_id if one.paramset_id not in taken else max(taken) + 1
    miniscope.ProcessingParamSet.insert_new_params(engine, int(free), "imported from an NWB file", one.params)
    return int(free)


def fill(table: Any, restriction: Key) -> None:
    """Make what a table lacks, as ``populate`` does, which would begin a transaction of its own."""
    filled = table()
    for key in ((filled.key_source & restriction) - filled).keys():
        table._allow_insert = True
        try:
            if hasattr(filled, "make_compute"):
                fetched = filled.make_fetch(key)
                filled.make_insert(key, *filled.make_compute(key, *fetched))
            else:
                filled.make(key)
        finally:
            table._allow_insert = False
