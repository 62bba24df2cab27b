"""Whether a recording can be used, and why not: figures, and a verdict from documented limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import RecordingError
from .model import Device
from .orientation import HeadOrientation
from .recording import Recording
from .survey import Survey, survey_movie
from .video import Movie

Verdict = Literal["good", "usable with warnings", "unusable"]
#: From the best to the worst.
VERDICTS: tuple[Verdict, ...] = ("good", "usable with warnings", "unusable")

# Unusable ---------------------------------------------------------------------
# Deconvolution and motion correction take frames to follow one another evenly. A few that are missing stretch a
# transient; with one in five missing, rates and decay times are those of the losses. No other program draws this line:
# it is ours, and far beyond what a sound rig loses (well below one in a hundred).
MAX_DROPPED = 0.2
# Frames whose time is not after that of the frames before have no place on the clock. Buffers that are emptied at once
# give a few; one in ten is a clock that was set, or a file of another recording.
MAX_OUT_OF_ORDER = 0.1
#: Frames that a scope's recording has at least: fewer do not tell cells from noise, and no engine takes them.
MIN_FRAMES = 50
# No sensor's dark level is lower; a median frame darker than this has the LED off or the lens covered.
MIN_BRIGHTNESS = 1.0

# Warnings ---------------------------------------------------------------------
# A scope that cannot keep up (its exposure, or the USB bus) records fewer frames than it was asked for.
MIN_RATE = 0.9
# Standard deviation of the interval, in intervals: beyond it one interval in twenty is half as long again, or half.
MAX_JITTER = 0.25
# A frame this much darker than the median was taken while the LED was off or the cable lost contact.
DARK = 0.5
# A clipped pixel does not show an increase. Glare at the border is usual, a tenth of the field is overexposure.
MAX_SATURATED = 0.1
# Sensor noise makes each frame another. Frames that are equal were not taken but shown again.
MAX_REPEATED = 0.01
#: Bits for each pixel that a codec with loss needs to keep faint activity, if it compresses each frame on its own. The
#: traces of cells half to twice as bright as the sensor's noise follow the truth less (r) by 0.01 with 1.4 bits of
#: Motion JPEG, by 0.05 with 0.6 and 0.07 with 0.3. Codecs that build frames on others take more where little changes.
MIN_BITS = 1.0
_SINGLE_FRAMES = {"MJPG", "JPEG", "AVRN", "MJ2C", "DMB1"}
_CODEC_NAMES = {
    "H264": "H.264",
    "X264": "H.264",
    "AVC1": "H.264",
    "HEVC": "H.265",
    "FMP4": "MPEG-4",
    "MJPG": "Motion JPEG",
}
# The sensor gives a sample a frame, and nearly all have the length of a rotation.
MIN_ORIENTATION = 0.95


@dataclass(frozen=True)
class Quality:
    """Figures of a recording, and what follows from them; None where a figure could not be had.

    Attributes
    ----------
    verdict : str
        One of ``VERDICTS``.
    reasons : tuple of str
        Why it is not good, a sentence each, what makes it unusable first.
    n_frames : int
        Frames with a picture and a time.
    n_video, n_stamps : int
        Frames of the videos and rows of the time stamps, before they were brought to the same length.
    height, width : int
        Of a frame, pixels.
    rate_hz : float
        Frames per second, by the time stamps.
    duration_s : float
        From the first frame to the end of the last.
    jitter_ms : float
        Standard deviation of the regular intervals.
    dropped_frames, gaps : int
        Frames missing, and between how many pairs of frames.
    longest_gap_s : float
        The longest interval with missing frames; 0 if none is missing.
    duplicate_times, backward_times, daq_resets : int
        Frames with the time of the frame before, with an earlier one, and without advance of the DAQ's counter.
    out_of_order : int
        Frames that have to be left out so that each is later than all before.
    brightness : float
        Median of the frames' means, 0 to 255.
    dark_frames, repeated_frames : int
        Frames less than half as bright as the median, and frames equal to the one before.
    saturated : float
        Part of all pixels at the highest value.
    orientation_samples, orientation_invalid : int
        Samples of the head orientation, and those that are no rotation.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    n_frames: int | None = None
    n_video: int | None = None
    n_stamps: int | None = None
    height: int | None = None
    width: int | None = None
    rate_hz: float | None = None
    duration_s: float | None = None
    jitter_ms: float | None = None
    dropped_frames: int | None = None
    gaps: int | None = None
    longest_gap_s: float | None = None
    duplicate_times: int | None = None
    backward_times: int | None = None
    daq_resets: int | None = None
    out_of_order: int | None = None
    brightness: float | None = None
    dark_frames: int | None = None
    repeated_frames: int | None = None
    saturated: float | None = None
    orientation_samples: int | None = None
    orientation_invalid: int | None = None


