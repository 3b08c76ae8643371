"""What each route for programs takes and answers: one line for every route of the description.

Names of query parameters are those of the handlers' own tables, so that the two cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.render.citation import STYLES
from earthcommons.web import api, drafts_api, life_api, oidc_login, stac, tiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OPERATIONS", "Operation"]

_JSON = "application/json"
_GEOJSON = "application/geo+json"
_SCHEMA = "application/schema+json"
_MERGE = "application/merge-patch+json"
_OFFSET = "application/offset+octet-stream"


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route takes and answers.

    Attributes:
        answers: by status, media type → name of its schema, empty for bytes.
        query: names of query parameters.
        prefix: names that begin with it are taken too.
        headers: names of request headers; those in `needed` must be there.
        body: media type → name of its schema, empty for bytes.
        optional: whether there may be no body.
        sends: names of headers an answer always carries, by status.
        problems: statuses of problem documents, beside those of every route.
        account: whether nobody without an account is served.
    """

    answers: Mapping[int, Mapping[str, str]]
    query: tuple[str, ...] = ()
    prefix: str = ""
    headers: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    body: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
    sends: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    account: bool = False


_Line = tuple[tuple[str, str], Operation]
# What a reader may meet: nothing of that name, a withdrawn record, a node that is busy.
_ONE = (404, 410)
_BYTES = (403, 404, 410, 412, 416, 502, 503)
_BODY = (408, 413, 415)
# Of a change: by cookie from another site, not allowed, moved on.
_WRITE = (403, 404, 409, 410)
_RULE = "/api/records/{kind}/{name}"
_OBJECT_TYPES = (
    "application/octet-stream", "image/tiff", "application/netcdf", "text/csv", _GEOJSON,
    "application/vnd.apache.parquet", _JSON,
)  # fmt: skip


def _get(path: str, schema: str, *problems: int, media: str = _JSON, **more: Any) -> _Line:
    made = Operation({200: {media: schema}}, problems=problems, **more)
    return ("get", path), made


def _send(
    method: str,
    path: str,
    schema: str,
    answer: str,
    *problems: int,
    status: int = 200,
    **more: Any,
) -> _Line:
    """Return the line of a route that takes JSON (`schema`, or nothing) and answers with JSON."""
    answers = {status: {_JSON: answer} if answer else {}}
    made = Operation(
        answers,
        body={_JSON: schema} if schema else {},
        problems=(*(_BODY if schema else ()), 403, *problems),
        **more,
    )
    return (method, path), made


def _api() -> Iterator[_Line]:
    asked = api.PARAMETERS
    one = "/api/observations/{id}"
    observations: dict[str, Any] = {"query": asked["observations"], "prefix": "dim."}
    yield _get("/health", "Health")
    yield _get("/api/regions", "Regions", 404, query=asked["regions"])
    for name in ("regions", "disputed-lines"):
        path = f"/api/{name}.geojson"
        query = asked.get(name, ())
        yield _get(path, "Features", 404, media=_GEOJSON, query=query)
    yield _get("/api/indicators", "Indicators")
    yield _get("/api/indicators/{key}", "Object", 404)
    yield _get("/api/observations", "Observations", 404, 503, **observations)
    yield _get("/api/observations.csv", "", 404, 503, media="text/csv", **observations)
    yield _get(one, "Observation", *_ONE)
    yield _get(f"{one}/trace", "Object", *_ONE)
    yield _get(f"{one}/capsule", "", 403, *_ONE, 502, 503, media="application/zip")
    yield _send("post", f"{one}/verify", "", "Verified", *_ONE, 502, 503, query=asked["verify"])
    yield _get("/api/alerts", "Alerts")
    yield _get("/api/watches", "Watches")
    yield _get("/api/reports", "Reports")
    yield _get("/api/reports/{key}", "Object", *_ONE)
    yield (
        ("get", "/reports/{key}.{lang}.pdf"),
        Operation(
            {200: {"application/pdf": ""}, 304: {}},
            headers=("If-None-Match",),
            sends={200: ("ETag",), 304: ("ETag",)},
            problems=(*_ONE, 503),
        ),
    )
    yield _get("/api/offers", "Offers", 503, query=asked["offers"])
    yield _get("/api/needs", "Needs")
    yield _get("/api/needs/{id}/candidates", "Candidates", *_ONE, query=asked["candidates"])
    yield ("get", "/openapi.json"), Operation({200: {"application/vnd.oai.openapi+json": ""}})


