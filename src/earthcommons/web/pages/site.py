"""What all pages stand on: the node, its values and regions kept by version, and the one answer."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi.responses import Response
from jinja2 import DictLoader, Environment, StrictUndefined

from earthcommons.catalog import RecordQuery
from earthcommons.commons.stories.values import every_value
from earthcommons.errors import NotFoundError
from earthcommons.indicators import INDICATOR_KEYS, find_indicator
from earthcommons.model.canonical import digest_of
from earthcommons.policy import acting_party
from earthcommons.web.places import PLACES, Places
from earthcommons.web.signing_in import SigningIn
from earthcommons.web.words import LANGUAGES, Words, other_language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import Request

    from earthcommons.commons import Node
    from earthcommons.model.indicator import Indicator
    from earthcommons.model.record import Change
    from earthcommons.model.region import Region
    from earthcommons.web.pages.view import Row

__all__ = ["Kept", "Link", "Progress", "Site", "compressed"]

Progress = tuple[int, int, str]
T = TypeVar("T")
# Address, media type, words.
Link = tuple[str, str, str]
_NAV = (
    ("home", "/"), ("map", "/map"), ("places", "/places"), ("indicators", "/indicators"),
    ("alerts", "/alerts"), ("data", "/data"), ("technology", "/technology"),
    ("reports", "/reports"), ("node", "/node"),
)  # fmt: skip
_SMALL = 1024


class Kept:
    """What was made last, up to a number of entries; the oldest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Any, make: Callable[[], T]) -> T:
        """Return the entry, made when it is not there; two makers at once do no harm."""
        with self._lock:
            if name in self._entries:
                self._entries.move_to_end(name)
                known: T = self._entries[name]
                return known
        made = make()
        with self._lock:
            self._entries[name] = made
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        return made


