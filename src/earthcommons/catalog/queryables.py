"""What an item can be asked and sorted by: names people know, and where each lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from earthcommons.errors import InvalidInputError

__all__ = ["KEPT", "QUERYABLES", "Queryable", "find_queryable", "find_sortable"]

Kind = Literal["string", "number", "time", "boolean", "geometry", "array"]


@dataclass(frozen=True, slots=True)
class Queryable:
    """One name: its kind, its SQL expression over `item i` and `record r`, its words.

    The expression is a constant of this module; no request's text is ever part of a statement.
    """

    name: str
    kind: Kind
    sql: str
    title: str
    sortable: bool = True

    @property
    def always(self) -> bool:
        """Whether every item has it."""
        return self.sql in ("i.id", "i.collection", "i.first", "i.last")

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        if self.kind == "time":
            return {"title": self.title, "type": "string", "format": "date-time"}
        if self.kind == "geometry":
            return {"title": self.title, "$ref": "https://geojson.org/schema/Geometry.json"}
        if self.kind == "array":
            return {"title": self.title, "type": "array", "items": {"type": "string"}}
        return {"title": self.title, "type": self.kind}


def _property(name: str, kind: Kind, title: str) -> Queryable:
    path = f"(i.props, '$.\"{name}\"')"
    if kind == "array":
        # What is no list is none here: nothing could be looked for in it.
        sql = f"CASE WHEN json_type{path} = 'array' THEN json_extract{path} END"
        return Queryable(name, kind, f"({sql})", title, sortable=False)
    return Queryable(name, kind, f"json_extract{path}", title)


_TYPES = {"number": "'integer', 'real'", "boolean": "'true', 'false'"}


def _checked(name: str, kind: Kind, title: str) -> Queryable:
    """Return a property that counts where it is of its kind; a time is kept as it is written."""
    path = f"(i.props, '$.\"{name}\"')"
    types = _TYPES.get(kind, "'array'" if kind == "array" else "'text'")
    value = f"unixepoch(json_extract{path})" if kind == "time" else f"json_extract{path}"
    sql = f"(CASE WHEN json_type{path} IN ({types}) THEN {value} END)"
    return Queryable(name, kind, sql, title, sortable=kind not in ("array", "boolean"))


def _facet(name: str, title: str) -> Queryable:
    # What an item states of a facet is kept once for all items that state the same.
    sql = f"(SELECT json_extract(t.value, '$.{name}') FROM tags t WHERE t.tags = i.tags)"
    return Queryable(f"ec:{name}", "array", sql, title, sortable=False)


QUERYABLES: dict[str, Queryable] = {
    queryable.name: queryable
    for queryable in (
        Queryable("id", "string", "i.id", "Item id"),
        Queryable("collection", "string", "i.collection", "Collection id"),
        Queryable("geometry", "geometry", "r.body", "Footprint", sortable=False),
        # An item that lasts a while is asked for by its span and sorted by its end.
        Queryable("datetime", "time", "i.last", "Date and time"),
        Queryable("start_datetime", "time", "i.first", "Begin"),
        Queryable("end_datetime", "time", "i.last", "End"),
        _property("title", "string", "Title"),
        _property("title_zh", "string", "Title in Chinese"),
        _property("license", "string", "Licence"),
        Queryable("platform", "string", "i.platform", "Platform"),
        _property("constellation", "string", "Constellation"),
        _property("mission", "string", "Mission"),
        _property("instruments", "array", "Instruments"),
        _property("keywords", "array", "Keywords"),
        Queryable("gsd", "number", "i.gsd", "Ground sample distance [m]"),
        Queryable("eo:cloud_cover", "number", "i.cloud", "Cloud cover [percent]"),
        _property("proj:code", "string", "Coordinate reference system"),
        _property("table:row_count", "number", "Rows"),
        _property("ec:nature", "string", "Observation, model, reconstruction or derived"),
        _property("ec:period", "string", "Period"),
        _property("ec:attribution", "string", "Attribution"),
        _checked("created", "time", "Made"),
        _checked("updated", "time", "Changed"),
        _checked("view:off_nadir", "number", "Angle off nadir [degree]"),
        _checked("view:sun_azimuth", "number", "Azimuth of the Sun [degree]"),
        _checked("view:sun_elevation", "number", "Elevation of the Sun [degree]"),
        _checked("sat:orbit_state", "string", "Orbit: ascending, descending or geostationary"),
        _checked("sat:relative_orbit", "number", "Relative orbit"),
        _checked("sar:instrument_mode", "string", "Instrument mode of the radar"),
        _checked("sar:polarizations", "array", "Polarizations of the radar"),
        _checked("grid:code", "string", "Cell of a grid"),
        _checked("processing:level", "string", "Level of processing"),
        _checked("version", "string", "Version"),
        _checked("deprecated", "boolean", "Deprecated"),
        _facet("theme", "Themes"),
        _facet("sdg", "Sustainable Development Goals"),
        _facet("format", "Formats"),
        _facet("licence", "Licence as the facet has it"),
        _facet("region", "Regions"),
    )
}


# Properties kept in `item.props`, so that no body is read to filter or sort by them.
KEPT = tuple(name for name, found in QUERYABLES.items() if "(i.props," in found.sql)


def find_sortable(name: str) -> Queryable:
    """Return the queryable by that name when items can be sorted by it.

    Raises:
        InvalidInputError: there is none, or it has no order.
    """
    found = find_queryable(name)
    if not found.sortable:
        raise InvalidInputError(f"{found.name} has no order", code="unknown-queryable")
    return found


def find_queryable(name: str) -> Queryable:
    """Return the queryable called by its name, with or without `properties.` before it.

    Raises:
        InvalidInputError: there is none (`unknown-queryable`).
    """
    found = QUERYABLES.get(name.removeprefix("properties."))
    if found is None:
        raise InvalidInputError(
            f"{name[:60]!r} cannot be asked for; see /stac/queryables", code="unknown-queryable"
        )
    return found
