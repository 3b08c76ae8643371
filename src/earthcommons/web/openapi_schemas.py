"""JSON Schemas of what goes over the API's doors: problems, parameters, bodies, answers."""

from __future__ import annotations

from typing import Any, get_args

from earthcommons.commons.stories.reviewing import ABOUT
from earthcommons.commons.stories.withdrawing import REASONS
from earthcommons.model.record import Kind
from earthcommons.render.citation import STYLES

__all__ = ["COMPONENTS", "HEADERS", "PATHS", "QUERY", "closed", "record", "ref"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANY_OBJECT: Schema = {"type": "object"}
_OBJECTS: Schema = {"type": "array", "items": ANY_OBJECT}
_POSITIVE: Schema = {"type": "integer", "minimum": 1}
_NULL: Schema = {"type": "null"}
_NULLABLE_TEXT: Schema = {"type": ["string", "null"]}
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_LANGUAGES = ["cql2-text", "cql2-json"]


def ref(name: str) -> Schema:
    """Return a reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(needed: str = "", **members: Schema) -> Schema:
    """Return the schema of an answer: the members needed, and any others."""
    return {"type": "object", "required": needed.split(), "properties": members}


def closed(needed: str = "", **members: Schema) -> Schema:
    """Return the schema of a body: no members but these."""
    return record(needed, **members) | {"additionalProperties": False}


def _many(name: str, each: Schema = ANY_OBJECT, needed: str = "", **members: Schema) -> Schema:
    listed = {"type": "array", "items": each}
    return record(f"{name} {needed}", **{name: listed}, **members)


# Query parameters by name; `LIMITS` of an operation may narrow them.
QUERY: dict[str, Schema] = {
    "aggregations": TEXT | {"description": "Names, with commas between them."},
    "as-of": TEXT | {"description": "A moment, RFC 3339: what there was then."},
    "bbox": TEXT | {"description": "West, south, east, north [degrees], with commas between."},
    "code": TEXT,
    "collections": TEXT | {"description": "Ids, with commas between them."},
    "datetime": TEXT | {"description": "A moment or `start/end`, RFC 3339; `..` leaves it open."},
    "error": TEXT,
    "error_description": TEXT,
    "error_uri": TEXT,
    "fields": TEXT | {"description": "`a,-b`: members to keep and to leave out."},
    "filter": TEXT | {"description": "CQL2 text, or CQL2 JSON with `filter-lang`."},
    "filter-crs": {"const": _CRS84},
    "filter-lang": {"enum": _LANGUAGES},
    "goal": {"type": "integer", "minimum": 1, "maximum": 17},
    "high": {"type": "number"},
    "ids": TEXT | {"description": "Ids, with commas between them."},
    "independent": {"enum": ["0", "1"]},
    "indicator": TEXT,
    "intersects": TEXT | {"description": "A GeoJSON geometry."},
    "iss": TEXT,
    "lang": {"enum": ["en", "zh"]},
    "limit": _POSITIVE | {"description": "Larger numbers are cut to the most a page holds."},
    "low": {"type": "number"},
    "period": TEXT,
    "q": TEXT | {"description": "Words; a comma means either."},
    "query": TEXT | {"description": "JSON: `{\"property\": {\"operator\": value}}`."},
    "ramp": TEXT,
    "region": TEXT | {"description": "`m49:404`, `404` or `KEN`."},
    "run": TEXT,
    "scope": TEXT,
    "session_state": TEXT,
    "set": TEXT | {"description": "A set of regions; `ec:countries-un` when none is named."},
    "sortby": TEXT | {"description": "`-a,+b`: sortables, each falling or rising."},
    "state": TEXT,
    "step": TEXT,
    "style": {"enum": list(STYLES)},
    "to": TEXT,
    "token": TEXT | {"description": "From the answer before; it belongs to one question."},
    "variable": TEXT,
    "version": {"type": "integer", "minimum": 1},
}  # fmt: skip

# Path parameters by name; `kind` of what people publish by name is narrower.
PATHS: dict[str, Schema] = {
    "key": TEXT, "lang": TEXT, "kind": {"type": "string", "enum": list(get_args(Kind))},
    "z": {"type": "integer"}, "x": {"type": "integer"}, "y": {"type": "integer"},
    "version": {"type": "integer"},
}  # fmt: skip

# Headers by name: of requests and of answers.
HEADERS: dict[str, Schema] = {
    "Content-Range": TEXT,
    "ETag": TEXT,
    "If-Match": TEXT | {"description": "The ETag of the version read."},
    "If-None-Match": TEXT,
    "If-Range": TEXT,
    "Location": {"type": "string", "format": "uri"},
    "Range": TEXT | {"description": "`bytes=0-1023`: one range."},
    "Retry-After": WHOLE,
    "Tus-Resumable": {"const": "1.0.0"},
    "Tus-Version": TEXT,
    "Upload-Checksum": TEXT | {"description": "`sha256 BASE64`"},
    "Upload-Expires": TEXT,
    "Upload-Length": WHOLE,
    "Upload-Metadata": TEXT | {"description": "`filename BASE64`"},
    "Upload-Offset": WHOLE,
    "Want-Repr-Digest": TEXT,
}  # fmt: skip

_PROBLEM = record(
    "type title status detail",
    type={"type": "string", "pattern": "^urn:earthcommons:problem:[a-z0-9-]+$"},
    title=TEXT,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail=TEXT,
    stub=ANY_OBJECT | {"description": "With 410: what became of the record."},
) | {"description": "RFC 9457. `type` is stable and safe to match; `detail` is for people."}

_LINK = record("rel href", rel=TEXT, href=TEXT, type=TEXT)
_LINKS: Schema = {"type": "array", "items": _LINK}
_GEOMETRY = record("type", type=TEXT)
_ITEM = record(
    "type stac_version id properties assets links geometry",
    type={"const": "Feature"}, stac_version=TEXT, id=TEXT, collection=TEXT,
    geometry={"anyOf": [_GEOMETRY, _NULL]},
    properties=ANY_OBJECT, assets=ANY_OBJECT, links=_LINKS,
)  # fmt: skip
_COLLECTION = record(
    "type stac_version id description license extent links",
    type={"const": "Collection"}, stac_version=TEXT, id=TEXT, title=TEXT, description=TEXT,
    license=TEXT, extent=ANY_OBJECT, links=_LINKS,
)  # fmt: skip
_NAMES: Schema = {"type": ["array", "null"], "items": TEXT, "maxItems": 1000}
_PATHS: Schema = {"type": ["array", "null"], "items": TEXT, "maxItems": 200}
_SEARCH = closed(
    # Null says the same as nothing.
    bbox={"type": ["array", "null"], "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    datetime=_NULLABLE_TEXT,
    collections=_NAMES,
    ids=_NAMES,
    intersects={"anyOf": [_GEOMETRY, _NULL]},
    limit=_POSITIVE,
    q={"anyOf": [TEXT, _NAMES]},
    token=_NULLABLE_TEXT,
    filter={"type": ["object", "string", "null"]},
    sortby={
        "type": ["array", "null"],
        "maxItems": 8,
        "items": record("field", field=TEXT, direction={"enum": ["asc", "desc"]}),
    },
    fields=closed(include=_PATHS, exclude=_PATHS),
    query={"type": ["object", "null"], "additionalProperties": ANY_OBJECT},
)
_SEARCH["properties"] |= {name: QUERY[name] for name in ("filter-crs", "filter-lang")}
# A page without some members, where `fields` leaves them out.
_PAGE: Schema = {
    "type": "array",
    "items": record("type id links", type={"const": "Feature"}, id=TEXT, links=_LINKS),
}
_FILE = closed("upload", upload=TEXT, name=TEXT)

COMPONENTS: dict[str, Schema] = {
    "Problem": _PROBLEM,
    "Item": _ITEM,
    "Collection": _COLLECTION,
    "Items": record(
        "type features links numberReturned",
        type={"const": "FeatureCollection"}, features=_PAGE, links=_LINKS,
        numberReturned=WHOLE, numberMatched=WHOLE,
    ),
    "Collections": _many(
        "collections", record("id links", id=TEXT, links=_LINKS), "links numberReturned",
        links=_LINKS, numberMatched=WHOLE, numberReturned=WHOLE,
    ),
    "Catalog": record("type id description links conformsTo", type={"const": "Catalog"}, id=TEXT,
                      description=TEXT, links=_LINKS, conformsTo=TEXTS),
    "Conformance": record("conformsTo", conformsTo=TEXTS),
    "Names": record("$schema $id type properties", properties=ANY_OBJECT),
    "Aggregations": _many("aggregations", record("name data_type"), "links", links=_LINKS),
    "Aggregate": _many("aggregations", record("name data_type"), "type links", links=_LINKS),
    "Search": _SEARCH,
    "NewItems": {"anyOf": [
        record("type id", type={"const": "Feature"}, id=TEXT),
        record("type features", type={"const": "FeatureCollection"}, features=_OBJECTS),
    ]},
    "NewItem": record("type id", type={"const": "Feature"}, id=TEXT),
    "NewCollection": record(
        "type id", type={"const": "Collection"}, id=TEXT, **{"ec:owner": TEXT}
    ),
    "Change": ANY_OBJECT | {"description": "RFC 7396: null takes a member away."},
    "Stored": _many("items", record("id state", id=TEXT, state=TEXT)),
    "Health": record("status items", status={"const": "ok"}, items=WHOLE),
    "Regions": _many("regions", record("id names kind"), "set version", set=TEXT, version=TEXT),
    "Features": record("type features", type={"const": "FeatureCollection"}, features=_OBJECTS),
    "Indicators": _many("indicators"),
    "Observation": record(
        "id indicator region period dimensions value unit status run",
        id=TEXT, indicator=TEXT, region=TEXT, dimensions=ANY_OBJECT,
        value={"type": ["number", "null"]}, unit=TEXT, status=TEXT, reason=_NULLABLE_TEXT,
    ),
    "Observations": _many("observations", ref("Observation"), "numberMatched",
                          numberMatched=WHOLE, token=TEXT),
    "Object": ANY_OBJECT,
    "Verified": record("agrees"),
    "Alerts": _many("alerts"),
    "Watches": _many("watches"),
    "Reports": _many("reports", record("id key edition template region title")),
    "Offers": _many("offers", needed="numberMatched", numberMatched=WHOLE, token=TEXT),
    "Needs": _many("needs"),
    "Candidates": _many("candidates", needed="need", need=TEXT),
    "TileJSON": record("tilejson tiles bounds minzoom maxzoom", tiles=TEXTS),
    "Legend": record("unit", unit=TEXT),
    "SignIn": closed("account password", account=TEXT, password=TEXT),
    "SignedIn": record("account", account=TEXT),
    "Me": record("id roles groups licences scopes", id=TEXT, roles=TEXTS, groups=TEXTS,
                 licences=TEXTS, scopes={"anyOf": [TEXTS, _NULL]}),
    "Licence": closed("licence", licence=TEXT),
    "Keys": _many("keys", record("name scopes")),
    "NewKey": closed("scopes days", scopes=TEXTS, days=_POSITIVE, note=TEXT),
    "Key": record("name key", name=TEXT, key=TEXT),
    "Drafts": _many("drafts"),
    "Draft": record("id version state", id=TEXT, version=WHOLE, state=TEXT),
    "NewDraft": closed("collection item", collection=TEXT, item=TEXT, group=TEXT,
                       replaces={"type": "boolean"}),
    "DraftEdit": closed(metadata=ANY_OBJECT, rule=ANY_OBJECT),
    "NewDrafts": closed("collection files", collection=TEXT, group=TEXT, metadata=ANY_OBJECT,
                        files={"type": "array", "items": _FILE}),
    "Begun": _many("drafts", {}, "refused"),
    "File": _FILE,
    "Comment": closed("text", text=TEXT, field={"enum": list(ABOUT)}),
    "Said": closed("text", text=TEXT),
    "Versions": _many("versions", record("version"), "errata recalls recalled",
                      errata={"type": "array"}, recalls={"type": "array"},
                      recalled={"type": "array"}),
    "Rule": ANY_OBJECT,
    "NewRule": closed("find fetch", find=TEXT, fetch=TEXT, derive=_NULLABLE_TEXT, why=TEXT),
    "Withdrawal": closed("reason", reason={"enum": list(REASONS)}, successor=TEXT, note=TEXT),
    "Erratum": closed("en", en=TEXT, zh=TEXT),
    "Id": record("id", id=TEXT),
    "Touched": _many("touched"),
    "Recall": closed("reason", reason=TEXT),
    "NewLink": closed("kind name asset seconds", kind={"const": "item"}, name=TEXT, asset=TEXT,
                      seconds=_POSITIVE),
    "Link": record("url until", url=TEXT, until={"type": "string", "format": "date-time"}),
}  # fmt: skip
