"""Cite a published item: who made it, when this version appeared here, where it is."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from earthcommons.render.citation import Citation, Creator, cite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons.node import Node

__all__ = ["citation_of", "cite_item"]


def citation_of(
    node: Node, name: str, version: int | None = None, lang: str = "en"
) -> Citation:
    """Return the facts of a citation of an item.

    Creators are those the item names; where it names none, its attribution is cited as an
    organisation.

    Args:
        node: the node; it is the publisher.
        name: `collection/item`.
        version: which version; the present one when left out.
        lang: language of the title.

    Raises:
        NotFoundError: nothing visible has that name and version.
        GoneError: it was withdrawn.
    """
    # Read first: what was withdrawn says so to whoever may know.
    node.catalog.body("item", name)
    found = node.catalog.versions("item", name)
    standing = node.catalog.standing("item", name) if version is None else None
    wanted = version or (standing.version if standing else 0)
    body = node.catalog.past("item", name, wanted)
    row = next(each for each in found if each.version == wanted)
    properties = body["properties"]
    made = date.fromisoformat((row.made or properties["end_datetime"])[:10])
    collection, _, item = name.partition("/")
    suffix = f"?version={wanted}" if version else ""
    base, tongue = node.settings.url, "zh" if lang == "zh" else "en"
    title = properties.get("title_zh") if lang == "zh" else None
    return Citation(
        key=name,
        title=title or properties.get("title") or item,
        creators=_creators(properties),
        publisher=node.settings.name,
        year=made.year,
        date=made.isoformat(),
        version=wanted,
        # A person follows it: DataCite asks for a landing page, not for data.
        url=f"{base}/{tongue}/data/{name}{suffix}",
        record_url=f"{base}/stac/collections/{collection}/items/{item}{suffix}",
        digest=row.digest,
        doi=str(properties.get("sci:doi", "")),
        language=tongue,
    )


def cite_item(
    node: Node, name: str, style: str = "text", version: int | None = None, lang: str = "en"
) -> str:
    """Return the citation of an item as text, BibTeX, RIS or CSL-JSON.

    Raises:
        NotFoundError: nothing visible has that name and version.
        InvalidInputError: there is no such style.
    """
    return cite(citation_of(node, name, version, lang), style)


def _creators(properties: Mapping[str, Any]) -> tuple[Creator, ...]:
    named = [
        Creator(each["name"], each.get("family", ""), each.get("given", ""))
        for each in properties.get("ec:creators", ())
    ]
    said = str(properties.get("ec:attribution") or "Unknown")
    return tuple(named) or (Creator(said),)
