"""Which machine an embedded server runs on: a home may be on a disk that several machines or containers share.

The process of another machine cannot be seen, so nothing may be concluded from not seeing it.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

#: File in a home that says where its server was last started
RECORD = ".host.json"


@dataclass(frozen=True)
class Host:
    """A machine since its last start, and which of its processes are seen from here.

    Attributes
    ----------
    name : str
        The name of the machine or container, for people: two may have the same.
    machine : str
        The number of the installation.
    boot : str
        Drawn by the kernel when it starts; the same in all containers of a machine.
    processes : str
        The name space of process numbers: a container has its own.
    """

    name: str
    machine: str
    boot: str
    processes: str

    def sees(self, other: Host) -> bool:
        """Return whether the processes of another host can be seen from here, so that one not seen is dead."""
        return self == other or (self.rebooted(other) and self.processes == other.processes)

    def rebooted(self, other: Host) -> bool:
        """Return whether this is the same machine after another start: nothing from before runs any more."""
        return (self.name, self.machine) == (other.name, other.machine) and self.boot != other.boot

    def shares_kernel(self, other: Host) -> bool:
        """Return whether both are containers of one machine, where locks of files and sockets reach across."""
        return bool(self.boot) and self.boot == other.boot


def this_host() -> Host:
    """Return the host that this process runs on."""
    machine = _read("/etc/machine-id") or f"{uuid.getnode():012x}"
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return Host(platform.node(), machine, _read("/proc/sys/kernel/random/boot_id"), processes)


def read_record(home: Path) -> Host | None:
    """Return where the server of a home was last started, or None if that is not recorded."""
    try:
        return Host(**json.loads((home / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def write_record(home: Path) -> None:
    """Record that the server of a home is started here."""
    partial = home / f"{RECORD}.{os.getpid()}"
    try:
        partial.write_text(json.dumps(asdict(this_host()), indent=2), encoding="utf-8")
        os.replace(partial, home / RECORD)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
