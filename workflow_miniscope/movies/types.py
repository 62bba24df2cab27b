"""Names of array types, for annotations: docstrings say the exact type, the shape and the unit of each array."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: float32 or float64
Floats: TypeAlias = NDArray[np.floating[Any]]
#: integers of any width
Ints: TypeAlias = NDArray[np.integer[Any]]
#: masks
Bools: TypeAlias = NDArray[np.bool_]
#: numbers of any real type, as cameras give them
Numbers: TypeAlias = NDArray[Any]
#: a number, Python's or numpy's
Real: TypeAlias = float | np.floating[Any]
#: (height, width), or (rows, columns)
Shape: TypeAlias = tuple[int, int]
