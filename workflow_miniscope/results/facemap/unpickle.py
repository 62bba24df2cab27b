"""Load numpy's pickled files without running anything that they bring along.

A pickle is a program: it names functions and has them called. ``numpy.load(..., allow_pickle=True)`` calls
whatever it names. Here a pickle can name only what files of plain data need, and gets a stand-in for each:
the arrays are built by this module from their checked bytes, so not even numpy's own constructors (which
trust what they are told about a memory layout) see anything of the file.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Literal, NoReturn

import numpy as np

from ...errors import ResultError
from ...movies.types import Numbers

# boolean, signed, unsigned, float, complex, bytes, text; and "O", Python objects
_DTYPE = re.compile(r"[<>|=]?([?biufcSU][0-9]*|O8?)")


def load_pickled_npy(path: str | Path) -> Any:
    """Load an object that ``numpy.save`` pickled.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file.

    Returns
    -------
    object
        Built from dict, list, tuple, set, numbers, text, bytes, None, pure paths and numpy arrays and scalars
        only. A single object (an array of no dimensions) is unwrapped, as by ``.item()``.

    Raises
    ------
    ResultError
        The file is missing or damaged, is no ``.npy`` file, or holds anything else.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            major, minor = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0
            if (major, minor) != (1, 0):
                read_header = np.lib.format.read_array_header_2_0
            shape, _, dtype = read_header(file)
            if not dtype.hasobject:
                file.seek(0)
                return np.lib.format.read_array(file, allow_pickle=False)
            loaded = _Builder().build(_Unpickler(file).load())
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror or error}).") from None
    except _Refused as error:
        raise ResultError(f"{path} is refused: {error}. Nothing in it was run.") from None
    except Exception as error:  # a damaged pickle can fail in any way
        what = f"{type(error).__name__}: {error}"
        raise ResultError(f"{path} is damaged, or no file of numpy's ({what}).") from None
    if isinstance(loaded, np.ndarray) and loaded.shape == ():
        return loaded.item()
    return loaded


class _Refused(Exception):
    """The pickle asks for something that data do not need."""


class _Callable:
    """A function that a pickle may call but not change: it has no attributes to set."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]):
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setattr__(self, name: str, value: object) -> None:
        raise _Refused("it changes a function")

    def __setstate__(self, state: object) -> None:
        raise _Refused("it changes a function")


class _DType:
    """What a pickle says of an array's type."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, *_: object):
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise _Refused(f"it holds an array of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # (version, byte order, sub-array, names, fields, size, alignment, flags): only the byte order is used
        order, fields = state[1], state[2:5]
        if order not in ("<", ">", "|", "=") or any(field is not None for field in fields):
            raise _Refused("it holds an array of a structured type")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array, until all that it contains is loaded."""

    __slots__ = ("content", "dtype", "order", "shape")

    def __init__(self, *_: object):
        self.content: list[Any] | bytes | bytearray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.set(*state[-4:])

    def set(self, shape: Any, dtype: object, fortran: object, content: Any) -> _Array:
        self.shape, self.dtype, self.content = shape, _checked(dtype), content
        self.order: Literal["F", "C"] = "F" if fortran else "C"
        wanted = list if self.dtype.hasobject else (bytes, bytearray)
        if not isinstance(content, wanted) or not isinstance(shape, tuple):
            raise _Refused("it holds an array whose content is not of its type")
        return self

    def build(self, builder: _Builder) -> Numbers:
        if self.content is None:
            raise _Refused("it holds an array without content")
        array: Numbers
        if isinstance(self.content, list):
            array = np.empty(len(self.content), object)
            for i, value in enumerate(self.content):
                array[i] = builder.build(value)
        else:
            array = np.frombuffer(self.content, self.dtype)
            # of this machine's byte order, and writable
            array = array.astype(self.dtype.newbyteorder("="))
        shaped: Numbers = array.reshape(self.shape, order=self.order)
        return shaped


def _checked(dtype: object) -> np.dtype[Any]:
    if not isinstance(dtype, _DType):
        raise _Refused("it holds an array without a type")
    return dtype.dtype


def _scalar(dtype: object, content: object = b"") -> Any:
    kind = _checked(dtype)
    if kind.hasobject or not isinstance(content, bytes):
        raise _Refused("it holds a scalar that is no number")
    return np.frombuffer(content, kind)[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # how pickles for Python 2 hold bytes
    if encoding != "latin1":
        raise _Refused("it holds bytes in an unknown encoding")
    return text.encode("latin1")


def _from_buffer(content: object, dtype: object, shape: object, order: object = "C") -> _Array:
    return _Array().set(shape, dtype, order == "F", content)


def _path(kind: type[PurePath]) -> Callable[..., PurePath]:
    return lambda *parts: kind(*map(str, parts))


def _not_callable(*_: object) -> NoReturn:
    raise _Refused("it calls numpy.ndarray")


# Paths of the system that wrote the file become pure ones, which exist on every system and touch no file
_PATHS = {
    name: _path(PureWindowsPath if "Windows" in name else PurePosixPath)
    for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
}
_NUMPY: dict[str, Callable[..., Any]] = {
    "ndarray": _not_callable,  # only named, to say which kind of array
    "dtype": _DType,
    "_reconstruct": _Array,
    "scalar": _scalar,
    "_frombuffer": _from_buffer,
}
_NUMPY_MODULES = {
    "numpy",
    *(f"numpy.{core}.{name}" for core in ("core", "_core") for name in ("multiarray", "numeric")),
}
# bytes: without arguments, as old pickles have empty ones; with a number it would take that much memory
_BUILTINS: dict[str, Callable[..., Any]] = {
    "bytes": lambda: b"",
    "complex": complex,
    "frozenset": frozenset,
    "set": set,
}


def _find(module: str, name: str) -> Callable[..., Any] | None:
    if module in _NUMPY_MODULES:
        return _NUMPY.get(name)
    if module in ("pathlib", "pathlib._local"):
        return _PATHS.get(name)
    if module in ("builtins", "__builtin__"):
        return _BUILTINS.get(name)
    others: dict[tuple[str, str], Callable[..., Any]] = {
        ("collections", "OrderedDict"): dict,
        ("_codecs", "encode"): _encode,
    }
    return others.get((module, name))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Callable:
        found = _find(module, name)
        if found is None:
            raise _Refused(f"it asks for {module}.{name}, which plain data do not need")
        return _Callable(found)


class _Builder:
    """Puts arrays in the places of what stands for them."""

    def __init__(self) -> None:
        self._built: dict[int, Any] = {}  # so that what is named often is built once

    def build(self, value: Any) -> Any:
        if not isinstance(value, (_Array, _DType, _Callable, dict, list, tuple)):
            return value
        if id(value) not in self._built:
            self._built[id(value)] = _Builder  # until it is whole
            self._built[id(value)] = self._new(value)
        if self._built[id(value)] is _Builder:
            raise _Refused("it holds something that contains itself")
        return self._built[id(value)]

    def _new(self, value: Any) -> Any:
        if isinstance(value, _Callable):
            raise _Refused("it holds a function")
        if isinstance(value, _DType):
            return value.dtype
        if isinstance(value, _Array):
            return value.build(self)
        if isinstance(value, dict):
            return {self.build(key): self.build(item) for key, item in value.items()}
        return type(value)(self.build(item) for item in value)
