"""A STAC collection that somebody else wrote: judged whole before the node keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.model.declaration import check_id
from earthcommons.model.geodesy import BBox

__all__ = ["check_collection"]

_MOST_BYTES = 2**20
_TEXTS = ("title", "title_zh", "description", "description_zh", "license")


def check_collection(value: dict[str, Any]) -> dict[str, Any]:
    """Return a collection fit to be kept.

    Where it has no title its id stands for it; a text without a Chinese one stands for both.

    Raises:
        InvalidInputError: no collection, with `bad-id`, `bad-bbox`, `bad-time` or `invalid-item`.

    Source:
        STAC 1.1.0 collection specification.
    """
    if value.get("type") != "Collection" or not isinstance(value.get("id"), str):
        raise _wrong("a collection is an object with type Collection and an id")
    check_id(value["id"], "collection id")
    if len(canonical_bytes(value)) > _MOST_BYTES:
        raise RefusedFileError(
            f"a collection of over {_MOST_BYTES} bytes", code="declared-too-large"
        )
    body = {"stac_version": "1.1.0", "stac_extensions": [], "title": value["id"], **value}
    body.setdefault("title_zh", body["title"])
    body.setdefault("description_zh", body.get("description"))
    for name in (*_TEXTS, "stac_version"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise _wrong(f"{name} is no text")
    body["extent"] = _extent(body.get("extent"))
    return body


def _extent(value: Any) -> dict[str, Any]:
    try:
        boxes = value["spatial"]["bbox"]
        spans = value["temporal"]["interval"]
    except (TypeError, KeyError) as error:
        raise _wrong("extent needs spatial.bbox and temporal.interval") from error
    if not isinstance(boxes, list) or not boxes or not isinstance(spans, list) or not spans:
        raise _wrong("extent: spatial.bbox and temporal.interval hold one member at least")
    return {
        **value,
        "spatial": {**value["spatial"], "bbox": [_box(box) for box in boxes]},
        "temporal": {**value["temporal"], "interval": [_span(span) for span in spans]},
    }


def _box(value: Any) -> list[float]:
    if not isinstance(value, list) or not all(type(edge) in (int, float) for edge in value):
        raise InvalidInputError("extent: a bbox is four numbers", code="bad-bbox")
    box = BBox.of(value)
    return [box.west, box.south, box.east, box.north]


def _span(value: Any) -> list[str | None]:
    if not isinstance(value, list) or len(value) != 2:
        raise RefusedFileError("extent: an interval is start and end", code="bad-time")
    ends = [None if end is None else _time(end) for end in value]
    if None not in ends and ends[0] > ends[1]:  # type: ignore[operator]
        raise RefusedFileError("extent: an interval ends before it starts", code="bad-time")
    return [None if end is None else end.isoformat().replace("+00:00", "Z") for end in ends]


def _time(text: Any) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise RefusedFileError(f"extent: {text!r:.40} is no time", code="bad-time") from error
    if time.tzinfo is None:
        raise RefusedFileError(f"extent: {text[:40]!r} has no zone", code="bad-time")
    return time.astimezone(UTC)


def _wrong(said: str) -> RefusedFileError:
    return RefusedFileError(said, code="invalid-item")
