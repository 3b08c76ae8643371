"""What each writing route does when it is carried out: one entry, or several, for every route.

A writing route without an entry fails `test_every_writing_route_says_what_it_may_change`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.files import snow
from tests.web.policy_table import TABLE, Line

if TYPE_CHECKING:
    from tests.web.matrix_cases import Thing
    from tests.web.matrix_node import MatrixNode

__all__ = ["CASED", "ONE", "PASSWORD", "WRITES", "Rule", "Write", "line_of", "sent"]

# Cases whose outcomes differ: nothing hidden; the collection, the item, an asset, or the bytes
# hidden; what was derived released.
CASED = ("opened", "grouped", "oneitem", "oneasset", "nobytes", "released")
# Where the others than the group's steward are asked.
ONE = ("oneitem",)
PASSWORD = "a long pass phrase"  # noqa: S105 - of an account of the tests
NEW = "zqwritten"
BOUNDARY = "zqboundary"
_OWN = {"origin": "http://127.0.0.1:8124"}
_TUS = {"tus-resumable": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that a write states for a record; `derive` is left to `fetch`."""

    find: str = "open"
    fetch: str = "open"

    @property
    def body(self) -> dict[str, Any]:
        return {"find": self.find, "fetch": self.fetch}

    @property
    def form(self) -> dict[str, str]:
        kind, _, value = self.find.partition(":")
        return {"rule_find": kind, "rule_find_group": value, "rule_fetch": "open",
                "rule_derive": "files", "sure": "yes"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is carried out.

    Attributes:
        method, path: the route.
        kind: kind of the things it is carried out on, as `Written.things` names them.
        must, may: what changes, and what may besides, in the words of `matrix_kept`.
        ok: status of who may; others are refused as the policy says, and change nothing.
        body, form, headers: what is sent; a function gets the node, who asks and the thing.
        tagged: whether it names the version it read.
        rule: the rule it states.
        label: of what it makes; of what it is about, where empty.
        gone: whether what it is about is withdrawn by it.
        parties: who else is asked than those of the matrix, or only these.
        judged: whether `expected` is asked of the route's line; else whoever is named may.
        cases: cases in which the group's steward carries it out.
    """

    method: str
    path: str
    kind: str
    must: tuple[str, ...]
    may: tuple[str, ...] = ()
    ok: int = 200
    body: Any = None
    form: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    tagged: bool = False
    rule: Rule | None = None
    label: str = ""
    gone: bool = False
    parties: tuple[str, ...] = ()
    judged: bool = True
    cases: tuple[str, ...] = CASED


def line_of(write: Write) -> Line:
    """Return the policy's line of a write's route."""
    return next(ln for ln in TABLE if (ln.method, ln.path) == (write.method, write.path))


_AT = "/api/records/{kind}/{name:path}"
_STAC = "/stac/collections"
_ONE, _ITEMS = f"{_STAC}/{{collection}}", f"{_STAC}/{{collection}}/items"
_PAGE = "/{lang:lang}"
_RECORD = f"{_PAGE}/data/{{collection}}/{{item}}"
_SHUT, _OPENED = Rule("group:basin"), Rule()
_OBJECTS = "objects"


def _got(world: MatrixNode, thing: Thing) -> dict[str, Any]:
    """Return a record as an operator reads it, with a word more."""
    at = f"{_STAC}/{thing.names['collection']}"
    if "item" in thing.names:
        at += f"/items/{thing.names['item']}"
    body: dict[str, Any] = world.ask("root", "GET", at).json()
    if "item" in thing.names:
        body["properties"]["mission"] = NEW
    else:
        body["keywords"] = [*body.get("keywords", ()), NEW]
    return body


def _item(world: MatrixNode, thing: Thing) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": NEW, "assets": {}, "links": [],
        "geometry": {"type": "Point", "coordinates": [70, 45]}, "bbox": [70, 45, 70, 45],
        "properties": {"datetime": "2015-06-01T00:00:00Z", "title": NEW},
    }  # fmt: skip


def _revised(**more: Any) -> dict[str, Any]:
    return {"tagged": True, "may": ("above revised", _OBJECTS), **more}


def _records() -> list[Write]:
    """Items and collections, by program and by form."""
    item, whole = "item", "collection"
    bare: dict[str, Any] = {"kind": "bare", "gone": True}
    follows: dict[str, Any] = {"may": ("resting relabelled", _OBJECTS)}
    withdrawn = ("self withdrawn", "audit withdraw", _OBJECTS)
    rule = ("self revised", "audit access-set")
    # The forms do what the doors for programs do.
    form: dict[str, Any] = {"ok": 303, "headers": _OWN, "cases": ("opened", *ONE)}
    erratum = ("new erratum", "audit erratum", _OBJECTS)
    recall = ("new recall", "audit recall", _OBJECTS, "resting revised", "resting withdrawn")
    new = next(ln.body for ln in TABLE if (ln.method, ln.path) == ("POST", _STAC))
    made = (f"new {whole}", f"audit {whole}-create", _OBJECTS)
    replaced = ("self revised", f"audit {whole}-replace")
    return [
        Write("POST", _STAC, "group", made, ok=201, body=new, label="open"),
        Write("PUT", _ONE, whole, replaced, body=_got, **_revised()),
        Write("PATCH", _ONE, whole, replaced, body={"keywords": [NEW]}, **_revised()),
        Write("DELETE", _ONE, ok=204, must=withdrawn, **_revised(may=()), **bare),
        Write("POST", _ITEMS, whole, ("new item", "audit item-create"), ok=201, body=_item,
              may=("self revised", _OBJECTS)),
        Write("PUT", f"{_ITEMS}/{{item}}", item, ("self revised", "audit item-replace"),
              body=_got, **_revised()),
        Write("PATCH", f"{_ITEMS}/{{item}}", item, ("self revised", "audit item-replace"),
              body={"properties": {"mission": NEW}}, **_revised()),
        Write("DELETE", f"{_ITEMS}/{{item}}", item, withdrawn, ok=204, gone=True,
              **_revised(may=())),
        *(
            Write("PUT", f"{_AT}/access", kind, rule, body=stated.body, rule=stated, **follows)
            for kind in (item, whole)
            for stated in (_SHUT, Rule(fetch="licence:by-nc"), _OPENED)
            if kind == item or stated.fetch == "open"
        ),
        Write("POST", f"{_AT}/withdraw", item, withdrawn, body={"reason": "error"}, gone=True),
        Write("POST", f"{_AT}/withdraw", must=withdrawn, body={"reason": "error"}, **bare),
        # What takes its place is for others than those who are told that it is gone.
        Write("POST", f"{_AT}/withdraw", item, withdrawn, gone=True,
              body={"reason": "superseded", "successor": "zqstaffcoll/zqstaffras"}),
        *(Write("POST", f"{_AT}/errata", kind, erratum, body={"en": NEW}, ok=201)
          for kind in (item, whole)),
        Write("POST", f"{_AT}/recall", item, recall, body={"reason": NEW}, ok=201),
        Write("POST", f"{_PAGE}/collections/{{collection}}/rule", whole, rule,
              form=_SHUT.form, rule=_SHUT, **form, **follows),
        Write("POST", f"{_RECORD}/rule", item, rule, form=_OPENED.form, rule=_OPENED, **form,
              **follows),
        Write("POST", f"{_RECORD}/erratum", item, erratum, form={"en": NEW}, **form),
        Write("POST", f"{_RECORD}/withdraw", item, withdrawn, gone=True, **form,
              form={"reason": "error", "sure": "yes"}),
        Write("POST", f"{_RECORD}/recall", item, recall, form={"reason": NEW}, **form),
        Write("POST", f"{_RECORD}/new-version", item, ("new draft", "audit draft-start", _OBJECTS),
              form={}, **form, label="account:{who}@hydro"),
        Write("POST", "/api/links", item, ("audit link-give",), ("link key",), 201,
              body={"kind": "item", "name": "{name}", "asset": "data", "seconds": 60}),
    ]  # fmt: skip


def _drafts() -> list[Write]:
    """Drafts: begun, completed, handed in, discussed, decided on."""
    drafts, one, page = "/api/drafts", "/api/drafts/{id}", f"{_PAGE}/drafts/{{id}}"
    revised, said = ("self revised", _OBJECTS), {"text": NEW}
    begun = ("new draft", "audit draft-start", _OBJECTS)
    noted = ("audit draft-published", "audit item-publish")
    published = ("new item", "self revised", *noted, _OBJECTS)
    begun_there = (*published, "new collection")
    mine: dict[str, Any] = {"label": "account:{who}@hydro"}
    sent: dict[str, Any] = {"headers": _OWN, "ok": 303}
    own: dict[str, Any] = {"judged": False, "parties": ("mei", "eve", "oto")}
    parts = {**_OWN, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    metadata = {"metadata": {"keywords": [NEW]}}
    fresh = {"collection": NEW, "item": "x", "group": "hydro"}

    def state(what: str) -> tuple[str, ...]:
        return (*revised, f"audit draft-{what}")

    return [
        Write("POST", drafts, "group", begun, ok=201, body=fresh, **mine),
        Write("POST", f"{drafts}/from-uploads", "upload-whole", begun, ok=201, judged=False,
              parties=("mei",), body=_uploaded, **mine),
        Write("PATCH", one, "draft-ready", revised, body=metadata),
        Write("DELETE", one, "draft-ready", state("withdrawn")),
        Write("POST", f"{one}/files", "draft-for-upload", revised, body=_upload_of, **own),
        Write("DELETE", f"{one}/files/{{name}}", "draft-ready", revised),
        Write("POST", f"{one}/look", "draft-filed", revised),
        Write("POST", f"{one}/submit", "draft-ready", state("submitted")),
        Write("POST", f"{one}/comments", "draft-ready", revised, body=said),
        Write("POST", f"{one}/accept", "submitted", published),
        Write("POST", f"{one}/accept", "submitted-new", begun_there),
        Write("POST", f"{one}/changes", "submitted", state("changes-requested"), body=said),
        Write("POST", f"{one}/decline", "submitted", state("declined"), body=said),
        Write("POST", page, "draft-ready", revised, form=_draft_form, **sent, **own),
        Write("POST", f"{page}/files", "draft-ready", revised, body=_parts, ok=303,
              headers=parts, **own),
        Write("POST", f"{page}/comments", "draft-ready", revised, form=said, **sent),
        Write("POST", f"{page}/decision", "submitted", state("changes-requested"), **sent,
              form={"decision": "changes", "text": NEW}),
        Write("POST", f"{page}/decision", "submitted", state("declined"), **sent,
              form={"decision": "decline", "text": NEW}),
        Write("POST", f"{page}/decision", "submitted-new", begun_there, **sent,
              form={"decision": "accept"}),
        Write("POST", f"{page}/take-back", "draft-ready", state("withdrawn"), form={}, **sent),
        Write("POST", f"{_PAGE}/publish", "group", begun, body=_parts, ok=303, judged=False,
              headers=parts, parties=("mei",), **mine),
    ]  # fmt: skip


def _draft_form(world: MatrixNode, thing: Thing) -> dict[str, str]:
    return {**_OPENED.form, "title_en": NEW}


def _uploaded(world: MatrixNode, thing: Thing) -> dict[str, Any]:
    files = [{"upload": thing.names["id"], "name": "g.tif"}]
    return {"collection": NEW, "files": files, "group": "hydro"}


def _upload_of(world: MatrixNode, thing: Thing) -> dict[str, Any]:
    return {"upload": thing.names["upload"], "name": "g.tif"}


def _parts(world: MatrixNode, thing: Thing) -> bytes:
    """Return a form with a file, as browsers write it."""
    cut = b"--" + BOUNDARY.encode()
    lines = [
        cut, b'content-disposition: form-data; name="collection"', b"", b"zqopenedcoll", cut,
        b'content-disposition: form-data; name="files"; filename="s.tif"',
        b"content-type: image/tiff", b"", _raster(), cut + b"--", b"",
    ]  # fmt: skip
    return b"\r\n".join(lines)


def _raster() -> bytes:
    """Return a raster, as a file."""
    with TemporaryDirectory() as folder:
        return snow(Path(folder) / "h.tif", 11).read_bytes()


def _people() -> list[Write]:
    """What an account does with itself, and an operator with others."""
    octets = "application/offset+octet-stream"
    me, group = "/api/me", {"what": "add-group", "group": "zqfresh", "title_en": "Fresh"}
    session = {"account": "pat", "password": PASSWORD}
    licence, licensed = {"licence": "by-sa"}, ("held", "audit licence-accept")
    key, ended = ("api_key", "audit key-issue"), ("api_key", "audit key-revoke")
    password = {"before": PASSWORD, "after": f"{PASSWORD}s"}
    form: dict[str, Any] = {"headers": _OWN, "ok": 303}
    pat: dict[str, Any] = {"judged": False, "parties": ("pat",)}
    # Who signs in is another than who asked: the log names them.
    signed, by_pat = ("session OF pat", "audit sign-in"), ("AUDIT by pat",)
    return [
        # Whoever has a session and signs in again leaves the one before.
        Write("POST", "/api/session", "nothing", signed, (*by_pat, "session"), body=session,
              judged=False, parties=("public", "eve", "browser")),
        Write("DELETE", "/api/session", "nothing", (), ("session",), ok=204, judged=False,
              parties=("public", "eve", "browser")),
        Write("POST", f"{_PAGE}/sign-in", "nothing", signed, by_pat, form=session, judged=False,
              parties=("public", "eve"), **form),
        Write("POST", f"{_PAGE}/sign-out", "nothing", ("session",), form={}, judged=False,
              parties=("browser",), **form),
        Write("POST", f"{me}/licences", "nothing", licensed, ok=204, body=licence),
        Write("POST", f"{_PAGE}/account/licences", "nothing", licensed, form=licence, **form),
        Write("POST", f"{me}/keys", "nothing", key, ok=201, judged=False,
              parties=("eve", "ann", "root", "browser"), body={"scopes": ["read"], "days": 1}),
        Write("POST", f"{_PAGE}/account/keys", "nothing", key, (), 201, headers=_OWN, judged=False,
              parties=("eve", "ann", "root", "browser"), form={"scope": "read", "days": "1"}),
        Write("DELETE", f"{me}/keys/{{name}}", "second-key", ended, ok=204),
        Write("POST", f"{_PAGE}/account/keys/{{name}}/revoke", "second-key", ended, form={},
              judged=False, parties=("mei",), **form),
        Write("POST", f"{_PAGE}/account/password", "nothing", ("account", "audit account-password"),
              form=password, **form, **pat),
        Write("POST", f"{_PAGE}/people", "node", ("team", "audit group-add"), form=group, **form),
        Write("POST", "/api/uploads", "nothing", ("upload",), ok=201, judged=False,
              parties=("mei", "ann", "root"), headers=_TUS | {"upload-length": "8"}),
        Write("PATCH", "/api/uploads/{id}", "upload", ("upload", _OBJECTS), ok=204, judged=False,
              parties=("mei", "ann", "root"), body=b"ten bytes.",
              headers=_TUS | {"upload-offset": "0", "content-type": octets}),
        Write("DELETE", "/api/uploads/{id}", "upload", ("upload",), ok=204, judged=False,
              parties=("mei", "ann", "root"), headers=_TUS),
        # These only read.
        Write("POST", "/stac/search", "nothing", (), body={}),
        Write("POST", "/api/observations/{id}/verify", "observation", (), ok=404),
    ]  # fmt: skip


WRITES: tuple[Write, ...] = (*_records(), *_drafts(), *_people())


def sent(write: Write, made: Any, world: MatrixNode, thing: Thing) -> Any:
    """Return what is sent: made from the record as it is, or with names put in."""
    if callable(made):
        return made(world, thing)
    return dataclasses.replace(line_of(write), body=made).sent(thing.names)
