"""What is said of a recording: its quality in figures, and what was drawn of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...work.outcome import duration
from .parts import Fact, Judgement

#: part of all pixels from which on it is said that they are saturated
LEAST_SATURATED = 0.0001


def judgement(device: str, row: Mapping[str, Any]) -> Judgement:
    """Return what the check said of a recording; ``row``: of its table of quality, empty before it is checked."""
    if not row:
        return Judgement(device, "not checked yet")
    return Judgement(device, row["verdict"], tuple(row["reasons"]))


def quality(row: Mapping[str, Any]) -> list[Fact]:
    """Return the figures of a recording's quality that there are."""
    return list(_quality(row)) if row.get("n_frames") else []


def _quality(row: Mapping[str, Any]) -> Iterable[Fact]:
    yield Fact("Length", duration(row["duration_s"] or 0.0), "by the time stamps")
    yield Fact("Frames", f"{row['n_frames']}", "with a picture and a time")
    yield Fact("Field", f"{row['width']} × {row['height']} px", "width and height")
    yield Fact("Rate", f"{row['rate_hz']:.4g} frames/s", "by the time stamps")
    if row["jitter_ms"] is not None:
        yield Fact("Jitter", f"{row['jitter_ms']:.2g} ms", "standard deviation of the regular intervals")
    lost = row["dropped_frames"] or 0
    gaps = f" in {row['gaps']} gaps, the longest of {row['longest_gap_s']:.3g} s" if lost else ""
    yield Fact("Frames lost", f"{lost}{gaps}")
    for name, column, meaning in (
        ("Repeated times", "duplicate_times", "frames with the time of the frame before"),
        ("Times backward", "backward_times", "frames with an earlier time than the frame before"),
        ("Resets", "daq_resets", "frames at which the DAQ's counter did not advance"),
        ("Dark frames", "dark_frames", "less than half as bright as the median"),
        ("Repeated frames", "repeated_frames", "equal to the frame before"),
    ):
        if row[column]:
            yield Fact(name, str(row[column]), meaning)
    if row["brightness"] is not None:
        yield Fact("Brightness", f"{row['brightness']:.0f} of 255", "median of the means of the frames")
    if (row["saturated"] or 0) >= LEAST_SATURATED:
        yield Fact("Saturated", f"{row['saturated']:.2%}", "part of all pixels at the highest value")
    if row["orientation_samples"]:
        invalid = f", {row['orientation_invalid']} invalid" if row["orientation_invalid"] else ""
        yield Fact("Head orientation", f"{row['orientation_samples']} samples{invalid}")
