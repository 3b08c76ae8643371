"""A service that speaks as much S3 as the store asks for, and fails when told to."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FakeS3", "Fault"]

# Told method, name and number of a request from 1, returns how it goes wrong or "":
# `cut` the line breaks before anything is done; `lost` it is done and the line breaks before the
# answer; `500`, `503` it is not done; `taken` it says 412 and has nothing of that name; `short`
# half of what was asked for comes; `late` the listing does not know the newest yet.
Fault = "Callable[[str, str, int], str]"
_WHEN = "Sun, 22 Nov 2026 12:00:00 GMT"
_SAYS = {500: "InternalError", 503: "SlowDown", 412: "PreconditionFailed", 404: "NoSuchKey"}


class FakeS3:
    """Objects by name, on loopback; `with` it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.fault: Callable[[str, str, int], str] = lambda *_: ""
        self.asked: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        fake = self

        class Handler(_Handler):
            s3 = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, method: str, name: str) -> str:
        with self._lock:
            self.asked.append((method, name))
            return self.fault(method, name, len(self.asked))

    def put(self, name: str, data: bytes, *, only_new: bool) -> int:
        with self._lock:
            if only_new and name in self.objects:
                return 412
            self.objects[name] = data
            return 200

    def put_part(self, upload: str, number: int, data: bytes) -> int:
        with self._lock:
            if upload not in self.uploads:
                return 404
            self.uploads[upload][number] = data
            return 200

    def begin_parts(self) -> str:
        with self._lock:
            upload = f"u{len(self.asked)}"
            self.uploads[upload] = {}
            return upload

    def complete(self, name: str, upload: str, numbers: list[int]) -> int:
        """Put together the parts that are named, in that order; the upload ends with it."""
        with self._lock:
            parts = self.uploads.get(upload)
            if parts is None or not set(numbers) <= set(parts):
                return 404
            self.objects[name] = b"".join(parts[number] for number in numbers)
            del self.uploads[upload]
            return 200


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body go out as two writes: the second would wait for the first to be acknowledged.
    disable_nagle_algorithm = True
    s3: FakeS3

    def log_message(self, *_: Any) -> None:
        pass

    def _ask(self) -> None:
        asked = urlsplit(self.path)
        name = unquote(asked.path).removeprefix("/bucket").lstrip("/")
        body = self._body()
        fault = self.s3.begin(self.command, name)
        if fault == "cut":
            self.close_connection = True
            return
        if fault in ("500", "503"):
            self._answer(int(fault))
        elif fault == "taken":
            self._answer(412)
        elif "list-type" in (query := parse_qs(asked.query, keep_blank_values=True)):
            self._list(query.get("prefix", [""])[0], late=fault == "late")
        elif "uploads" in query or "uploadId" in query:
            self._in_parts(name, query, body, fault)
        elif self.command == "POST":
            self._delete(body, fault)
        else:
            self._do(name, body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _ask

    def _in_parts(
        self, name: str, query: dict[str, list[str]], body: bytes, fault: str
    ) -> None:
        status, answer = 200, ""
        if "uploads" in query:
            answer = f"<UploadId>{self.s3.begin_parts()}</UploadId>"
            answer = f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>"
        elif self.command == "PUT":
            number = int(query["partNumber"][0])
            status = self.s3.put_part(query["uploadId"][0], number, body)
        elif self.command == "POST":
            numbers = re.findall("<PartNumber>(.*?)</PartNumber>", body.decode())
            status = self.s3.complete(name, query["uploadId"][0], [int(n) for n in numbers])
            answer = "<ETag>e</ETag>"
            answer = f"<CompleteMultipartUploadResult>{answer}</CompleteMultipartUploadResult>"
        else:
            self.s3.uploads.pop(query["uploadId"][0], None)
            status = 204
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, answer.encode())

    def _delete(self, body: bytes, fault: str) -> None:
        names = [unescape(name) for name in re.findall("<Key>(.*?)</Key>", body.decode())]
        for name in names:
            self.s3.objects.pop(name, None)
        if fault == "lost":
            self.close_connection = True
            return
        rows = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        self._answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode())

    def _do(self, name: str, body: bytes, fault: str) -> None:
        status, answer = 200, b""
        if self.command == "PUT":
            only_new = self.headers.get("If-None-Match") == "*"
            status = self.s3.put(name, body, only_new=only_new)
        elif name not in self.s3.objects:
            status = 404
        else:
            answer = self.s3.objects[name]
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, answer, half=fault == "short")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        return self.rfile.read(int(length)) if length else b""

    def _list(self, prefix: str, *, late: bool) -> None:
        names = sorted(name for name in list(self.s3.objects) if name.startswith(prefix))
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.s3.objects[name])}</Size>"
            f"<ETag>e</ETag><LastModified>2026-11-22T12:00:00.000Z</LastModified></Contents>"
            for name in ([] if late else names)
        )
        text = (
            "<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated>"
            f"{rows}</ListBucketResult>"
        )
        self._answer(200, text.encode())

    def _answer(self, status: int, body: bytes = b"", *, half: bool = False) -> None:
        if status in _SAYS and self.command != "HEAD":
            body = f"<Error><Code>{_SAYS[status]}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", _WHEN)
        self.send_header("ETag", "e")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if half else body)
        self.close_connection = self.close_connection or half
