"""Small records, made up for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from earthcommons.model import BBox, Record

__all__ = ["scene"]


def scene(
    name: str,
    box: tuple[float, float, float, float] | None = (0, 0, 1, 1),
    day: int = 0,
    *,
    days: int = 0,
    title: str = "scene",
    access: str = "open",
    **properties: Any,
) -> Record:
    """Return an item that looks like a scene of a satellite.

    Args:
        name: `collection/id`.
        box: west, south, east, north [degrees]; west > east crosses 180°; None for no place.
        day: first day, counted from 1970-01-01.
        days: how many days later it ends.
        title: its title.
        access: its label.
        properties: further properties.
    """
    collection, _, id_ = name.partition("/")
    body: dict[str, Any] = {
        "type": "Feature",
        "id": id_,
        "collection": collection,
        "geometry": None,
        "assets": {"data": {"href": f"/objects/{id_}", "roles": ["data"]}},
        "properties": {
            "datetime": None,
            "start_datetime": _stamp(day),
            "end_datetime": _stamp(day + days),
            "title": title,
            **properties,
        },
    }
    if box is not None:
        rings = [
            [[[w, s], [e, s], [e, n], [w, n], [w, s]]] for w, s, e, n in BBox(*box).parts()
        ]
        body |= {
            "bbox": list(box),
            "geometry": {"type": "MultiPolygon", "coordinates": rings},
        }
    return Record("item", name, body, access=access)


def _stamp(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
