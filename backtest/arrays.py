"""Names for the array types of the whole package; shapes are stated where an array is used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Signs = NDArray[np.int8]
Sides = Floats | Signs
"""Positions of 1, 0, -1: of a sweep as small numbers, which take an eighth of the memory."""
Times = NDArray[np.datetime64]
