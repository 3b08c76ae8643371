"""A node with people on it, and the application as each of them meets it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from earthcommons.commons import Node, make_node
from earthcommons.model import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_as
from earthcommons.settings import Settings
from earthcommons.web import create_app

if TYPE_CHECKING:
    from pathlib import Path

WORD = "a long pass phrase"
ROLES = {
    "ann": "steward:hydro", "ben": "steward:hydro", "mei": "contributor:hydro",
    "sam": "reviewer:hydro", "eve": "", "root": "operator",
}  # fmt: skip
SECRET = b"closed bytes " * 40
OPEN = b" ".join(b"%d" % n for n in range(400))


@dataclass
class Desk:
    """A node, its application, and clients that speak for its people."""

    node: Node
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = create_app(self.node)

    def at(self, who: str = "", *scopes: str) -> TestClient:
        """Return a client that speaks for an account; for nobody when none is named."""
        client = TestClient(self.app, base_url=self.node.settings.url)
        if who:
            wanted = scopes or ("read", "submit", "steward", "admin")
            client.headers["authorization"] = f"Bearer {self.key(who, *wanted)}"
        return client

    def key(self, who: str, *scopes: str) -> str:
        name = f"{who} {' '.join(scopes)}"
        if name not in self.keys:
            with acting_as(OPERATOR):
                made = self.node.catalog.credentials.issue_key(who, scopes, 30)
            self.keys[name] = made.reveal()
        return self.keys[name]


def desk(root: Path, **settings: Any) -> Desk:
    """Return a node with six people, an open item and one for the group `snow` only."""
    node = make_node(root / "node", Settings(port=8123, **settings))
    people = node.catalog.people
    with acting_as(OPERATOR):
        people.add_group("hydro", "Hydrology", "水文")
        people.add_group("snow", "Snow Survey", "雪")
        for name, role in ROLES.items():
            # Hashing a password is slow on purpose: one of them is enough for most tests.
            local = {"password": WORD} if name in ("ann", "mei") else {
                "issuer": "https://id.example.org", "subject": name}  # fmt: skip
            people.add(name, name.title(), **local)
            if role:
                people.grant(name, role)
        people.join("mei", "snow")
    keys = {
        "open": node.store.put_bytes(OPEN, ".tif"),
        "shut": node.store.put_bytes(SECRET, ".nc"),
    }
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", collection("snow", **{"ec:owner": "hydro"})))
        for name, label in (("open", "open"), ("shut", "group:snow")):
            body = item(name) | {"assets": {"data": asset(node, keys[name])}}
            links = (Link("in", "collection", "snow"),)
            tx.put(Record("item", f"snow/{name}", body, access=label, links=links))
    return Desk(node)


def asset(node: Node, key: str) -> dict[str, Any]:
    return {
        "href": f"/objects/{key}", "type": "image/tiff", "roles": ["data"],
        "file:checksum": f"1220{key[:64]}", "file:size": node.store.size(key),
    }  # fmt: skip


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def collection(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": id_, "title": id_.title(),
        "description": "Snow.", "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[10, 40, 20, 50]]},
                   "temporal": {"interval": [["2015-01-01T00:00:00Z", "2015-12-31T00:00:00Z"]]}},
    } | more  # fmt: skip


def item(id_: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": id_, "collection": "snow",
        "geometry": {"type": "Point", "coordinates": [15, 45]}, "bbox": [15, 45, 15, 45],
        "properties": {"datetime": "2015-06-01T00:00:00Z", "title": id_} | properties,
        "assets": {}, "links": [],
    }  # fmt: skip
