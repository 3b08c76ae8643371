"""Stored items as they are served: links and full addresses put into the stored bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Dress", "joined"]

_SERVED = frozenset({"self", "root", "parent", "collection", "alternate"})


class Dress:
    """Puts the addresses of one node into stored items."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._local = b'"href":"/'
        self._full = b'"href":"' + orjson.dumps(base)[1:-1] + b"/"

    def item(self, body: bytes, name: str, *, plain: bool) -> bytes:
        """Return a stored item with its links, and full addresses of its assets on this node.

        Args:
            body: canonical JSON of the item, as stored.
            name: `collection/id`.
            plain: whether each relative `href` in the bytes is an asset's and there are no links:
                then nothing is parsed.
        """
        if not plain:
            return self.parsed(body, name)
        rest = body[1:].replace(b'"links":[],', b"").replace(self._local, self._full)
        return b'{"links":' + self._links(name) + b"," + rest

    def parsed(self, body: bytes, name: str) -> bytes:
        """Return the same for any item, by way of its members; links of its own stay."""
        item: dict[str, Any] = orjson.loads(body)
        own = [ln for ln in item.get("links") or () if ln.get("rel") not in _SERVED]
        item["links"] = [*orjson.loads(self._links(name)), *own]
        for asset in item.get("assets", {}).values():
            if asset["href"].startswith("/"):
                asset["href"] = self._base + asset["href"]
        return orjson.dumps(item)

    def _links(self, name: str) -> bytes:
        collection, _, id_ = name.partition("/")
        root = f"{self._base}/stac"
        up = f"{root}/collections/{collection}"
        json = "application/json"
        links = [
            {"rel": "self", "href": f"{up}/items/{id_}", "type": "application/geo+json"},
            {"rel": "root", "href": f"{root}/", "type": json},
            {"rel": "parent", "href": up, "type": json},
            {"rel": "collection", "href": up, "type": json},
            {
                "rel": "alternate",
                "href": f"{self._base}/en/data/{collection}/{id_}",
                "type": "text/html",
            },
        ]
        return orjson.dumps(links)


def joined(head: dict[str, Any], features: Iterable[bytes]) -> bytes:
    """Return a feature collection: the members of `head`, and features that are JSON already."""
    return orjson.dumps(head)[:-1] + b',"features":[' + b",".join(features) + b"]}"
