"""NWB files as neuroconv 0.10 writes them of Miniscope recordings: names, places and units are its."""

from datetime import UTC, datetime

import numpy as np
from ndx_miniscope import Miniscope
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.file import Subject
from pynwb.ophys import OnePhotonSeries, OpticalChannel


def write_like_neuroconv(path, scope, subject="foreign", born=datetime(2025, 9, 1, tzinfo=UTC), frames=True, rate=20.0):
    """Write a file of a recorded scope (see ``recordings``); returns its path."""
    height, width = scope.frames.shape[1:]
    file = NWBFile("", "neuroconv", datetime(2026, 1, 15, 2, 20, 30, 125000, tzinfo=UTC))
    if subject is not None:
        file.subject = Subject(subject_id=subject, sex="F", species="Mus musculus", date_of_birth=born)
    name = scope.folder.name.replace("_", "")
    device = Miniscope(
        name=name,
        description="Settings recorded by the Miniscope DAQ software that the ndx-miniscope schema has no field for: "
        "ROI.leftEdge: 4, ROI.topEdge: 8, ewl: 0.",
        compression="FFV1",
        deviceType="Miniscope_V4_BNO",
        frameRate="20FPS",
        framesPerFile=12,
        gain="Low",
        led0=20,
        ROI=[height, width],
    )
    file.add_device(device)
    channel = OpticalChannel(name="OpticalChannel", description="", emission_lambda=np.nan)
    plane = file.create_imaging_plane(
        name=f"ImagingPlane{name}",
        description="",
        device=device,
        optical_channel=channel,
        excitation_lambda=np.nan,
        indicator="unknown",
        location="unknown",
    )
    first = scope.times_ms[0] / 1000
    if frames:
        series = OnePhotonSeries(
            name=f"OnePhotonSeries{name}2026_01_1502_20_30",
            description="Imaging data acquired with a Miniscope.",
            data=scope.frames.transpose(0, 2, 1),
            dimension=[height, width],
            unit="px",
            imaging_plane=plane,
            rate=rate,
            starting_time=first,
        )
        file.add_acquisition(series)
    angles = 0.01 * np.arange(len(scope.frames))
    quaternions = np.stack([np.cos(angles), 0 * angles, 0 * angles, np.sin(angles)], axis=1)
    module = file.create_processing_module("behavior", "processed behavioral data")
    orientation = f"TimeSeriesMiniscopeHeadOrientation{name}2026_01_1502_20_30"
    module.add(TimeSeries(orientation, data=quaternions, unit="n.a.", rate=20.0, starting_time=first))
    with NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path