class Site:
    """A node as its pages read it."""

    def __init__(
        self,
        node: Node,
        progress: Callable[[], Progress | None] | None = None,
        places: Places | None = None,
        signing_in: SigningIn | None = None,
    ) -> None:
        """Read a node; `demonstration` says whether the sample pack is on it, or comes there."""
        self.node = node
        self.catalog = node.catalog
        self.signing_in = signing_in or SigningIn(node)
        self.places = places or Places(node)
        self.words = {lang: Words(lang) for lang in LANGUAGES}
        self.pictures = Kept(96)
        self.drawings = Kept(256)
        self._values = Kept(32)
        self._progress = progress
        # Asked before the first reader comes: no answer may take work that the next one does not.
        self.demonstration = progress is not None or _has_sample_pack(node)

    def progress(self) -> Progress | None:
        """Return how far the node's build is, or None when nothing is being built."""
        return None if self._progress is None else self._progress()

    # Values.

    def indicators(self) -> tuple[Indicator, ...]:
        """Return the declarations of all indicators."""
        return tuple(find_indicator(key) for key in INDICATOR_KEYS)

    def run_of(self, key: str) -> str:
        """Return the id of an indicator's published run, or an empty string."""
        try:
            return str(self.catalog.get("series", key)["run"])
        except NotFoundError:
            return ""

    def values(self, key: str) -> dict[str, list[Row]]:
        """Return all published observations of an indicator by region; none is an empty dict."""
        run = self.run_of(key)
        if not run or key not in INDICATOR_KEYS:
            return {}

        def read() -> dict[str, list[Row]]:
            found: dict[str, list[Row]] = {}
            for row in every_value(self.node, key):
                found.setdefault(row["region"], []).append(row)
            return found

        return self._values.get((key, run), read)

    def at(self, key: str, region: str) -> list[Row]:
        """Return an indicator's observations at one place."""
        return self.values(key).get(region, [])

    def find_row(
        self, key: str, region: str, period: str, dimensions: Mapping[str, str]
    ) -> Row | None:
        """Return one published observation, or None."""
        for row in self.at(key, region):
            if row["period"] == period and row["dimensions"] == dict(dimensions):
                return row
        return None

    def alerts_version(self) -> str:
        """Return what changes when an alert does: charts show how long alerts stood."""
        found = sorted(f"{a['id']}{a['start']}{a['end']}" for a in self.all_of("alert"))
        return digest_of("".join(found).encode())[:16]

    # Regions.

    def regions(self) -> list[Region]:
        """Return all regions of the published sets: countries and groups, then named places."""
        found: list[Region] = []
        for name in ("", PLACES):
            try:
                found += self.places.region_set(name).regions.values()
            except NotFoundError:
                continue
        return found

    def region_name(self, id_: str, lang: str) -> str:
        """Return what a region is called, or its id where no set knows it."""
        try:
            return self.places.find(id_).name(lang)
        except NotFoundError:
            pass
        # Sets beside those that the pages of places stand on.
        for body in self.all_of("region-set"):
            try:
                return self.places.region_set(str(body["id"])).find(id_).name(lang)
            except NotFoundError:
                continue
        return id_

    # Records.

    def all_of(self, kind: str) -> list[Row]:
        """Return every public record of a kind that comes in tens."""
        return self.catalog.all(kind)

    def some_of(self, kind: str, **asked: Any) -> tuple[list[Row], int, str]:
        """Return a page of records, how many match, and the token of the next page."""
        page = self.catalog.records(RecordQuery(kind, **asked))
        return [orjson.loads(body) for body in page.bodies], page.matched or 0, page.token

    def item(self, name: str) -> Row | None:
        """Return an item anybody may see, or None."""
        try:
            return self.catalog.get("item", name)
        except NotFoundError:
            return None

    def changes(self, limit: int, skip: int = 0) -> list[Change]:
        """Return the newest changes of records the asker may see, newest first, without `skip`."""
        return list(self.catalog.newest_changes(limit, skip))

    # Answers.

    def page(
        self,
        request: Request,
        lang: str,
        template: str,
        *,
        title: str,
        nav: str = "",
        links: Sequence[Link] = (),
        trail: Sequence[tuple[str, str]] = (),
        canonical: str = "",
        status: int = 200,
        refresh: int = 0,
        **facts: Any,
    ) -> Response:
        """Answer with a page.

        Args:
            request: what is answered.
            lang: language of the page.
            template: its name.
            title: its one heading.
            nav: which entry of the navigation it stands under.
            links: the same data in other forms.
            trail: (address, words) of the pages above it.
            canonical: its one address after the language, when it has several.
            status: HTTP status.
            refresh: seconds after which the page reads itself again; 0 for never.
            facts: what the template names.
        """
        words = self.words[lang]
        path = request.url.path[len(f"/{lang}") :]
        query = f"?{request.url.query}" if request.url.query else ""
        html = (
            _templates()
            .get_template(template)
            .render(
                w=words,
                lang=lang,
                lang_tag="zh-Hans" if lang == "zh" else "en",
                other=other_language(lang),
                here=f"{path}{query}",
                canonical=canonical or path or "/",
                title=title,
                nav=nav,
                menu=[(key, f"/{lang}{'/' if end == '/' else end}") for key, end in _NAV],
                links=links,
                trail=trail,
                node_name=self.node.settings.name,
                demonstration=self.demonstration,
                base=self.node.settings.url,
                me=acting_party(),
                # Where to go on to after signing in: only a page that can be asked for again.
                again=request.method == "GET" and path not in ("/sign-in", "/account"),
                refresh=refresh,
                status=status,
                **facts,
            )
        )
        return compressed(request, html.encode(), "text/html; charset=utf-8", status=status)

    def fragment(self, request: Request, lang: str, template: str, **facts: Any) -> Response:
        """Answer with a part of a page, for an element that opens in place."""
        html = (
            _templates().get_template(template).render(w=self.words[lang], lang=lang, **facts)
        )
        return compressed(request, html.encode(), "text/html; charset=utf-8")


@cache
def _templates() -> Environment:
    """Compile nothing twice: whoever serves several nodes in one process has them once."""
    folder = resources.files("earthcommons.web") / "templates"
    texts = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".html")
    }
    made = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["query"] = lambda pairs: urlencode({k: v for k, v in pairs.items() if v})
    made.filters["json_script"] = _json_script
    return made


def _has_sample_pack(node: Node) -> bool:
    from earthcommons.commons.demonstration.sources import load_pieces

    # Outlines of countries serve any node.
    return any(
        piece.collection != "regions"
        and node.catalog.version("item", f"{piece.collection}/{piece.id}") is not None
        for piece in load_pieces()
    )


def compressed(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with gzip where the asker takes it and it saves something."""
    sent = {"vary": "accept-encoding", **(headers or {})}
    if len(body) > _SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=4, mtime=0)
        sent["content-encoding"] = "gzip"
    return Response(body, status_code=status, media_type=media_type, headers=sent)


def _json_script(value: Any) -> Any:
    """JSON that may stand inside a script element: `<` cannot end it."""
    from markupsafe import Markup

    # Safe by construction: inside application/json only `<` could begin something else.
    return Markup(orjson.dumps(value).decode().replace("<", "\\u003c"))  # noqa: S704
