"""Let a collection say where and when its items lie, after many came in at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from earthcommons.catalog.extent import extent_of
from earthcommons.errors import NotFoundError
from earthcommons.ingest.item import widen
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from earthcommons.commons.node import Node

__all__ = ["widen_collections"]


def widen_collections(node: Node, names: Iterable[str]) -> None:
    """Widen the extents of collections to hold their items; they never shrink.

    Items that ask for more than their collection are left out: its extent would tell of them.
    """
    for name in names:
        # One that was withdrawn or closed meanwhile is left as it is.
        with suppress(NotFoundError), node.catalog.transaction() as tx:
            found = extent_of(
                tx.sql, name, node.catalog.standing("collection", name).faces.find
            )
            body, links = node.catalog.whole("collection", name)
            if found is None or "extent" not in body:
                continue
            times = {"start_datetime": _text(found.first), "end_datetime": _text(found.last)}
            place = {} if found.bbox is None else {"bbox": list(found.bbox)}
            wider = widen(body, {"properties": times, **place})
            if wider["extent"] != body["extent"]:
                label = node.catalog.stated("collection", name)[0]
                tx.revise(Record("collection", name, wider, access=label, links=links))
                tx.note("collection-widen", "collection", name, {})


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
