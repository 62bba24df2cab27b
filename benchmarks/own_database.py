"""A folder with a database of its own, for a benchmark that fills one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_database(prefix: str, parent: Path | None = None, keep: bool = False) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a new folder, and the variables that make a process use the database in it; both end with the block.

    Parameters
    ----------
    prefix : str
        What the folder's name begins with.
    parent : Path, optional
        Where to make it; by default where temporary files are.
    keep : bool
        Leave the files where they are.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)  # root's embedded server runs as another user
    (folder / "raw").mkdir()
    (folder / "conf.json").write_text("{}")
    try:
        yield (
            folder,
            {
                "WORKFLOW_MINISCOPE_CONFIG": str(folder / "conf.json"),
                "WORKFLOW_MINISCOPE_HOME": str(folder / "home"),
                "MINISCOPE_ROOT_DATA_DIR": str(folder / "raw"),
                "DATABASE_PREFIX": "benchmark_",
            },
        )
    finally:
        # it reads the variables when it is imported
        from workflow_miniscope.database import embedded

        embedded.stop(folder / "home")
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
