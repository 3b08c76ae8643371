"""Data: search with facets, a map of footprints and a timeline; the address holds everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.catalog import ItemQuery
from earthcommons.catalog.queries import Matched, SortKey
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
from earthcommons.model.geodesy import BBox
from earthcommons.model.period import Period
from earthcommons.web.pages.footprints import coastlines, footprint, footprint_words
from earthcommons.web.pages.record import title_of
from earthcommons.web.pages.rule_page import collection_rule
from earthcommons.web.pages.timeline import timeline
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from earthcommons.catalog.facets import Facets
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["Asked", "add_to", "count_words"]

_PAGE = 20
_VALUES = 12
_FACETS = ("theme", "sdg", "format", "licence", "region")
_EDGES = ("west", "south", "east", "north")
_SORTS: dict[str, tuple[SortKey, ...]] = {
    "newest": (),
    "oldest": (SortKey("end_datetime"),),
    "title": (SortKey("title"),),
}
_CHIPS = ("collection", *_FACETS, "year", "nature", "from", "to", "box")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a search asks for, as texts."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """Return a part of the question; empty where it is not asked."""
        return self.values.get(name, "")

    def address(self, lang: str, **changes: str) -> str:
        """Return the address of the search with parts changed; an empty one is taken away.

        A page belongs to its question: it is left where anything else changes.
        """
        parts = {**self.values, "token": "", **changes}
        if "box" in changes:
            parts = {k: v for k, v in parts.items() if k not in (*_EDGES, "box")}
        text = urlencode({key: value for key, value in parts.items() if value})
        return f"/{lang}/data?{text}" if text else f"/{lang}/data"

    def box(self) -> BBox | None:
        """Return the box asked for.

        Raises:
            InvalidInputError: not four numbers, or no box.
        """
        texts = [self[edge] for edge in _EDGES]
        if not any(texts):
            return None
        try:
            return BBox.of([float(text) for text in texts])
        except ValueError as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError("a box needs four numbers", code="bad-bbox") from error

    def query(self) -> ItemQuery:
        """Return the question the catalogue is asked.

        Raises:
            InvalidInputError: a part does not fit.
        """
        tests: list[dict[str, Any]] = [
            {"op": "a_contains", "args": [{"property": f"ec:{name}"}, [self[name]]]}
            for name in _FACETS
            if self[name]
        ]
        if self["nature"]:
            tests.append({"op": "=", "args": [{"property": "ec:nature"}, self["nature"]]})
        if year := self["year"]:
            if not (year.isdecimal() and len(year) == 4):
                raise InvalidInputError(f"year {year[:20]!r}: write four digits")
            ends = [
                {"timestamp": f"{year}-{end}Z"} for end in ("01-01T00:00:00", "12-31T23:59:59")
            ]
            tests.append({"op": "between", "args": [{"property": "end_datetime"}, *ends]})
        if self["sort"] not in (*_SORTS, ""):
            raise InvalidInputError(f"sort {self['sort'][:20]!r}: one of {', '.join(_SORTS)}")
        return ItemQuery(
            collections=(self["collection"],) if self["collection"] else (),
            bbox=self.box(),
            first=_seconds(self["from"], last=False),
            last=_seconds(self["to"], last=True),
            text=self["q"],
            filter=tests[0]
            if len(tests) == 1
            else {"op": "and", "args": tests}
            if tests
            else None,
            sort=_SORTS[self["sort"] or "newest"],
            limit=_PAGE,
            token=self["token"],
        )


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page of the search."""

    @router.get("/{lang:lang}/data")
    def data(request: Request, lang: str) -> Response:
        names = (
            "q", "collection", *_FACETS, "year", "nature", "from", "to", *_EDGES, "sort", "token",
            "done",
        )  # fmt: skip
        values = {name: text.strip() for name, text in known(request, names).items()}
        done = values.pop("done", "") == "rule-set"
        asked = Asked({name: text for name, text in values.items() if text})
        return _search(site, request, lang, asked, done=done)


def count_words(words: Words, count: Matched) -> str:
    """Return how many match: the number where it is known, else about how many and the bounds."""
    if count.exact == 1:
        return words["data_found_one"]
    if count.exact is not None:
        return words("data_found", n=f"{count.exact:,}")
    low, high = f"{count.low:,}", f"{count.high:,}"
    if count.guess is None:
        return words("data_found_between", low=low, high=high)
    return words("data_found_about", n=f"{_round(count.guess):,}", low=low, high=high)


def _search(site: Site, request: Request, lang: str, asked: Asked, *, done: bool) -> Response:
    words, query = site.words[lang], asked.query()
    page = site.catalog.items(query)
    items = [orjson.loads(body) for body in page.bodies]
    facets = site.catalog.facets(query)
    count = page.bound or Matched.exactly(page.matched or 0)
    titles = _collections(site, lang)
    box = query.bbox
    chips = _chips(asked, site, words, titles, lang)
    return site.page(
        request,
        lang,
        "data.html",
        title=titles.get(asked["collection"], words["data_title"]),
        nav="data",
        trail=[(f"/{lang}/data", words["data_title"])] if asked["collection"] in titles else [],
        links=[
            (f"/stac/search{_stac(asked)}", "application/geo+json", "STAC"),
            ("/stac/", "application/json", "STAC API"),
        ],
        done=words["done_rule-set"] if done else "",
        asked=asked,
        found=count_words(words, count),
        collection=_collection(site, asked["collection"], words),
        chips=chips,
        # Words are asked for in their own field.
        narrowed=len(chips) - bool(asked["q"]),
        kept=[(k, v) for k, v in asked.values.items() if k not in ("q", "sort", "token")],
        keep_for_place=[
            (k, v)
            for k, v in asked.values.items()
            if k not in (*_EDGES, "from", "to", "collection", "token")
        ],
        facets=_facets(facets, asked, site, words, lang),
        collections=sorted(titles.items(), key=lambda each: words.order(each[1])),
        years=timeline(facets["year"], asked["year"]),
        year_address={year: asked.address(lang, year=year) for year in facets["year"]},
        land=coastlines(site),
        boxes=[b for item in items for b in footprint(item.get("bbox") or ())],
        asked_box=footprint(box.as_list()) if box else [],
        edges=[(edge, asked[edge], words[f"edge_{edge}"]) for edge in _EDGES],
        sorts=[(name, words[f"sort_{name}"]) for name in _SORTS],
        hits=[_hit(item, words, titles) for item in items],
        first=asked.address(lang) if asked["token"] else "",
        further=asked.address(lang, token=page.token) if page.token else "",
    )


