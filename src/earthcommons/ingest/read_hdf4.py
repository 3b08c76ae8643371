"""HDF4 in (HDF-EOS grids of MODIS and others), sharded Zarr 3 out. Runs in the jail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.cube_out import check_count, finish
from earthcommons.ingest.eos import Array, divided, grids_in, placed
from earthcommons.ingest.read_cube import decoded

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_FACTS = ("units", "long_name", "_FillValue", "scale_factor", "add_offset", "valid_range")

# Number types of the scientific data sets of HDF4.
_INTEGERS = {20: "i1", 21: "u1", 22: "i2", 23: "u2", 24: "i4", 25: "u4"}


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.zarr` with the scientific datasets of the source.

    Raises:
        RefusedFileError: the extra `hdf4` is not installed (`extra-missing`), the file is
            damaged or declares too much, or nothing says where its arrays lie.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    try:
        from pyhdf.error import HDF4Error  # type: ignore[import-untyped]
        from pyhdf.SD import SD, SDC  # type: ignore[import-untyped]
    except ImportError as error:
        raise RefusedFileError(
            "HDF4 is read with the extra hdf4: pip install 'earthcommons[hdf4]'",
            code="extra-missing",
        ) from error
    try:
        file = SD(str(folder / task.get("source", "source")), SDC.READ)
        described = file.attributes()
        total = 0
        listed = file.datasets()
        if len(listed) > limits.objects:
            raise RefusedFileError(f"declares {len(listed)} arrays", code="declared-too-large")
        for _, shape, _, _ in listed.values():
            total += math.prod(shape)
            check_count(total, limits)
        structure = "".join(
            str(text)
            for name, text in sorted(described.items())
            if name.startswith("StructMetadata.")
        )
        arrays = [_array(file, name, task) for name in listed]
    except HDF4Error as error:
        raise RefusedFileError(f"not a whole HDF4 file: {error}", code="malformed") from error
    grids = grids_in(structure)
    doubts = divided(arrays, task)
    for array in arrays:
        _as_netcdf_counts(array)
    dataset = decoded(placed(arrays, grids, task))
    return finish(dataset, folder, task, limits, doubts=doubts)


def _array(file: Any, name: str, task: dict[str, Any]) -> Array:
    node = file.select(name)
    wanted = {variable["name"] for variable in task["variables"]}
    shape = node.info()[2]
    shape = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    # Arrays that nobody asked for are not read; their shape is enough.
    unwanted = bool(task.get("look")) or (bool(wanted) and name not in wanted)
    skip = unwanted and len(shape) > 1
    kind = _INTEGERS.get(node.info()[3], "f4")
    values = np.broadcast_to(np.zeros((), kind), shape) if skip else np.asarray(node.get())
    facts = {key: value for key, value in node.attributes().items() if key in _FACTS}
    for key in ("_FillValue",):
        if key in facts:
            facts[key] = np.asarray(facts[key]).astype(values.dtype).reshape(-1)[0]
    return Array(name, name, values, facts)


def _as_netcdf_counts(array: Array) -> None:
    """Turn an offset of HDF4 into one of netCDF, in place.

    HDF4 says value = scale × (stored − offset), netCDF value = scale × stored + offset. A part of
    a whole cannot be an offset among stored integers: the emissivities of MOD11, 0.002 and 0.49,
    mean netCDF's.
    """
    facts = array.facts
    if "add_offset" not in facts or "scale_factor" not in facts:
        return
    offset = float(facts["add_offset"])
    if array.values.dtype.kind not in "iu" or offset.is_integer():
        facts["add_offset"] = -offset * float(facts["scale_factor"])
