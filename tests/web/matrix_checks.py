"""What the matrix holds every answer against: the policy, the words of what is hidden, counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.web.matrix_cases import CASES, Thing, parties
from tests.web.policy_table import TABLE, WOULD_WRITE, Line, expected

from earthcommons.model.party import PUBLIC
from earthcommons.policy import moment, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.web.asking import Answer
    from tests.web.matrix_node import MatrixNode

    from earthcommons.model.party import Party

__all__ = ["ask", "cells", "counts", "hidden_marks", "leaks", "never", "statuses"]

_SAFE = ("GET", "HEAD", "OPTIONS")
LANGUAGES = ("en", "zh")


def cells(world: MatrixNode, lines: Sequence[Line] = TABLE) -> list[tuple[Line, Thing]]:
    """Return every thing of every case that each route addresses."""
    return [
        (line, thing) for line in lines for thing in world.things if thing.kind in line.kinds
    ]


def statuses(
    world: MatrixNode,
    who: str,
    lines: Sequence[Line] = TABLE,
    *,
    earnest: bool = False,
    first: bool = False,
) -> list[str]:
    """Return every answer to a party that is not what the policy says, or says too much.

    Args:
        world: the node.
        who: which party.
        lines: which routes.
        earnest: ask in earnest for what may not be written, which must leave the node as it was;
            what may be written is taken back at the end of its transaction, and all is if not.
        first: whether one is enough.
    """
    asking = _Asking(world, who, hidden_marks(world, parties()[who]), first)
    party, at = parties()[who], moment()
    told = [
        (line, thing, expected(line, party, thing, at)) for line, thing in cells(world, lines)
    ]
    before = world.state() if earnest else ""
    for cell in told:
        if earnest and not _writes(cell):
            asking.hold(cell)
    if earnest and world.state() != before:
        asking.faults.append(f"{who}: what was refused changed the node")
    with world.dry():
        for cell in told:
            if not earnest or _writes(cell):
                asking.hold(cell)
    return asking.faults


def _writes(cell: tuple[Line, Thing, str]) -> bool:
    line, _, said = cell
    return line.method not in _SAFE and said == "allowed"


class _Asking:
    """Holds one party's answers against what they should be."""

    def __init__(self, world: MatrixNode, who: str, marks: Sequence[str], first: bool) -> None:
        self.faults: list[str] = []
        self._world, self._who, self._marks, self._first = world, who, marks, first

    def hold(self, cell: tuple[Line, Thing, str]) -> None:
        """Ask for a cell; where one fault is enough and there is one, ask nothing."""
        if self._first and self.faults:
            return
        line, thing, said = cell
        answer = ask(self._world, self._who, line, thing.names)
        fault = _fault(line, thing, said, answer)
        if said == "hidden" and not fault:
            fault = self._told_apart(line, thing, answer)
        where = f"{line.method} {line.address(thing.names)}"
        if fault:
            self.faults.append(f"{self._who} {where}: {fault}")
        self.faults += _in(f"{where} {line.sent(thing.names)}", answer, self._marks)

    def _told_apart(self, line: Line, thing: Thing, hidden: Answer) -> str:
        """Return by what a hidden thing differs from one that never was, or nothing."""
        names = never(thing.names)
        if names == thing.names or thing.kind == "map":
            return ""
        missing = ask(self._world, self._who, line, names)
        if missing.status_code != hidden.status_code:
            said = f"{missing.status_code} where there is nothing"
            return f"{hidden.status_code} hidden, {said}"
        body = missing.content
        for name, value in thing.names.items():
            for written in (str, quote, lambda text: quote(text, safe="")):
                body = body.replace(written(names[name]).encode(), written(value).encode())
        if body != hidden.content:
            return f"hidden it says {hidden.content[-300:]!r}, never there {body[-300:]!r}"
        if _headers(missing) != _headers(hidden):
            return f"headers {_headers(hidden)} hidden, {_headers(missing)} never there"
        return ""


def ask(world: MatrixNode, who: str, line: Line, names: dict[str, str]) -> Answer:
    sent = line.sent(names)
    return world.ask(who, line.method, line.address(names), sent, line.form, **line.headers)


def _fault(line: Line, thing: Thing, said: str, answer: Answer) -> str:
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


def _code(answer: Answer) -> str:
    if b"urn:earthcommons:problem" not in answer.content[:200]:
        return ""
    found = re.search(rb"urn:earthcommons:problem:([a-z-]+)", answer.content)
    return found[1].decode() if found else ""


def never(names: dict[str, str]) -> dict[str, str]:
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


def _headers(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k not in ("date", "content-length")}


def leaks(
    world: MatrixNode, who: str, lines: Sequence[Line] = TABLE, *, first: bool = False
) -> list[str]:
    """Return every answer to a party that holds a word of what it may not find or fetch."""
    found: list[str] = []
    marks = hidden_marks(world, parties()[who])
    for path in _paths(world, lines):
        for headers in ({}, {"range": "bytes=0-9"}) if path.startswith("/objects") else ({},):
            if not (first and found):
                answer = world.ask(who, "GET", path, None, None, **headers)
                found += _in(path, answer, marks)
    for body in _searches():
        found += _in(str(body), world.ask(who, "POST", "/stac/search", body), marks)
    return found


def hidden_marks(world: MatrixNode, party: Party | None) -> list[str]:
    """Return the words of all that a party may not find, but none of what it may."""
    reading, at = party or PUBLIC, moment()
    if reading.scopes is not None and "read" not in reading.scopes:
        reading = PUBLIC
    hidden = {m for t in world.things if not satisfies(reading, t.label, at) for m in t.marks}
    seen = {m for t in world.things if satisfies(reading, t.label, at) for m in t.marks}
    return sorted(hidden - seen) + digests_kept_back(world, reading)


def digests_kept_back(world: MatrixNode, reading: Party) -> list[str]:
    """Return the beginnings of the digests of items of which a party sees a part, or nothing."""
    closed = {
        f"{case.word('coll')}/{case.word(kind)}"
        for case in CASES
        for kind in ("ras", "cub", "tab")
        if not satisfies(reading, case.source_label, moment())
    }
    return [
        digest[:16]
        for name in sorted(closed)
        for digest in world.node.catalog.settled("item", name).values()
    ]


def _in(asked: str, answer: Answer, marks: Iterable[str]) -> list[str]:
    text = answer.text + str(answer.headers)
    if "zq" not in text:
        marks = [mark for mark in marks if "zq" not in mark]
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
    """Return an address for every route that is read; of the whole table, all but those.

    `statuses` has asked for them in English; here are the other language, and many searches.
    """
    found = [
        line.address(thing.names)
        for line, thing in cells(world, lines)
        if line.method == "GET" and line.path != "/reports/{key}.{lang}.pdf"
    ]
    if len(lines) < len(TABLE):
        return found
    return [
        *(p.replace("/en", "/zh", 1) for p in found if p.startswith("/en")),
        *(p.replace(".en.", ".zh.") for p in found if ".en." in p),
        *(p for p in found if p.startswith("/objects")),
        *_queries(),
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
        page = world.ask(who, "GET", href).json()
        found += [feature["id"] for feature in page["features"]]
    return found
