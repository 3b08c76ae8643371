"""The access matrix's node, readied for a judge: one thing of its own for every operation.

So each operation can be met with success once, in whatever order the judge asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from tests.files import snow
from tests.web.access_node import collection, item
from tests.web.portal import WORD
from tests.web.test_drafts_and_life import METADATA

from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.matrix_node import MatrixNode

__all__ = ["OUT_OF_REACH", "Given", "examples"]

# What this node cannot answer with success, and where it is met instead.
OUT_OF_REACH = {
    "GET /api/disputed-lines.geojson": "no such lines are published here: test_doors.py",
    "GET /api/oidc/login": "no provider is set up here: test_oidc.py",
    "GET /api/oidc/callback": "no provider is set up here: test_oidc.py",
    "GET /api/observations/{id}/capsule": "no number here was computed: tests/journeys",
    "POST /api/observations/{id}/verify": "no number here was computed: tests/journeys",
}
_HOME = "zqjudged"
_TUS = {"Tus-Resumable": "1.0.0"}
_OCTETS = "application/offset+octet-stream"


@dataclass
class Given:
    """Requests that succeed, by operation, as the judge's hook reads them."""

    by: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, operation: str, **request: Any) -> None:
        """Note a request: path, query, headers, body, media."""
        self.by[operation] = request


class _Seeds:
    """Makes things over HTTP as two people: a contributor, and the steward who judges."""

    def __init__(self, world: MatrixNode, url: str, key: str, root: Path) -> None:
        self.world, self.root, self.given = world, root, Given()
        self.judge = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"})
        self.mei = httpx.Client(base_url=url, headers=world.headers["mei"])

    def made(self, client: httpx.Client, method: str, path: str, **sent: Any) -> httpx.Response:
        answer = client.request(method, path, **sent)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text[:500])
        return answer

    def new_collection(self, name: str) -> str:
        """Make a collection and return its tag."""
        body = collection(name, **{"ec:owner": "hydro"})
        self.made(self.judge, "POST", "/stac/collections", json=body)
        return self.made(self.judge, "GET", f"/stac/collections/{name}").headers["etag"]

    def new_item(self, name: str) -> dict[str, Any]:
        """Make an item and return what names it, with its tag."""
        at = f"/stac/collections/{_HOME}/items"
        self.made(self.judge, "POST", at, json=item(name) | {"collection": _HOME})
        tag = self.made(self.judge, "GET", f"{at}/{name}").headers["etag"]
        return {
            "path": {"collection": _HOME, "item": name},
            "rule": {"kind": "item", "name": f"{_HOME}/{name}"},
            "headers": {"If-Match": tag},
        }

    def upload(self, client: httpx.Client, name: str = "", whole: bool = True) -> str:
        """Begin an upload, bring its bytes when it is to be whole, and return its id."""
        data = snow(self.root / "f.tif", len(list(self.root.iterdir()))).read_bytes()
        stated = {"Upload-Metadata": "filename Zi50aWY="} if name else {}
        begun = self.made(client, "POST", "/api/uploads",
                          headers=_TUS | stated | {"Upload-Length": str(len(data))})  # fmt: skip
        id_ = begun.headers["location"].rpartition("/")[2]
        if whole:
            sent = _TUS | {"Upload-Offset": "0", "Content-Type": _OCTETS}
            self.made(client, "PATCH", f"/api/uploads/{id_}", headers=sent, content=data)
        return id_

    def draft(self, client: httpx.Client, name: str, *steps: str) -> dict[str, Any]:
        """Begin a draft, take it some steps, and return what names it."""
        body = {"collection": _HOME, "item": name, "group": "hydro"}
        id_ = self.made(client, "POST", "/api/drafts", json=body).json()["id"]
        at = f"/api/drafts/{id_}"
        for step in steps:
            if step == "file":
                sent = {"upload": self.upload(client), "name": "f.tif"}
                self.made(client, "POST", f"{at}/files", json=sent)
            elif step == "words":
                self.made(client, "PATCH", at, json={"metadata": METADATA})
            else:
                self.made(client, "POST", f"{at}/{step}")
        return {"id": id_}


def examples(world: MatrixNode, url: str, key: str, root: Path) -> dict[str, dict[str, Any]]:
    """Return a request that succeeds for each operation that needs more than names.

    Args:
        world: the matrix's node, served at `url`.
        url: its address.
        key: key of a contributor, reviewer and steward of the group `hydro`.
        root: a folder to write files in.
    """
    root.mkdir()
    with acting_as(OPERATOR):
        world.node.catalog.people.add("pat", "Pat", password=WORD)
    seeds = _Seeds(world, url, key, root)
    with seeds.judge, seeds.mei:
        seeds.new_collection(_HOME)
        _stac(seeds)
        _records(seeds)
        _drafts(seeds)
        _people(seeds)
    return seeds.given.by


