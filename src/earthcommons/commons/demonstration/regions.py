"""The region set of countries and the disputed lines, as GeoJSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import MultiPolygon, mapping, shape

from earthcommons.commons.demonstration.assignment import DECIMALS, assign, lies_within
from earthcommons.commons.demonstration.vocabularies import read_m49
from earthcommons.commons.demonstration.worldview import load_worldview
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from earthcommons.commons.demonstration.sources import Piece
    from earthcommons.commons.demonstration.worldview import Worldview

__all__ = ["LANGUAGES", "WORLD", "write_countries", "write_lines"]

LANGUAGES = ("en", "zh", "fr", "es", "ru", "ar")
WORLD = "m49:001"
_LEVELS = ("region", "subregion", "intermediate")
_FLAGS = ("ldc", "lldc", "sids")
Areas = dict[str, dict[str, str]]


def write_countries(piece: Piece, sources: Path, target: Path) -> None:
    """Write one feature per area code, in order of id, with names, groups and the set's facts."""
    countries, disputed, m49 = (sources / provider.path for provider in piece.providers)
    worldview = load_worldview()
    areas = {row["m49"]: row for row in read_m49(m49, worldview)}
    shapes = {
        entry["properties"]["adm0_a3"]: (
            entry["properties"][worldview.default_code],
            shape(entry["geometry"]),
        )
        for entry in _features(countries)
    }
    lines = [shape(entry["geometry"]) for entry in _features(disputed)]
    polygons = assign(shapes, lines, worldview, areas)
    features = [_feature(key, polygons[key], worldview, areas) for key in sorted(polygons)]
    missing = [
        {"id": f"m49:{code}", "name_en": row["name_en"], "name_zh": row["name_zh"]}
        for code, row in areas.items()
        if f"m49:{code}" not in polygons
    ]
    _write(target, features, {"ec:region_set": _facts(worldview, areas, missing)})


def write_lines(piece: Piece, sources: Path, target: Path) -> None:
    """Write the disputed lines, each with the name the worldview gives it.

    Raises:
        InvalidInputError: a line without a name, or with two; a name without a line.
    """
    worldview = load_worldview()
    features = []
    for entry in _features(sources / piece.providers[0].path):
        line = shape(entry["geometry"])
        names = [name for name in worldview.lines if name.box and lies_within(line, name.box)]
        if len(names) != 1:
            raise InvalidInputError(
                f"worldview: the line within {line.bounds} has {len(names)} names, expected 1"
            )
        properties = {
            "id": names[0].id,
            "kind": "disputed-line",
            "name_en": names[0].name["en"],
            "name_zh": names[0].name["zh"],
        }
        features.append(_geojson(names[0].id, line, properties))
    features.sort(key=lambda feature: str(feature["id"]))
    if [feature["id"] for feature in features] != sorted(name.id for name in worldview.lines):
        raise InvalidInputError("worldview: lines and their names are not one to one")
    _write(target, features, {})


def _feature(
    key: str, polygons: MultiPolygon, worldview: Worldview, areas: Areas
) -> dict[str, Any]:
    if key.startswith("ec:"):
        entry = next(entry for entry in worldview.disputed if entry.id == key)
        names: dict[str, Any] = {f"name_{lang}": entry.name.get(lang) for lang in LANGUAGES}
        iso3, kind, groups = None, "disputed", [WORLD]
    else:
        row = areas[key.removeprefix("m49:")]
        names = {f"name_{lang}": row[f"name_{lang}"] for lang in LANGUAGES}
        iso3, kind = row["iso3"] or None, "country"
        groups = [WORLD, *(f"m49:{row[level]}" for level in _LEVELS if row[level])]
        groups += [f"ec:{flag}" for flag in _FLAGS if row[flag]]
    properties = {"id": key, "iso3": iso3, "kind": kind, **names, "groups": groups}
    return _geojson(key, polygons, properties)


def _facts(worldview: Worldview, areas: Areas, missing: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": worldview.region_set,
        "version": worldview.version,
        "worldview": worldview.id,
        "source": worldview.source,
        "disclaimer": dict(worldview.disclaimer),
        "known_limits": [dict(limit) for limit in worldview.known_limits],
        "groups": _groups(worldview, areas),
        "not_in_any_polygon": missing,
    }


def _groups(worldview: Worldview, areas: Areas) -> list[dict[str, str]]:
    """Name every group an area is in: by the worldview, else by M49.

    Raises:
        InvalidInputError: a group nobody names.
    """
    groups = {
        f"m49:{row[level]}": {"name_en": row[f"{level}_en"], "name_zh": row[f"{level}_zh"]}
        for row in areas.values()
        for level in ("region", "subregion")
        if row[level]
    }
    for entry in worldview.groups:
        groups[entry.id] = {"name_en": entry.name["en"], "name_zh": entry.name["zh"]}
        if entry.note:
            groups[entry.id]["note"] = entry.note
    used = {f"m49:{row[level]}" for row in areas.values() for level in _LEVELS if row[level]}
    if unnamed := sorted(used - set(groups)):
        raise InvalidInputError(f"worldview: group {unnamed[0]} has no name")
    return [{"id": key, **words} for key, words in sorted(groups.items())]


def _features(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return found


def _geojson(key: str, geometry: BaseGeometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(geometry, MultiPolygon) and len(geometry.geoms) == 1:
        geometry = geometry.geoms[0]
    rounded = shapely.transform(geometry, lambda xy: xy.round(DECIMALS))
    # RFC 7946, 3.1.6: exterior rings run counterclockwise.
    turned = shapely.orient_polygons(rounded)
    return {
        "type": "Feature",
        "id": key,
        "properties": dict(properties),
        "geometry": mapping(turned),
    }


def _write(target: Path, features: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    head = _json({"type": "FeatureCollection", **extra}).removesuffix("}")
    lines = ",\n".join(_json(feature) for feature in features)
    target.write_text(f'{head},"features":[\n{lines}\n]}}\n', encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