def _stac() -> Iterator[_Line]:
    asked = stac.PARAMETERS
    at, one = "/stac/collections", "/stac/collections/{collection}"
    yield _get("/stac/", "Catalog")
    yield _get("/stac/conformance", "Conformance")
    yield _get(at, "Collections", query=asked["collections"])
    tagged: dict[str, Any] = {"headers": ("If-None-Match",), "problems": _ONE}
    sends = {200: ("ETag",), 304: ("ETag",)}
    answers = {200: {_JSON: "Collection"}, 304: {}}
    yield ("get", one), Operation(answers, sends=sends, **tagged)
    for name in ("queryables", "sortables"):
        yield _get(f"/stac/{name}", "Names", media=_SCHEMA)
        yield _get(f"{one}/{name}", "Names", *_ONE, media=_SCHEMA)
    yield _get(f"{one}/items", "Items", *_ONE, 413, 503, media=_GEOJSON, query=asked["items"])
    answers = {200: {_GEOJSON: "Item"}, 304: {}}
    sends = {304: ("ETag",)}
    yield (
        ("get", f"{one}/items/{{item}}"),
        Operation(answers, asked["item"], sends=sends, **tagged),
    )
    yield _get("/stac/aggregations", "Aggregations")
    yield _get("/stac/aggregate", "Aggregate", 413, 503, query=asked["aggregate"])
    yield _get("/stac/search", "Items", 413, 503, media=_GEOJSON, query=asked["search"])
    yield (
        ("post", "/stac/search"),
        Operation(
            {200: {_GEOJSON: "Items"}}, body={_JSON: "Search"}, problems=(403, *_BODY, 503)
        ),
    )
    yield from _transactions(at, "Collection", _JSON)
    yield from _transactions(f"{one}/items", "Item", _GEOJSON)


def _transactions(at: str, kind: str, media: str) -> Iterator[_Line]:
    one = f"{at}/{{{kind.lower()}}}"
    new, many = (f"New{kind}s", {201: "Stored"}) if kind == "Item" else (f"New{kind}", {})
    tagged = {200: ("ETag", "Location"), 201: ("ETag", "Location")} if not many else {}
    answers = {
        status: {media: kind, **({_JSON: "Stored"} if many else {})} for status in (200, 201)
    }
    problems = (*_WRITE, *_BODY, 422)
    yield (
        ("post", at),
        Operation(
            answers,
            body={_JSON: new, _GEOJSON: new},
            sends=tagged,
            problems=problems,
        ),
    )
    version: dict[str, Any] = {"headers": ("If-Match",), "problems": (*problems, 412, 428)}
    named = {200: ("ETag", "Location")}
    for method, bodies in (
        ("put", {_JSON: f"New{kind}", _GEOJSON: f"New{kind}"}),
        ("patch", {_MERGE: "Change", _JSON: "Change", _GEOJSON: "Change"}),
    ):
        yield (
            (method, one),
            Operation({200: {media: kind}}, body=bodies, sends=named, **version),
        )
    yield ("delete", one), Operation({204: {}}, headers=("If-Match",),
                                     problems=(*_WRITE, 412, 428))  # fmt: skip


def _bytes() -> Iterator[_Line]:
    conditions = ("Range", "If-Range", "If-Match", "If-None-Match", "Want-Repr-Digest")
    kinds = dict.fromkeys(_OBJECT_TYPES, "")
    sends = {200: ("ETag",), 206: ("ETag", "Content-Range"), 304: ("ETag",)}
    for path in ("/objects/{key}", "/l/{token}"):
        for whole in (path, f"{path}/{{inner}}"):
            for method, media in (("get", kinds), ("head", {})):
                answers = {200: media, 206: media, 304: {}}
                if method == "head":
                    del answers[206]
                yield (
                    (method, whole),
                    Operation(answers, headers=conditions, sends=sends, problems=_BYTES),
                )
    layer, query = "/tiles/{collection}/{item}/{asset}", tiles.PARAMETERS
    problems = (403, 404, 410, 502, 503)
    yield (
        ("get", f"{layer}/{{z}}/{{x}}/{{y}}.png"),
        Operation(
            {200: {"image/png": ""}, 304: {}},
            query=query,
            headers=("If-None-Match",),
            sends={200: ("ETag",), 304: ("ETag",)},
            problems=problems,
        ),
    )
    yield _get(f"{layer}/tilejson.json", "TileJSON", *problems, query=query)
    yield _get(f"{layer}/legend.json", "Legend", *problems, query=query)


