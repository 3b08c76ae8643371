"""An item prepared in the quick way holds what the plain way, step by step, makes of it."""

from __future__ import annotations

import hashlib
import math
import pickle
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earthcommons.catalog.batches import unpack
from earthcommons.catalog.item_rows import (
    address_part,
    address_parts,
    facets_of,
    item_row,
)
from earthcommons.catalog.preparing import Batch, PreparedItem, batch_of, prepare
from earthcommons.catalog.queryables import KEPT
from earthcommons.catalog.text import index_text
from earthcommons.errors import InvalidInputError
from earthcommons.model.record import Record

NUMBERS = st.sampled_from([1e22, 1e-7, 9.1e-6, -0.0, 5.0, 1e16, 1e18, 0.1, -3, 2**53 - 1, True])
TEXTS = st.sampled_from(
    ["a", "é 湖泊变化", "", 'x"href":"/y', "1e-7,", "v2.0,", '"links":[],', "e+5}", "\\", "a-b"]
) | st.text(max_size=4)
INNER = st.recursive(
    NUMBERS | TEXTS | st.none(),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "title", "href", "links", "en", "湖", "\ufb33"]), one
        )
    ),
    max_leaves=6,
)
HREFS = st.sampled_from(
    ["/objects/" + "0123456789abcdef" * 4 + ".tif", "/objects/" + "f" * 64, "/objects/lake.tif",
     "/objects/0x1234567890abc/d", "/else/where", "https://x.example/y", "", "/objects/"]
)  # fmt: skip
KINDS: st.SearchStrategy[Any] = st.sampled_from(
    ["image/tiff; application=geotiff", "image/tiff", " text/csv ;x", "", ";", None, 5, []]
)
ASSETS = st.dictionaries(
    TEXTS,
    st.fixed_dictionaries(
        {"href": HREFS},
        optional={
            "type": KINDS,
            "roles": st.sampled_from(
                [["data"], ["thumbnail"], [], None, 5, "data", {"data": 1}]
            ),
            "ec:access": st.sampled_from(["open", "group:basin"]),
            "inner": INNER,
        },
    ),
    max_size=4,
)
THEMES = st.lists(
    st.fixed_dictionaries(
        {"concepts": st.sampled_from([[{"id": "water"}], [{"id": 6}, {}, 5], [], None])},
        optional={"scheme": st.sampled_from(["https://x/SDG", "themes", None, 5])},
    )
    | st.just("no theme"),
    max_size=3,
)
TIMES = st.sampled_from(
    [
        {"datetime": "2018-07-21T19:56:39Z"},
        {"datetime": "2018-07-21T19:56:39.75+05:30"},
        {"datetime": "1901-12-31T23:59:59.5-01:00"},
        {"datetime": None, "start_datetime": "2015-01-01T00:00:00Z",
         "end_datetime": "2015-12-31T23:59:59Z"},
        {"datetime": "2015-06-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59-01:00"},
    ]
)  # fmt: skip
BOXES = st.sampled_from(
    [None, [], [0, 1, 2, 3], [-180, -90, 180, 90.0], [179, 1, -179.5, 2.5], [5, 5, 5, 5],
     [0, 1, -50, 2, 3, 9000.5], [-0.0, -0.0, 0, 0]]
)  # fmt: skip
ITEMS = st.builds(
    lambda times, properties, body: body | {"properties": properties | times},
    TIMES,
    st.fixed_dictionaries(
        {},
        optional={
            "title": INNER,
            "license": st.sampled_from(["CC-BY-4.0", "other", None, 5, ""]),
            "ec:licence_name": st.sampled_from(["House rules", None]),
            "ec:regions": st.sampled_from([["nile", "chad", "nile"], [], "nile", None, [5]]),
            "themes": THEMES | st.none(),
            "eo:cloud_cover": NUMBERS | st.none() | st.just("3"),
            "gsd": NUMBERS,
            "platform": TEXTS | st.none() | st.just(5),
            "keywords": INNER,
            "size": INNER,
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("Feature"), "collection": st.sampled_from(["c", "d"]),
         "id": st.sampled_from(["a", "b", "i00001"]), "assets": ASSETS | st.none()},
        optional={
            "bbox": BOXES,
            "links": st.sampled_from([[], None, [{"rel": "via", "href": "/x"}]]),
            "ec:access": st.just({"fetch": "licence:x"}),
            "description": INNER,
            "deep": INNER,
        },
    ),
)  # fmt: skip


def seconds(text: str) -> int:
    return min(math.floor(datetime.fromisoformat(text).timestamp()), 253_402_300_799)


