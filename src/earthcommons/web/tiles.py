"""Map tiles of published assets, by ids: no parameter names a file, a URL or an expression."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request, Response

from earthcommons.errors import NotFoundError
from earthcommons.web.parameters import known
from earthcommons.web.tile_reader import MAX_ZOOM, Layer, TileReader

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["PARAMETERS", "tiles_router"]

PARAMETERS = ("variable", "step", "ramp", "low", "high")


def tiles_router(node: Node) -> APIRouter:
    """Return the routes below `/tiles`."""
    router = APIRouter(prefix="/tiles/{collection}/{item}/{asset}", tags=["tiles"])
    kept = _Kept(node.settings.tile_cache_bytes)
    reader = TileReader(node.store)

    def layer(request: Request, collection: str, item: str, asset: str) -> Layer:
        values = known(request, PARAMETERS)
        body = node.catalog.get("item", f"{collection}/{item}")
        if asset != "data":
            raise NotFoundError(f"asset {asset[:40]!r} of this item is no map layer")
        return Layer.of(body, values)

    @router.get("/{z}/{x}/{y}.png")
    def tile(
        request: Request, collection: str, item: str, asset: str, z: int, x: int, y: int
    ) -> Response:
        """Return one Web Mercator tile of 256 pixels; transparent where there is no data."""
        if not 0 <= z <= MAX_ZOOM or not 0 <= x < 2**z or not 0 <= y < 2**z:
            raise NotFoundError(f"there is no tile {z}/{x}/{y}", code="out-of-range")
        wanted = layer(request, collection, item, asset)
        name = hashlib.sha256(orjson.dumps([wanted.identity, z, x, y])).hexdigest()
        # Also before a tile drawn earlier: what has become suspect is served to nobody.
        node.store.path(wanted.key)
        headers = {"etag": f'"{name[:32]}"', "cache-control": "public, max-age=3600"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        png = kept.get(name)
        if png is None:
            png = reader.draw(wanted, z, x, y)
            kept.put(name, png)
        return Response(png, media_type="image/png", headers=headers)

    @router.get("/tilejson.json")
    def tilejson(request: Request, collection: str, item: str, asset: str) -> Response:
        """Return the TileJSON 3.0 of the layer."""
        wanted = layer(request, collection, item, asset)
        query = f"?{request.url.query}" if request.url.query else ""
        base = f"{node.settings.url}/tiles/{collection}/{item}/{asset}"
        body = {
            "tilejson": "3.0.0",
            "name": wanted.title,
            "attribution": wanted.attribution,
            "tiles": [f"{base}/{{z}}/{{x}}/{{y}}.png{query}"],
            "bounds": wanted.bounds,
            "minzoom": 0,
            "maxzoom": MAX_ZOOM,
            "scheme": "xyz",
        }
        return Response(orjson.dumps(body), media_type="application/json")

    @router.get("/legend.json")
    def legend(request: Request, collection: str, item: str, asset: str) -> Response:
        """Return unit, limits and colours of the layer."""
        return Response(
            orjson.dumps(layer(request, collection, item, asset).legend()),
            media_type="application/json",
        )

    return router


class _Kept:
    """The tiles drawn last, up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._tiles: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        with self._lock:
            if name in self._tiles:
                self._tiles.move_to_end(name)
            return self._tiles.get(name)

    def put(self, name: str, png: bytes) -> None:
        with self._lock:
            self._size += len(png) - len(self._tiles.get(name, b""))
            self._tiles[name] = png
            while self._size > self._most:
                _, dropped = self._tiles.popitem(last=False)
                self._size -= len(dropped)
