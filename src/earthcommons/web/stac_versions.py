"""Versions in STAC: an item as it was, the items of a collection as they were, links between them.

Source:
    STAC version extension 1.2: relations `predecessor-version`, `successor-version`,
    `latest-version`; `version-history` of RFC 5829.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Response

from earthcommons.commons.stories.records import parse_moment, version_named
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.web.parameters import parse_limit
from earthcommons.web.stac_bodies import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons import Node
    from earthcommons.web.stac_bodies import Dress

__all__ = ["ITEM_PARAMETERS", "item_at", "items_at", "present", "version_links"]

ITEM_PARAMETERS = ("version", "as-of")
_GEOJSON = "application/geo+json"


def item_at(node: Node, dress: Dress, name: str, values: Mapping[str, str]) -> Response:
    """Answer with a version of an item, by number or by moment.

    Raises:
        NotFoundError: nothing visible has that name and version, or had it then.
        GoneError: the item was withdrawn.
        InvalidInputError: no number, no moment, or both.
    """
    text = values.get("version", "")
    if text and not text[:9].isdecimal():
        raise InvalidInputError(f"version {text[:20]!r} is no number")
    number = version_named(node, name, int(text[:9] or "0"), values.get("as-of", ""))
    body = node.catalog.past("item", name, number)
    return Response(_dressed(node, dress, name, body, number), media_type=_GEOJSON)


def items_at(node: Node, dress: Dress, collection: str, values: Mapping[str, str]) -> Response:
    """Answer with a page of a collection's items as they were at a moment, in order of id.

    Raises:
        NotFoundError: there is no such collection.
        InvalidInputError: no moment, or a parameter that does not go with one.
    """
    extra = sorted(set(values) - {"as-of", "limit", "token"})
    if extra:
        raise InvalidInputError(
            f"as-of goes with limit and token, not with {extra[0]}", code="unknown-parameter"
        )
    # One more than are shown is asked for: 1000 is the most.
    limit = min(parse_limit(values.get("limit", ""), 10), 999)
    at = parse_moment(values["as-of"])
    found = node.catalog.items_as_of(
        collection, at, after=values.get("token", ""), limit=limit + 1
    )
    shown = found[:limit]
    here = f"{node.settings.url}/stac/collections/{collection}/items"
    asked = f"?as-of={values['as-of'].replace('+', '%2B')}&limit={limit}"
    links = [{"rel": "self", "href": f"{here}{asked}", "type": _GEOJSON}]
    if len(found) > limit:
        token = f"{here}{asked}&token={shown[-1]['id']}"
        links.append({"rel": "next", "href": token, "type": _GEOJSON})
    head: dict[str, Any] = {
        "type": "FeatureCollection",
        "links": links,
        "numberReturned": len(shown),
    }
    items = (dress.parsed(canonical_bytes(i), f"{collection}/{i['id']}") for i in shown)
    return Response(joined(head, items), media_type=_GEOJSON)


def present(node: Node, dress: Dress, name: str, stored: bytes, number: int) -> bytes:
    """Return the present version of an item, with links to those before it that the asker may see.

    Args:
        node: the node.
        dress: puts the addresses in.
        name: `collection/item`.
        stored: its body, as the asker may see it.
        number: its version; of a first one nothing more is asked.
    """
    dressed = dress.parsed(stored, name)
    if number < 2:
        return dressed
    try:
        node.catalog.past("item", name, number - 1)
    except (NotFoundError, GoneError):
        return dressed
    item = orjson.loads(dressed)
    item["links"] += version_links(node.settings.url, name, number, number)
    return orjson.dumps(item)


def version_links(base: str, name: str, version: int, last: int) -> list[dict[str, str]]:
    """Return the links from one version of an item to the others.

    Args:
        base: address of the node.
        name: `collection/item`.
        version: its number.
        last: number of the present one.
    """
    collection, _, item = name.partition("/")
    here = f"{base}/stac/collections/{collection}/items/{item}"
    history = f"{base}/api/records/item/{name}/versions"
    links = [{"rel": "version-history", "href": history, "type": "application/json"}]
    for rel, number in (
        ("predecessor-version", version - 1),
        ("successor-version", version + 1),
    ):
        if 1 <= number <= last:
            href = here if number == last else f"{here}?version={number}"
            links.append({"rel": rel, "href": href, "type": _GEOJSON})
    if version != last:
        links.append({"rel": "latest-version", "href": here, "type": _GEOJSON})
    return links


def _dressed(node: Node, dress: Dress, name: str, body: dict[str, Any], number: int) -> bytes:
    item = orjson.loads(dress.parsed(canonical_bytes(body), name))
    last = node.catalog.versions("item", name)[-1].version
    item["properties"]["version"] = str(number)
    item["links"] += version_links(node.settings.url, name, number, last)
    return orjson.dumps(item)
