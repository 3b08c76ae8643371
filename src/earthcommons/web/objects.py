"""Bytes of published assets by object key, with ranges, digests and strong ETags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from earthcommons.errors import NotFoundError
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["objects_router"]

_TYPES = {
    "tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    "nc": "application/netcdf",
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_INNER = re.compile(r"(?:[A-Za-z0-9_.-]{1,80}/){0,8}[A-Za-z0-9_.-]{1,80}")


def objects_router(node: Node) -> APIRouter:
    """Return the routes below `/objects`; only assets of visible items are served."""
    router = APIRouter(prefix="/objects", tags=["objects"])

    @router.get("/{key}")
    @router.head("/{key}", include_in_schema=False)
    def whole(request: Request, key: str) -> Response:
        """Return an asset's bytes; `Range` is honoured."""
        place = node.store.path(_published(node, key))
        if place.is_dir():
            raise NotFoundError(f"{key} is a Zarr store: read {key}/zarr.json and its chunks")
        return _file(request, place.as_posix(), digest_in(key), key.rsplit(".", 1)[-1])

    @router.get("/{key}/{inner:path}")
    @router.head("/{key}/{inner:path}", include_in_schema=False)
    def part(request: Request, key: str, inner: str) -> Response:
        """Return one file of a Zarr store."""
        tree = node.store.path(_published(node, key))
        if not _INNER.fullmatch(inner) or ".." in inner or not (tree / inner).is_file():
            raise NotFoundError("this store has no such part")
        tag = f"{digest_in(key)}-{inner}"
        return _file(request, (tree / inner).as_posix(), tag, inner.rsplit(".", 1)[-1])

    return router


def _published(node: Node, key: str) -> str:
    """Return the key when a visible item has it as an asset: other objects do not exist here."""
    if not re.fullmatch(r"[0-9a-f]{64}(\.[a-z0-9]{1,12}){0,2}", key):
        raise NotFoundError("there is no such object")
    if not node.catalog.has_asset(f"/objects/{key}"):
        raise NotFoundError("there is no such object")
    return key


def _file(request: Request, path: str, tag: str, suffix: str) -> Response:
    etag = f'"{tag}"'
    headers = {"etag": etag, "cache-control": "public, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    media_type = _TYPES.get(suffix, "application/octet-stream")
    return FileResponse(path, headers=headers, media_type=media_type)