def _stac(seeds: _Seeds) -> None:
    given, one = seeds.given, "/stac/collections/{collection}"
    new = {"ec:owner": "hydro", "title": "Changed"}
    given.add("POST /stac/collections", body=collection("zqfresh", **new))
    for method, body in (("PUT", True), ("PATCH", {"title": "Changed"}), ("DELETE", None)):
        name = f"zqcoll{method.lower()}"
        sent: dict[str, Any] = {"headers": {"If-Match": seeds.new_collection(name)}}
        if body is not None:
            sent["body"] = collection(name, **new) if body is True else body
        given.add(f"{method} {one}", path={"collection": name}, **sent)
        made = seeds.new_item(f"judged-{method.lower()}")
        sent = {"headers": made["headers"], "path": made["path"]}
        if body is not None:
            whole = item(made["path"]["item"], title="Changed") | {"collection": _HOME}
            sent["body"] = whole if body is True else {"properties": {"title": "Changed"}}
        given.add(f"{method} {one}/items/{{item}}", **sent)
    given.add(
        f"POST {one}/items",
        path={"collection": _HOME},
        body=item("judged-new") | {"collection": _HOME},
    )


def _records(seeds: _Seeds) -> None:
    given, at = seeds.given, "/api/records/{kind}/{name}"
    bodies = {
        "PUT access": {"find": "open", "fetch": "open"}, "POST errata": {"en": "Mended."},
        "POST recall": {"reason": "Wrong."}, "POST withdraw": {"reason": "error"},
    }  # fmt: skip
    for which, body in bodies.items():
        method, _, name = which.partition(" ")
        given.add(
            f"{method} {at}/{name}", path=seeds.new_item(f"judged-{name}")["rule"], body=body
        )
    name = "zqopenedcoll/zqopenedcub"
    wanted = {"kind": "item", "name": name, "asset": "data", "seconds": 600}
    given.add("POST /api/links", body=wanted)
    link = seeds.made(seeds.judge, "POST", "/api/links", json=wanted).json()["url"]
    for method in ("GET", "HEAD"):
        path = {"token": link.rpartition("/")[2], "inner": "zarr.json"}
        given.add(f"{method} /l/{{token}}/{{inner}}", path=path)


def _drafts(seeds: _Seeds) -> None:
    given, at, judge = seeds.given, "/api/drafts", seeds.judge
    one = f"{at}/{{id}}"
    said = {"text": "Why?"}
    ready = ("file", "words", "look")
    given.add(f"POST {at}", body={"collection": _HOME, "item": "begun", "group": "hydro"})
    files = [{"upload": seeds.upload(judge, "f.tif"), "name": "g.tif"}]
    body = {"collection": _HOME, "files": files, "group": "hydro", "metadata": METADATA}
    given.add(f"POST {at}/from-uploads", body=body)
    given.add(f"PATCH {one}", path=seeds.draft(judge, "edited"), body={"metadata": METADATA})
    given.add(f"DELETE {one}", path=seeds.draft(judge, "taken-back"))
    sent = {"upload": seeds.upload(judge), "name": "f.tif"}
    given.add(f"POST {one}/files", path=seeds.draft(judge, "filed"), body=sent)
    filed = seeds.draft(judge, "emptied", "file")
    given.add(f"DELETE {one}/files/{{name}}", path=filed | {"name": "f.tif"})
    given.add(f"POST {one}/comments", path=seeds.draft(judge, "discussed"), body=said)
    given.add(f"POST {one}/look", path=seeds.draft(judge, "looked", "file", "words"))
    given.add(f"POST {one}/submit", path=seeds.draft(judge, "handed-in", *ready))
    for name, sent in (
        ("accept", {}),
        ("changes", {"body": said}),
        ("decline", {"body": said}),
    ):
        # Nobody decides on what they wrote.
        path = seeds.draft(seeds.mei, f"judged-{name}", *ready, "submit")
        given.add(f"POST {one}/{name}", path=path, **sent)


def _people(seeds: _Seeds) -> None:
    given, upload = seeds.given, "/api/uploads/{id}"
    given.add("POST /api/session", body={"account": "pat", "password": WORD})
    given.add("POST /api/me/licences", body={"licence": "by-sa"})
    wanted = {"scopes": ["read"], "days": 1}
    given.add("POST /api/me/keys", body=wanted)
    key = seeds.made(seeds.judge, "POST", "/api/me/keys", json=wanted).json()
    given.add("DELETE /api/me/keys/{name}", path={"name": key["name"]})
    given.add("POST /api/uploads", headers=_TUS | {"Upload-Length": "8"})
    for method in ("HEAD", "DELETE"):
        path = {"id": seeds.upload(seeds.judge, whole=False)}
        given.add(f"{method} {upload}", path=path, headers=_TUS)
    path = {"id": seeds.upload(seeds.judge, whole=False)}
    given.add(f"PATCH {upload}", path=path, headers=_TUS | {"Upload-Offset": "0"},
              body="eight by", media=_OCTETS)  # fmt: skip
