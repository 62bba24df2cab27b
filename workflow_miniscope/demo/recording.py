"""Write a synthetic session as Miniscope-DAQ would have: a V4 scope in CA1 and a camera on the animal's face.

The scope's movie comes from minisim, a forward model of the Miniscope V4 (cells with known footprints and
spikes, neuropil, vessels, vignette, sensor noise, brain motion); the camera's from :mod:`.face_video`. The
folder has what makes real ones difficult: several AVI files for each device, 60 in every AVI header whatever
the true rate, a few frames lost on the way, negative first time stamps, settings as strings.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bars import tqdm
from ..errors import EngineError, RecordingError
from ..movies.types import Ints, Numbers

ANIMAL = "demo01"
START = datetime(2026, 1, 15, 9, 20, 30, 125000, tzinfo=UTC)
RIG_ZONE = timezone(timedelta(hours=1))  # the folders' names and clock fields are the rig's local time
SCOPE, CAMERA = "My V4 Miniscope", "FaceCam"
FRAMES_PER_FILE = 1000
HEADER_FPS = 60  # what the acquisition software writes, whatever the rate
# Frames that never reached the computer, as fractions of the recording: one alone, and three in a row.
LOST = ((0.31, 1), (0.72, 3))


# A movie, uint8 [frame, height, width], and what is true of it
_Filmed = tuple[NDArray[np.uint8], dict[str, Numbers]]


def write_demo_session(
    root: Path | str,
    truth: Path | str | None = None,
    *,
    height: int = 160,
    width: int = 200,
    seconds: float = 60.0,
    fps: float = 20.0,
    camera_fps: float = 30.0,
    camera_height: int = 120,
    camera_width: int = 160,
    motion_um: float = 8.0,
    animal: str = ANIMAL,
    seed: int = 7,
    progress: bool = True,
) -> Path:
    """Write the session ``root/<animal>/2026_01_15/10_20_30`` and return its folder.

    The session appears whole or not at all: it is written beside its place and renamed. The same arguments
    give the same recording.

    Parameters
    ----------
    root : Path or str
        Folder of raw recordings; made if missing.
    truth : Path or str, optional
        Where to write what is true of the recording, as an ``.npz`` outside the session: ``A`` [cell,
        height, width] footprints, ``C`` [cell, frame] calcium, ``S`` [cell, frame] spikes, ``shifts``
        [frame, 2] brain motion (dy, dx) in pixels, ``detectable`` [cell], ``times`` [frame] and
        ``face_times`` in seconds, and the camera's truth as ``face_*``.
    height, width : int
        The scope's frame, pixels; an odd shape shows mistakes between rows and columns.
    seconds, fps : float
        Length of the recording and the scope's frame rate (Hz).
    camera_fps, camera_height, camera_width : float, int, int
        The camera's frame rate (Hz) and frame (pixels).
    motion_um : float
        Amplitude of the brain's motion, micrometres; 0 for none.
    animal : str
        Name of the animal, and of its folder.
    seed : int
        Seed of everything that is random.
    progress : bool
        Show a progress bar.

    Raises
    ------
    EngineError
        minisim is not installed.
    RecordingError
        The session is there already.
    """
    root = Path(root)
    local = START.astimezone(RIG_ZONE)
    session = root / animal / f"{local:%Y_%m_%d}" / f"{local:%H_%M_%S}"
    if session.exists():
        raise RecordingError(f"{session} exists already; remove it to have it written again.")
    unfinished = session.with_name(session.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with tqdm(total=4, desc="Writing the demo recording", disable=None if progress else True) as bar:
            movie, facts = _brain(height, width, seconds, fps, motion_um, seed)
            bar.update()
            facts |= _recorded_scope(unfinished / SCOPE.replace(" ", "_"), movie, facts, fps, seed)
            bar.update()
            face, face_facts = _face(camera_height, camera_width, seconds, camera_fps, seed)
            bar.update()
            face_times = _clock(len(face), camera_fps, seed + 1)
            _write_camera(unfinished / CAMERA, face, face_times)
            _write_session_files(unfinished, animal, local)
            bar.update()
        if truth is not None:
            facts |= {f"face_{name}": value for name, value in face_facts.items()}
            _write_truth(Path(truth), {**facts, "face_times": face_times / 1000})
        unfinished.rename(session)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return session


def _brain(height: int, width: int, seconds: float, fps: float, motion_um: float, seed: int) -> _Filmed:
    """Simulate the scope's movie [frame, height, width], with its truth."""
    try:
        from minisim import BrainMotion, presets, simulate
    except ImportError as error:
        raise EngineError(
            "The demo recording is made by minisim, which is not installed; "
            'install it with: python -m pip install "workflow-miniscope[demo]" (or `make install`).'
        ) from error
    scope = presets.miniscope_v4()
    sensor = scope.image_sensor.model_copy(update={"n_px_height": height, "n_px_width": width})
    scope = scope.model_copy(update={"image_sensor": sensor})
    motion = [BrainMotion(motion_amplitude_um=motion_um)] if motion_um else []
    spec = presets.build_spec(scope, presets.ca1(), duration_s=seconds, fps=fps, seed=seed, extra_steps=motion)
    recording = simulate(spec)
    true = recording.ground_truth
    movie = np.clip(np.asarray(recording.observed), 0, 255).astype(np.uint8)
    shifts = np.asarray(true.shifts, np.float32) if motion_um else np.zeros((len(movie), 2), np.float32)
    return movie, {
        "A": np.asarray(true.A_observed, np.float32),
        "C": np.asarray(true.C, np.float32),
        "S": np.asarray(true.S, np.float32),
        "shifts": shifts,
        "detectable": np.asarray(true.detectable, bool),
    }


