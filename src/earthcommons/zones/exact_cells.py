"""One shape against one window of cells, by exactextract."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import exactextract
import numpy as np
import shapely
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["covered_cells"]


def covered_cells(
    shape: "BaseGeometry", box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the cells a shape meets, and what share of each it covers [1].

    Args:
        shape: polygon in the units of the box.
        box: west, south, east and north edge of the window.
        size: rows and columns of the window.

    Returns:
        Numbers of the cells, rows counted from the north, and their covered fractions, dims
        (cell).
    """
    source = NumPyRasterSource(np.broadcast_to(np.int8(0), size), *box)
    found = exactextract.exact_extract(source, _Shapes(shape), ["cell_id", "coverage"])
    properties = found[0]["properties"]
    cells = np.asarray(properties["cell_id"], np.int64)
    return cells, np.asarray(properties["coverage"], np.float64)


class _Shapes(FeatureSource):  # type: ignore[misc]
    """One shape as exactextract reads it; well-known binary is faster than GeoJSON."""

    def __init__(self, shape: "BaseGeometry") -> None:
        super().__init__()
        self._shape = shape

    def count(self) -> int:
        return 1

    def __iter__(self) -> Iterator["_Shape"]:
        yield _Shape(self._shape)

    def srs_wkt(self) -> None:
        return None


class _Shape(Feature):  # type: ignore[misc]
    def __init__(self, shape: "BaseGeometry") -> None:
        super().__init__()
        self._shape = shape

    def geometry(self) -> bytes:
        return shapely.to_wkb(self._shape)

    def fields(self) -> list[str]:
        return []