@dataclass(frozen=True)
class Check:
    """What was found out about a device.

    Attributes
    ----------
    name, kind : str
        The device.
    quality : Quality
        Figures and verdict.
    recording : Recording or None
        None where it cannot be read.
    survey : Survey or None
        None where the frames were not looked at, or one of them cannot be decoded.
    orientation : HeadOrientation or None
        None where the device has none, or it cannot be read.
    """

    name: str
    kind: str
    quality: Quality
    recording: Recording | None = None
    survey: Survey | None = None
    orientation: HeadOrientation | None = None


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; good if there are none."""
    return max(verdicts, key=VERDICTS.index, default="good")


def check_device(device: Device, frames: bool = True, progress: bool = False) -> Check:
    """Read everything of a device, each frame once, and judge it.

    A recording that cannot be read is no error here: it is unusable, and the reason is why.

    Parameters
    ----------
    device : Device
        The scope or camera.
    frames : bool
        Look at each frame. Without, a damaged frame is only noticed if it is the first of its file.
    progress : bool
        Show a progress bar on a terminal.
    """
    try:
        recording = device.read(decode_first=not frames)
    except RecordingError as error:
        return Check(device.name, device.kind, unreadable(str(error)))
    problems, warnings = [], []
    seen = orientation = None
    try:
        orientation = device.head_orientation()
    except RecordingError as error:
        warnings.append(str(error))
    if frames:
        try:
            seen = survey_movie(recording.movie, progress, device.name)
        except RecordingError as error:
            problems.append(str(error))
    quality = assess(recording, seen, orientation, problems, warnings)
    return Check(device.name, device.kind, quality, recording, seen, orientation)


def begins_black(movie: Movie) -> bool:
    """Whether the first frame of a file is black, which takes no time and makes it worth to look at all frames."""
    firsts = np.cumsum([0, *movie.counts[:-1]]).tolist()
    frames = (next(movie.frames(first, first + 1), None) for first in firsts)
    return any(frame is not None and float(frame.mean()) < MIN_BRIGHTNESS for frame in frames)


def unreadable(problem: str) -> Quality:
    """Return what is said of a recording that cannot be read."""
    return Quality("unusable", (problem,))


def assess(
    recording: Recording,
    seen: Survey | None = None,
    orientation: HeadOrientation | None = None,
    problems: list[str] | None = None,
    warnings: list[str] | None = None,
) -> Quality:
    """Judge a recording.

    Parameters
    ----------
    recording : Recording
        Its length and times.
    seen : Survey, optional
        What its frames look like.
    orientation : HeadOrientation, optional
        Of a scope that measures it.
    problems, warnings : list of str, optional
        What is known already to make it unusable, and to be told.
    """
    timing = recording.timing
    n = recording.n_frames
    out_of_order = n - int(np.count_nonzero(recording.in_order))
    problems = [*(problems or [])]
    warnings = [*recording.warnings, *(warnings or []), *_doubts(recording)]

    dropped = timing.dropped_frames / (n + timing.dropped_frames)
    if dropped > MAX_DROPPED:
        problems.append(f"{min(dropped, 0.99):.0%} of the frames were dropped, more than {MAX_DROPPED:.0%}.")
    if out_of_order > MAX_OUT_OF_ORDER * n:
        problems.append(
            f"The times of {out_of_order} of {n} frames are out of order, more than {MAX_OUT_OF_ORDER:.0%}."
        )
    if recording.device.kind == "scope":
        if n < MIN_FRAMES:
            problems.append(f"{n} frames are too few: at least {MIN_FRAMES} are needed to tell cells from noise.")
        warnings += _doubts_of_codec(recording)
    figures: dict[str, Any] = {}
    if seen is not None:
        median = float(np.median(seen.brightness))
        dark = int(np.count_nonzero(seen.brightness < DARK * median))
        figures = {
            "brightness": median,
            "dark_frames": dark,
            "repeated_frames": len(seen.repeated),
            "saturated": seen.saturated,
        }
        if median < MIN_BRIGHTNESS:
            problems.append(f"The frames are black (median brightness {median:.1f} of 255).")
        elif dark:
            first = int(np.argmax(seen.brightness < DARK * median))
            warnings.append(
                f"{_count(dark, 'frame')} less than half as bright as the median, the first is frame {first}."
            )
        if recording.device.kind == "scope":
            warnings += _doubts_of_pictures(seen, n)
    if orientation is not None:
        figures["orientation_samples"] = len(orientation.times)
        figures["orientation_invalid"] = int(np.count_nonzero(~orientation.valid))
        warnings += _doubts_of_orientation(orientation, n)

    return Quality(
        verdict="unusable" if problems else "usable with warnings" if warnings else "good",
        reasons=(*problems, *warnings),
        n_frames=n,
        n_video=recording.n_video,
        n_stamps=recording.n_stamps,
        height=recording.movie.height,
        width=recording.movie.width,
        rate_hz=timing.fps,
        duration_s=recording.duration,
        jitter_ms=1000 * timing.jitter,
        dropped_frames=timing.dropped_frames,
        gaps=len(timing.gaps),
        longest_gap_s=max((gap.interval for gap in timing.gaps), default=0.0),
        duplicate_times=len(timing.duplicates),
        backward_times=len(timing.backward),
        daq_resets=len(timing.daq_resets),
        out_of_order=out_of_order,
        **figures,
    )


def _doubts(recording: Recording) -> Iterator[str]:
    """Give what the times make doubtful and the recording does not say itself."""
    if not recording.stamps.consecutive:
        numbers = recording.stamps.frame_numbers
        row = int(np.argmax(numbers != np.arange(len(numbers))))
        yield f"Row {row} of {recording.stamps.path.name} has the frame number {numbers[row]}."
    timing, asked = recording.timing, recording.device.frame_rate_setting
    if asked and timing.fps < MIN_RATE * asked:
        yield f"{asked:g} frames per second were asked for, {timing.fps:.2f} were recorded."
    if timing.jitter > MAX_JITTER * timing.interval:
        jitter, interval = 1000 * timing.jitter, 1000 * timing.interval
        yield f"Intervals vary by {jitter:.1f} ms (standard deviation) about {interval:.1f} ms."


def _doubts_of_codec(recording: Recording) -> Iterator[str]:
    movie = recording.movie
    codec = movie.codec.upper()
    if movie.lossless or (codec in _SINGLE_FRAMES and movie.bits_per_pixel >= MIN_BITS):
        return
    yield (
        f"The videos are compressed with loss ({_CODEC_NAMES.get(codec, codec)}, {movie.bits_per_pixel:.2f} bits per "
        "pixel), which takes faint activity first; record a scope with FFV1."
    )


def _doubts_of_pictures(seen: Survey, n_frames: int) -> Iterator[str]:
    if seen.saturated > MAX_SATURATED:
        yield f"{seen.saturated:.0%} of the pixels are saturated; lower the LED's power or the gain."
    if len(seen.repeated) > MAX_REPEATED * n_frames:
        yield (
            f"{_count(len(seen.repeated), 'frame')} equal to the frame before, the first is frame {seen.repeated[0]}; "
            "was the picture frozen?"
        )


def _doubts_of_orientation(orientation: HeadOrientation, n_frames: int) -> Iterator[str]:
    samples, valid = len(orientation.times), int(np.count_nonzero(orientation.valid))
    if valid < MIN_ORIENTATION * samples:
        yield f"{samples - valid} of {samples} samples of the head orientation are no rotation."
    if samples < MIN_ORIENTATION * n_frames:
        yield f"The head orientation has {samples} samples for {n_frames} frames."


def _count(n: int, what: str) -> str:
    return f"{n} {what} is" if n == 1 else f"{n} {what}s are"
