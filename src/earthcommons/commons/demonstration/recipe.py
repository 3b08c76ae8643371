"""Derive the sample pack from the providers' files: `python -m …recipe SOURCES [--out DIR]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.commons.demonstration.cubes import write_labelled_cube, write_monthly_cube
from earthcommons.commons.demonstration.offers import write_offers
from earthcommons.commons.demonstration.places import write_places
from earthcommons.commons.demonstration.rasters import write_raster
from earthcommons.commons.demonstration.regions import write_countries, write_lines
from earthcommons.commons.demonstration.sources import home, load_pieces
from earthcommons.commons.demonstration.tables import write_nsidc, write_table
from earthcommons.commons.demonstration.vocabularies import write_m49, write_sdg
from earthcommons.errors import CommonsError, IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["MANIFEST", "METHODS", "MOST_BYTES", "derive", "main", "manifest_of"]

MANIFEST = "MANIFEST.json"
MOST_BYTES = 12_000_000
METHODS: dict[str, Callable[[Piece, Path, Path], None]] = {
    "raster": write_raster,
    "labelled-cube": write_labelled_cube,
    "monthly-cube": write_monthly_cube,
    "table": write_table,
    "nsidc": write_nsidc,
    "countries": write_countries,
    "lines": write_lines,
    "places": write_places,
    "m49": write_m49,
    "sdg": write_sdg,
    "offers": write_offers,
}
_log = logging.getLogger(__name__)


def derive(pieces: Iterable[Piece], sources: Path, out: Path) -> None:
    """Write each piece below `out`; the same sources give the same bytes.

    Raises:
        IntegrityError: a provider's file is not the one the table names.
        InvalidInputError: no such method or file, or a file that is not what the table says.
    """
    checked: set[str] = set()
    for piece in pieces:
        for provider in piece.providers:
            if provider.path not in checked:
                _check(sources / provider.path, provider.sha256)
                checked.add(provider.path)
        if piece.method not in METHODS:
            raise InvalidInputError(f"piece {piece.id}: no method {piece.method!r}")
        target = out / piece.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        METHODS[piece.method](piece, sources, target)
        _log.info("%s %d bytes", piece.file, target.stat().st_size)


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return size and SHA-256 of every file below `folder` except the manifest, and the sum.

    Raises:
        InvalidInputError: more than `MOST_BYTES` altogether.
    """
    entries = [
        {
            "file": path.relative_to(folder).as_posix(),
            "size": path.stat().st_size,
            "sha256": _digest(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    ]
    entries.sort(key=lambda entry: str(entry["file"]))
    total = sum(int(str(entry["size"])) for entry in entries)
    if total > MOST_BYTES:
        raise InvalidInputError(f"the pack has {total} bytes, allowed {MOST_BYTES}")
    return {"files": entries, "total_size": total}


def main(arguments: list[str] | None = None) -> int:
    """Derive the whole pack and its manifest; return 0, or 2 with the reason on stderr."""
    parser = argparse.ArgumentParser(description="Derive the sample pack.")
    parser.add_argument("sources", type=Path, help="folder with the providers' files")
    parser.add_argument("--out", type=Path, default=home() / "pack", help="folder of the pack")
    parser.add_argument("--only", default="", help="derive only the piece with this id")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        pieces = load_pieces()
        if given.only:
            pieces = tuple(piece for piece in pieces if piece.id == given.only)
        derive(pieces, given.sources, given.out)
        text = json.dumps(manifest_of(given.out), indent=1)
        (given.out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    except CommonsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _check(path: Path, expected: str) -> None:
    if not path.is_file():
        raise InvalidInputError(f"no file {path.name} in the folder of sources")
    if (found := _digest(path)) != expected:
        raise IntegrityError(path.name, expected=expected, found=found)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
