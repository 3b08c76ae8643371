"""One bucket of an S3-compatible service: what is asked of it, and its failures in our words.

Names here are names in the bucket, below its prefix; which of them are objects, trees and parts is
for `store.s3` to know.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["Bucket", "OpenBucket"]

_BLOCK = 2**20
_PATIENCE: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are: a bucket, a prefix in it, the service, and what opens it."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class OpenBucket:
    """A bucket that answers. Every method raises `UpstreamError` where the service does not.

    Before the first write of a process the service shows that it keeps the promise of a
    conditional write; where it does not, this process does not write to it.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._remote = _open(bucket)
        self._trusted = False
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Return when the service passed the self-test once in this process.

        Raises:
            UpstreamError: it does not (`store-unsafe`), or is not to be reached.
        """
        with self._lock:
            if not self._trusted:
                self.self_test()

    def self_test(self) -> None:
        """Return when conditional writes, reading back and listing work as S3 promises.

        Raises:
            UpstreamError: they do not (`store-unsafe`), or the service is not to be reached.
        """
        name, data = f"selftest/{uuid.uuid4().hex}", b"written once"
        try:
            # Refused when the answer to the first was lost and it was sent again: what is
            # read back tells.
            self.create(name, data)
            second = self.create(name, b"written twice")
            back = self.read(name)
            listed = [each for each, _ in self.names("selftest/")]
        finally:
            with suppress(NotFoundError):
                self.delete(name)
        for wrong, what in (
            (second, "lets a second writer overwrite with If-None-Match: *"),
            (back != data, "gives other bytes back than were written"),
            (name not in listed, "does not list what was written"),
        ):
            if wrong:
                raise UpstreamError(
                    f"the object store {what}: it cannot be shared by writers",
                    code="store-unsafe",
                )
        self._trusted = True

    def create(self, name: str, data: bytes) -> bool:
        """Write when nothing has that name; return whether this call wrote it."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with _upstream():
            try:
                obstore.put(self._remote, name, data, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def replace(self, name: str, source: Path) -> bool:
        """Write whatever has that name; return whether this call is known to have written it.

        The parts of a large file are gone when a request to put them together is sent again
        because its answer was lost.
        """
        import obstore

        with _upstream():
            try:
                obstore.put(self._remote, name, source)
            except FileNotFoundError:
                return False
        return True

    def read(self, name: str, key: str = "") -> bytes:
        """Return what has that name, whole.

        Raises:
            NotFoundError: nothing has it; the message names `key` (`asset-unavailable`).
            UpstreamError: the service does not answer as it should.
        """
        import obstore

        with _upstream(key):
            return bytes(obstore.get(self._remote, name).bytes())

    def stream(self, name: str, to: Path) -> str:
        """Write what has that name to a file; return the SHA-256 of what arrived.

        Raises:
            NotFoundError: nothing has it (`asset-unavailable`).
            UpstreamError: the service does not answer as it should.
        """
        import obstore

        sha = hashlib.sha256()
        with _upstream(name.rsplit("/", 1)[-1]), to.open("wb") as file:
            for block in obstore.get(self._remote, name).stream(min_chunk_size=_BLOCK):
                sha.update(block)
                file.write(block)
        return sha.hexdigest()

    def length(self, name: str) -> int | None:
        """Return the bytes of what has that name; None where nothing has it."""
        import obstore

        with _upstream():
            try:
                return int(obstore.head(self._remote, name)["size"])
            except FileNotFoundError:
                return None

    def last_put(self, name: str, key: str = "") -> datetime:
        """Return when what has that name was last written, as the service says; UTC.

        Raises:
            NotFoundError: nothing has it; the message names `key` (`asset-unavailable`).
            UpstreamError: the service does not answer as it should.
        """
        import obstore

        with _upstream(key):
            return obstore.head(self._remote, name)["last_modified"]

    def names(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield every name below a prefix, in order, with when it was last written; UTC."""
        import obstore

        with _upstream():
            for chunk in obstore.list(self._remote, prefix.rstrip("/")):
                for entry in chunk:
                    yield str(entry["path"]), entry["last_modified"]

    def delete(self, name: str, key: str = "") -> None:
        """Remove what has that name.

        Raises:
            NotFoundError: the service says nothing has it; the message names `key`.
            UpstreamError: the service does not answer as it should.
        """
        import obstore

        with _upstream(key):
            obstore.delete(self._remote, name)


def _open(bucket: Bucket) -> Any:
    from obstore.store import S3Store as Remote

    more: dict[str, Any] = {"endpoint": bucket.endpoint} if bucket.endpoint else {}
    if bucket.token:
        more["session_token"] = bucket.token
    return Remote(
        bucket.name,
        prefix=bucket.prefix or None,
        region=bucket.region,
        access_key_id=bucket.key_id,
        secret_access_key=bucket.secret,
        # The service compares what arrives with this digest and refuses what differs.
        checksum_algorithm="SHA256",
        virtual_hosted_style_request=not bucket.endpoint,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "timeout": timedelta(seconds=60),
            "connect_timeout": timedelta(seconds=5),
        },
        retry_config=_PATIENCE,
        **more,
    )


@contextmanager
def _upstream(key: str = "") -> Iterator[None]:
    """Word the service's errors; its own texts name addresses and request ids."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(
            f"object {key} is not in the store", code="asset-unavailable"
        ) from error
    except BaseError as error:
        raise UpstreamError(
            f"the object store does not answer as it should ({type(error).__name__})",
            code="store-unavailable",
        ) from error
