"""Resumable uploads by the tus protocol 1.0.0, below `/api/uploads`.

Core, creation, creation with the first bytes, checksum, expiration and termination.

Source:
    tus resumable upload protocol 1.0.0.
"""

from __future__ import annotations

import base64
from email.utils import format_datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from earthcommons.commons.stories import uploading
from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.policy import acting_party
from earthcommons.web.errors import problem
from earthcommons.web.parameters import known
from earthcommons.web.signing_in import NotSignedInError

if TYPE_CHECKING:
    from earthcommons.commons import Node
    from earthcommons.commons.stories.uploading import Piece, Upload

__all__ = ["uploads_router"]

_VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
_BYTES = "application/offset+octet-stream"
_ENOUGH = 2**20
_LONGEST_METADATA = 4000


def uploads_router(node: Node) -> APIRouter:
    """Return the routes below `/api/uploads`."""
    router = APIRouter(prefix="/api/uploads", tags=["uploads"])
    doors = _Doors(node)
    for path, handler, method in (
        ("", doors.options, "OPTIONS"),
        ("", doors.begin, "POST"),
        ("/{id}", doors.options, "OPTIONS"),
        ("/{id}", doors.stand, "HEAD"),
        ("/{id}", doors.receive, "PATCH"),
        ("/{id}", doors.drop, "DELETE"),
    ):
        router.add_api_route(path, handler, methods=[method])
    return router


class _Doors:
    """The handlers, and the node that takes the bytes."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def options(self, request: Request) -> Response:
        """Say which parts of the protocol there are, and how much is taken."""
        known(request, ())
        answer = _answer(204)
        answer.headers["tus-version"] = _VERSION
        answer.headers["tus-extension"] = _EXTENSIONS
        answer.headers["tus-max-size"] = str(self._node.settings.upload_bytes)
        answer.headers["tus-checksum-algorithm"] = ",".join(uploading.ALGORITHMS)
        return answer

    async def begin(self, request: Request) -> Response:
        """Begin an upload of `Upload-Length` bytes, and take the first of them if they come."""
        if (wrong := self._refusal(request)) is not None:
            return wrong
        if "upload-defer-length" in request.headers:
            raise InvalidInputError("Upload-Length is needed from the start")
        length = _number(request, "upload-length")
        name = _file_name(request.headers.get("upload-metadata", ""))
        upload = await run_in_threadpool(uploading.begin_upload, self._node, length, name)
        if request.headers.get("content-type") == _BYTES:
            upload = await self._take(request, upload.id, 0)
        answer = _standing(upload, 201)
        answer.headers["location"] = f"{self._node.settings.url}/api/uploads/{upload.id}"
        return answer

    async def stand(self, request: Request, id: str) -> Response:
        """Say how many bytes are here."""
        if (wrong := self._refusal(request)) is not None:
            return wrong
        upload = await run_in_threadpool(uploading.find_upload, self._node, id)
        answer = _standing(upload, 200)
        answer.headers["upload-length"] = str(upload.length)
        answer.headers["cache-control"] = "no-store"
        return answer

    async def receive(self, request: Request, id: str) -> Response:
        """Take bytes from `Upload-Offset` on."""
        if (wrong := self._refusal(request)) is not None:
            return wrong
        if request.headers.get("content-type") != _BYTES:
            raise RefusedFileError(f"send {_BYTES}", code="content-type")
        offset = _number(request, "upload-offset")
        return _standing(await self._take(request, id, offset), 204)

    def drop(self, request: Request, id: str) -> Response:
        """Forget an upload."""
        if (wrong := self._refusal(request)) is not None:
            return wrong
        uploading.drop_upload(self._node, id)
        return _answer(204)

    async def _take(self, request: Request, id_: str, offset: int) -> Upload:
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RefusedFileError("send the bytes uncompressed", code="content-encoding")
        stated = request.headers.get("content-length", "")
        checksum = _checksum(request)
        taking = uploading.receive(self._node, id_, offset, checksum)
        piece = await run_in_threadpool(taking.__enter__)
        error: BaseException | None = None
        try:
            whole = await _carry(request, piece, stated)
            await run_in_threadpool(_close, piece, whole)
        except BaseException as raised:
            error = raised
            raise
        finally:
            kind = None if error is None else type(error)
            await run_in_threadpool(taking.__exit__, kind, error, None)
        return await run_in_threadpool(uploading.find_upload, self._node, id_)

    def _refusal(self, request: Request) -> Response | None:
        known(request, ())
        if not acting_party().registered:
            raise NotSignedInError("sign in first, or send a key")
        if request.headers.get("tus-resumable") != _VERSION:
            answer = problem(412, "tus-version", f"Tus-Resumable: {_VERSION} is needed")
            answer.headers["tus-version"] = _VERSION
            return answer
        return None


async def _carry(request: Request, piece: Piece, stated: str) -> bool:
    """Write the body into an upload; return whether all of it came."""
    waiting, size, seen = [], 0, 0
    try:
        async for part in request.stream():
            waiting.append(part)
            size += len(part)
            seen += len(part)
            if size >= _ENOUGH:
                await run_in_threadpool(piece.write, b"".join(waiting))
                waiting, size = [], 0
    except ClientDisconnect:
        await run_in_threadpool(piece.write, b"".join(waiting))
        return False
    await run_in_threadpool(piece.write, b"".join(waiting))
    return not stated.isdecimal() or seen == int(stated)


def _close(piece: Piece, whole: bool) -> None:
    piece.close(whole=whole)


def _standing(upload: Upload, status: int) -> Response:
    answer = _answer(status)
    answer.headers["upload-offset"] = str(upload.offset)
    answer.headers["upload-expires"] = format_datetime(upload.expires, usegmt=True)
    return answer


def _answer(status: int) -> Response:
    return Response(status_code=status, headers={"tus-resumable": _VERSION})


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInputError(f"{name}: a whole number of bytes is needed")
    return int(text)


def _checksum(request: Request) -> tuple[str, bytes] | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    name, _, value = text.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except ValueError as error:
        # Not base64, or not even ASCII.
        raise InvalidInputError("upload-checksum: ALGORITHM BASE64") from error
    return name, digest


def _file_name(metadata: str) -> str:
    """Return the file name among `Upload-Metadata`; empty where there is none."""
    if len(metadata) > _LONGEST_METADATA:
        raise InvalidInputError(f"upload-metadata: over {_LONGEST_METADATA} characters")
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except ValueError as error:
                raise InvalidInputError("upload-metadata: filename BASE64") from error
    return ""
