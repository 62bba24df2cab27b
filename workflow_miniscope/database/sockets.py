"""Where an embedded server's socket lies: whoever can open it is the database's administrator."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from ..errors import DatabaseError

#: Bytes in the path of a socket that every system takes (macOS 103, Linux 107)
LONGEST = 103

#: The name that PostgreSQL gives its socket
NAME = ".s.PGSQL.5432"


def socket_folder(data: Path, owner: int) -> Path:
    """Return the folder for a server's socket, which only its owner can enter.

    It is the folder of the data, which PostgreSQL keeps private. Where that path is too long for a socket, it is a
    folder of the user's own among the system's temporary ones.

    Parameters
    ----------
    data : Path
        The folder of the database's files.
    owner : int
        The user that the server runs as.

    Raises
    ------
    DatabaseError
        The temporary folder belongs to somebody else, or others can enter it.
    """
    if len(os.fsencode(data / NAME)) <= LONGEST:
        return data
    number = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = _temporary() / f"workflow-miniscope-{owner}-{number}"
    try:
        folder.mkdir(mode=0o700)
        if owner != os.geteuid():
            os.chown(folder, owner, -1)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise DatabaseError(
            f"{folder} should hold the database's socket, but it belongs to somebody else or others can enter it; "
            "remove it, or set WORKFLOW_MINISCOPE_HOME to a folder with a shorter path."
        )
    return folder


def _temporary() -> Path:
    # the user's own where the system has one, and none of a path that is too long itself
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.path.isdir(runtime) and len(os.fsencode(runtime)) < 40 and os.geteuid() != 0:
        return Path(runtime)
    found = Path(tempfile.gettempdir())
    return found if len(os.fsencode(found)) < 40 else Path("/tmp")
