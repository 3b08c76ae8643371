"""Objects in an S3-compatible bucket, read through a cache on local disk.

`objects/ab/<key>` is a file; a tree is `trees/ab/<key>`, its manifest, whose bytes are what the key
is the digest of, and its files are `parts/ab/<sha256>`. A manifest is written after all its parts,
so a tree is visible whole or not at all.
"""

from __future__ import annotations

import heapq
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from earthcommons.errors import IntegrityError, NotFoundError, UpstreamError
from earthcommons.model.canonical import digest_of, parse_strict
from earthcommons.store.bucket import OpenBucket
from earthcommons.store.collecting import PutAgain, leftovers
from earthcommons.store.local import LocalStore
from earthcommons.store.objects import (
    digest_in,
    digest_of_path,
    file_digest,
    files_of_tree,
    split_key,
    tree_manifest,
)
from earthcommons.store.suspects import SuspectList, corrupt
from earthcommons.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from earthcommons.store.bucket import Bucket

__all__ = ["S3Store"]

# One conditional PUT up to here; more goes up in parts, which the name by digest makes harmless.
_ONE_PUT = 64 * 2**20


class S3Store:
    """Immutable objects in a bucket. Every byte is compared with its digest when it arrives here.

    Nothing is written before the service has shown that it keeps its promises.
    """

    def __init__(self, bucket: Bucket, root: Path, cache_bytes: int = 20 * 2**30) -> None:
        root = root.resolve()
        self._bucket = OpenBucket(bucket)
        self._scratch = root / "tmp"
        self._cache_root = root / "cache" / "store"
        self._cache = LocalStore(self._cache_root)
        self._most = cache_bytes
        self._suspects = SuspectList(root / "suspect.json")
        self._checked: set[str] = set()
        self._lock = threading.Lock()
        self._guard = Turns(root / "collect.lock")
        self._again = PutAgain(root / "cache" / "put-again")

    def self_test(self) -> None:
        """Return when conditional writes, reading back and listing work as S3 promises.

        Raises:
            UpstreamError: they do not (`store-unsafe`), or the service is not to be reached.
        """
        self._bucket.self_test()

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """Yield an empty scratch folder that is removed afterwards and never visible."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_bytes(self, data: bytes, suffix: str) -> str:
        """Store bytes durably; return their key. Storing them again changes nothing."""
        with self.stage() as folder:
            staged = folder / "object"
            staged.write_bytes(data)
            return self.put_file(staged, suffix)

    def put_file(self, staged: Path, suffix: str) -> str:
        """Move a staged file into the store durably; return its key."""
        self._bucket.ready()
        key = file_digest(staged) + suffix
        self._upload(_file_name(key), staged)
        self._cache.put_file(staged, suffix)
        self._checked.add(key)
        self._trim()
        return key

    def put_tree(self, staged: Path, suffix: str) -> str:
        """Move a staged folder into the store; its digest is that of its manifest."""
        self._bucket.ready()
        manifest = tree_manifest(staged)
        key = digest_of(manifest) + suffix
        self._upload_tree(key, staged, manifest)
        self._cache.put_tree(staged, suffix)
        self._checked.add(key)
        self._trim()
        return key

    def path(self, key: str) -> Path:
        """Return where an object can be read: a local copy that was compared with its digest.

        Raises:
            NotFoundError: no such object (`asset-unavailable`).
            IntegrityError: it is marked suspect, or what arrived is not what the key promises.
            UpstreamError: the service is not to be reached.
        """
        split_key(key)
        self._suspects.check(key)
        try:
            place = self._cache.path(key)
            if key not in self._checked:
                if digest_of_path(place) != digest_in(key):
                    self._drop(key)
                    return self._fetch(key)
                os.utime(place)
                self._checked.add(key)
        except NotFoundError:
            return self._fetch(key)
        return place

    def read(self, key: str) -> bytes:
        """Return the bytes of a file object, checked against its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        data = self.path(key).read_bytes()
        if digest_of(data) != digest_in(key):
            self._drop(key)
            data = self._fetch(key).read_bytes()
        return data

    def verify(self, key: str) -> None:
        """Read an object whole from the bucket and compare; whole, it is suspect no more.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        with self.stage() as folder:
            self._download(key, folder / "object")
        self._suspects.clear(key)

    def size(self, key: str) -> int:
        """Return the bytes an object holds."""
        length = self._bucket.length(_file_name(key))
        if length is not None:
            return length
        return sum(size for _, size, _ in self._manifest(key))

    def all_keys(self, suffix: str = "") -> Iterator[str]:
        """Yield every key with that suffix, in order."""
        streams = (
            (_last_part(name) for name, _ in self._bucket.names(prefix))
            for prefix in ("objects/", "trees/")
        )
        for key in heapq.merge(*streams):
            if key.endswith(suffix):
                yield key

    def put_times(self) -> Iterator[tuple[str, datetime]]:
        """Yield every key, in order, with when the object was last put; UTC."""
        streams = (self._bucket.names(prefix) for prefix in ("objects/", "trees/"))
        for name, at in heapq.merge(*streams, key=lambda entry: _last_part(entry[0])):
            yield _last_part(name), self._again.later(name, at)

    def discard(self, key: str, before: datetime) -> bool:
        """Remove an object, unless it was put at `before` or later; return whether it is gone.

        Whoever calls knows that nothing needs it. The parts of a tree go with a later `sweep`.

        Raises:
            NotFoundError: no such object.
            UpstreamError: the service is not to be reached.
        """
        name = _file_name(key)
        if self._bucket.length(name) is None:
            name = _tree_name(key)
        if not self._deleted(name, before, key):
            return False
        self._drop(key)
        self._suspects.clear(key)
        return True

    def sweep(self, before: datetime, *, remove: bool) -> list[str]:
        """Return what puts that did not end left before that time; remove it if asked.

        That is staged files here, and in the bucket parts that no tree names.
        """
        trees = [_last_part(name) for name, _ in self._bucket.names("trees/")]
        used = {_part_name(digest) for key in trees for _, _, digest in self._manifest(key)}
        unused = [
            name
            for prefix in ("parts/", "selftest/")
            for name, at in self._bucket.names(prefix)
            if name not in used and self._again.later(name, at) < before
        ]
        found = leftovers(self._scratch, before)
        if remove:
            unused = [name for name in unused if self._deleted(name, before)]
            for place in found:
                if place.is_dir():
                    shutil.rmtree(place, ignore_errors=True)
                else:
                    place.unlink(missing_ok=True)
            self._again.forget(before)
        return [*(f"tmp/{place.name}" for place in found), *unused]

    def suspects(self) -> Mapping[str, str]:
        """Return the keys that are not served, with what was found instead of their bytes."""
        return dict(self._suspects.all())

    def suspects_anew(self) -> AbstractContextManager[bool]:
        """Return the span in which every object is read again, when the list cannot be read."""
        return self._suspects.anew()

    def mark(self, key: str, found: str) -> bool:
        """Put an object among the suspects; return whether it was not there before."""
        return self._suspects.mark(key, found)

    def mend(self, key: str, good: Path) -> None:
        """Put a good copy, a staged file or folder, in the place of a damaged or lost object.

        Raises:
            IntegrityError: the copy is not what the key promises; nothing was changed.
        """
        if (found := digest_of_path(good)) != digest_in(key):
            raise corrupt(key, found)
        self._bucket.ready()
        if good.is_dir():
            self._upload_tree(key, good, tree_manifest(good), over=True)
        else:
            self._upload(_file_name(key), good, over=True)
        self._drop(key)
        self._suspects.clear(key)

    def _deleted(self, name: str, before: datetime, key: str = "") -> bool:
        with self._guard.alone():
            if self._again.later(name, self._bucket.last_put(name, key)) >= before:
                return False
            self._bucket.delete(name, key)
        return True

    def _fetch(self, key: str) -> Path:
        with self.stage() as folder:
            staged = folder / "object"
            self._download(key, staged)
            suffix = split_key(key)[1]
            put = self._cache.put_tree if staged.is_dir() else self._cache.put_file
            put(staged, suffix)
        self._checked.add(key)
        self._trim(keep=key)
        return self._cache.path(key)

    def _download(self, key: str, to: Path) -> None:
        """Bring an object here and compare it with its key; what differs makes it suspect."""
        try:
            if self._bucket.length(_file_name(key)) is not None:
                found = self._bucket.stream(_file_name(key), to)
            else:
                manifest = self._manifest(key)
                found = digest_in(key)
                for name, _, digest in manifest:
                    place = to / _inner(name)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    part = self._bucket.stream(_part_name(digest), place)
                    if part != digest:
                        found = f"{part} in {name}"
        except IntegrityError as error:
            self._suspects.mark(key, error.found)
            raise
        if found != digest_in(key):
            self._suspects.mark(key, found)
            raise corrupt(key, found)

    def _manifest(self, key: str) -> list[list[Any]]:
        data = self._bucket.read(_tree_name(key), key)
        if (found := digest_of(data)) != digest_in(key):
            raise corrupt(key, found)
        manifest: list[list[Any]] = parse_strict(data)
        return manifest

    def _upload_tree(
        self, key: str, tree: Path, manifest: bytes, *, over: bool = False
    ) -> None:
        for path in files_of_tree(tree):
            self._upload(_part_name(file_digest(path)), path, over=over)
        with self.stage() as folder:
            (folder / "manifest").write_bytes(manifest)
            self._upload(_tree_name(key), folder / "manifest", over=over)

    def _upload(self, name: str, source: Path, *, over: bool = False) -> None:
        """Send a file; one that is there with the same length is left, since names are digests."""
        length = source.stat().st_size
        with self._guard.among():
            there = self._bucket.length(name)
            if there is not None:
                self._again.note(name)
        if there == length and not over:
            return
        if over or there is not None or length > _ONE_PUT:
            wrote = self._bucket.replace(name, source)
        else:
            wrote = self._bucket.create(name, source.read_bytes())
        # What was damaged may have had the same length.
        if not wrote and (over or self._bucket.length(name) != length):
            # It says that another writer was first, or this one with its answer lost: either
            # had the same bytes, and they must be there.
            raise UpstreamError(
                "the object store has the name of an object and not its bytes",
                code="store-unavailable",
            )

    def _drop(self, key: str) -> None:
        place = self._cache_root / "objects" / key[:2] / key
        self._checked.discard(key)
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)

    def _trim(self, keep: str = "") -> None:
        """Give up the copies unused for longest when they take more than they may."""
        with self._lock:
            places = sorted(
                (place.stat().st_mtime, place)
                for place in (self._cache_root / "objects").glob("??/*")
            )
            sizes = {
                place: sum(p.stat().st_size for p in files_of_tree(place))
                if place.is_dir()
                else place.stat().st_size
                for _, place in places
            }
            total = sum(sizes.values())
            for _, place in places:
                if total <= self._most:
                    return
                if place.name != keep:
                    self._drop(place.name)
                    total -= sizes[place]


def _last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _inner(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise IntegrityError(name[:80], expected="a name inside the tree", found="one outside")
    return path


def _file_name(key: str) -> str:
    split_key(key)
    return f"objects/{key[:2]}/{key}"


def _tree_name(key: str) -> str:
    split_key(key)
    return f"trees/{key[:2]}/{key}"


def _part_name(digest: str) -> str:
    split_key(digest)
    return f"parts/{digest[:2]}/{digest}"
