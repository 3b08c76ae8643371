"""Every object's header of an HDF5 file, looked at before any value is read.

HDF5 can point at other files, declare any size, and link a group into itself. Runs in the jail.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import h5py

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.cube_out import check_count

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["walk"]

# deflate, shuffle, fletcher32, scale-offset, LZF
_FILTERS = (1, 2, 3, 6, 32000)


def walk(source: Path, limits: Limits) -> list[str]:
    """Return the paths of all datasets, after every header has been judged.

    Raises:
        RefusedFileError: `external-reference` (links, external storage, virtual datasets),
            `codec-forbidden`, `declared-too-large` (values, objects, attributes), `malformed`.
    """
    try:
        file = h5py.File(source, "r", locking=False)
    except OSError as error:
        raise RefusedFileError(f"not a whole HDF5 file: {error}", code="malformed") from error
    found: list[str] = []
    values = objects = 0
    with file:
        _check_attributes(file, "/", limits)
        stack: list[tuple[str, h5py.Group]] = [("", file)]
        while stack:
            place, group = stack.pop()
            for name in group:
                objects += 1
                if objects > limits.objects or len(place) > 1000:
                    raise RefusedFileError(
                        f"declares over {limits.objects} objects", code="declared-too-large"
                    )
                node = _plain(group, name)
                _check_attributes(node, name, limits)
                if isinstance(node, h5py.Group):
                    stack.append((f"{place}/{name}", node))
                elif isinstance(node, h5py.Dataset):
                    values += _check_dataset(node, name, limits)
                    check_count(values, limits)
                    found.append(f"{place}/{name}")
    return found


def _plain(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise RefusedFileError(
            f"{name[:80]!r} is a link to another place; only plain data is read",
            code="external-reference",
        )
    node = group[name]
    # A hard link may lead back to a group above: the walk would not end.
    if isinstance(node, h5py.Group) and h5py.h5o.get_info(node.id).rc > 1:
        raise RefusedFileError(f"group {name[:80]!r} has two names", code="malformed")
    return node


def _check_attributes(node: h5py.Group | h5py.Dataset, name: str, limits: Limits) -> None:
    total = h5py.h5a.get_num_attrs(node.id)
    if total > limits.objects:
        raise RefusedFileError(
            f"{name[:80]!r} declares {total} attributes, allowed {limits.objects}",
            code="declared-too-large",
        )
    for n in range(total):
        size = h5py.h5a.open(node.id, index=n).get_storage_size()
        if size > limits.attribute_bytes:
            raise RefusedFileError(
                f"an attribute of {name[:80]!r} declares {size} bytes, allowed"
                f" {limits.attribute_bytes}",
                code="declared-too-large",
            )


def _check_dataset(node: h5py.Dataset, name: str, limits: Limits) -> int:
    if node.external or node.is_virtual:
        raise RefusedFileError(
            f"{name[:80]!r} keeps its values in another file; only plain data is read",
            code="external-reference",
        )
    filters = node.id.get_create_plist()
    for n in range(filters.get_nfilters()):
        number = filters.get_filter(n)[0]
        if number not in _FILTERS:
            raise RefusedFileError(
                f"{name[:80]!r} uses filter {number}", code="codec-forbidden"
            )
    count = math.prod(node.shape) if node.shape else 1
    check_count(count, limits)
    return count
