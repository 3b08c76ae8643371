"""Bad input to the catalogue's API, row by row: what is answered, and that nothing else happens.

C13 and C14 stand in `test_transactions.py`, C15 to C18 in `test_rows_c_lines.py`, C19 for
every route and party in `test_matrix.py`.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from tests.web.access_node import Desk, desk, item
from tests.web.told import told

from earthcommons.catalog import ItemQuery
from earthcommons.commons import Node
from earthcommons.model import Link, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

Served = tuple[str, Node]
INJECTIONS = [
    "'", "''", '"', "`", "\\", "';--", "' OR '1'='1", "' OR 1=1--", "') OR ('1'='1",
    "1; DROP TABLE item", "'; DROP TABLE item; --", "x' UNION SELECT body FROM record--",
    "x') UNION SELECT 1,2,3,4--", "' AND sleep(10)--", "1 OR 1=1", "admin'--", "%27", "%00",
    "\x00", "'||(SELECT label FROM label)||'", "${7*7}", "{{7*7}}", "{0}", "%s", "%(x)s", "?",
    "?1", ":a", "@a", "$a", "x'/*", "*/", "#", "--", "/**/", "' GLOB '*", "' MATCH 'a",
    "NEAR(a b)", '"a" OR "b"', "a* NOT b", "^a", "title:a", "- -", "AND", "OR OR", "(((", ")",
    "' || load_extension('x') || '", "ATTACH 'x' AS y", "PRAGMA user_version", "\u2019 OR 1=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[0], timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk(tmp_path_factory.mktemp("closed"))
    key = made.node.store.put_bytes(b"withheld bytes", ".tif")
    asset = {"href": f"/objects/{key}", "type": "image/tiff", "file:checksum": f"1220{key[:64]}",
             "ec:access": "licence:x", "roles": ["data"]}  # fmt: skip
    with made.node.catalog.transaction() as tx:
        body = item("half") | {"assets": {"data": asset}}
        links = (Link("in", "collection", "snow"),)
        tx.put(Record("item", "snow/half", body, links=links))
    return made


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text[:300]
    return [feature["id"] for feature in answer.json()["features"]]


@pytest.mark.parametrize(
    "where",
    ["ids", "collections", "sortby", "fields", "filter", "filter-lang", "token", "bbox",
     "datetime", "limit", "query", "intersects", "q", "filter-crs"],
)  # fmt: skip
def test_c01_sql_in_any_place_of_a_search_is_text_and_no_more(
    http: httpx.Client, served: Served, where: str
) -> None:
    lines = list(served[1].catalog.dump())
    for text in INJECTIONS:
        more = {} if where in ("filter", "q") else {"filter": "eo:cloud_cover < 10"}
        given = {"filter-lang": more, "filter-crs": more}.get(where, {})
        answer = http.get("/stac/search", params={where: text, **given})
        if answer.status_code == 200:
            found = ids(answer)
            # Words are searched as words; a list with a name nobody has is empty.
            assert where in ("q", "fields") or not found or not text.strip("- "), (where, text)
        else:
            assert told(answer)[0] == 400, (where, text)
    assert list(served[1].catalog.dump()) == lines


@pytest.mark.parametrize("text", ["FALSE", "TRUE", "''", "'a'", "0", "1", "title"])
def test_c01_an_expression_that_is_no_condition_is_no_filter(
    http: httpx.Client, text: str
) -> None:
    assert told(http.get("/stac/search", params={"filter": text})) == (400, "bad-filter")


@pytest.mark.parametrize(
    "name",
    ["java.lang.Runtime", "__class__", 'a"."b', "properties.__class__.__mro__", "body", "k",
     "access", "own", "rowid", "x" * 3900, "i.k", "collection; --", "assets.data.href"],
)  # fmt: skip
def test_c02_a_name_is_no_expression(http: httpx.Client, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    wanted = (400, "unknown-queryable")
    assert told(http.get("/stac/search", params={"filter": f"{quoted} = 1"}))[0] == 400
    posted = {"filter": {"op": "=", "args": [{"property": name}, 1]}}
    assert told(http.post("/stac/search", json=posted)) == wanted
    assert told(http.post("/stac/search", json={"query": {name: {"eq": 1}}})) == wanted
    assert told(http.post("/stac/search", json={"sortby": [{"field": name}]})) == wanted
    if "," not in name and len(name) < 100:
        assert told(http.get("/stac/search", params={"sortby": name}))[0] == 400


def test_c02_a_name_of_ten_thousand_letters_is_refused(http: httpx.Client) -> None:
    posted = {"filter": {"op": "=", "args": [{"property": "x" * 10_000}, 1]}}
    assert told(http.post("/stac/search", json=posted)) == (400, "filter-too-complex")


def _nested(depth: int) -> str:
    inner = '{"op":"=","args":[{"property":"title"},"a"]}'
    return '{"filter":' + '{"op":"not","args":[' * depth + inner + "]}" * depth + "}"


@pytest.mark.parametrize(
    "body",
    [
        _nested(5000),
        _nested(200),
        json.dumps({"filter": {"op": "or", "args": [
            {"op": "=", "args": [{"property": "title"}, n]} for n in range(30_000)]}}),
        json.dumps({"filter": {"op": "in", "args": [{"property": "title"},
                                                     [str(n) for n in range(200_000)]]}}),
        json.dumps({"filter": {"op": "in", "args": [{"property": "title"},
                                                     [str(n) for n in range(1_000_000)]]}}),
    ],
    ids=["depth-5000", "depth-200", "or-30000", "in-200000", "in-1000000"],
)  # fmt: skip
def test_c03_a_filter_without_end_is_refused_at_once(http: httpx.Client, body: str) -> None:
    # Of this process, in which the node serves: what else the machine does is not its work.
    start = time.process_time()
    answer = http.post("/stac/search", content=body)
    assert time.process_time() - start < 2.0
    assert told(answer) in {
        (400, "filter-too-complex"), (400, "bad-json"), (400, "bad-filter"), (413, "too-large"),
    }  # fmt: skip


def test_c03_the_same_as_text(http: httpx.Client) -> None:
    deep = "NOT (" * 600 + "title = 'a'" + ")" * 600
    wide = " OR ".join(["title = 'a'"] * 270)
    for text in (deep, wide):
        answer = http.get("/stac/search", params={"filter": text})
        assert answer.status_code == 200 or told(answer)[0] == 400


def test_c04_a_pattern_of_many_wildcards_ends_in_time(http: httpx.Client) -> None:
    start = time.perf_counter()
    for pattern in ("%a" * 900, "%_" * 900, "(a+)+$" * 300, "a" * 3000):
        answer = http.get("/stac/search", params={"filter": f"title LIKE '{pattern}'"})
        assert answer.status_code in (200, 400, 503)
    long = {"filter": {"op": "like", "args": [{"property": "title"}, "%a" * 500_000]}}
    answer = http.post("/stac/search", json=long)
    assert answer.status_code in (200, 400, 503)
    assert time.perf_counter() - start < 15


@pytest.mark.parametrize("limit", ["0", "-1", "1e9", "abc", "NaN", "1.5", "٣", ""])
def test_c05_a_limit_is_a_number_of_one_or_more(http: httpx.Client, limit: str) -> None:
    answer = http.get("/stac/search", params={"limit": limit})
    if limit:
        assert told(answer) == (400, "bad-limit")
    else:
        assert len(ids(answer)) == 10


def test_c05_a_large_limit_is_cut(http: httpx.Client) -> None:
    assert len(ids(http.get("/stac/search?limit=1000000000"))) == 14
    for limit in (0, -1, 1e9, "x", None, True):
        answer = http.post("/stac/search", json={"limit": limit})
        assert told(answer)[0] == 400, limit


@pytest.mark.parametrize(
    "bbox",
    ["1,2,3", "1,2,3,4,5", "nan,0,1,1", "inf,0,1,1", "0,5,1,4", "0,0,540,1", "0,-91,1,1", "a,b,c,d",
     ",,,", "1,2,3,4,5,6,7"],
)  # fmt: skip
def test_c06_what_is_no_box_is_refused(http: httpx.Client, bbox: str) -> None:
    for path in ("/stac/search", "/stac/collections/demo/items", "/stac/aggregate"):
        assert told(http.get(path, params={"bbox": bbox})) == (400, "bad-bbox")


@pytest.mark.parametrize(
    "box",
    [(170, -10, -170, 10), (179, 80, -179, 90), (-180, -90, 180, -85), (-180, 80, 180, 90),
     (20, 20, 15, 25), (9, 14, 10, 15), (39.9, 29.9, 41, 31), (-180, -90, 180, 90)],
)  # fmt: skip
def test_c07_a_box_over_the_date_line_or_a_pole_finds_what_looking_at_each_finds(
    http: httpx.Client, served: Served, box: tuple[float, float, float, float]
) -> None:
    west, south, east, north = box
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    page = served[1].catalog.items(ItemQuery(limit=1000))
    wanted = set()
    for body in map(json.loads, page.bodies):
        w, s, e, n = body["bbox"]
        if s <= north and n >= south and any(w <= b and e >= a for a, b in spans):
            wanted.add(body["id"])
    text = ",".join(f"{number:g}" for number in box)
    assert set(ids(http.get(f"/stac/search?bbox={text}&limit=100"))) == wanted


def test_c08_a_shape_without_end_or_that_crosses_itself_is_refused(http: httpx.Client) -> None:
    angle = np.linspace(0, 2 * np.pi, 100_001)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1).round(5)
    ring[-1] = ring[0]
    shape = {"type": "Polygon", "coordinates": [ring.tolist()]}
    # In as few digits as there are, so that the body is let in.
    body = json.dumps({"intersects": shape}, separators=(",", ":"))
    answer = http.post("/stac/search", content=body)
    assert told(answer) in {(413, "declared-too-large"), (413, "too-large")}
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    wrong: Any
    for wrong in (bow, {"type": "Polygon", "coordinates": []}, {"type": "Sphere"}, [], "x", 7):
        answer = http.post("/stac/search", json={"intersects": wrong})
        assert told(answer) == (400, "invalid-geometry")


@pytest.mark.parametrize(
    "text",
    ["../..", "/", "..", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-02-29", "2024",
     "2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-01-01T24:00:00Z",
     "2024-01-01T00:00:60Z", "2024-01-01T00:00Z", "20240101T000000Z", "now", "-1", "0",
     "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z", "a/b", "2024-01-01T00:00:00Z/", "//",
     "2024-01-01T00:00:00Z/2024-01-02T00:00:00Z/2024-01-03T00:00:00Z", "1e9", "P1D",
     "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2024-W01", "2024-1-1T0:0:0Z",
     "2024-01-01T00:00:00+0100", "２０２４-01-01T00:00:00Z", "2024-01-01T00:00:00Z\n", "9" * 300],
)  # fmt: skip
def test_c09_what_is_no_time_is_refused(http: httpx.Client, text: str) -> None:
    answer = http.get("/stac/search", params={"datetime": text})
    if text == "2024-01-01T00:00:00Z/":
        # An empty end is an open one (OGC API Features, 7.15.3).
        assert ids(answer) == []
    else:
        assert told(answer) == (400, "bad-time")
        assert told(http.post("/stac/search", json={"datetime": text})) == (400, "bad-time")


def test_c09_a_leap_second_is_the_second_before(http: httpx.Client) -> None:
    found = [
        ids(http.get(f"/stac/search?limit=100&datetime=2016-12-31T23:59:{second}Z/.."))
        for second in ("59", "60", "60.5")
    ]
    assert found[0] == found[1] == found[2]


def test_c10_a_token_holds_for_its_own_question_and_asker(
    http: httpx.Client, closed: Desk
) -> None:
    first = http.get("/stac/search?limit=3").json()
    (following,) = (link["href"] for link in first["links"] if link["rel"] == "next")
    token = following.rsplit("token=", 1)[1]
    assert len(ids(http.get(f"/stac/search?limit=3&token={token}"))) == 3
    # Another size of page is the same question.
    for bad in (
        token[:-2],
        token[::-1],
        "x" + token[1:],
        "A" * 3900,
        "null",
        "[]",
        "e30",
        "W10",
    ):
        assert told(http.get(f"/stac/search?limit=3&token={bad}")) == (400, "bad-token"), bad
    other = http.get(f"/stac/search?limit=3&bbox=0,0,1,1&token={token}")
    assert told(other) == (400, "bad-token")
    large = http.post("/stac/search", json={"token": "A" * 2**20})
    assert told(large) == (400, "bad-token")
    page = closed.at("mei").get("/stac/search?limit=1").json()
    mine = next(link["href"] for link in page["links"] if link["rel"] == "next")
    path = mine.removeprefix(closed.node.settings.url)
    assert closed.at("mei").get(path).status_code == 200
    assert told(closed.at().get(path)) == (400, "bad-token")


def test_c12_get_and_post_with_one_question_are_one_answer(http: httpx.Client) -> None:
    polygon = {"type": "Polygon", "coordinates": [[[0, 0], [30, 0], [30, 30], [0, 30], [0, 0]]]}
    for asked in (
        {"bbox": [-10, -10, 10, 10]}, {"ids": ["cube", "regional"]}, {"q": "item"},
        {"datetime": "2003-01-01T00:00:00Z/2006-01-01T00:00:00Z"}, {"intersects": polygon},
        {"collections": ["demo"], "limit": 4},
    ):  # fmt: skip
        params = {
            key: json.dumps(v) if isinstance(v, dict)
            else ",".join(map(str, v)) if isinstance(v, list) else str(v)
            for key, v in asked.items()
        }  # fmt: skip
        got = http.get("/stac/search", params=params)
        posted = http.post("/stac/search", json=asked)
        assert ids(got) == ids(posted)
        assert got.json()["numberMatched"] == posted.json()["numberMatched"]


def test_c19_what_is_closed_is_found_by_none_of_its_doors(closed: Desk) -> None:
    public = closed.at()
    body = public.get("/stac/search").json()
    assert {each["id"] for each in body["features"]} == {"open", "half"}
    assert body["numberMatched"] == 2
    for asked in ("ids=shut", "q=shut", "filter=title='shut'", "bbox=14,44,16,46&ids=shut"):
        found = public.get(f"/stac/search?{asked}").json()
        assert (found["features"], found["numberMatched"]) == ([], 0), asked
    for path in ("/stac/collections/snow/items/shut", "/tiles/snow/shut/data/0/0/0.png",
                 "/en/data/snow/shut", "/api/records/item/snow/shut/versions"):  # fmt: skip
        assert public.get(path).status_code == 404
        mine = closed.at("mei").get(path)
        # Its few bytes are no picture: that is said to whoever sees the item.
        assert mine.status_code == 200 or "no map variable" in mine.text, path


def test_c20_no_choice_of_fields_brings_a_withheld_address_back(closed: Desk) -> None:
    key = next(iter(closed.node.catalog.whole("item", "snow/half")[0]["assets"].values()))[
        "href"
    ]
    public = closed.at()
    for fields in ("-id", "assets.*.href", "assets", "assets.data", "assets.data.href", "+assets",
                   "-ec:withheld", "properties,assets,ec:access"):  # fmt: skip
        answer = public.get(f"/stac/search?ids=half&fields={quote(fields)}")
        assert answer.status_code == 200, fields
        assert key not in answer.text
        assert "file:checksum" not in answer.text
    posted = {"ids": ["half"], "fields": {"include": ["assets.data.href"], "exclude": ["id"]}}
    assert key not in public.post("/stac/search", json=posted).text


@pytest.mark.parametrize(
    "name", ["access", "ec:access", "own", "guarded", "body", "digest", "geometry", "derive"]
)
def test_c21_what_is_no_sortable_gives_no_order(http: httpx.Client, name: str) -> None:
    assert told(http.get(f"/stac/search?sortby={name}"))[0] == 400
    posted = {"sortby": [{"field": name, "direction": "desc"}]}
    assert told(http.post("/stac/search", json=posted))[0] == 400


def test_c22_two_hundred_at_once_are_answered_alike(served: Served) -> None:
    url, _ = served
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=url, timeout=60, limits=limits) as client:

        def ask(_: int) -> tuple[int, Any]:
            answer = client.get("/stac/search?limit=14&sortby=title")
            return answer.status_code, answer.content if answer.status_code == 200 else b""

        with ThreadPoolExecutor(100) as pool:
            found = list(pool.map(ask, range(200)))
    assert {status for status, _ in found} <= {200, 503}
    answers = {body for status, body in found if status == 200}
    assert len(answers) == 1
    assert sum(status == 200 for status, _ in found) > 100
