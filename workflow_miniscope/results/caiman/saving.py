"""A new HDF5 file on a disk that may be full: HDF5 itself crashes where its last bytes cannot be written."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


@contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing.

    Parameters
    ----------
    path : Path
        The file; on failure it is removed.

    Raises
    ------
    OSError
        It cannot be written, as on a full disk.
    """
    with _Forgiving(path) as written:
        try:
            with h5py.File(written, "w") as file:
                yield file
        except (OSError, RuntimeError, ValueError):
            if written.failure is None:
                raise  # it has nothing to do with the disk
        if written.failure is not None:
            raise written.failure


class _Forgiving(io.RawIOBase):
    """A file that remembers why it could not be written, instead of telling HDF5, which goes on and can be closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.failure: OSError | None = None
        self._path = path
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 - closed with this object

    def readable(self) -> bool:
        """Give True."""
        return True

    def writable(self) -> bool:
        """Give True."""
        return True

    def seekable(self) -> bool:
        """Give True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Give the place."""
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        """Read bytes, zeros where there are none."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (read := self._file.readinto(view[done:])):
            done += read
        view[done:] = bytes(len(view) - done)
        return len(view)

    def write(self, content: Any) -> int:
        """Write bytes, or remember that it cannot be done."""
        view = memoryview(content).cast("B")
        n_bytes, done = len(view), 0
        while self.failure is None and done < n_bytes:
            done += self._try(lambda rest=view[done:]: self._file.write(rest) or 0) or 0
        return n_bytes

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        self._try(lambda: self._file.truncate(size))
        return self._file.tell() if size is None else size

    def close(self) -> None:
        """Close the file; one that could not be written is removed."""
        if not self.closed:
            self._try(self._file.close)
            if self.failure is not None:
                self._path.unlink(missing_ok=True)
        super().close()

    def _try(self, do: Any) -> Any:
        try:
            return do()
        except OSError as error:
            self.failure = self.failure or error
            return None