def _stac(asked: Asked) -> str:
    """Return the parts of a question that the STAC search asks in the same way."""
    parts: dict[str, str] = {"q": asked["q"], "collections": asked["collection"]}
    if box := asked.box():
        parts["bbox"] = ",".join(f"{edge:g}" for edge in box.as_list())
    text = urlencode({key: value for key, value in parts.items() if value})
    return f"?{text}" if text else ""


def _seconds(text: str, *, last: bool) -> int | None:
    """Return the first or last second of a year, month or day."""
    if not text:
        return None
    if "/" in text:
        raise InvalidInputError(f"{text[:40]!r}: write one year, month or day")
    period = Period.parse(text)
    return int((period.last_time if last else period.start_time).timestamp())


def _round(count: int) -> int:
    """Return a count with two figures that say something."""
    digits = max(len(str(count)) - 2, 0)
    return round(count, -digits)


def _chips(
    asked: Asked, site: Site, words: Words, titles: Mapping[str, str], lang: str
) -> list[dict[str, Any]]:
    found = []
    if asked["q"]:
        found.append((words["search_words"], asked["q"], asked.address(lang, q=""), True))
    for name in _CHIPS:
        if name == "box":
            if any(asked[edge] for edge in _EDGES):
                box = asked.box()
                text = footprint_words(box.as_list(), words) if box else ""
                found.append((words["place"], text, asked.address(lang, box=""), False))
            continue
        if value := asked[name]:
            if name == "collection":
                said, foreign = titles.get(value, value), False
            else:
                said, foreign = value_words(site, words, name, value)
            away = asked.address(lang, **{name: ""})
            found.append((words[f"facet_{name}"], said, away, foreign))
    return [
        {"facet": facet, "text": text, "href": href, "foreign": foreign}
        for facet, text, href, foreign in found
    ]


def _facets(
    facets: Facets, asked: Asked, site: Site, words: Words, lang: str
) -> list[dict[str, Any]]:
    found = []
    for name in _FACETS:
        entries = [
            {
                "label": said,
                "foreign": foreign,
                "count": _short(count, words),
                "current": asked[name] == value,
                "href": asked.address(lang, **{name: "" if asked[name] == value else value}),
            }
            for value, count in list(facets[name].items())[:_VALUES]
            if count.high
            for said, foreign in [value_words(site, words, name, value)]
        ]
        if entries:
            found.append({"title": words[f"facet_{name}"], "entries": entries})
    return found


def value_words(site: Site, words: Words, facet: str, value: str) -> tuple[str, bool]:
    """Return a value of a facet in words, and whether they are others' own, shown as stated."""
    match facet:
        case "region":
            return site.region_name(value, words.lang), False
        case "theme":
            said = words.theme(value)
        case "sdg":
            said = words.goal(value)
        case "format" | "nature":
            said = words.named(f"format-{value}" if facet == "format" else value, "")
        case _:
            return value, False
    return said or value, not said


def _short(count: Matched, words: Words) -> str:
    if count.exact is not None:
        return f"{count.exact:,}"
    if count.guess is not None:
        return words("count_about", n=f"{_round(count.guess):,}")
    return words("count_between", low=f"{count.low:,}", high=f"{count.high:,}")


def _collection(site: Site, name: str, words: Words) -> dict[str, Any] | None:
    """Return what a search within one collection says of it first; None where there is none."""
    if not name:
        return None
    try:
        body = site.catalog.get("collection", name)
    except (NotFoundError, GoneError):
        return None
    other = body.get("description_zh") if words.lang == "zh" else ""
    return {
        "about": str(other or body.get("description") or ""),
        "rule": collection_rule(site, name, words),
    }


def _collections(site: Site, lang: str) -> dict[str, str]:
    """Return what each collection is called."""
    return {
        str(body["id"]): str(
            (body.get("title_zh") if lang == "zh" else "") or body.get("title") or body["id"]
        )
        for body in site.all_of("collection")
    }


def _hit(item: Row, words: Words, titles: Mapping[str, str]) -> dict[str, Any]:
    facts, zh = item["properties"], words.lang == "zh"
    box: Sequence[float] = item.get("bbox") or ()
    first = str(facts.get("start_datetime") or facts.get("datetime") or "")[:10]
    return {
        "href": f"/{words.lang}/data/{item['collection']}/{item['id']}",
        "title": title_of(item, words),
        "about": str(
            (facts.get("description_zh") if zh else "") or facts.get("description") or ""
        ),
        "when": words.when(facts["ec:period"]) if facts.get("ec:period") else first,
        "nature": words.kind(facts["ec:nature"]) if facts.get("ec:nature") else "",
        "licence": str(facts.get("ec:licence_name") or facts.get("license") or ""),
        "collection": titles.get(item["collection"], item["collection"]),
        "withheld": sorted(item.get("ec:withheld") or ()),
        "boxes": footprint(box),
        "alt": footprint_words(box, words),
    }
