"""A zip or tar archive, or a folder packed as one: find what it holds and hand it on.

Runs in the jail; see `jail`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.sniffing import HEAD, READER_OF, sniff
from earthcommons.ingest.unpack import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
_UNPACKED = "unpacked"


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Unpack `folder/source`, convert the one dataset it holds, and say what that is.

    Raises:
        RefusedFileError: the archive is not safe (see `unpack`), holds no dataset or several
            (`several-files`), or its dataset breaks a rule of its own format.
    """
    root = folder / _UNPACKED
    names = unpack(folder / "source", root, limits)
    if not names:
        raise RefusedFileError("the archive holds no file", code="malformed")
    if task.get("scenes"):
        kind, place = "scenes", root
    else:
        kind, place = _choose(_innermost(root))
    inner = {**task, "source": str(place.relative_to(folder))}
    reader = importlib.import_module(f"earthcommons.ingest.read_{READER_OF.get(kind, kind)}")
    answer: dict[str, Any] = reader.convert(folder, inner, limits)
    answer.setdefault("format", kind)
    return answer


def _innermost(root: Path) -> Path:
    while True:
        inside = list(root.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return root
        root = inside[0]


def _choose(root: Path) -> tuple[str, Path]:
    if any((root / name).exists() for name in _ZARR):
        return "zarr", root
    if (root / "meta.xml").exists():
        return "dwca", root
    files = sorted(path for path in root.rglob("*") if path.is_file())
    shapes = [path for path in files if path.suffix.lower() == ".shp"]
    if shapes or any(path.suffix.lower() in (".shx", ".dbf") for path in files):
        return "shapefile", _one_shape(shapes)
    found = [(kind, path) for path in files if (kind := _kind(path)) is not None]
    # A read-me with a comma in its first line looks like a table.
    sure = [pair for pair in found if pair[0] != "csv"] or found
    if not sure:
        raise RefusedFileError("the archive holds no dataset", code="format-mismatch")
    if len(sure) > 1:
        raise RefusedFileError(
            f"the archive holds {len(sure)} datasets, {sure[0][1].name!r} and"
            f" {sure[1][1].name!r} among them: give them one by one, or in a folder",
            code="several-files",
        )
    return sure[0]


def _one_shape(shapes: list[Path]) -> Path:
    if not shapes:
        raise RefusedFileError("the Shapefile lacks its .shp", code="part-missing")
    if len(shapes) > 1:
        raise RefusedFileError(
            f"the archive holds {len(shapes)} Shapefiles: give them one by one",
            code="several-files",
        )
    return shapes[0]


def _kind(path: Path) -> str | None:
    with path.open("rb") as file:
        try:
            return sniff(file.read(HEAD))
        except RefusedFileError:
            return None
