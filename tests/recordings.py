"""Write small real Miniscope-DAQ sessions of any layout and version, with known content.

    written = write_session(tmp_path, version="v0.1", n_frames=30, frames_per_file=8, cameras=["Web Cam"])
    session = daq.open_session(written.folder)

Frame i of a device shows the number i in its first rows (``frame_number`` reads it back, also after lossy compression)
above a pattern that tells rows from columns.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

#: Versions of Miniscope-DAQ-QT at which a format changed
QT_VERSIONS = ("v0.1", "v0.11", "v1.02", "v1.10", "v1.11", "v2.0")
LOSSLESS = ("FFV1", "GREY", "DIB ")
CODECS = (*LOSSLESS, "MJPG")
START_MS = 1768472430125  # 2026-01-15 10:20:30.125 UTC
_BITS, _CELL = 10, 4  # a frame's number, in cells of 4 x 4 pixels
_HEADER_FPS = 60


@dataclass(frozen=True)
class WrittenDevice:
    """What was written of one device: frames uint8 [n, h, w] before compression, times in ms."""

    name: str
    kind: str
    folder: Path
    files: tuple[Path, ...]
    frames: np.ndarray
    times_ms: np.ndarray
    daq_frames: np.ndarray | None
    lossless: bool


@dataclass(frozen=True)
class Written:
    """What was written of a session."""

    folder: Path
    acq_software: str
    start_utc: datetime | None
    animal: str
    devices: tuple[WrittenDevice, ...]

    @property
    def scopes(self) -> list[WrittenDevice]:
        return [device for device in self.devices if device.kind == "scope"]

    @property
    def cameras(self) -> list[WrittenDevice]:
        return [device for device in self.devices if device.kind == "camera"]


def make_frames(n_frames: int, size: tuple[int, int] = (24, 40), seed: int = 0) -> np.ndarray:
    """Make frames uint8 [n, height, width], each with its number in it; height >= 8, width >= 40."""
    height, width = size
    if height < 2 * _CELL or width < _BITS * _CELL or n_frames > 2**_BITS:
        raise ValueError("frames are too small, or too many, to be numbered")
    y, x = np.mgrid[:height, :width]
    frames = np.repeat(((3 * x + 7 * y + 40 * seed) % 200 + 20).astype(np.uint8)[None], n_frames, axis=0)
    for bit in range(_BITS):
        on = (np.arange(n_frames) >> bit) & 1
        frames[:, :_CELL, bit * _CELL : (bit + 1) * _CELL] = (255 * on)[:, None, None]
    return frames


def two_cells(n_frames: int = 200) -> np.ndarray:
    """A sensor's noise and two cells that flash, uint8 [n_frames, 48, 48]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    light = rng.normal(80, 4, (n_frames, 48, 48))
    frame = np.arange(n_frames)
    for row, column, times in ((16, 16, (20, 90, 150)), (32, 34, (40, 120, 170))):
        trace = sum(np.where(frame >= t, 40 * np.exp(-np.maximum(frame - t, 0) / 10), 0) for t in times)
        light += trace[:, None, None] * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18)
    return light.clip(0, 255).astype(np.uint8)


def frame_number(frame: np.ndarray) -> int:
    """Read the number of a frame that ``make_frames`` made."""
    cells = frame[:_CELL, : _BITS * _CELL].reshape(_CELL, _BITS, _CELL).mean(axis=(0, 2))
    return int(sum(1 << bit for bit in range(_BITS) if cells[bit] > 127))


def write_video(path: Path, frames: np.ndarray, codec: str = "FFV1") -> None:
    """Write frames uint8 [n, height, width] into an AVI file; "DIB " is uncompressed, as the legacy program does."""
    if codec == "DIB " or not len(frames):
        path.write_bytes(uncompressed_avi(frames))
        return
    _, height, width = frames.shape
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), _HEADER_FPS, (width, height), False
    )
    assert writer.isOpened(), f"this OpenCV does not write {codec}"
    for frame in frames:
        writer.write(frame)
    writer.release()


