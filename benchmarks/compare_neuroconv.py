"""Whether NeuroConv reads the same frames, times and settings from a recording, and what it writes can be imported.

    python -m venv other && other/bin/python -m pip install "neuroconv[miniscope]"
    python benchmarks/compare_neuroconv.py other/bin/python

NeuroConv is installed apart, because it needs hundreds of MB. A recording of two scopes and two cameras with dropped
frames is converted by it and published with its frames by us; then every series of the two files is compared, and
NeuroConv's file is imported. Times that it writes as a constant rate are expanded. The exit status is 1 where they
differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from own_database import own_database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CONVERT = """
import json, sys, warnings
from datetime import timezone
from pathlib import Path
from neuroconv.datainterfaces.ophys.miniscope.miniscopeconverter import MiniscopeConverter
warnings.simplefilter("ignore")
root, out, about = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
devices = {kind: {name: {} for name in about[kind]} for kind in ("miniscopes", "cameras")}
config = {"directoryStructure": ["animalName", "date", "time"], "animalName": about["animal"], "devices": devices}
Path(out).with_suffix(".json").write_text(json.dumps(config))
converter = MiniscopeConverter(folder_path=root, user_configuration_file_path=Path(out).with_suffix(".json"))
metadata = converter.get_metadata()
start = metadata["NWBFile"]["session_start_time"]
metadata["NWBFile"]["session_start_time"] = start.replace(tzinfo=timezone.utc)
metadata["Subject"] = {"subject_id": "converted", "species": "Mus musculus", "sex": "F", "age": "P90D"}
converter.run_conversion(nwbfile_path=out, metadata=metadata)
"""
SETTINGS = ("compression", "deviceType", "frameRate", "framesPerFile", "gain", "led0")
DEVICES = {"miniscopes": ["HPC", "PFC_left"], "cameras": ["Face_Cam", "Side"]}


def times_of(series, n_frames: int) -> np.ndarray:
    """Return the times of a series, expanded where it has a constant rate."""
    if series.timestamps is not None:
        return series.timestamps[:]
    return series.starting_time + np.arange(n_frames) / series.rate


def compare(ours, theirs, n_frames: int) -> list[str]:
    """Compare two files of one recording; return a line for each thing compared, those that differ with DIFFERS."""
    lines = []

    def same(what: str, equal: bool) -> None:
        lines.append(f"{what}: {'the same' if equal else 'DIFFERS'}")

    for kind, names in DEVICES.items():
        prefix = "OnePhotonSeries" if kind == "miniscopes" else "ImageSeries"
        for name in names:
            mine = ours.acquisition[f"{prefix}_{name}"]
            camel = name.replace("_", " ").title().replace(" ", "") if "_" in name else name
            (other,) = [
                item
                for item_name, item in theirs.acquisition.items()
                if item_name.lower().startswith(f"{prefix}{camel}".lower())
            ]
            apart = np.abs(mine.timestamps[:] - times_of(other, n_frames)).max()
            same(f"{name}, times (at most {1000 * apart:.2g} ms apart)", apart < 1e-6)
            if kind == "miniscopes":
                same(f"{name}, frames {other.data.shape}", np.array_equal(mine.data[:], other.data[:]))
                device = other.imaging_plane.device
                for setting in SETTINGS:
                    same(f"{name}, {setting}", getattr(mine.device, setting) == getattr(device, setting))
                same(f"{name}, ROI", list(mine.device.ROI[:]) == list(device.ROI[:]))
            else:
                same(f"{name}, starting frames", list(mine.starting_frame[:]) == list(other.starting_frame[:]))
    return lines


def run(other_python: Path, root: Path) -> bool:
    """Convert, publish, compare and import; return whether all is the same."""
    from pynwb import read_nwb
    from recordings import write_session
    from to_publish import dropped_times, make_session

    from workflow_miniscope import daq, pipeline
    from workflow_miniscope.publish.dataset import Options, export_nwb
    from workflow_miniscope.publish.nwb_import.file import import_nwb

    n_frames = 600
    times = dropped_times(n_frames)
    times[20] = 1000  # a time that is wrong is another matter
    how = {
        "scopes": ["HPC", "PFC left"],
        "cameras": ["Face Cam", "Side"],
        "n_frames": n_frames,
        "frames_per_file": 250,
        "times_ms": times,
    }
    manifests = root / "manifests"
    manifests.mkdir()
    key, recorded = make_session(pipeline, root / "raw", manifests, "compared", **how)
    export_nwb(key, root / "ours.nwb", options=Options(embed=True, progress=False))
    about = json.dumps({**DEVICES, "animal": "compared"})
    source = recorded.folder.parents[2]
    out = root / "raw" / "theirs.nwb"
    subprocess.run([str(other_python), "-c", CONVERT, str(source), str(out), about], check=True, capture_output=True)
    lines = compare(read_nwb(root / "ours.nwb"), read_nwb(out), n_frames)
    print("\n".join(lines))
    print(import_nwb(out))
    imported = pipeline.miniscope.RecordingInfo & {"subject": "converted"}
    for row in imported.to_dicts(order_by="recording_id"):
        first = (pipeline.miniscope.RecordingInfo & key & {"recording_id": row["recording_id"]}).fetch1()
        equal = np.allclose(row["time_stamps"], first["time_stamps"], atol=1e-6)
        equal &= all(row[name] == first[name] for name in ("nframes", "px_height", "px_width", "gain", "led_power"))
        lines.append(f"imported recording {row['recording_id']}: {'the same' if equal else 'DIFFERS'}")
        print(lines[-1])
    legacy = write_session(root / "legacy", layout="legacy", animal="old", cameras=["behav"])
    refused = subprocess.run(
        [str(other_python), "-c", CONVERT, str(root / "legacy"), str(root / "legacy.nwb"), about], capture_output=True
    )
    stays = len(daq.open_session(legacy.folder).devices)
    print(f"a recording of the legacy program: NeuroConv ends with {refused.returncode}; here it has {stays} devices")
    return not any("DIFFERS" in line for line in lines)


def main() -> None:
    """Run it in a folder of its own, with a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path, help="Python that has NeuroConv")
    options = parser.parse_args()
    with own_database("wfn") as (root, variables):
        os.environ.update(variables)
        same = run(options.python.absolute(), root)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
