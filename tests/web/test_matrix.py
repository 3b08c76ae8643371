"""Route by party by thing: what every answer's status is, and that none tells what it must not.

The routes are those of the application, the expectation is `policy.decide` on the labels as stated.
Left out is time: how long an answer takes may depend on what is hidden.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pytest
from tests.web.matrix_node import MatrixNode, Thing, build, parties
from tests.web.policy_table import (
    NOTHING,
    TABLE,
    WOULD_WRITE,
    Line,
    expected,
    routes_of,
)

from earthcommons.model.party import PUBLIC
from earthcommons.policy import moment, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import httpx2

    from earthcommons.model.party import Party

__all__ = ["counts", "leaks", "statuses"]

# What is changed, and what few read, is asked of these cases; who reads, of all or of some.
FEW = ("opened", "grouped", "released", "")
SOME = ("opened", "signed", "grouped", "nobytes", "")
SWEPT = (*FEW, "nobytes", "oneasset")
OF_ALL = ("public", "gus")
PARTIES = tuple(parties())
LANGUAGES = ("en", "zh")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixNode]:
    made = build(tmp_path_factory.mktemp("matrix"))
    with made.client:
        yield made
    made.node.catalog.close()


def test_every_route_has_a_line_and_every_line_a_route(world: MatrixNode) -> None:
    lines = {(line.method, line.path) for line in TABLE}
    assert len(lines) == len(TABLE)
    assert routes_of(world.app) - lines == set(), "say in policy_table.py who may ask this"
    assert lines - routes_of(world.app) == set()


def test_every_line_addresses_something(world: MatrixNode) -> None:
    there = {thing.kind for thing in world.things}
    assert {kind for line in TABLE for kind in line.kinds} - there == set()


@pytest.mark.parametrize("who", PARTIES)
def test_each_party_is_answered_as_the_policy_says(world: MatrixNode, who: str) -> None:
    assert statuses(world, who) == []


@pytest.mark.parametrize("who", [who for who in PARTIES if who not in ("revoked", "reader")])
def test_no_answer_holds_a_word_of_what_is_hidden(world: MatrixNode, who: str) -> None:
    assert leaks(world, who) == []


@pytest.mark.parametrize("who", PARTIES)
def test_counts_and_facets_are_those_of_what_one_sees(world: MatrixNode, who: str) -> None:
    if parties()[who] is not None:
        assert counts(world, who) == []


def statuses(world: MatrixNode, who: str, lines: Sequence[Line] = TABLE) -> list[str]:
    """Return every answer to a party that is not what the policy says."""
    faults: list[str] = []
    party, at = parties()[who], moment()
    with world.dry():
        for line, thing in _pairs(world, who, lines):
            said = expected(line, party, thing, at)
            answer = _ask(world, who, line, thing.names)
            fault = _fault(line, thing, said, answer)
            if said == "hidden" and not fault:
                fault = _told_apart(world, who, line, thing, answer)
            if fault:
                faults.append(f"{who} {line.method} {line.address(thing.names)}: {fault}")
    return faults


def _pairs(world: MatrixNode, who: str, lines: Sequence[Line]) -> Iterator[tuple[Line, Thing]]:
    every = {thing.case for thing in world.things}
    for line in lines:
        reads = line.method == "GET" and len(line.kinds) < 5
        cases = (every if who in OF_ALL else SOME) if reads else FEW
        for thing in world.things:
            if thing.kind in line.kinds and thing.case in cases:
                yield line, thing


def _ask(world: MatrixNode, who: str, line: Line, names: dict[str, str]) -> httpx2.Response:
    sent = line.sent(names)
    return world.ask(who, line.method, line.address(names), sent, line.form, **line.headers)


def _fault(line: Line, thing: Thing, said: str, answer: httpx2.Response) -> str:
    """Return what is wrong with a status, or nothing."""
    status, code = answer.status_code, _code(answer)
    if status == 500:
        return f"500, where it is {said}"
    wanted: tuple[int, ...] = {"who": (401,), "hidden": (404,), "refused": (403,)}.get(said, ())
    if said == "allowed":
        wanted = line.gone if thing.gone else line.ok
        if status == 409 and line.ok == (409,) and line.action != "review":
            # The page of an error does not say its code.
            return (
                ""
                if code == WOULD_WRITE or line.form is not None
                else f"409 {code}, where it would be written"
            )
    return "" if status in wanted else f"{status} {code}, where it is {said}"


def _code(answer: httpx2.Response) -> str:
    if b"urn:earthcommons:problem" not in answer.content[:200]:
        return ""
    found = re.search(rb"urn:earthcommons:problem:([a-z-]+)", answer.content)
    return found[1].decode() if found else ""


def _told_apart(
    world: MatrixNode, who: str, line: Line, thing: Thing, hidden: httpx2.Response
) -> str:
    """Return by what a hidden thing differs from one that never was, or nothing."""
    names = _never(thing.names)
    if names == thing.names or thing.kind == "map":
        return ""
    never = _ask(world, who, line, names)
    if never.status_code != hidden.status_code:
        return f"{hidden.status_code} hidden, {never.status_code} where there is nothing"
    body = never.content
    for name, value in thing.names.items():
        for written in (str, quote, lambda text: quote(text, safe="")):
            body = body.replace(written(names[name]).encode(), written(value).encode())
    if body != hidden.content:
        return f"hidden it says {hidden.content[-300:]!r}, never there {body[-300:]!r}"
    if _headers(never) != _headers(hidden):
        return f"headers {_headers(hidden)} hidden, {_headers(never)} never there"
    return ""


def _never(names: dict[str, str]) -> dict[str, str]:
    """Return names of the same form and length that nothing has."""
    found = dict(names)
    for key in ("item", "name", "id", "key", "run", "set"):
        value = names.get(key, "")
        if "zq" in value:
            head, _, tail = value.rpartition("zq")
            found[key] = f"{head}zv{tail}"
        elif re.fullmatch(r"[0-9a-f]{64}\..*", value):
            found[key] = f"{'0' * 8}{value[8:]}"
        elif re.match(r"(obs|run|drf|err|need|rcl)-", value):
            found[key] = f"{value[:-4]}7777"
    if found == names and "zq" in names.get("collection", ""):
        found["collection"] = names["collection"].replace("zq", "zv")
    return found


def _headers(answer: httpx2.Response) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k not in ("date", "content-length")}


def leaks(world: MatrixNode, who: str, lines: Sequence[Line] = TABLE) -> list[str]:
    """Return every answer to a party that holds a word of what it may not find or fetch."""
    party, found = parties()[who], []
    marks = _hidden_marks(world, party)
    for path in _paths(world, lines):
        for headers in ({}, {"range": "bytes=0-9"}) if path.startswith("/objects") else ({},):
            answer = world.ask(who, "GET", path, None, None, **headers)
            found += _in(path, answer, marks)
    for body in _searches():
        found += _in(str(body), world.ask(who, "POST", "/stac/search", body), marks)
    return found


def _hidden_marks(world: MatrixNode, party: Party | None) -> list[str]:
    """Return the words of all that a party may not find, but none of what it may."""
    reading, at = party or PUBLIC, moment()
    if reading.scopes is not None and "read" not in reading.scopes:
        reading = PUBLIC
    hidden = {m for t in world.things if not satisfies(reading, t.label, at) for m in t.marks}
    seen = {m for t in world.things if satisfies(reading, t.label, at) for m in t.marks}
    return sorted(hidden - seen)


def _in(asked: str, answer: httpx2.Response, marks: Iterable[str]) -> list[str]:
    text = answer.text + str(dict(answer.headers))
    # What the asker wrote comes back in links and refusals.
    return [
        f"{asked[:200]} ({answer.status_code}) holds {mark}: ...{_about(text, mark)}..."
        for mark in marks
        if mark in text and mark not in asked
    ]


def _about(text: str, mark: str) -> str:
    at = text.index(mark)
    return text[max(0, at - 60) : at + 60]


def _paths(world: MatrixNode, lines: Sequence[Line]) -> list[str]:
    """Return an address for every route that is read, in both languages, and many searches."""
    found = []
    for line in lines:
        if line.method != "GET" or line.path == "/reports/{key}.{lang}.pdf":
            continue
        found += [
            line.address(thing.names)
            for thing in world.things
            if thing.kind in line.kinds and (thing.kind == NOTHING or thing.case in SWEPT)
        ]
    if len(lines) < len(TABLE):
        return found
    found += [p.replace("/en", "/zh", 1) for p in found if p.startswith("/en")]
    found += [p.replace(".en.", ".zh.") for p in found if ".en." in p]
    found += [line for line in _queries() if line not in found]
    return [
        *found,
        *(f"/api/records/item/{t.names['name']}/versions/2" for t in world.of("item")),
    ]


_BOX = "12,19,19,26"
_WORD = "title LIKE 'Item zq%'"


def _queries() -> list[str]:
    """Searches by everything a search can ask."""
    words = ["zqgroupedras", "zqcomingras", "zqstaffras", "zqoneitemras", "zqsignedras",
             "zqlicensedras", "zqreleasedras", "zqgroupedcoll"]  # fmt: skip
    text, ids = ",".join(words), ",".join(words)
    asked = [
        "", f"bbox={_BOX}", f"ids={ids}", f"q={text}", "q=data", f"filter={_WORD}",
        "sortby=title", "sortby=-created", "sortby=-title&limit=3", "fields=-id",
        "fields=assets.*.href", "fields=assets", "fields=-assets.data.href",
        "fields=properties.title", "datetime=2015-01-01T00:00:00Z/..", "limit=2",
        f"bbox={_BOX}&{_LAST}", "filter=s_intersects(geometry, POINT(13.0047 21))",
        "filter=title IS NOT NULL OR title IS NULL", 'query={"title":{"contains":"zq"}}',
    ]  # fmt: skip
    searched = [f"/stac/search?{one}" for one in asked]
    facets = [
        f"/stac/aggregate?{one}" for one in ("", f"q={text}", f"ids={ids}", f"bbox={_BOX}")
    ]
    listed = [f"/stac/collections?{one}" for one in ("q=zq", f"bbox={_BOX}", "sortby=title",
                                                     "fields=-id", "limit=2")]  # fmt: skip
    values = [
        f"/api/observations{form}?{one}"
        for form in ("", ".csv")
        for one in ("indicator=tree-cover", "region=m49:900", "period=2008", "limit=1",
                    "dim.measure=level", "indicator=trout-abundance")
    ]  # fmt: skip
    pages = [
        f"/{lang}/{page}"
        for lang in LANGUAGES
        for page in ("data?q=zq", "data?q=zqgroupedras", "data?nature=observation",
                     "data?licence=lic-zqgroupedras", "data?collection=zqgroupedcoll",
                     "map?layer=tree-cover", "map?layer=night-lights", "places?q=zq",
                     "places/m49:900", "places/ec:nino34", "technology?q=lamp",
                     "indicators/tree-cover", "indicators/trout-abundance", "node?before=9999")
    ]  # fmt: skip
    more = ["/api/offers?q=lamp", "/api/offers?goal=7", "/api/drafts?state=draft",
            "/api/regions?set=ec:places", "/api/regions?set=ec:zqgroupedset",
            "/api/regions.geojson?set=ec:zqgroupedset", "/figures/sea-regions.geojson"]  # fmt: skip
    return [*searched, *facets, *listed, *values, *pages, *more]


_LAST = "sortby=-end_datetime"


def _searches() -> list[dict[str, Any]]:
    return [
        {},
        {"bbox": [12, 19, 19, 26], "limit": 50},
        {"q": ["zqgroupedras", "zqstaffras"]},
        {"fields": {"exclude": ["id"]}},
        {"fields": {"include": ["assets.data.href", "properties.ec:access"]}},
        {"sortby": [{"field": "title", "direction": "desc"}]},
        {"filter": {"op": "like", "args": [{"property": "title"}, "Item zq%"]}, "limit": 100},
    ]


def counts(world: MatrixNode, who: str) -> list[str]:
    """Return every count that is not the number of things a party sees."""
    reading, at = parties()[who] or PUBLIC, moment()
    if reading.scopes is not None and "read" not in reading.scopes:
        reading = PUBLIC
    items = [*world.of("item"), *world.of("also")]
    seen = {t.names["item"] for t in items if satisfies(reading, t.label, at)}
    faults = []
    for asked in ("q=zqgroupedras,zqstaffras,zqopenedras", f"bbox={_BOX}&{_LAST}", "limit=1",
                  f"filter={_WORD}", "ids=zqgroupedras,zqopenedras", "limit=200"):  # fmt: skip
        found = world.ask(who, "GET", f"/stac/search?{asked}").json()
        everything = _walk(world, who, found)
        if found["numberMatched"] != len(everything):
            faults.append(f"{asked}: {found['numberMatched']} said, {len(everything)} found")
        mine = {name for name in everything if name.startswith("zq")}
        if asked.startswith(("limit", "filter", "bbox")) and mine != seen:
            faults.append(f"{asked}: {sorted(mine ^ seen)[:4]}")
    facets = world.ask(who, "GET", "/stac/aggregate").json()["aggregations"]
    for each in facets:
        keys = {b["key"]: b["frequency"] for b in each["buckets"]}
        if each["name"] in ("theme_frequency", "region_frequency") and keys != dict.fromkeys(
            seen, 1
        ):
            faults.append(f"{each['name']}: {sorted(set(keys) ^ seen)[:4]}")
    total = world.ask(who, "GET", "/health").json()["items"]
    others = {"r", "c", "ec-countries-un", "ec-places"}
    if total != len(seen) + len(others):
        faults.append(f"/health counts {total}, not {len(seen) + len(others)}")
    return faults


def _walk(world: MatrixNode, who: str, page: dict[str, Any]) -> list[str]:
    found = [feature["id"] for feature in page["features"]]
    while following := [link for link in page["links"] if link["rel"] == "next"]:
        href = following[0]["href"].removeprefix(world.node.settings.url)
        page = orjson.loads(world.ask(who, "GET", href).content)
        found += [feature["id"] for feature in page["features"]]
    return found
