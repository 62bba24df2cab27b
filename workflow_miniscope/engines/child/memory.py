"""How much memory a process and those that it started have for themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil


def more_than(limit: int, pid: int) -> bool:
    """Whether a process and all below it use more memory than some bytes.

    Counted are pages of their own. Those of mapped files, which the system takes back when it needs them, are not, as
    far as the system tells them apart (Linux). A limit that the system itself enforces (RLIMIT_AS, RLIMIT_DATA) would
    count what is reserved and never used, which numpy's, numba's and PyTorch's threads do by the gigabyte, and for each
    process by itself.
    """
    try:
        top = psutil.Process(pid)
        processes = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return False
    if sum(map(_resident, processes)) <= limit:
        return False
    # processes that were forked share pages, which were counted for each; to count them rightly takes longer
    shares = [_share(process.pid) for process in processes]
    return None in shares or sum(_known(shares)) > limit


def _resident(process: psutil.Process) -> int:
    try:
        info = process.memory_info()
    except psutil.Error:
        return 0  # it has just ended
    return int(info.rss - getattr(info, "shared", 0))


def _share(pid: int) -> int | None:
    """Bytes of a process, each page divided among those that share it; None where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except FileNotFoundError:
        return None if not Path("/proc/self/smaps_rollup").exists() else 0
    except OSError:
        return 0
    found = [line.split() for line in lines if line.startswith("Pss_Anon:")]
    return int(found[0][1]) * 1024 if found else None


def _known(shares: Iterable[int | None]) -> list[int]:
    return [share for share in shares if share is not None]
