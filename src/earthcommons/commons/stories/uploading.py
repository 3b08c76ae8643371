"""Uploads: bytes that arrive in pieces, over interruptions and restarts, until they are an object.

An upload is a folder of the node that only the account that began it can name; it is no object and
no record before its last byte is on disk and its digest is known.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from earthcommons.commons.stories.submitting import UPLOAD_SUFFIX
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.policy import acting_party, moment
from earthcommons.store import storing, sync_folder
from earthcommons.trust import new_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from earthcommons.commons.node import Node

__all__ = [
    "ALGORITHMS",
    "Piece",
    "Upload",
    "begin_upload",
    "check_file_name",
    "drop_upload",
    "expire_uploads",
    "find_upload",
    "finished_key",
    "receive",
    "upload_states",
]

ALGORITHMS = ("sha256", "sha1")
LIVES = timedelta(hours=24)
_FOLDER = "uploads"
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
# No parts of a path, and nothing that shows another name than there is: control characters, ends of
# lines, and marks that turn the direction of writing.
_HIDING = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_NAME = re.compile(rf"[^/\\{_HIDING}]{{0,200}}")
_NO = ("", ".", "..")
_LONGEST = 1000
_MAY = ("contributor", "reviewer", "steward")


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands.

    Attributes:
        account: who began it; nobody else sees it.
        length: bytes it shall have.
        offset: bytes that are here.
        name: file name stated by who sends it.
        expires: when it is forgotten, unless a piece comes before; UTC.
        key: the object it became, empty while it is under way.
    """

    id: str
    account: str
    length: int
    offset: int
    name: str
    expires: datetime
    key: str = ""

    @property
    def finished(self) -> bool:
        """Whether all bytes are here and the object is in the store."""
        return bool(self.key)


def begin_upload(node: Node, length: int, name: str = "") -> Upload:
    """Begin an upload of `length` bytes and return it.

    Raises:
        AccessDeniedError: the acting party contributes to nothing here.
        RefusedFileError: longer than the node takes, or than the account has room for
            (`too-large`).
        InvalidInputError: a name that is no name of a file.
    """
    account = _contributor()
    most, quota = node.settings.upload_bytes, node.settings.upload_quota_bytes
    if length < 0 or not _NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidInputError("an upload has a length, and a file's name")
    if length > most:
        raise RefusedFileError(f"{length} bytes: the node takes {most}", code="too-large")
    folder = node.root / _FOLDER
    with storing():
        folder.mkdir(mode=0o700, exist_ok=True)
    with storing(), _locked(folder / "begin.lock", wait=True):
        expire_uploads(node)
        waiting = sum(up.length for up in _all(node) if up.account == account)
        if waiting + length > quota:
            raise RefusedFileError(
                f"{length} bytes beside {waiting} in other uploads of yours: an account has room"
                f" for {quota}; finish or remove some",
                code="too-large",
            )
        upload = Upload(new_token(), account, length, 0, name, moment() + LIVES)
        place = folder / upload.id
        place.mkdir(mode=0o700)
        (place / "data").touch(mode=0o600)
        _write(place, upload)
        sync_folder(folder)
    return _settled(node, upload) if length == 0 else upload


def find_upload(node: Node, id_: str) -> Upload:
    """Return an upload of the acting party.

    Raises:
        NotFoundError: it has none of that id.
    """
    place = _place(node, id_)
    found = _read(place)
    if found is None or found.account != acting_party().id or found.expires <= moment():
        raise _nothing()
    return found


def drop_upload(node: Node, id_: str) -> None:
    """Forget an upload; the object of a finished one stays where a draft holds it.

    Raises:
        AccessDeniedError: a key without the scope `submit`.
        NotFoundError: the acting party has no upload of that id.
        ConflictError: a piece of it is arriving.
    """
    find_upload(node, id_)
    _require_scope()
    place = _place(node, id_)
    with _locked(place / "lock"):
        shutil.rmtree(place, ignore_errors=True)