def _people() -> Iterator[_Line]:
    asked = oidc_login.PARAMETERS
    mine: dict[str, Any] = {"account": True}
    yield _send("post", "/api/session", "SignIn", "SignedIn", 429)
    yield _send("delete", "/api/session", "", "", status=204)
    yield _get("/api/me", "Me")
    yield _send("post", "/api/me/licences", "Licence", "", 404, 409, status=204, **mine)
    yield _get("/api/me/keys", "Keys", **mine)
    yield _send("post", "/api/me/keys", "NewKey", "Key", status=201, **mine)
    yield _send("delete", "/api/me/keys/{name}", "", "", 404, status=204, **mine)
    for name in ("login", "callback"):
        yield (
            ("get", f"/api/oidc/{name}"),
            Operation({303: {}}, query=asked[name], sends={303: ("Location",)},
                      problems=(404, 502, 503)),
        )  # fmt: skip
    yield _send("post", "/api/links", "NewLink", "Link", *_ONE, 409, status=201, **mine)
    yield from _uploads()


def _uploads() -> Iterator[_Line]:
    at, one = "/api/uploads", "/api/uploads/{id}"
    protocol = ("Tus-Resumable",)
    for path in (at, one):
        yield ("options", path), Operation({204: {}}, sends={204: ("Tus-Version",)})
    stands = ("Upload-Offset", "Upload-Expires", *protocol)

    def line(method: str, path: str, status: int, *problems: int, **more: Any) -> _Line:
        made = Operation(
            {status: {}},
            account=True,
            needed=(*protocol, *more.pop("needed", ())),
            problems=(403, 412, *problems),
            **more,
        )
        return (method, path), made

    taking: dict[str, Any] = {"headers": ("Upload-Checksum",), "body": {_OFFSET: ""}}
    wrong = (404, 408, 409, 410, 413, 415, 460, 503)
    yield line("post", at, 201, *wrong, needed=("Upload-Length",), optional=True,
               sends={201: (*stands, "Location")}, body={_OFFSET: ""},
               headers=("Upload-Checksum", "Upload-Metadata"))  # fmt: skip
    yield line("head", one, 200, *_ONE, sends={200: (*stands, "Upload-Length")})
    yield line(
        "patch", one, 204, *wrong, needed=("Upload-Offset",), sends={204: stands}, **taking
    )
    yield line("delete", one, 204, *_ONE, 409)


def _drafts() -> Iterator[_Line]:
    at, one = "/api/drafts", "/api/drafts/{id}"
    acted: dict[str, Any] = {"sends": {200: ("ETag",)}}
    yield _get(at, "Drafts", query=drafts_api.PARAMETERS["drafts"])
    yield _send("post", at, "NewDraft", "Draft", 404, 409, 410, status=201)
    yield _send("post", f"{at}/from-uploads", "NewDrafts", "Begun", 404, 409, 410, 422, 503,
                status=201)  # fmt: skip
    yield _get(one, "Draft", *_ONE, sends={200: ("ETag",)})
    yield _send("patch", one, "DraftEdit", "Draft", 404, 409, 410, 412, headers=("If-Match",),
                **acted)  # fmt: skip
    yield _send("delete", one, "", "Draft", 404, 409, 410, **acted)
    yield _send("post", f"{one}/files", "File", "Draft", 404, 409, 410, 422, **acted)
    yield _send("delete", f"{one}/files/{{name}}", "", "Draft", 404, 409, 410, **acted)
    for name in ("look", "submit", "accept"):
        yield _send("post", f"{one}/{name}", "", "Draft", 404, 409, 410, 413, 415, 422, 502, 503,
                    **acted)  # fmt: skip
    for name, schema in (("comments", "Comment"), ("changes", "Said"), ("decline", "Said")):
        yield _send("post", f"{one}/{name}", schema, "Draft", 404, 409, 410, **acted)


def _life() -> Iterator[_Line]:
    cited = dict.fromkeys(STYLES.values(), "")
    yield _get(f"{_RULE}/versions", "Versions", *_ONE)
    yield _get(f"{_RULE}/versions/{{version}}", "Object", *_ONE)
    yield (
        ("get", "/api/citation/{collection}/{item}"),
        Operation({200: cited}, query=life_api.PARAMETERS["citation"], problems=_ONE),
    )
    yield _get(f"{_RULE}/access", "Rule", *_ONE)
    yield _send("put", f"{_RULE}/access", "NewRule", "Rule", *_ONE, 409)
    yield _send("post", f"{_RULE}/withdraw", "Withdrawal", "Object", *_ONE, 409)
    yield _send("post", f"{_RULE}/errata", "Erratum", "Id", *_ONE, 409, status=201)
    yield _get(f"{_RULE}/resting", "Touched", 403, *_ONE)
    yield _send("post", f"{_RULE}/recall", "Recall", "Object", *_ONE, 409, 503, status=201)
    yield _get("/api/recalls/{id}", "Object", *_ONE)


OPERATIONS: dict[tuple[str, str], Operation] = {
    key: line for part in (_api, _stac, _bytes, _people, _drafts, _life) for key, line in part()
}
