"""Videos of a synthetic face, and camera folders as Miniscope-DAQ-QT writes them."""

import json
from pathlib import Path

import cv2
import numpy as np

HEADER_FPS = 60  # what the acquisition software writes, whatever the rate


def write_video(path: Path, frames: np.ndarray, codec: str = "FFV1") -> Path:
    """Write gray frames, by default without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = frames.shape[2], frames.shape[1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), HEADER_FPS, size, isColor=False)
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def write_camera(folder: Path, pieces: list[np.ndarray], times_ms: np.ndarray, epoch_ms: int) -> list[Path]:
    """Write a session folder with one camera in it; return the camera's files."""
    camera = folder / "FaceCam"
    files = [write_video(camera / f"{number}.avi", piece) for number, piece in enumerate(pieces)]
    rows = "".join(f"{i},{t},0\n" for i, t in enumerate(times_ms))
    (camera / "timeStamps.csv").write_text("Frame Number,Time Stamp (ms),Buffer Index\n" + rows)
    device = {"deviceName": "FaceCam", "deviceType": "WebCam-640x480", "framesPerFile": 1000}
    (camera / "metaData.json").write_text(json.dumps(device))
    session = {"cameras": ["FaceCam"], "miniscopes": [], "recordingStartTime": {"msecSinceEpoch": epoch_ms}}
    (folder / "metaData.json").write_text(json.dumps(session))
    return files


def binned(frames: np.ndarray, sbin: int) -> np.ndarray:
    """Mean over bins, float32 [frame, y bin, x bin]; partial bins are left out."""
    t, h, w = len(frames), frames.shape[1] // sbin, frames.shape[2] // sbin
    whole = frames[:, : h * sbin, : w * sbin].reshape(t, h, sbin, w, sbin)
    return whole.mean(axis=(2, 4), dtype=np.float32)


def box(truth_box: np.ndarray) -> dict[str, list[int]]:
    """A region's x and y from the truth of a face video."""
    x0, x1, y0, y1 = map(int, truth_box)
    return {"x": [x0, x1], "y": [y0, y1]}