def finished_key(node: Node, id_: str) -> tuple[str, str]:
    """Return object key and file name of a finished upload of the acting party.

    Raises:
        NotFoundError: it has none of that id.
        ConflictError: bytes are still lacking.
    """
    upload = find_upload(node, id_)
    if not upload.finished and upload.offset == upload.length:
        with _locked(_place(node, id_) / "lock"):
            upload = find_upload(node, id_)
            upload = upload if upload.finished else _settled(node, upload)
    if not upload.finished:
        raise ConflictError(
            f"upload {id_} has {upload.offset} of {upload.length} bytes", code="unfinished"
        )
    return upload.key, upload.name


def check_file_name(name: str) -> str:
    """Return a file's name, which may hold folders.

    Raises:
        InvalidInputError: empty, endless, or leaving its folder (`unsafe-path`).
    """
    parts = name.split("/")
    if len(name) > _LONGEST or not all(_NAME.fullmatch(p) and p not in _NO for p in parts):
        raise InvalidInputError(f"{name[:60]!r} is no name of a file", code="unsafe-path")
    return name


class Piece:
    """One run of bytes on its way into an upload.

    With a checksum nothing counts before all of it is here and right. Without one, whatever
    arrived before the line broke counts.
    """

    def __init__(
        self, upload: Upload, place: Path, file: BinaryIO, checksum: tuple[str, bytes] | None
    ) -> None:
        self._upload = upload
        self._place = place
        self._file = file
        self._size = upload.offset
        self._checksum = checksum
        self._digest = (
            None if checksum is None else hashlib.new(checksum[0], usedforsecurity=False)
        )

    def write(self, data: bytes) -> None:
        """Take further bytes.

        Raises:
            RefusedFileError: more than the upload shall have; none of the piece counts.
        """
        if self._size + len(data) > self._upload.length:
            self._file.truncate(self._upload.offset)
            raise RefusedFileError(
                f"more than the {self._upload.length} bytes of the upload", code="too-large"
            )
        self._file.write(data)
        self._size += len(data)
        if self._digest is not None:
            self._digest.update(data)

    def close(self, *, whole: bool) -> Upload:
        """Count what arrived; `whole` says whether that is all that was sent.

        Raises:
            InvalidInputError: the bytes do not have the checksum stated for them
                (`checksum-mismatch`).
        """
        right = whole or self._checksum is None
        if self._checksum is not None and self._digest is not None and whole:
            right = self._digest.digest() == self._checksum[1]
        if not right:
            self._file.truncate(self._upload.offset)
            self._size = self._upload.offset
        self._file.flush()
        os.fsync(self._file.fileno())
        if not right and whole:
            raise InvalidInputError(
                "the bytes do not have the checksum stated", code="checksum-mismatch"
            )
        # The offset is what a restart reads: bytes beyond it do not count.
        now = replace(self._upload, offset=self._size, expires=moment() + LIVES)
        _write(self._place, now)
        return now


@contextlib.contextmanager
def receive(
    node: Node, id_: str, offset: int, checksum: tuple[str, bytes] | None = None
) -> Iterator[Piece]:
    """Yield what takes the bytes of an upload from `offset` on.

    Args:
        node: the node.
        id_: which upload.
        offset: where the sender believes it stands.
        checksum: algorithm and digest of the bytes to come.

    Raises:
        NotFoundError: the acting party has no upload of that id.
        AccessDeniedError: a key without the scope `submit`, or it contributes to nothing any more.
        ConflictError: it stands elsewhere (`offset-mismatch`), or another piece is arriving.
        InvalidInputError: an unknown algorithm.
    """
    if checksum is not None and checksum[0] not in ALGORITHMS:
        raise InvalidInputError(f"checksums are {', '.join(ALGORITHMS)}")
    find_upload(node, id_)
    _contributor()
    place = _place(node, id_)
    with storing(), _locked(place / "lock"):
        upload = find_upload(node, id_)
        if offset != upload.offset:
            raise ConflictError(
                f"the upload stands at {upload.offset}, not {offset}", code="offset-mismatch"
            )
        if upload.finished:
            # Nothing to add: a sender who did not hear the last answer says it again.
            with (place / "lock").open("rb+") as nothing:
                yield Piece(upload, place, nothing, checksum)
            return
        with (place / "data").open("r+b") as file:
            file.truncate(upload.offset)
            file.seek(upload.offset)
            yield Piece(upload, place, file, checksum)
        now = _read(place)
        if now is not None and now.offset == now.length and not now.finished:
            _settled(node, now)


