"""Which thing each route addresses and what it asks for: one line for every route.

A route without a line fails `test_every_route_has_a_line_and_every_line_a_route`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.errors import ConflictError
from earthcommons.model.party import PUBLIC
from earthcommons.policy import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fastapi import FastAPI
    from tests.web.matrix_node import Thing

    from earthcommons.model.party import Party
    from earthcommons.policy import Action

__all__ = ["NOTHING", "TABLE", "WOULD_WRITE", "Line", "expected", "routes_of", "would_write"]

WOULD_WRITE = "would-write"
# The address of what no record stands for.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Line:
    """What one route asks.

    Attributes:
        method, path: the route.
        kinds: kinds of things its path addresses; `nothing` where it addresses none.
        action: what it does to them.
        ok: statuses of whoever may; 409 with the code `would-write` stands for a change made.
        account: whether somebody without an account is asked who they are.
        hand: whether a key needs the scope `admin` for it, since it acts on the account.
        author: whether only who wrote the thing, or an operator, may.
        reads: whether a key needs the scope `read` besides that of the action.
        bytes_too: whether the label of the bytes is asked for besides.
        query, body, form, headers, names: what is sent; names of a thing may stand in it.
        gone: statuses of whoever may, where the thing was withdrawn.
    """

    method: str
    path: str
    kinds: tuple[str, ...] = (NOTHING,)
    action: Action = "read"
    ok: tuple[int, ...] = (200,)
    account: bool = False
    hand: bool = False
    author: bool = False
    reads: bool = False
    bytes_too: bool = False
    query: str = ""
    body: Any = None
    form: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    gone: tuple[int, ...] = (410,)

    def address(self, names: dict[str, str]) -> str:
        """Return path and query with names in the place of parameters."""
        text = self.path + self.query
        for name, value in {**self.names, **names}.items():
            for form in (f"{{{name}}}", f"{{{name}:path}}"):
                text = text.replace(form, value)
        for name, value in (("lang:lang", "en"), ("lang", "en"), ("rest:path", "no/such")):
            text = text.replace(f"{{{name}}}", value)
        return text

    def sent(self, names: dict[str, str]) -> Any:
        """Return the body with names put in."""
        if not isinstance(self.body, dict):
            return self.body
        return {
            key: value.format(**names) if isinstance(value, str) else value
            for key, value in self.body.items()
        }


def expected(
    line: Line, party: Party | None, thing: Thing, at: datetime
) -> Literal["who", "hidden", "refused", "allowed"]:
    """Return what the policy says of a request.

    A key without the scope `read` reads what everybody reads.
    """
    if party is None or (line.account and not party.registered):
        return "who"
    lacking = party.scopes is not None and "read" not in party.scopes
    reading = PUBLIC if lacking else party
    seen = decide(reading, "read", thing.label, owner=thing.owner, at=at)
    if not seen.visible or (thing.alone and party.id != thing.author):
        return "hidden"
    needs = thing.needs if line.bytes_too else "open"
    who = reading if line.action in ("read", "fetch") else party
    found = decide(who, line.action, thing.label, needs=needs, owner=thing.owner, at=at)
    allowed = found.allowed
    if line.hand and party.scopes is not None:
        allowed = allowed and "admin" in party.scopes
    if line.reads and lacking:
        allowed = False
    if line.author:
        allowed = allowed and (who.id == thing.author or "operator" in who.roles)
    return "allowed" if allowed else "refused"


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Return method and path of every route, also of routers within routers."""
    return {
        (method, route.path) for route in _flat(app.routes) for method in route.methods or ()
    }


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "effective_candidates"):
            yield from _flat(route.effective_candidates())
        else:
            yield route


def would_write() -> ConflictError:
    """Return the error that takes back every change of a request that was let through."""
    return ConflictError("let through", code=WOULD_WRITE)


_WRITES = (409,)
_NAMED = ("item", "collection")
_RECORDS = (*_NAMED, "gone", "run", "watch", "alert", "report", "erratum")
_IN_GROUP = ("group",)
_TUS = {"tus-resumable": "1.0.0"}
_EDIT: dict[str, Any] = {"action": "submit", "author": True, "ok": _WRITES}
_REVIEW: dict[str, Any] = {"action": "review", "ok": (409,)}
_AT = "/api/records/{kind}/{name:path}"
_LEVEL = "grain=year&dim.measure=level"


def _get(path: str, *kinds: str, **more: Any) -> Line:
    return Line("GET", path, kinds or (NOTHING,), **more)


