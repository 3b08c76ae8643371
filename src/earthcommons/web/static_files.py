"""The portal's built bundle under `/static`: scripts, styles, fonts, compressed and revalidated."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["static_router"]

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
_COMPRESSED = (".js", ".css", ".txt", ".svg")
_NOT_BUILT = (
    "The portal's bundle has not been built: run `python web-ui/build.py`."
    " Pages read without it."
)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15"'
    ' fill="#0b5c5e"/><path d="M2 16h28M16 2v28M6 8q10 6 20 0M6 24q10-6 20 0" fill="none"'
    ' stroke="#fff" stroke-width="1.6"/></svg>'
)


def static_router(folder: str | PathLike[str] | None = None) -> APIRouter:
    """Return the routes below `/static`, and the icon.

    Args:
        folder: where the bundle is; the package's own when None.
    """
    root = Path(folder) if folder is not None else _own_folder()
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name:path}")
    @router.head("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        place = root / name
        inside = place.resolve().is_relative_to(root.resolve())
        if not inside or place.suffix not in _TYPES or not place.is_file():
            built = (root / "portal.js").is_file()
            said = "The bundle has no such file." if built else _NOT_BUILT
            return PlainTextResponse(said, 404)
        state = place.stat()
        zipped = place.suffix in _COMPRESSED and "gzip" in request.headers.get(
            "accept-encoding", ""
        )
        body, etag = _read(place, state.st_mtime_ns, state.st_size, zipped)
        # Names hold no digest, so a browser asks again each time; the answer is mostly 304.
        headers = {"etag": etag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        if zipped:
            headers["content-encoding"] = "gzip"
        return Response(body, media_type=_TYPES[place.suffix], headers=headers)

    @router.get("/icon.svg")
    @router.get("/favicon.ico")
    def icon() -> Response:
        headers = {"cache-control": "public, max-age=86400"}
        return Response(_ICON, media_type="image/svg+xml", headers=headers)

    return router


def _own_folder() -> Path:
    return Path(str(resources.files("earthcommons.web"))) / "static"


@lru_cache(maxsize=128)
def _read(place: Path, changed: int, size: int, zipped: bool) -> tuple[bytes, str]:
    """Bytes as sent and their ETag; `changed` and `size` make a rebuilt file another entry."""
    del changed, size
    body = place.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:32]
    if not zipped:
        return body, f'"{digest}"'
    return gzip.compress(body, compresslevel=6, mtime=0), f'"{digest}-gzip"'
