"""Sessions of any kind that a laboratory may have, drawn by a number: what ``to_publish.make_session`` takes."""

from dataclasses import replace

import numpy as np
import planted
from recordings import LOSSLESS, QT_VERSIONS, make_frames
from to_publish import empty_result

NAMES = ("m%d", "Mäuse_ß %d", "BL6.%d", "鼠%d", "o'Brien_%d", "d%d-ÅÉ")
NOTES = (
    "süß: 5 µl/h",
    "saved to D:\\rig\\Ada L\\extra.avi",
    "see /home/ada/raw data/0.avi",
    "<b>5 % & more</b>",
    'he said "go"',
    "x" * 900,
    "Ω, 日本, 🐭",
)
SCOPES = ("My V4 Miniscope", "HPC", "PFC left", "Scope/2")
CAMERAS = ("Web Cam", "Gesicht_ü", "Behav:1")
LONG = 72_000  # frames, about an hour


def draw(seed):
    """Return the keywords of a session: layout, devices, times, notes, results."""
    rng = np.random.default_rng(seed)
    legacy = rng.random() < 0.25
    kind = rng.choice(["both", "scope", "camera"], p=[0.5, 0.35, 0.15])
    long = seed % 50 == 24
    if long:
        kind = "scope"
    result = lengthened(_result(rng), LONG) if long else _result(rng)
    n = LONG if long else planted.FRAMES
    of = {
        "subject": str(rng.choice(NAMES)) % seed,
        "result": result,
        "times_ms": _times(rng, n),
        "frames_per_file": 1000 if long else int(rng.choice([100, 300, 1000])),
        "notes": _notes(rng),
        "note": str(rng.choice(["", *NOTES])),
        "cameras": [] if kind == "scope" else ["behav"] if legacy else _some(rng, CAMERAS),
        "empty_last_avi": bool(rng.random() < 0.2) and not legacy,
        "n_frames": n,
        "size": (planted.HEIGHT, planted.WIDTH),
    }
    if long:  # without numbers in its frames, which go up to 1023
        of["movie"] = np.resize(make_frames(1000, of["size"]), (n, *of["size"]))
    if kind == "camera":
        of |= {"scopes": (), "result": None}
    elif not legacy:
        of["scopes"] = _some(rng, SCOPES)
    if legacy:
        return of | {"layout": "legacy", "start": "2026-01-15T10:20:30+01:00"}
    start = int(rng.integers(1_757_000_000, 1_768_000_000)) * 1000 + int(rng.integers(1000))
    codec = "MJPG" if long else str(rng.choice([*LOSSLESS[:2], "MJPG"]))
    return of | {"version": str(rng.choice(QT_VERSIONS)), "start_ms": start, "codec": codec}


def _some(rng, names):
    n = 1 + int(rng.random() < 0.3)
    return [str(name).replace("/", "_").replace(":", "_") for name in rng.choice(names, n, replace=False)]


def _result(rng):
    """A result, none at all, or one without components."""
    kind = rng.choice(["rigid", "piecewise", "none", "empty", "not processed"], p=[0.45, 0.2, 0.1, 0.15, 0.1])
    if kind == "not processed":
        return None
    return empty_result() if kind == "empty" else planted.result(str(kind), seed=int(rng.integers(1000)))


def lengthened(result, n_frames):
    """A result with its traces repeated to a length, its frames moved as before."""
    if result is None:
        return None
    times = -(-n_frames // result.n_frames)

    def along(traces):
        return None if traces is None else np.tile(traces, (1, times))[:, :n_frames]

    motion = result.motion
    if hasattr(motion, "shifts"):
        motion = replace(motion, shifts=np.tile(motion.shifts, (times, 1))[:n_frames])
    elif motion is not None:
        motion = replace(motion, y=np.tile(motion.y, (times, 1))[:n_frames], x=np.tile(motion.x, (times, 1))[:n_frames])
    fields = {name: along(getattr(result, name)) for name in ("C", "S", "YrA", "F_dff")}
    return replace(result, motion=motion, center=None, **fields)


def _times(rng, n):
    """Times in ms: regular or with jitter, frames dropped, a wrong one, a pause, a negative start."""
    steps = rng.choice([33, 50, 66]) + (rng.integers(-3, 4, n) if rng.random() < 0.5 else np.zeros(n, int))
    if rng.random() < 0.4:
        steps[rng.integers(1, n, 3)] += int(rng.integers(60, 900))
    if rng.random() < 0.1:
        steps[n // 3] += 20_000
    times = np.cumsum(steps) - steps[0] - int(rng.integers(0, 100))
    if rng.random() < 0.2:
        times[int(rng.integers(1, n))] = 0
    return times.tolist()


def _notes(rng):
    return [(int(time), str(rng.choice(NOTES))) for time in np.sort(rng.integers(0, 9000, rng.integers(0, 4)))]