def plain_values(body: dict[str, Any], raw: bytes) -> tuple[Any, ...]:
    properties = body["properties"]
    first = seconds(properties.get("start_datetime") or properties["datetime"])
    last = seconds(properties.get("end_datetime") or properties["datetime"])
    box = body.get("bbox")
    if box:
        edges = [float(box[n]) for n in ((0, 1, 3, 4) if len(box) == 6 else range(4))]
    hrefs = [asset["href"] for asset in (body["assets"] or {}).values()]
    puts_in = (
        not body.get("links")
        and raw.count(b'"links":[],') == ("links" in body)
        and raw.count(b'"href":"/') == len([href for href in hrefs if href.startswith("/")])
    )
    numbers = [
        float(value) if type(value) in (int, float) else None
        for value in (properties.get("eo:cloud_cover"), properties.get("gsd"))
    ]
    platform = properties.get("platform")
    kept = {name: properties[name] for name in KEPT if name in properties}
    return (
        f"{body['collection']}/{body['id']}", body["collection"], body["id"], first, last,
        *(edges if box else [None] * 4), puts_in, False, *numbers,
        platform if isinstance(platform, str) else None, orjson.dumps(kept).decode(),
    )  # fmt: skip


def plain_boxes(values: tuple[Any, ...]) -> tuple[tuple[float, ...], ...]:
    first, last, west, south, east, north = values[3:9]
    if west is None:
        return ()
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    month = 30 * 86_400
    return tuple((w, e, south, north, first / month, last / month) for w, e in spans)


NAMED = {
    "id", "title", "title_zh", "description_zh", "description", "keywords", "attribution", "names",
    "problem", "terms", "sectors", "organisations", "name", "collection", "en", "zh", "rule",
    "theme",
}  # fmt: skip


def plain_words(value: Any, *, whole: bool) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [word for inner in value for word in plain_words(inner, whole=whole)]
    if not isinstance(value, dict):
        return []
    return [
        word
        for name in sorted(value)
        if whole or name in NAMED or name == "properties"
        for word in plain_words(value[name], whole=name in NAMED)
    ]