def _face(height: int, width: int, seconds: float, fps: float, seed: int) -> _Filmed:
    from .face_video import face_video

    return face_video(n_frames=round(seconds * fps), height=height, width=width, fps=fps, seed=seed)


def _received(n_frames: int) -> Ints:
    """Give the frames that reached the computer."""
    lost = {int(where * n_frames) + i for where, count in LOST for i in range(count)}
    return np.array([i for i in range(n_frames) if i not in lost])


def _clock(n_frames: int, fps: float, seed: int) -> Ints:
    """Time stamps in whole milliseconds since the start; the buffer's first frames are older than that."""
    jitter = np.random.default_rng(seed).normal(0, 0.8, n_frames)
    return (np.arange(n_frames) * 1000 / fps + jitter).round().astype(int) - 47


def _recorded_scope(
    folder: Path, movie: NDArray[np.uint8], facts: dict[str, Numbers], fps: float, seed: int
) -> dict[str, Numbers]:
    """Write the frames that reached the computer; return what of the truth they change, and their times in seconds."""
    kept = _received(len(movie))
    times = _clock(len(movie), fps, seed)[kept]
    _write_scope(folder, movie[kept], times, kept, fps, seed)
    of_kept = {"C": facts["C"][:, kept], "S": facts["S"][:, kept], "shifts": facts["shifts"][kept]}
    return {**of_kept, "times": times / 1000}


def _write_truth(path: Path, facts: dict[str, Numbers]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # its signature as numpy declares it takes any name for the flag allow_pickle, too
    save: Callable[..., None] = np.savez_compressed
    save(path, **facts)


def _write_scope(folder: Path, movie: NDArray[np.uint8], times: Ints, daq_frames: Ints, fps: float, seed: int) -> None:
    _write_videos(folder, movie, "FFV1")
    _write_csv(
        folder / "timeStamps.csv",
        "Frame Number,Time Stamp (ms),Buffer Index,DAQ Frame Number",
        ([i, t, i % 4, daq] for i, (t, daq) in enumerate(zip(times, daq_frames, strict=True))),
    )
    # A head that looks around: slow turns as a rotation about the vertical axis, with some tilt
    rng = np.random.default_rng(seed)
    yaw, tilt = np.cumsum(rng.normal(0, [[0.03], [0.004]], (2, len(times))), axis=1) / 2
    turns = np.stack([np.cos(yaw), tilt, tilt[::-1], np.sin(yaw)], axis=1)
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    _write_csv(
        folder / "headOrientation.csv",
        "Time Stamp (ms),qw,qx,qy,qz",
        ([t, *(f"{q:.5f}" for q in turn)] for t, turn in zip(times, turns, strict=True)),
    )
    _, height, width = movie.shape
    _write_json(
        folder / "metaData.json",
        {
            "ROI": {
                "height": height,
                "leftEdge": (608 - width) // 2,
                "topEdge": (608 - height) // 2,
                "width": width,
            },
            "compression": "FFV1",
            "deviceDirectory": f"D:/data/rig/{folder.name}",
            "deviceID": 0,
            "deviceName": SCOPE,
            "deviceType": "Miniscope_V4_BNO",
            "ewl": 0,
            "frameRate": f"{fps:g}FPS",
            "framesPerFile": FRAMES_PER_FILE,
            "gain": "Low",
            "led0": 20,
        },
    )


def _write_camera(folder: Path, movie: NDArray[np.uint8], times: Ints) -> None:
    _write_videos(folder, movie, "MJPG")
    _write_csv(
        folder / "timeStamps.csv",
        "Frame Number,Time Stamp (ms),Buffer Index",
        ([i, t, i % 4] for i, t in enumerate(times)),
    )
    _, height, width = movie.shape
    _write_json(
        folder / "metaData.json",
        {
            "ROI": {"height": height, "leftEdge": 0, "topEdge": 0, "width": width},
            "compression": "MJPG",
            "deviceDirectory": f"D:/data/rig/{folder.name}",
            "deviceID": 1,
            "deviceName": CAMERA,
            "deviceType": "WebCam-640x480",
            "framesPerFile": FRAMES_PER_FILE,
        },
    )


def _write_session_files(session: Path, animal: str, local: datetime) -> None:
    _write_json(
        session / "metaData.json",
        {
            "animalName": animal,
            "baseDirectory": "D:/data/rig",
            "cameras": [CAMERA],
            "experimentName": "linear_track",
            "miniscopes": [SCOPE],
            "recordingStartTime": {
                "year": local.year,
                "month": local.month,
                "day": local.day,
                "hour": local.hour,
                "minute": local.minute,
                "second": local.second,
                "msec": local.microsecond // 1000,
                "msecSinceEpoch": round(START.timestamp() * 1000),
            },
            "researcherName": "demo",
        },
    )
    _write_csv(session / "notes.csv", "Time Stamp (ms), Note", [(1520, "on the track"), (41870, "turned around")])


def _write_videos(folder: Path, movie: NDArray[np.uint8], codec: str) -> None:
    import cv2

    folder.mkdir(parents=True)
    _, height, width = movie.shape
    for number, start in enumerate(range(0, len(movie), FRAMES_PER_FILE)):
        path = folder / f"{number}.avi"
        fourcc = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), fourcc, HEADER_FPS, (width, height), isColor=False)
        if not writer.isOpened():
            raise EngineError(
                f"This OpenCV cannot write {codec} video ({path}); try: python -m workflow_miniscope.opencv"
            )
        for frame in movie[start : start + FRAMES_PER_FILE]:
            writer.write(frame)
        writer.release()


def _write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=4) + "\n")
