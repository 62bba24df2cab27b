"""A session as one typed description, whatever the layout it was recorded in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import RecordingError
from ..spelling import composed
from .timestamps import TimeStamps

if TYPE_CHECKING:
    from .orientation import HeadOrientation
    from .recording import Recording

#: Names of the two layouts, as the ``acq_software`` column has them. They name the program, not the scope: a V3 scope
#: recorded with Miniscope-DAQ-QT is in the layout "Miniscope-DAQ-V4".
ACQ_SOFTWARE = ("Miniscope-DAQ-V3", "Miniscope-DAQ-V4")


@dataclass(frozen=True)
class Note:
    """Something written down during a recording.

    Attributes
    ----------
    time : float
        Seconds from the start of the recording.
    text : str
        What was written. Changes of a control are ``device,property,value``.
    """

    time: float
    text: str


@dataclass(frozen=True)
class Device:
    """A scope or camera of a session.

    Attributes
    ----------
    name : str
        The name of its folder, letters composed, which is what the user named it with ``_`` for spaces. The legacy
        program has one folder for both: msCam or behavCam, as its files are named.
    kind : "scope" or "camera"
        What it records.
    folder : Path
        Where its files are.
    device_type : str or None
        As the program names it, such as ``Miniscope_V4_BNO``.
    files : tuple of Path
        Its videos in the order they were recorded.
    metadata : dict
        Its metadata file as it is.
    gain : float or None
        Gain of the image sensor, times its lowest.
    led_power : float or None
        Brightness of the excitation LED, as the control shows it.
    frame_rate_setting : float or None
        The frame rate that was asked for (Hz). The real one comes from the time stamps.
    """

    name: str
    kind: Literal["scope", "camera"]
    folder: Path
    device_type: str | None
    files: tuple[Path, ...]
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    gain: float | None = None
    led_power: float | None = None
    frame_rate_setting: float | None = None

    @property
    def frames_per_file(self) -> int | None:
        """Frames in each video but the last, where it is known."""
        raise NotImplementedError

    def time_stamps(self, n_frames: int) -> TimeStamps:
        """Read the time stamps.

        Parameters
        ----------
        n_frames : int
            Frames of its video, which tells cameras apart that share a file.

        Raises
        ------
        RecordingError
            The file is missing or wrong.
        """
        raise NotImplementedError

    def head_orientation(self) -> HeadOrientation | None:
        """Read the head orientation, or give None where the device has none.

        Raises
        ------
        RecordingError
            The file is wrong.
        """
        return None

    def read(self, decode_first: bool = True) -> Recording:
        """Count the frames of the video and read their times.

        Parameters
        ----------
        decode_first : bool
            Check that each video can be decoded, by its first frame; not needed where all will be.

        Raises
        ------
        RecordingError
            A video or the time stamps cannot be used, or their lengths do not fit.
        """
        from .recording import read_recording

        return read_recording(self, decode_first)


@dataclass(frozen=True)
class BrokenDevice:
    """A device of a session that cannot be opened.

    Attributes
    ----------
    name, kind, folder
        As those of a ``Device``.
    problem : str
        Why, in one sentence.
    """

    name: str
    kind: Literal["scope", "camera"]
    folder: Path
    problem: str


@dataclass(frozen=True)
class Session:
    """What was recorded at once, by all devices of a rig.

    Attributes
    ----------
    folder : Path
        The session's folder.
    acq_software : str
        One of ``ACQ_SOFTWARE``.
    start_utc : datetime or None
        Start of the recording, in UTC; None where the recording only has the rig's clock.
    start_local : datetime or None
        The rig's clock at the start, without a zone because the recording does not name one.
    animal, experimenter, experiment : str or None
        As typed in the program.
    devices : tuple of Device
        Scopes first, then cameras, each in the order of their names.
    metadata : dict
        The session's metadata file as it is.
    notes : tuple of Note
        In the order they were written.
    warnings : tuple of str
        What is missing or unusual.
    missing : tuple of str
        Names of devices that should have recorded and left no video.
    broken : tuple of BrokenDevice
        Devices that cannot be opened, where that was allowed.
    """

    folder: Path
    acq_software: str
    start_utc: datetime | None
    start_local: datetime | None
    animal: str | None
    experimenter: str | None
    experiment: str | None
    devices: tuple[Device, ...]
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[Note, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    broken: tuple[BrokenDevice, ...] = ()

    @property
    def scopes(self) -> tuple[Device, ...]:
        """The miniscopes."""
        return tuple(device for device in self.devices if device.kind == "scope")

    @property
    def cameras(self) -> tuple[Device, ...]:
        """The behaviour cameras."""
        return tuple(device for device in self.devices if device.kind == "camera")

    def device(self, name: str) -> Device:
        """Give the scope or camera of a name.

        Raises
        ------
        RecordingError
            There is none.
        """
        for device in self.devices:
            if device.name == composed(name):
                return device
        known = ", ".join(device.name for device in self.devices) or "none"
        raise RecordingError(f"{self.folder} has no device '{name}' (it has: {known}); was the folder renamed?")

    def device_with(self, files: Sequence[Path]) -> Device:
        """Give the device that recorded some files.

        Raises
        ------
        RecordingError
            The files are not all files of one device, in its order.
        """
        wanted = [path.resolve() for path in files]
        for device in self.devices:
            if [path.resolve() for path in device.files] == wanted:
                return device
        listed = ", ".join(path.name for path in files)
        raise RecordingError(
            f"{self.folder} has no camera with exactly the files {listed}, in this order; ingest the recording again, "
            "so that its frames and their time stamps belong together."
        )