def plain_formats(assets: list[dict[str, Any]]) -> list[str]:
    data = [a for a in assets if isinstance(a.get("roles"), list) and "data" in a["roles"]]
    types = [asset.get("type") for asset in data or assets]
    return sorted({t.split(";")[0].strip() for t in types if isinstance(t, str) and t})


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to the sign of a zero and the type of a number."""
    return repr(one) == repr(other)


def ring(*corners: tuple[float, ...]) -> list[list[list[float]]]:
    return [[list(corner) for corner in (*corners, corners[0])]]


_BOX = ring((0, 0), (2, 0), (2, 1), (0, 1))
_WEST, _EAST = (ring((w, 0), (w, 1), (e, 1), (e, 0)) for w, e in ((170, 180), (-180, -175)))


@pytest.mark.parametrize(
    ("kind", "coordinates", "bbox", "fills"),
    [
        ("Polygon", _BOX, [0, 0, 2, 1], True),
        ("Polygon", ring((2, 1, 9), (0, 1, 9), (0, 0, 9), (2, 0, 9)), [0, 0, 9, 2, 1, 9], True),
        ("Polygon", _BOX, [0, 0, 2, 1.5], False),
        ("Polygon", ring((0, 0), (2, 0), (2, 1), (1, 1)), [0, 0, 2, 1], False),
        ("Polygon", ring((0, 0), (2, 0), (2, 1)), [0, 0, 2, 1], False),
        ("Polygon", [*_BOX, *ring((0.5, 0.5), (1, 0.5), (1, 0.7))], [0, 0, 2, 1], False),
        ("MultiPolygon", [_WEST, _EAST], [170, 0, -175, 1], True),
        ("MultiPolygon", [_EAST, _WEST], [170, 0, -175, 1], True),
        ("MultiPolygon", [_WEST], [170, 0, -175, 1], False),
        ("MultiPolygon", [_WEST, _EAST], [-180, 0, 180, 1], False),
        ("MultiPolygon", [_BOX], [0, 0, 2, 1], True),
        ("Point", [0, 0], [0, 0, 0, 0], True),
        ("Point", [0, 0], [0, 0, 2, 1], False),
        ("LineString", [[0, 0], [2, 1]], [0, 0, 2, 1], False),
        ("Polygon", "odd", [0, 0, 2, 1], False),
        ("Polygon", [5, None], [0, 0, 2, 1], False),
        ("Polygon", None, [0, 0, 2, 1], False),
    ],
)  # fmt: skip
def test_a_footprint_that_is_its_box_is_known_to_be(
    kind: str, coordinates: Any, bbox: list[float], fills: bool
) -> None:
    body = {
        "type": "Feature", "id": "i", "collection": "c", "bbox": bbox, "assets": {},
        "geometry": {"type": kind, "coordinates": coordinates}, "links": [],
        "properties": {"datetime": "2015-11-01T00:00:00Z"},
    }  # fmt: skip
    assert item_row(body, orjson.dumps(body)).values[10] == fills


@settings(max_examples=400, deadline=None)
@given(body=ITEMS)
@example(body={"type": "Feature", "id": "a", "collection": "c", "assets": {}, "bbox": [0, 0, 1, 1],
               "properties": {"datetime": "2018-07-21T19:56:39Z", "size": 5.0}})  # fmt: skip
def test_what_is_prepared_is_what_the_plain_way_makes_of_an_item(body: dict[str, Any]) -> None:
    raw = rfc8785.dumps(body)
    values = plain_values(body, raw)
    item = prepare(body)
    record = Record("item", values[0], body)
    assets = (body["assets"] or {}).values()
    parts = {address_part(asset["href"]) for asset in assets} - {None}
    assert (item.name, item.collection, item.last) == (values[0], values[1], values[4])
    assert item.year == datetime.fromtimestamp(item.last, UTC).year
    assert same(item.values, values)
    assert same(item.boxes, plain_boxes(values))
    assert item.body_bytes == raw == record.body_bytes
    assert item.envelope == record.object_bytes
    assert item.digest == hashlib.sha256(record.object_bytes).hexdigest()
    assert item.text == index_text(record)
    if raw.isascii():
        assert item.text == " ".join(plain_words(body, whole=False))
    assert item.tags == orjson.dumps(facets_of(body)).decode()
    assert facets_of(body).get("format", []) == plain_formats(list(assets))
    assert set(item.parts) == address_parts(body) == parts
    assert len(item.parts) == len(parts)
    assert item.silent == (b'"ec:access":' not in raw)


@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(ITEMS, max_size=8))
def test_a_batch_is_its_items_newest_first_before_and_after_it_passed_on(
    bodies: list[dict[str, Any]],
) -> None:
    items = [prepare(body | {"id": f"i{n}"}) for n, body in enumerate(bodies)]
    batch = batch_of(items)
    assert unpack("x", batch.packed) == ([item.envelope for item in items] or [b""])
    newest = sorted(items, key=lambda item: (-item.last, item.name))
    for one in (batch, pickle.loads(pickle.dumps(batch))):  # noqa: S301
        assert same(rows(one), [row(item) for item in newest])
        assert one.packed == batch.packed
        assert one.envelopes() == [item.envelope for item in newest]
        some = one.without({item.name for item in newest[::2]})
        assert same(rows(some), [row(item) for item in newest[1::2]])
    for n, item in enumerate(newest):
        assert batch.record(n).digest == item.digest


def row(item: PreparedItem) -> tuple[Any, ...]:
    return (
        *(item.name, item.collection, item.last, item.year, tuple(item.values)),
        *(bytes(item.body_bytes), item.digest, item.text, item.tags, item.silent),
        *([edge for box in item.boxes for edge in box], list(item.parts)),
    )


def rows(batch: Batch) -> list[tuple[Any, ...]]:
    """Return the rows that the columns of a batch hold."""
    boxes, parts = list(batch.boxes), list(batch.parts)
    found = []
    for n, name in enumerate(batch.names):
        edges, numbers = 6 * batch.box_counts[n], batch.part_counts[n]
        found.append(
            (
                *(name, batch.collections[n], batch.lasts[n], batch.years[n]),
                tuple(column[n] for column in batch.values),
                *(bytes(batch.bodies[n]), batch.digests[n], batch.texts[n], batch.tags[n]),
                *(batch.silents[n], boxes[:edges], parts[:numbers]),
            )
        )
        del boxes[:edges], parts[:numbers]
    assert (boxes, parts) == ([], [])
    return found


def item(**members: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "id": "a", "collection": "c", "assets": {}, "bbox": [0, 1, 2, 3],
        "properties": {"datetime": "2018-07-21T19:56:39Z"},
    } | members  # fmt: skip


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"bbox": [0, 1, 2]}, "bbox of 3 numbers"),
        ({"bbox": [0, 9, 1, 2]}, "bbox latitudes 9.0, 2.0"),
        ({"bbox": [0, -91, 1, 2]}, "bbox latitudes -91.0"),
        ({"bbox": [0, 0, 181, 2]}, "bbox longitudes 0.0, 181.0"),
        ({"bbox": [0, 0, float("inf"), 2]}, "is not finite"),
        ({"bbox": [0, 99, float("nan"), 2]}, "is not finite"),
        ({"properties": {}}, "need datetime"),
        ({"properties": {"datetime": "yesterday"}}, "a time is written"),
        ({"properties": {"datetime": "2015-01-01T00:00:00"}}, "a time has a zone"),
        (
            {"properties": {"datetime": "2015-01-01T00:00:00Z", "end_datetime": "2014-01-01"}},
            "a time has a zone",
        ),
        (
            {"properties": {"datetime": "2015-01-01T00:00:00Z",
                            "end_datetime": "2014-01-01T00:00:00Z"}},
            "end_datetime is before start_datetime",
        ),
        ({"size": 2**53}, "not canonical JSON"),
    ],
)  # fmt: skip
def test_what_the_index_cannot_hold_is_refused_in_words(
    members: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        prepare(item(**members))


def test_an_item_worked_out_by_hand() -> None:
    body = item(
        assets={"b1": {"href": "/objects/" + "0" * 14 + "a" + "0" * 49, "type": "a/b; c"}}
    )
    made = prepare(body)
    assert made.values == (
        "c/a", "c", "a", 1532202999, 1532202999, 0.0, 1.0, 2.0, 3.0, True, False, None,
        None, None, "{}",
    )  # fmt: skip
    assert (made.text, made.tags, made.parts) == ("c a", '{"format":["a/b"]}', (10,))
    assert (made.year, made.silent, len(made.boxes)) == (2018, True, 1)