def _open() -> list[Line]:
    """Routes that address no record: what they list is swept for leaks."""
    plain = (
        "/openapi.json", "/stac", "/stac/", "/stac/conformance", "/stac/collections",
        "/stac/queryables", "/stac/sortables", "/stac/aggregations", "/stac/aggregate",
        "/stac/search", "/health", "/api/regions", "/api/regions.geojson", "/api/indicators",
        "/api/observations", "/api/observations.csv", "/api/alerts", "/api/watches",
        "/api/reports", "/api/offers", "/api/needs", "/api/me", "/api/drafts", "/icon.svg",
        "/favicon.ico", "/figures/sea-regions.geojson", "/{lang:lang}/", "/{lang:lang}",
        "/{lang:lang}/map", "/{lang:lang}/places", "/{lang:lang}/indicators",
        "/{lang:lang}/alerts", "/{lang:lang}/data", "/{lang:lang}/technology",
        "/{lang:lang}/reports", "/{lang:lang}/node",
    )  # fmt: skip
    return [
        *(_get(path) for path in plain),
        Line("POST", "/stac/search", body={}),
        _get("/", ok=(302,)),
        _get("/api/disputed-lines.geojson", ok=(404,)),
        _get("/api/indicators/{key}", names={"key": "warming"}),
        _get("/{lang:lang}/indicators/{key}", names={"key": "warming"}),
        _get("/{lang:lang}/places/{name}", names={"name": "m49:900"}),
        _get("/{lang:lang}/{rest:path}", ok=(404,)),
        _get("/static/{name:path}", names={"name": "no.js"}, ok=(404,)),
        Line("HEAD", "/static/{name:path}", names={"name": "no.js"}, ok=(404,)),
        _get("/figures/split/{region}.{lang}.svg", names={"region": "m49:900"}, ok=(404,)),
        _get("/figures/sea-temperature/{month}.{lang}.svg", names={"month": "2015-11"},
             ok=(404,)),
        _get("/l/{token}", names={"token": "x"}, ok=(404,)),
        Line("HEAD", "/l/{token}", names={"token": "x"}, ok=(404,)),
        _get("/l/{token}/{inner:path}", names={"token": "x", "inner": "y"}, ok=(404,)),
        Line("HEAD", "/l/{token}/{inner:path}", names={"token": "x", "inner": "y"}, ok=(404,)),
        Line("OPTIONS", "/api/uploads", ok=(204,)),
        Line("OPTIONS", "/api/uploads/{id}", names={"id": "x"}, ok=(204,)),
        Line("DELETE", "/api/session", ok=(204, 409)),
    ]  # fmt: skip


def _people() -> list[Line]:
    """Routes about the asker's own account."""
    mine: dict[str, Any] = {"account": True}
    return [
        _get("/api/me/keys", **mine),
        Line("POST", "/api/session", body={"account": "eve", "password": "guessed"},
             ok=(401, 429)),
        Line("POST", "/api/me/licences", body={"licence": "by-sa"}, ok=_WRITES, hand=True,
             **mine),
        Line("POST", "/api/me/keys", body={"scopes": [], "days": 1}, ok=(400,), hand=True,
             **mine),
        Line("DELETE", "/api/me/keys/{name}", ("key",), ok=_WRITES, hand=True, **mine),
        Line("POST", "/api/uploads", headers=_TUS, ok=(400,), **mine),
        Line("HEAD", "/api/uploads/{id}", ("upload",), headers=_TUS, **mine),
        Line("PATCH", "/api/uploads/{id}", ("nobody",), ok=(415,), headers=_TUS, **mine),
        Line("DELETE", "/api/uploads/{id}", ("nobody",), ok=(404,), headers=_TUS, **mine),
        Line("POST", "/api/links", ("item",), "fetch", ok=_WRITES, bytes_too=True, **mine,
             body={"kind": "item", "name": "{name}", "asset": "data", "seconds": 60}),
    ]  # fmt: skip


_BYTES = (("/objects/{key}", "object"), ("/objects/{key}/{inner:path}", "part"))


