"""HDF5 that is not netCDF: HDF-EOS5 grids, and arrays whose place is declared.

Runs in the jail, after `hdf5_walk` has judged every header.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.eos import Array, divided, grids_in, placed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

__all__ = ["is_plain", "open_plain"]

_STRUCTURE = "/HDFEOS INFORMATION/StructMetadata.0"
_FACTS = ("units", "long_name", "_FillValue", "scale_factor", "add_offset", "valid_range")


def is_plain(source: Path, paths: list[str]) -> bool:
    """Return whether no dataset has netCDF's named dimensions."""
    if _STRUCTURE in paths:
        return True
    with h5py.File(source, "r", locking=False) as file:
        return not any(
            "DIMENSION_LIST" in file[path].attrs
            or file[path].attrs.get("CLASS") == b"DIMENSION_SCALE"
            for path in paths
        )


@contextmanager
def open_plain(
    source: Path, paths: list[str], task: dict[str, Any]
) -> Iterator[tuple[xr.Dataset, list[str]]]:
    """Yield the arrays with the axes that StructMetadata, the file or the declaration gives.

    With them come warnings about scales that divide.

    Raises:
        RefusedFileError: nothing says where the arrays lie (`crs-missing`).
    """
    with h5py.File(source, "r", locking=False) as file:
        grids = []
        if _STRUCTURE in paths:
            text = file[_STRUCTURE][()]
            grids = grids_in(text.decode("utf-8", "replace") if isinstance(text, bytes) else "")
        arrays = [
            Array(path.rpartition("/")[2], path, _lazy(file[path]), _facts(file[path]))
            for path in paths
            if file[path].dtype.kind in "iuf"
        ]
        if len({array.name for array in arrays}) != len(arrays) and not task.get("group"):
            raise RefusedFileError(
                'several groups hold data of the same names: declare group = "…"',
                code="several-files",
            )
        doubts = divided(arrays, task) if grids else []
        yield placed(arrays, grids, task), doubts


def _lazy(node: h5py.Dataset) -> Any:
    import dask.array

    return dask.array.from_array(node, chunks=node.chunks or "auto", lock=True)


def _facts(node: h5py.Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.attrs.items():
        name = {"Units": "units", "Title": "long_name", "MissingValue": "_FillValue",
                "ScaleFactor": "scale_factor", "Offset": "add_offset"}.get(key, key)  # fmt: skip
        if name not in _FACTS:
            continue
        plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(plain, np.ndarray) and plain.size == 1:
            plain = plain.reshape(-1)[0]
        if isinstance(plain, bytes):
            plain = plain.decode("utf-8", "replace")
        if isinstance(plain, (str, np.generic)) or name == "valid_range":
            found[name] = plain
    return found