def uncompressed_avi(
    frames: np.ndarray, colours: np.ndarray | None = None, top_down: bool = False, padded: bool = True
) -> bytes:
    """Make an AVI file of uncompressed 8-bit frames.

    Parameters
    ----------
    frames : ndarray of uint8 [n, height, width]
        Numbers of colours.
    colours : ndarray of uint8 [up to 256, 3], optional
        Blue, green, red; by default grey levels. With none at all the file has no palette.
    top_down : bool
        Rows from the highest, not from the lowest.
    padded : bool
        Rows to a multiple of 4 bytes.
    """
    n, height, width = frames.shape
    stride = -(-width // 4) * 4 if padded else width
    rows = np.zeros((n, height, stride), np.uint8)
    rows[:, :, :width] = frames if top_down else frames[:, ::-1]
    colours = np.repeat(np.arange(256)[:, None], 3, axis=1) if colours is None else colours
    palette = bytes(value for blue_green_red in colours.tolist() for value in (*blue_green_red, 0))
    sized = (width, -height if top_down else height, 1, 8, 0, stride * height, 0, 0, len(colours), 0)
    image = struct.pack("<IiiHHIIiiII", 40, *sized)
    stream = b"vidsDIB " + struct.pack(
        "<IHHIIIIIIIIhhhh", 0, 0, 0, 0, 1, _HEADER_FPS, 0, n, stride * height, 0xFFFFFFFF, 0, 0, 0, width, height
    )
    main = struct.pack("<14I", 10**6 // _HEADER_FPS, 0, 0, 0x10, n, 0, 1, stride * height, width, height, 0, 0, 0, 0)
    strl = _list(b"strl", _chunk(b"strh", stream), _chunk(b"strf", image + palette))
    movi = _list(b"movi", *(_chunk(b"00db", frame.tobytes()) for frame in rows))
    length = stride * height + 8
    entries = (struct.pack("<4sIII", b"00db", 0x10, 4 + i * length, stride * height) for i in range(n))
    content = (_list(b"hdrl", _chunk(b"avih", main), strl), movi, _chunk(b"idx1", b"".join(entries)))
    return _chunk(b"RIFF", b"AVI " + b"".join(content))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))


def regular_times(n_frames: int, interval_ms: float = 50, first_ms: int = -47) -> np.ndarray:
    """Times in whole ms; the first ones are negative, as frames of the buffer are."""
    return (first_ms + interval_ms * np.arange(n_frames)).round().astype(int)