def expire_uploads(node: Node, *, remove: bool = True) -> int:
    """Remove uploads that nobody went on with in time, or only count them; return how many."""
    gone = 0
    folder = node.root / _FOLDER
    for place in folder.iterdir() if folder.is_dir() else ():
        if not place.is_dir():
            continue
        upload = _read(place)
        if upload is None or upload.expires <= moment():
            with contextlib.suppress(ConflictError, NotFoundError), _locked(place / "lock"):
                if remove:
                    shutil.rmtree(place, ignore_errors=True)
                gone += 1
    return gone


def upload_states(node: Node) -> list[bytes]:
    """Return what is written of each upload, also of one that has expired."""
    found = []
    for place in (node.root / _FOLDER).glob("*/state.json"):
        with contextlib.suppress(FileNotFoundError):
            found.append(place.read_bytes())
    return found


def _settled(node: Node, upload: Upload) -> Upload:
    """Make an upload whose bytes are all here an object."""
    place = _place(node, upload.id)
    # A second name: whoever falls between these steps finds the bytes and does them again.
    sent = place / "sent"
    sent.unlink(missing_ok=True)
    sent.hardlink_to(place / "data")
    done = replace(upload, key=node.store.put_file(sent, UPLOAD_SUFFIX))
    _write(place, done)
    sent.unlink(missing_ok=True)
    (place / "data").unlink(missing_ok=True)
    return done


def _contributor() -> str:
    """Return the account of the acting party, when it may hand in data at all."""
    party = acting_party()
    in_scope = party.scopes is None or "submit" in party.scopes
    held = {role.partition(":")[0] for role in party.roles}
    if not party.registered or not in_scope or not held & {*_MAY, "operator"}:
        raise AccessDeniedError(f"{party.id} hands in no data on this node")
    return party.id


def _require_scope() -> None:
    party = acting_party()
    if party.scopes is not None and "submit" not in party.scopes:
        raise AccessDeniedError(f"{party.id}: this key hands in no data")


def _all(node: Node) -> Iterator[Upload]:
    for place in (node.root / _FOLDER).iterdir():
        found = _read(place) if place.is_dir() else None
        if found is not None:
            yield found


def _place(node: Node, id_: str) -> Path:
    if not _ID.fullmatch(id_):
        raise _nothing()
    return node.root / _FOLDER / id_


def _read(place: Path) -> Upload | None:
    try:
        facts = json.loads((place / "state.json").read_text(encoding="utf-8"))
        expires = datetime.fromisoformat(facts["expires"]).astimezone(UTC)
        return Upload(**facts | {"expires": expires})
    except (OSError, ValueError, KeyError, TypeError):
        # What cannot be read is nobody's, and keeps nobody else from uploading.
        return None


def _write(place: Path, upload: Upload) -> None:
    facts = {**asdict(upload), "expires": upload.expires.isoformat()}
    fresh = place / "state.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place / "state.json")
    # What a sender was told is here may be gone from there: the name is durable too.
    sync_folder(place)


@contextlib.contextmanager
def _locked(file: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise _nothing() from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            raise ConflictError("another piece of this upload is arriving") from error
        yield
    finally:
        os.close(descriptor)


def _nothing() -> NotFoundError:
    return NotFoundError("there is no such upload")
