"""HDF4 in (HDF-EOS grids of MODIS and others), sharded Zarr 3 out. Runs in the jail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.cube_out import check_count, finish
from earthcommons.ingest.eos import Array, grids_in, placed
from earthcommons.ingest.read_cube import decoded

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_FACTS = ("units", "long_name", "_FillValue", "scale_factor", "add_offset")


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
    return finish(decoded(placed(arrays, grids, task)), folder, task, limits)


def _array(file: Any, name: str, task: dict[str, Any]) -> Array:
    node = file.select(name)
    wanted = {variable["name"] for variable in task["variables"]}
    shape = node.info()[2]
    shape = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    # Arrays that nobody asked for are not read; their shape is enough.
    unwanted = bool(task.get("look")) or (bool(wanted) and name not in wanted)
    skip = unwanted and len(shape) > 1
    values = np.broadcast_to(np.float32(0), shape) if skip else np.asarray(node.get())
    facts = {key: value for key, value in node.attributes().items() if key in _FACTS}
    # HDF4 says value = scale × (stored − offset), netCDF value = scale × stored + offset.
    if "add_offset" in facts and "scale_factor" in facts:
        facts["add_offset"] = -float(facts["add_offset"]) * float(facts["scale_factor"])
    for key in ("_FillValue",):
        if key in facts:
            facts[key] = np.asarray(facts[key]).astype(values.dtype).reshape(-1)[0]
    return Array(name, name, values, facts)
