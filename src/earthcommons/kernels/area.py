"""True areas of longitude-latitude cells on the WGS 84 ellipsoid."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError

__all__ = ["band_areas_km2", "row_areas_km2"]

_A_KM = 6378.137
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)
_E = math.sqrt(_E2)
_B2_KM2 = (_A_KM * (1 - _F)) ** 2


def band_areas_km2(
    middle_deg: ArrayLike, height_deg: ArrayLike, width_deg: ArrayLike = 360.0
) -> NDArray[np.float64]:
    """Areas of cells given by middle latitude and height, exact on the ellipsoid.

    Height is an argument of its own, rather than two edges, because the difference of two
    rounded edges of a 10 m cell has lost six digits.

    Args:
        middle_deg: latitude half-way between the edges [degrees_north].
        height_deg: height of the cell [degrees]; not negative.
        width_deg: width of the cell [degrees]; not negative.

    Returns:
        Areas, of the arguments' common shape [km2].

    Raises:
        InvalidInputError: a cell reaches beyond a pole, or has a negative or unknown size.

    Source:
        Snyder (1987), Map Projections: A Working Manual, eq. 3-12, in difference form.
    """
    middle = np.asarray(middle_deg, dtype=np.float64)
    height = np.asarray(height_deg, dtype=np.float64)
    width = np.asarray(width_deg, dtype=np.float64)
    if not (np.all(height >= 0) and np.all(width >= 0)):
        raise InvalidInputError("cell height and width must be numbers not below zero")
    if not np.all(np.abs(middle) + height / 2 <= 90 + 1e-9):
        raise InvalidInputError("a cell reaches beyond a pole; clip it at 90 degrees first")
    south, north = np.radians(middle - height / 2), np.radians(middle + height / 2)
    s, n = np.sin(south), np.sin(north)
    rise = 2 * np.cos(np.radians(middle)) * np.sin(np.radians(height) / 2)
    first = rise * (1 + _E2 * s * n) / ((1 - _E2 * s * s) * (1 - _E2 * n * n))
    second = np.arctanh(_E * rise / (1 - _E2 * s * n)) / _E
    areas: NDArray[np.float64] = np.radians(width) * _B2_KM2 / 2 * (first + second)
    return areas


def row_areas_km2(
    first_edge_deg: float, step_deg: float, rows: int, width_deg: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area of one cell in each row of a regular grid, and how much of the row lies on Earth.

    Args:
        first_edge_deg: latitude of the outer edge of row 0 [degrees_north].
        step_deg: signed height of a row [degrees]; negative when row 0 is the northernmost.
        rows: number of rows.
        width_deg: width of a cell [degrees].

    Returns:
        Areas clipped at the poles, dims (row), [km2], and the share of each row's height
        between the poles, dims (row), [1]: 0.5 for the outer rows of a grid whose cell centres
        lie on the poles.

    Raises:
        InvalidInputError: the step or the width is zero, or a number is not finite.
    """
    if rows < 0 or not (math.isfinite(first_edge_deg) and math.isfinite(step_deg)):
        raise InvalidInputError("a grid needs finite edges and a number of rows not below zero")
    if step_deg == 0 or not width_deg > 0:
        raise InvalidInputError(f"cells of {step_deg} by {width_deg} degrees have no area")
    height = abs(step_deg)
    middle = first_edge_deg + step_deg * (np.arange(rows) + 0.5)
    # What sticks out beyond a pole is cut off: the cell keeps its inner edge.
    excess = np.clip(np.abs(middle) + height / 2 - 90, 0, height)
    excess[excess < 1e-9 * height] = 0.0
    kept = height - excess
    middle = np.clip(middle - np.sign(middle) * excess / 2, -90, 90)
    limit = 90 - kept / 2
    return band_areas_km2(np.clip(middle, -limit, limit), kept, width_deg), kept / height
