"""Names for the array types of the whole package; shapes are stated where an array is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Signs = NDArray[np.int8]
Times = NDArray[np.datetime64]
