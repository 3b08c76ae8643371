"""Synthetic STAC items, the same for every catalogue: seeded, small, like a satellite archive."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COLLECTIONS", "FIRST", "LAST", "collections", "items"]

COLLECTIONS = 20
FIRST = datetime(2012, 1, 1, tzinfo=UTC)
LAST = datetime(2025, 1, 1, tzinfo=UTC)
_BANDS = ("blue", "green", "red", "nir08", "swir16", "qa_pixel")
_TOPICS = ("forest", "wetland", "river", "lake", "coast", "glacier", "cropland", "savanna")


def collections() -> Iterator[dict[str, Any]]:
    """Yield the twenty collections."""
    interval = [[_stamp(FIRST), _stamp(LAST)]]
    for n in range(COLLECTIONS):
        yield {
            "type": "Collection",
            "stac_version": "1.1.0",
            "id": f"scenes-{n:02d}",
            "title": f"Synthetic scenes {n}",
            "description": f"Synthetic scenes of sensor {n}, for timing only.",
            "license": "CC0-1.0",
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": interval},
            },
            "links": [],
        }


def items(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield `count` items in random order of time, place and collection; no two share a time.

    Footprints are upright rectangles of 0.5 to 2 degrees that do not cross the antimeridian, so
    that a test of boxes and a test of shapes give the same answer.
    """
    rng = random.Random(seed)  # noqa: S311
    seconds = int((LAST - FIRST).total_seconds())
    times = rng.sample(range(seconds), count)
    for n, second in enumerate(times):
        width, height = rng.uniform(0.5, 2), rng.uniform(0.5, 2)
        west = round(rng.uniform(-180, 180 - width), 5)
        south = round(rng.uniform(-80, 80 - height), 5)
        east, north = round(west + width, 5), round(south + height, 5)
        yield _item(n, rng, FIRST + timedelta(seconds=second), (west, south, east, north))


def _item(
    n: int, rng: random.Random, moment: datetime, box: tuple[float, float, float, float]
) -> dict[str, Any]:
    west, south, east, north = box
    collection = f"scenes-{rng.randrange(COLLECTIONS):02d}"
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    topic = rng.choice(_TOPICS)
    # One item in about a thousand carries each rare word.
    rare = f"station{rng.randrange(1000)}"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
        ],
        "id": f"scene-{n:08d}",
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(box),
        "properties": {
            "datetime": _stamp(moment),
            "title": f"{topic} scene near {rare}",
            "platform": f"sensor-{n % 3}",
            "gsd": 30,
            "eo:cloud_cover": round(rng.uniform(0, 100), 2),
            "view:sun_elevation": round(rng.uniform(5, 80), 4),
            "view:sun_azimuth": round(rng.uniform(0, 360), 4),
            "proj:code": f"EPSG:{32601 + rng.randrange(60)}",
            "proj:shape": [7811, 7681],
        },
        "assets": {
            band: {
                "href": f"/objects/{rng.getrandbits(256):064x}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": f"Surface reflectance, {band}",
                "roles": ["data"],
            }
            for band in _BANDS
        },
        "links": [],
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
