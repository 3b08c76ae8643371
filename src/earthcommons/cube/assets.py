"""From an item's JSON to the object that holds its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import AccessDeniedError, NotFoundError
from earthcommons.model.evidence import InputRef
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["asset_key", "input_ref"]


def asset_key(item: Mapping[str, Any], asset: str = "data") -> str:
    """Return the object key of an asset.

    Raises:
        NotFoundError: the item has no such asset.
        AccessDeniedError: it has, and the party the item was read for may not fetch it.
    """
    if asks := item.get("ec:withheld", {}).get(asset):
        raise AccessDeniedError(
            f"asset {asset!r} of {item.get('id')} is withheld from you; it asks for"
            f" {', '.join(asks)}"
        )
    try:
        href: str = item["assets"][asset]["href"]
    except KeyError as error:
        raise NotFoundError(f"item {item.get('id')} has no asset {asset[:40]!r}") from error
    return href.rsplit("/", 1)[-1]


def input_ref(item: Mapping[str, Any], asset: str = "data") -> InputRef:
    """Return what a run records of reading this asset."""
    return InputRef(
        item=f"{item['collection']}/{item['id']}",
        asset=asset,
        sha256=digest_in(asset_key(item, asset)),
        licence=item["properties"]["ec:licence_name"],
    )
