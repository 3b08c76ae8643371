"""Served bytes equal the parsed way; query, collection search, aggregation; honest counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import ItemQuery, counting, parse_filter, plans
from earthcommons.catalog.item_rows import item_row
from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.web.stac_bodies import Dress
from earthcommons.web.stac_extensions import filter_of_query, search_collections

if TYPE_CHECKING:
    from earthcommons.commons import Node

    Served = tuple[str, Node]

# Texts made to look like what is spliced.
TRICKY = st.sampled_from(
    ["/objects/a", "https://x.example/b", '"href":"/c', '"links":[],', "/", "\\", "湖泊"]
)
HREF_LIKE = st.dictionaries(st.sampled_from(["href", "links", "title"]), TRICKY, max_size=2)
ASSET = st.builds(
    lambda href, more, deep: {**more, "href": href, **({"alternate": deep} if deep else {})},
    TRICKY, st.dictionaries(st.sampled_from(["title", "type"]), TRICKY, max_size=2), HREF_LIKE,
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "Feature", "id": draw(st.sampled_from(["a", "b-1.x"])), "collection": "c",
        "geometry": None, "assets": draw(st.dictionaries(TRICKY, ASSET, max_size=3)),
        "properties": {"datetime": "2020-01-01T00:00:00Z", **draw(HREF_LIKE)},
    }  # fmt: skip
    links = draw(st.sampled_from([None, [], [{"rel": "via", "href": "/x"}]]))
    if links is not None:
        body["links"] = links
    if draw(st.booleans()):
        body["properties"]["inner"] = {"links": [], "z": 1}
    return body


@settings(max_examples=300, deadline=None)
@given(body=bodies())
def test_what_is_put_into_the_bytes_equals_what_is_put_into_the_members(
    body: dict[str, Any],
) -> None:
    raw = canonical_bytes(body)
    name = f"{body['collection']}/{body['id']}"
    dress = Dress("http://127.0.0.1:8000")
    plain = item_row(body, raw).plain
    served = dress.item(raw, name, plain=plain)
    assert served.count(b'"links":') == raw.count(b'"links":') + ("links" not in body)
    assert orjson.loads(served) == orjson.loads(dress.parsed(raw, name))


def test_an_ordinary_item_needs_no_parsing() -> None:
    body = {
        "id": "a", "collection": "c", "links": [],
        "assets": {"data": {"href": "/objects/a"}, "far": {"href": "s3://b/c"}},
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
    }  # fmt: skip
    assert item_row(body, canonical_bytes(body)).plain
    served = orjson.loads(Dress("http://h").item(canonical_bytes(body), "c/a", plain=True))
    assert served["assets"]["data"]["href"] == "http://h/objects/a"
    assert served["assets"]["far"]["href"] == "s3://b/c"
    assert served["links"][0]["href"] == "http://h/stac/collections/c/items/a"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"gsd": {"lt": 3}}, {"op": "<", "args": [{"property": "gsd"}, 3]}),
        ({"title": {"startsWith": "a%_"}},
         {"op": "like", "args": [{"property": "title"}, "a\\%\\_%"]}),
        ({"gsd": {"gte": 1, "neq": 2}},
         {"op": "and", "args": [{"op": ">=", "args": [{"property": "gsd"}, 1]},
                                {"op": "<>", "args": [{"property": "gsd"}, 2]}]}),
        ({"platform": {"in": ["x"]}}, {"op": "in", "args": [{"property": "platform"}, ["x"]]}),
    ],
)  # fmt: skip
def test_query_is_read_as_a_filter(query: dict[str, Any], expected: dict[str, Any]) -> None:
    assert filter_of_query(query) == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, None),
        ([], "bad-filter"),
        (0, "bad-filter"),
        ("x", "bad-filter"),
        ({"gsd": 3}, "bad-filter"),
        ({"gsd": {"near": 3}}, "bad-filter"),
        ({"__class__": {"eq": 3}}, "unknown-queryable"),
    ],
)
def test_a_query_of_another_form_is_refused(query: Any, code: str | None) -> None:
    if code is None:
        assert filter_of_query(query) is None
        return
    with pytest.raises(InvalidInputError) as refused:
        filter_of_query(query)
    assert refused.value.code == code


def ask(served: Served, path: str, **params: str) -> dict[str, Any]:
    answer = requests.get(f"{served[0]}/stac{path}", params=params, timeout=20)
    found: dict[str, Any] = answer.json()
    return {**found, "status": answer.status_code}


def test_c12_get_and_post_give_the_same_items_order_and_count(served: Served) -> None:
    questions: list[dict[str, Any]] = [
        {"query": {"title": {"startsWith": "Item raster-0"}}},
        {"q": ["raster-03", "regional"]},
        {"datetime": "2003-01-01T00:00:00Z/2005-06-01T00:00:00Z"},
    ]
    for question in questions:
        posted = requests.post(f"{served[0]}/stac/search", json=question, timeout=20).json()
        written = {
            name: value if isinstance(value, str)
            else ",".join(value) if isinstance(value, list) else orjson.dumps(value).decode()
            for name, value in question.items()
        }  # fmt: skip
        got = ask(served, "/search", **written)
        assert [f["id"] for f in got["features"]] == [f["id"] for f in posted["features"]]
        assert got["numberMatched"] == posted["numberMatched"] > 0


def test_a_comma_between_words_means_either(served: Served) -> None:
    both = ask(served, "/search", q="regional,raster-03")
    assert {f["id"] for f in both["features"]} == {"regional", "raster-03"}
    assert ask(served, "/search", q="regional raster-03")["numberMatched"] == 0


def test_collections_are_found_by_place_time_and_words(served: Served) -> None:
    def found(**params: str) -> list[str]:
        return [c["id"] for c in ask(served, "/collections", **params)["collections"]]

    assert found() == ["demo"]
    assert found(bbox="10,10,20,20") == ["demo"]
    assert found(datetime="1900-01-01T00:00:00Z/1901-01-01T00:00:00Z") == []
    assert found(q="nothing-like-it,demo") == ["demo"]
    assert found(q="nothing-like-it") == []
    assert found(filter="id = 'demo'") == ["demo"]
    assert found(filter="id = 'other'") == []
    assert ask(served, "/collections", sortby="-id", limit="1")["numberMatched"] == 1
    assert ask(served, "/collections", limit="0")["status"] == 400
    assert ask(served, "/collections", token="x")["status"] == 400  # noqa: S106


def test_aggregations_add_up_to_what_matches(served: Served) -> None:
    answer = ask(served, "/aggregate", aggregations="year_frequency,format_frequency")
    years, formats = answer["aggregations"]
    assert sum(bucket["frequency"] for bucket in years["buckets"]) == 14
    assert sum(bucket["frequency"] for bucket in formats["buckets"]) == 14
    assert all("ec:exact" not in bucket for bucket in years["buckets"])
    names = [a["name"] for a in ask(served, "/aggregations")["aggregations"]]
    assert {"theme_frequency", "sdg_frequency", "region_frequency"} <= set(names)
    assert ask(served, "/aggregate", aggregations="nope")["status"] == 400


def test_a_count_that_is_not_known_is_given_by_its_bounds(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(plans, "RARE", 1)
    monkeypatch.setattr(plans, "WALKED", 1000)
    monkeypatch.setattr(counting, "COUNTED", 3)
    monkeypatch.setattr(counting, "LEAST", 1)
    monkeypatch.setattr(counting, "LISTED", 2)
    answer = ask(served, "/search", bbox="10,10,20,20", limit="2")
    assert "numberMatched" not in answer
    bound = answer["ec:numberMatchedBound"]
    assert bound["exact"] is False
    assert bound["low"] <= 14 <= bound["high"]


def described(id_: str, *boxes: list[float], **members: Any) -> dict[str, Any]:
    span = ["2015-01-01T00:00:00Z", None]
    extent = {"spatial": {"bbox": [*boxes]}, "temporal": {"interval": [span]}}
    return {
        "type": "Collection",
        "id": id_,
        "title": f"All of {id_}",
        "extent": extent,
    } | members


COLLECTIONS = [
    described("alps", [5, 44, 0, 16, 48, 4800], keywords=["snow", "ice"]),
    described("fiji", [176, -20, -178, -15], **{"ec:owner": "reef"}),
    described("nowhere", license="CC0-1.0"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("S_INTERSECTS(geometry, POINT(10 46))", ["alps"]),
        ("S_INTERSECTS(geometry, POINT(179 -17))", ["fiji"]),
        ("S_INTERSECTS(geometry, POINT(-179 -17))", ["fiji"]),
        ("S_INTERSECTS(geometry, POINT(0 -17))", []),
        ("S_WITHIN(geometry, BBOX(0, 40, 20, 50))", ["alps"]),
        ("S_DISJOINT(geometry, BBOX(0, 40, 20, 50))", ["fiji"]),
        ("geometry IS NULL", ["nowhere"]),
        ("license = 'CC0-1.0'", ["nowhere"]),
        ("license <> 'x'", ["nowhere"]),
        ("\"ec:owner\" = 'reef' OR A_CONTAINS(keywords, ('ice'))", ["alps", "fiji"]),
        ("datetime < TIMESTAMP('2016-01-01T00:00:00Z')", ["alps", "fiji", "nowhere"]),
    ],
)
def test_collections_are_filtered_by_place_and_members(text: str, found: list[str]) -> None:
    query = ItemQuery(filter=parse_filter(text))
    page, _, matched = search_collections(COLLECTIONS, query)
    assert [collection["id"] for collection in page] == found
    assert matched == len(found)


@pytest.mark.parametrize(
    ("filter_", "code"),
    [
        ("colour = 'red'", "unknown-queryable"),
        ("title = 'x' OR NOT (S_WITHIN(place, BBOX(0, 0, 1, 1)))", "unknown-queryable"),
        ({"op": "=", "args": [{"op": "upper", "args": [{"property": "title"}]}, "X"]},
         "bad-filter"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_of_collections_is_refused(filter_: Any, code: str) -> None:
    query = ItemQuery(filter=parse_filter(filter_))
    with pytest.raises(InvalidInputError) as refused:
        search_collections(COLLECTIONS, query)
    assert refused.value.code == code
