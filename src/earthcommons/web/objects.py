"""Bytes of published assets by object key, with ranges, digests and strong ETags."""

from __future__ import annotations

import base64
import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from earthcommons.errors import IntegrityError, NotFoundError
from earthcommons.model.canonical import digest_of
from earthcommons.policy import acting_party
from earthcommons.store import digest_in, file_digest, tree_manifest
from earthcommons.web.errors import problem
from earthcommons.web.parameters import known
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from earthcommons.commons import Node

__all__ = ["Bytes", "disposition", "objects_router"]

_TYPES = {
    "tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    "nc": "application/netcdf",
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_INNER = re.compile(r"(?:[A-Za-z0-9_.-]{1,80}/){0,8}[A-Za-z0-9_.-]{1,80}")
_KEY = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]{1,12}){0,2}")
_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*")
_WANTS = re.compile(r"(?:^|,)\s*sha-256\s*(?:=\s*(\d+)\s*)?(?:,|$)")
_MANIFESTS = 64


def objects_router(node: Node) -> APIRouter:
    """Return the routes below `/objects`; only assets of visible items are served."""
    router = APIRouter(prefix="/objects", tags=["objects"])
    given = Bytes(node)

    @router.get("/{key}")
    @router.head("/{key}")
    def whole(request: Request, key: str) -> Response:
        """Return an asset's bytes; `Range` is honoured. Of a Zarr store: its manifest."""
        known(request, ())
        return given.whole(request, _published(node, key))

    @router.get("/{key}/{inner:path}")
    @router.head("/{key}/{inner:path}")
    def part(request: Request, key: str, inner: str) -> Response:
        """Return one file of a Zarr store."""
        known(request, ())
        return given.part(request, _published(node, key), inner)

    return router


class Bytes:
    """Answers with the bytes of objects whose asker was let in before."""

    def __init__(self, node: Node) -> None:
        self._store = node.store
        # A manifest reads every byte of its tree: one at a time, and kept, since it cannot change.
        self._reading = Turns()
        self._manifests: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def whole(
        self, request: Request, key: str, name: str = "", *, private: bool = False
    ) -> Response:
        """Return a file object; of a tree the manifest, whose digest is the tree's own.

        Args:
            request: the request, for its ranges and conditions.
            key: which object.
            name: file name to keep it under; the key where it is empty.
            private: whether no shared cache may keep it.
        """
        place = self._store.path(key)
        digest = digest_in(key)
        if place.is_dir():
            headers = _headers(request, digest, digest, f"{digest}.manifest.json", private)
            if (answer := _conditional(request, headers)) is not None:
                return answer
            body = self._manifest(key, place)
            return Response(body, headers=headers, media_type="application/json")
        suffix = key.rsplit(".", 1)[-1] if "." in key else ""
        headers = _headers(request, digest, digest, name or key, private)
        return _file(request, place, headers, suffix)

    def part(
        self, request: Request, key: str, inner: str, *, private: bool = False
    ) -> Response:
        """Return one file of a tree.

        Raises:
            NotFoundError: it has none of that name.
        """
        tree = self._store.path(key)
        place = tree / inner
        if not _INNER.fullmatch(inner) or ".." in inner or not place.is_file():
            raise NotFoundError("this store has no such part")
        digest = file_digest(place) if _wants_digest(request) else ""
        headers = _headers(request, f"{digest_in(key)}-{inner}", digest, "", private)
        return _file(request, place, headers, inner.rsplit(".", 1)[-1])

    def _manifest(self, key: str, tree: Path) -> bytes:
        with self._lock:
            found = self._manifests.get(key)
        if found is not None:
            return found
        with self._reading:
            made = tree_manifest(tree)
        if (digest := digest_of(made)) != digest_in(key):
            self._store.mark(key, digest)
            raise IntegrityError(key, expected=digest_in(key), found=digest)
        with self._lock:
            self._manifests[key] = made
            while len(self._manifests) > _MANIFESTS:
                self._manifests.popitem(last=False)
        return made


