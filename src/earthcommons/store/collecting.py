"""Between those who put objects and the one who removes what nothing needs.

A put of bytes that are there already changes nothing but the time of the object, so whoever removes
asks for that time once more while nobody can put: what was put meanwhile stays.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PutAgain", "leftovers"]


class PutAgain:
    """When names of a bucket were put again: there an object's own time cannot be set.

    An empty file a name, beside the node. A power cut may take it: then the one who put again is
    gone too, or what it wrote afterwards tells that the object is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, name: str) -> None:
        """Note that a name is put again now."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(name).touch()

    def later(self, name: str, at: datetime) -> datetime:
        """Return when a name was last put, known that it was at that time; UTC."""
        try:
            return max(at, datetime.fromtimestamp(self._file(name).stat().st_mtime, UTC))
        except FileNotFoundError:
            return at

    def forget(self, before: datetime) -> None:
        """Remove the notes of before that time: they no longer tell anything."""
        for place in leftovers(self._folder, before):
            place.unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / name.replace("/", "_")


def leftovers(scratch: Path, before: datetime) -> list[Path]:
    """Return what lies in a scratch folder and was last written to before that time, in order."""
    limit = before.timestamp()
    found = sorted(scratch.iterdir()) if scratch.is_dir() else []
    return [place for place in found if _last_written(place) < limit]


def _last_written(place: Path) -> float:
    try:
        times = [place.lstat().st_mtime]
        if place.is_dir() and not place.is_symlink():
            times += [inside.lstat().st_mtime for inside in place.rglob("*")]
    except FileNotFoundError:
        # Somebody is at work in it.
        return float("inf")
    return max(times)