def write_session(
    root: Path,
    *,
    layout: str = "qt",
    version: str = "v2.0",
    n_frames: int = 30,
    movie: np.ndarray | None = None,
    frames_per_file: int = 12,
    size: tuple[int, int] = (24, 40),
    codec: str = "FFV1",
    camera_codec: str | None = None,
    scopes: Sequence[str] = ("My V4 Miniscope",),
    cameras: Sequence[str] = (),
    times_ms: Sequence[int] | None = None,
    daq_frames: Sequence[int] | None = None,
    start_ms: int = START_MS,
    animal: str = "mouse 1",
    settings: dict | None = None,
    notes: Sequence[tuple[int, str]] = ((1520, "on the track, facing left"),),
    empty_last_avi: bool = False,
) -> Written:
    """Write a session below ``root``.

    Parameters
    ----------
    root : Path
        Folder to write below.
    layout : "qt" or "legacy"
        Miniscope-DAQ-QT, or the legacy program, which has at most one scope and one camera, names them itself, and
        writes "DIB " whatever ``codec`` says.
    version : str
        One of ``QT_VERSIONS``; the legacy program has none.
    n_frames, frames_per_file, size, codec, camera_codec
        Of each device; size is (height, width), and ``camera_codec`` is ``codec`` if not given.
    scopes, cameras : sequence of str
        Names as the user typed them.
    movie : ndarray of uint8 [n, h, w], optional
        What the scopes see, instead of numbered frames; it gives ``n_frames`` and ``size``, for the cameras too.
    times_ms : sequence of int, optional
        Time stamps of each device, [n_frames].
    daq_frames : sequence of int, optional
        The DAQ's counter (v2.0), [n_frames].
    start_ms : int
        Start, milliseconds since 1970 in UTC; the rig's clock is 8 hours behind.
    settings : dict, optional
        Values in the scope's metaData.json to replace; None removes one.
    notes : sequence of (ms, text)
        Notes of the session.
    empty_last_avi : bool
        Write an AVI without frames after the last one.
    """
    root = Path(root)
    if movie is not None:
        n_frames, size = len(movie), movie.shape[1:]
    times = regular_times(n_frames) if times_ms is None else np.asarray(times_ms, int)
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start_ms)
    local = (utc - timedelta(hours=8)).replace(tzinfo=None)
    videos = {"n_frames": n_frames, "per_file": frames_per_file, "size": size, "movie": movie}
    videos["empty_last"] = empty_last_avi
    if layout == "legacy":
        return _write_legacy(root, local, times, bool(scopes), bool(cameras), animal, notes, videos)
    if layout != "qt" or version not in QT_VERSIONS:
        raise ValueError(f"no layout {layout} {version}")
    v = QT_VERSIONS.index(version)
    folder = root / animal.replace(" ", "_") / f"{local:%Y_%m_%d}" / f"{local:%H_%M_%S}"
    devices = []
    for kind, names in (("scope", scopes), ("camera", cameras)):
        for name in names:
            chosen = codec if kind == "scope" else camera_codec or codec
            number = len(devices)
            device = _write_videos(
                folder / name.replace(" ", "_"), name, kind, "", 0, chosen, times, seed=number, **videos
            )
            if kind == "scope" and version == "v2.0":
                counter = np.arange(n_frames) if daq_frames is None else np.asarray(daq_frames, int)
                device = WrittenDevice(**{**vars(device), "daq_frames": counter})
            _write_qt_texts(device, v, frames_per_file, chosen, number, settings if kind == "scope" else None)
            devices.append(device)
    clock = {unit: getattr(local, unit) for unit in ("year", "month", "day", "hour", "minute", "second")}
    clock |= {"msec": local.microsecond // 1000, "msecSinceEpoch": start_ms}
    metadata = {
        "animalName": animal,
        "baseDirectory": "D:/data/rig",
        "cameras": list(cameras),
        "experimentName": "linear_track",
        "miniscopes": list(scopes),
        "researcherName": "rig1",
        **({"recordingStartTime": clock} if v >= QT_VERSIONS.index("v1.10") else clock),
    }
    _write_json(folder / "metaData.json", metadata)
    tab = "\t" if version == "v0.1" else ","
    lines = ["Time Stamp (ms), Note"] if v >= QT_VERSIONS.index("v1.11") else []
    _write_lines(folder / "notes.csv", lines + [f"{time}{tab}{text}" for time, text in notes])
    return Written(folder, "Miniscope-DAQ-V4", utc, animal, tuple(devices))


def _write_videos(
    folder, name, kind, prefix, first, codec, times, *, n_frames, per_file, size, empty_last, movie, seed
) -> WrittenDevice:
    folder.mkdir(parents=True, exist_ok=True)
    given = movie is not None and kind == "scope"
    frames = np.asarray(movie, np.uint8) if given else make_frames(n_frames, size, seed)
    files = []
    for start in [*range(0, n_frames, per_file), *([n_frames] if empty_last else [])]:
        files.append(folder / f"{prefix}{first + len(files)}.avi")
        write_video(files[-1], frames[start : start + per_file], codec)
    return WrittenDevice(name, kind, folder, tuple(files), frames, times, None, codec in LOSSLESS)


def _write_qt_texts(device, v: int, frames_per_file: int, codec: str, number: int, settings) -> None:
    """Write a device's time stamps, metadata and head orientation as version ``QT_VERSIONS[v]`` does."""
    tab = "\t" if v == 0 else ","
    header = ["Frame Number,Time Stamp (ms),Buffer Index"] if v else []
    rows = [[i, time, i % 4] for i, time in enumerate(device.times_ms)]
    if device.daq_frames is not None:
        header[0] += ",DAQ Frame Number"
        rows = [[*row, counter] for row, counter in zip(rows, device.daq_frames, strict=True)]
    _write_lines(device.folder / "timeStamps.csv", header + [tab.join(map(str, row)) for row in rows])
    height, width = device.frames.shape[1:]
    metadata = {
        "compression": codec,
        "deviceDirectory": f"D:/data/rig/{device.folder.name}",
        "deviceID": number,
        "deviceName": device.name,
        "deviceType": "Miniscope_V4_BNO" if device.kind == "scope" else "WebCam-640x480",
        "framesPerFile": frames_per_file,
    }
    if device.kind == "scope":
        metadata |= {
            "ROI": {"height": height, "leftEdge": 4, "topEdge": 8, "width": width},
            "ewl": 0,
            "frameRate": "20FPS",
            "gain": "Low",
            "led0": 20,
        }
        metadata |= settings or {}
        metadata = {key: value for key, value in metadata.items() if value is not None}
        header = {0: [], 1: ["qw,qx,qy,qz"]}.get(v, ["Time Stamp (ms),qw,qx,qy,qz"])
        rows = [
            tab.join([str(time), *(f"{q:.4f}" for q in (np.cos(0.01 * i), 0, 0, np.sin(0.01 * i)))])
            for i, time in enumerate(device.times_ms)
        ]
        _write_lines(device.folder / "headOrientation.csv", header + rows)
    _write_json(device.folder / "metaData.json", metadata)


def _write_legacy(root, local, times, scope, camera, animal, notes, videos) -> Written:
    folder = root / f"{local.month}_{local.day}_{local.year}" / f"H{local.hour}_M{local.minute}_S{local.second}"
    devices, rows = [], []
    # the operating system's numbers: the scope's need not be the lower one
    for name, kind, number, wanted in (("msCam", "scope", 1, scope), ("behavCam", "camera", 0, camera)):
        if wanted:
            n_frames = videos["n_frames"] - (5 if kind == "camera" else 0)
            device = _write_videos(
                folder, name, kind, name, 1, "DIB ", times[:n_frames], seed=number, **{**videos, "n_frames": n_frames}
            )
            devices.append(device)
            rows += [(i + 1, number, time) for i, time in enumerate(device.times_ms)]
    rows.sort(key=lambda row: row[0])  # as they were taken: a time may be garbage
    lines = [f"{number}\t{i}\t{time}\t1" for i, number, time in rows]
    _write_lines(folder / "timestamp.dat", ["camNum\tframeNum\tsysClock\tbuffer", *lines])
    settings = ["animal\texcitation\tmsCamExposure\trecordLength", f"{animal}\t12\t255\t600", "", "elapsedTime\tNote"]
    _write_lines(folder / "settings_and_notes.dat", settings + [f"{time // 1000}\t{text}" for time, text in notes])
    return Written(folder, "Miniscope-DAQ-V3", None, animal, tuple(devices))


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