def disposition(name: str) -> str:
    """Return a `Content-Disposition` that keeps the bytes as a file, never shown as a page.

    Source:
        RFC 6266, with a plain name beside one in UTF-8.
    """
    name = name.rsplit("/", 1)[-1].lstrip(".") or "data"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:200]
    if plain == name:
        return f'attachment; filename="{plain}"'
    coded = quote(name.encode("utf-8", "replace")[:300], safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}"


def _published(node: Node, key: str) -> str:
    """Return the key when a visible item has it as an asset: other objects do not exist here."""
    if not _KEY.fullmatch(key) or not node.catalog.has_asset(f"/objects/{key}"):
        raise NotFoundError("there is no such object")
    return key


def _headers(
    request: Request, tag: str, digest: str, name: str, private: bool
) -> dict[str, str]:
    headers = {
        "etag": f'"{tag}"',
        # What is not for everybody is in nobody's cache.
        "cache-control": "private, no-store"
        if private or acting_party().registered
        else "public, max-age=31536000, immutable",
        "accept-ranges": "bytes",
        # Media types that run scripts are not in the table, and nothing is shown in place.
        **({"content-disposition": disposition(name)} if name else {}),
    }
    if digest and _wants_digest(request, unasked=True):
        value = base64.b64encode(bytes.fromhex(digest)).decode()
        headers["repr-digest"] = f"sha-256=:{value}:"
    return headers


def _wants_digest(request: Request, *, unasked: bool = False) -> bool:
    """Return whether SHA-256 is among the digests asked for (RFC 9530)."""
    asked = request.headers.get("want-repr-digest")
    if asked is None:
        return unasked
    found = _WANTS.search(asked[:200])
    return found is not None and found[1] != "0"


def _conditional(request: Request, headers: dict[str, str]) -> Response | None:
    """Return 412 or 304 where a condition says so (RFC 9110, 13.2.2), or nothing."""
    required = request.headers.get("if-match")
    if required is not None:
        # Compared strongly: a weak tag is that of no bytes.
        stated = {tag.strip() for tag in required[:4000].split(",")}
        if not {headers["etag"], "*"} & stated:
            return problem(412, "stale", f"these bytes have the ETag {headers['etag']}")
    known_tags = request.headers.get("if-none-match", "")[:4000]
    stated = {tag.strip().removeprefix("W/") for tag in known_tags.split(",")}
    if headers["etag"] in stated or "*" in stated:
        return Response(status_code=304, headers=headers)
    return None


def _file(request: Request, place: Path, headers: dict[str, str], suffix: str) -> Response:
    if (answer := _conditional(request, headers)) is not None:
        return answer
    size = place.stat().st_size
    # RFC 9110, 14.2: of methods other than GET a range is ignored.
    asked = request.headers.get("range", "").lower() if request.method == "GET" else ""
    same = request.headers.get("if-range", headers["etag"]) == headers["etag"]
    kind = FileResponse if same and asked.startswith("bytes=") else _Whole
    if kind is FileResponse and not _one_part(asked, size):
        wrong = problem(416, "bad-range", f"one range within the {size} bytes, please")
        wrong.headers["content-range"] = f"bytes */{size}"
        return wrong
    media_type = _TYPES.get(suffix, "application/octet-stream")
    return kind(place.as_posix(), headers=headers, media_type=media_type)


class _Whole(FileResponse):
    """All bytes of a file: a range's condition did not hold, its unit is unknown, or HEAD asks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": kept}, receive, send)


def _one_part(asked: str, size: int) -> bool:
    """Return whether a `Range` names one part that the bytes have."""
    found = _RANGE.fullmatch(asked)
    if found is None:
        return False
    first, last, tail = found.groups()
    if tail is not None:
        return int(tail) > 0 and size > 0
    return int(first) < size and (not last or int(first) <= int(last))