def _stac() -> list[Line]:
    """Routes of collections and items, and their bytes."""
    collection, item = "/stac/collections/{collection}", "/stac/collections/{collection}/items"
    write: dict[str, Any] = {"action": "publish", "ok": (428,)}
    layer: dict[str, Any] = {"action": "fetch", "bytes_too": True}
    tiles = "/tiles/{collection}/{item}/{asset}"
    new = {
        "type": "Collection", "stac_version": "1.1.0", "id": "zqnew", "ec:owner": "hydro",
        "title": "New", "description": "New.", "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]},
                   "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]}},
    }  # fmt: skip
    return [
        _get(collection, "collection"),
        _get(f"{collection}/queryables", "collection"),
        _get(f"{collection}/sortables", "collection"),
        _get(item, "collection"),
        _get(f"{item}/{{item}}", "item", "gone"),
        Line("POST", "/stac/collections", _IN_GROUP, "publish", _WRITES, body=new),
        Line("PUT", collection, ("collection",), body={}, **write),
        Line("PATCH", collection, ("collection",), body={}, **write),
        Line("DELETE", collection, ("collection",), **write),
        Line("POST", item, ("collection",), "publish", (400, 422), body={"type": "Feature"}),
        Line("PUT", f"{item}/{{item}}", ("item",), body={}, **write),
        Line("PATCH", f"{item}/{{item}}", ("item",), body={}, **write),
        Line("DELETE", f"{item}/{{item}}", ("item",), **write),
        *(
            Line(method, path, (kind,), "read")
            for method in ("GET", "HEAD")
            for path, kind in _BYTES
        ),
        _get(f"{tiles}/{{z}}/{{x}}/{{y}}.png", "layer", **layer,
             names={"z": "0", "x": "0", "y": "0"}),
        _get(f"{tiles}/tilejson.json", "layer", **layer),
        _get(f"{tiles}/legend.json", "layer", **layer),
    ]  # fmt: skip


def _derived() -> list[Line]:
    """Routes of what was computed."""
    one = "/api/observations/{id}"
    series = "/figures/series/{indicator}/{region}.{lang}.svg"
    return [
        _get(one, "observation"),
        _get(f"{one}/trace", "observation"),
        # There is no number to compute again; that is said to whoever may have the cells.
        _get(f"{one}/capsule", "missing", action="fetch", bytes_too=True, ok=(400,)),
        Line("POST", f"{one}/verify", ("observation",), ok=(400, 404)),
        _get("/api/reports/{key}", "report"),
        _get("/reports/{key}.{lang}.pdf", "report"),
        _get("/api/needs/{id}/candidates", "need"),
        _get(series, "observation", query=f"?{_LEVEL}"),
        _get("/figures/map/{indicator}.{lang}.svg", "map", query="?period=2008&dim.measure=level"),
        _get("/figures/report/{key}/{figure}.{lang}.svg", "report", names={"figure": "f"},
             ok=(404,)),
        _get("/{lang:lang}/why/{id}", "observation"),
        _get("/{lang:lang}/watches/{key}", "watch"),
        _get("/{lang:lang}/regions/{name}", "region-set"),
        _get("/{lang:lang}/data/{collection}/{item}", "item", "gone"),
        _get("/{lang:lang}/reports/{key}", "report"),
        _get("/{lang:lang}/technology/needs/{id}", "need"),
        _get("/{lang:lang}/technology/offers/{id}", "offer"),
    ]  # fmt: skip


def _life() -> list[Line]:
    """Routes of a record's life, and of drafts."""
    drafts, draft = "/api/drafts", "/api/drafts/{id}"
    fresh = {"collection": "zqfresh", "item": "x", "group": "hydro"}
    said = {"text": "Why?"}
    many = {"collection": "zqfresh", "files": [], "group": "hydro"}
    return [
        _get(f"{_AT}/versions", *_RECORDS, names={}, gone=(200,)),
        _get(f"{_AT}/versions/{{version}}", *_RECORDS, "past", names={"version": "1"}),
        _get("/api/citation/{collection}/{item}", "item", "gone"),
        _get(f"{_AT}/access", *_NAMED),
        Line("PUT", f"{_AT}/access", _NAMED, "manage", _WRITES,
             body={"find": "open", "fetch": "open"}),
        Line("POST", f"{_AT}/withdraw", _NAMED, "withdraw", (400, 409), body={"reason": "error"}),
        Line("POST", f"{_AT}/errata", _NAMED, "publish", _WRITES, body={"en": "Mended."}),
        _get(f"{_AT}/resting", *_NAMED, action="withdraw"),
        Line("POST", f"{_AT}/recall", _NAMED, "withdraw", _WRITES, body={"reason": "Wrong."}),
        _get("/api/recalls/{id}", "recall"),
        Line("POST", drafts, _IN_GROUP, "submit", _WRITES, body=fresh, reads=True),
        # Without a file nothing is begun; with one it is a draft like any other.
        Line("POST", f"{drafts}/from-uploads", ok=(201,), body=many),
        _get(draft, "draft"),
        Line("PATCH", draft, ("draft",), body={"metadata": {"doi": "10.1/x"}}, **_EDIT),
        Line("DELETE", draft, ("draft",), **_EDIT),
        Line("POST", f"{draft}/files", ("draft",), body={"upload": "x"}, **_EDIT | {"ok": (404,)}),
        Line("DELETE", f"{draft}/files/{{name}}", ("draft",), **_EDIT | {"ok": (404,)}),
        Line("POST", f"{draft}/look", ("draft",), **_EDIT | {"ok": (400,)}),
        Line("POST", f"{draft}/submit", ("draft",), **_EDIT | {"ok": (400,)}),
        Line("POST", f"{draft}/comments", ("draft",), "submit", _WRITES, body=said),
        Line("POST", f"{draft}/accept", ("draft",), **_REVIEW),
        Line("POST", f"{draft}/changes", ("draft",), body=said, **_REVIEW),
        Line("POST", f"{draft}/decline", ("draft",), body=said, **_REVIEW),
    ]  # fmt: skip


def _pages() -> list[Line]:
    """Pages for accounts, and the forms on them, sent as from this node's own pages."""
    at, record = "/{lang:lang}", "/{lang:lang}/data/{collection}/{item}"
    mine: dict[str, Any] = {"account": True}
    node: dict[str, Any] = {"kinds": ("node",), "action": "administer", **mine}
    item: dict[str, Any] = {"kinds": ("item",), **mine}
    draft: dict[str, Any] = {"kinds": ("draft",), **mine}

    def post(path: str, ok: tuple[int, ...], form: dict[str, str], **more: Any) -> Line:
        own = {"origin": "http://127.0.0.1:8124"}
        return Line("POST", path, ok=ok, form=form, headers=own, **more)

    group = {"what": "add-group", "group": "zqfresh", "title_en": "Fresh"}
    nobody: dict[str, Any] = {"kinds": ("nobody",), **mine}
    return [
        _get(f"{at}/sign-in"),
        post(f"{at}/sign-in", (401, 429), {"account": "eve", "password": "guessed"}),
        post(f"{at}/sign-out", (303, 409), {}),
        *(_get(f"{at}/{name}", **mine) for name in ("account", "drafts", "publish")),
        post(f"{at}/account/keys", (400,), {}, **mine),
        post(f"{at}/account/keys/{{name}}/revoke", (404,), {}, names={"name": "x"}, **nobody),
        post(f"{at}/account/licences", _WRITES, {"licence": "by-sa"}, hand=True, **mine),
        post(f"{at}/account/password", (400, 429), {"before": "a", "after": "b"}, **mine),
        post(f"{at}/publish", (400,), {}, **mine),
        Line("GET", f"{at}/people", **node),
        post(f"{at}/people", _WRITES, group, **node),
        Line("GET", f"{at}/audit", **node),
        _get(f"{at}/recalls/{{id}}", "recall"),
        _get("/api/oidc/login", ok=(404,)),
        _get("/api/oidc/callback", ok=(404,)),
        Line("GET", f"{at}/drafts/{{id}}", **draft),
        # The form's rule is read before its draft; `PATCH /api/drafts/{id}` asks who may.
        post(f"{at}/drafts/{{id}}", (404,), {}, **nobody),
        post(f"{at}/drafts/{{id}}/files", (400, 404), {}, **nobody),
        post(f"{at}/drafts/{{id}}/comments", _WRITES, {"text": "Why?"}, action="submit", **draft),
        post(f"{at}/drafts/{{id}}/decision", (400, 409), {"decision": "decline", "text": "Why?"},
             action="review", **draft),
        post(f"{at}/drafts/{{id}}/take-back", _WRITES, {}, action="submit", author=True, **draft),
        *(
            Line("GET", f"{record}/{name}", action=action, **item)
            for name, action in _TOOLS.items()
        ),
        Line("GET", f"{at}/collections/{{collection}}/rule", ("collection",), "manage", **mine),
        post(f"{at}/collections/{{collection}}/rule", (200, 400), {}, kinds=("collection",),
             action="manage", **mine),
        post(f"{record}/rule", (200, 400), {}, action="manage", **item),
        post(f"{record}/new-version", _WRITES, {}, action="submit", reads=True, **item),
        post(f"{record}/erratum", _WRITES, {"en": "Mended."}, action="publish", **item),
        post(f"{record}/withdraw", (200, 400, 409), {"reason": "error"}, action="withdraw", **item),
        post(f"{record}/recall", (200, 400, 409), {"reason": "Wrong."}, action="withdraw", **item),
    ]  # fmt: skip


_TOOLS: dict[str, Action] = {
    "rule": "manage", "erratum": "publish", "withdraw": "withdraw", "recall": "withdraw",
}  # fmt: skip
TABLE: tuple[Line, ...] = (
    *_open(), *_people(), *_stac(), *_derived(), *_life(), *_pages()
)  # fmt: skip
