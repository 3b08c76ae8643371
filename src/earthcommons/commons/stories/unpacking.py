"""Take a package in: every path and every digest judged before anything is stored.

A bag or an RO-Crate made by `packages`, as a folder or a zip. What it holds is foreign: no byte
is opened by a library before its first bytes are those its name promises, and records become
visible in the one publish order, objects first.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from earthcommons.commons.stories.packages import METADATA, stored_record
from earthcommons.errors import (
    CommonsError,
    IntegrityError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.ingest.item import widen
from earthcommons.ingest.limits import Limits
from earthcommons.model.canonical import parse_strict
from earthcommons.model.record import Record
from earthcommons.runs import read_observations
from earthcommons.store import digest_in, digest_of_path, is_full, split_key, storing

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.catalog.writing import SqliteTransaction
    from earthcommons.commons.node import Node

__all__ = ["Imported", "import_package"]

_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_NAME = re.compile(r"(?:[A-Za-z0-9_.:+@-]{1,200}/){0,12}[A-Za-z0-9_.:+@-]{1,200}")
_BLOCK = 2**20
_TAGS_BYTES = 64 * 2**20
# What a file of that suffix begins with; others are bytes that are only handed out.
_BEGINS = {
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".parquet": (b"PAR1",),
    ".nc": (b"\x89HDF\r\n\x1a\n", b"CDF"),
}
_CODECS = frozenset(
    {"bytes", "crc32c", "zstd", "blosc", "gzip", "sharding_indexed", "transpose", "vlen-utf8"}
)


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        items: name and digest of each item's current record, and `published` or `unchanged`.
        runs: runs taken in with their observations.
        left_out: runs that were not, each with the reason, and the items that region sets are
            drawn in which are here with other content.
    """

    items: list[tuple[str, str, str]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def import_package(node: Node, place: Path, limits: Limits | None = None) -> Imported:
    """Publish what a package holds, or nothing of it.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: a path that leaves the package, a link, a file not listed, too much, no
            form known here, or bytes of another format than their name says.
        IntegrityError: bytes that are not those of the manifest, or are missing; all are named.
        ConflictError: an item is here with other content.
        UpstreamError: the disk is full (`storage`).
    """
    limits = limits or Limits()
    if not place.exists():
        raise NotFoundError(f"there is no {place.name}")
    with storing(), closing(_open(place, limits)) as source, node.store.stage() as scratch:
        base, expected = _expected(source)
        staged = scratch / "package"
        _stage(source, base, expected, staged)
        records = _records(staged)
        objects = _objects(staged, records)
        records, kept = _without_outlines_of_ours(node, records)
        named = {key for record in records for key in _keys(record)}
        objects = {key: where for key, where in objects.items() if key in named}
        _known_assets(node, records, objects)
        for key, where in objects.items():
            suffix = split_key(key)[1]
            put = node.store.put_tree if where.is_dir() else node.store.put_file
            put(where, suffix)
        done = _publish(node, records)
        done.left_out += [(name, "here with other content, which stays") for name in kept]
        return done


class _Source(Protocol):
    def names(self) -> list[str]: ...
    def read(self, name: str) -> Any: ...
    def close(self) -> None: ...


class _FolderSource:
    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        paths = sorted(root.rglob("*"))
        for path in paths:
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                name = path.relative_to(root).as_posix()
                raise _refused(f"{name[:80]!r} is a link or no plain file", "link")
        self._names = [p.relative_to(root).as_posix() for p in paths if p.is_file()]
        _check_size(len(self._names), sum(p.stat().st_size for p in paths), limits)

    def names(self) -> list[str]:
        return self._names

    def read(self, name: str) -> Any:
        return (self._root / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class _ZipSource:
    def __init__(self, file: Path, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise _refused(f"{file.name} is no zip file", "malformed") from error
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        _check_size(len(entries), sum(entry.file_size for entry in entries), limits)
        for entry in entries:
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or entry.flag_bits & 1:
                raise _refused(f"{entry.filename[:80]!r} is a link or encrypted", "link")
            packed = max(entry.compress_size, 1)
            if entry.file_size > 2**20 and entry.file_size / packed > limits.archive_ratio:
                raise _refused(f"{entry.filename[:80]!r} unpacks to too much", "archive-bomb")
        names = [entry.filename for entry in entries]
        if len(set(names)) != len(names):
            raise _refused("two files of the archive have one name", "malformed")
        tops = {name.split("/", 1)[0] for name in names}
        plain = {"bagit.txt", METADATA} & set(names)
        self._top = "" if plain or len(tops) != 1 else f"{tops.pop()}/"
        self._names = [name.removeprefix(self._top) for name in names]

    def names(self) -> list[str]:
        return self._names

    def read(self, name: str) -> Any:
        return self._zip.open(self._top + name)

    def close(self) -> None:
        self._zip.close()


def _open(place: Path, limits: Limits) -> _Source:
    source: _Source = (
        _FolderSource(place, limits) if place.is_dir() else _ZipSource(place, limits)
    )
    for name in source.names():
        _plain(name)
    return source


def _expected(source: _Source) -> tuple[str, dict[str, str]]:
    """Return where the payload begins and the digest of every file of it.

    Raises:
        RefusedFileError: a file is not listed, or nothing says what there should be.
    """
    names = set(source.names())
    if "bagit.txt" in names:
        return "data/", _expected_of_bag(source, names)
    if METADATA in names:
        return "", _expected_of_crate(source, names)
    raise _refused(f"neither bagit.txt nor {METADATA} is in it", "unknown-format")


def _expected_of_bag(source: _Source, names: set[str]) -> dict[str, str]:
    if "fetch.txt" in names:
        raise _refused("fetch.txt names files elsewhere", "external-reference")
    if "manifest-sha256.txt" not in names:
        raise _refused("a bag without manifest-sha256.txt", "unknown-format")
    tags = (
        _manifest(source, "tagmanifest-sha256.txt") if "tagmanifest-sha256.txt" in names else {}
    )
    wrong = sorted(
        name
        for name, digest in tags.items()
        if name not in names or _digest(source, name) != digest
    )
    if wrong:
        raise _damaged(wrong)
    payload = _manifest(source, "manifest-sha256.txt")
    if outside := [name for name in payload if not name.startswith("data/")]:
        raise _refused(f"the manifest leaves data/: {outside[0][:80]!r}", "bad-path")
    manifests = re.compile(r"(tag)?manifest-[a-z0-9]+\.txt|bagit\.txt|bag-info\.txt")
    extra = sorted(
        name
        for name in names - payload.keys()
        if name.startswith("data/") or not (name in tags or manifests.fullmatch(name))
    )
    if extra:
        raise _refused(f"not in the manifest: {', '.join(extra[:10])[:300]}", "extra-file")
    return {name.removeprefix("data/"): digest for name, digest in payload.items()}


def _manifest(source: _Source, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _text(source, name).splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise _refused(f"{name}: {line[:80]!r} is no line of a manifest", "malformed")
        path = match.group(2).replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        _plain(path)
        if path in found:
            raise _refused(f"{name} lists {path[:80]!r} twice", "malformed")
        found[path] = match.group(1).lower()
    return found


def _expected_of_crate(source: _Source, names: set[str]) -> dict[str, str]:
    try:
        graph = parse_strict(_text(source, METADATA).encode())["@graph"]
        entities = [entry for entry in graph if entry.get("@type") == "File"]
        found = {unquote(str(entry["@id"])): str(entry["sha256"]) for entry in entities}
    except (CommonsError, KeyError, TypeError, AttributeError) as error:
        raise _refused(f"{METADATA}: every file needs its sha256", "malformed") from error
    for name in found:
        _plain(name)
    if extra := sorted(names - found.keys() - {METADATA}):
        raise _refused(f"not in the crate: {', '.join(extra[:10])[:300]}", "extra-file")
    return found


def _stage(source: _Source, base: str, expected: dict[str, str], staged: Path) -> None:
    """Copy the payload, comparing as it goes.

    Raises:
        IntegrityError: files are damaged or missing; all are named.
    """
    wrong = []
    for name, digest in sorted(expected.items()):
        place = staged / name
        place.parent.mkdir(parents=True, exist_ok=True)
        sha = hashlib.sha256()
        try:
            with source.read(base + name) as read, place.open("wb") as write:
                while block := read.read(_BLOCK):
                    sha.update(block)
                    write.write(block)
        except (OSError, KeyError, zipfile.BadZipFile, EOFError) as error:
            if isinstance(error, OSError) and is_full(error):
                raise
            wrong.append(f"{name} (missing or unreadable)")
            continue
        if sha.hexdigest() != digest:
            wrong.append(name)
    if wrong:
        raise _damaged(wrong)


def _records(staged: Path) -> list[Record]:
    """Return the records of a package, each kind's versions in order."""
    found = []
    for path in sorted((staged / "records").glob("*")):
        data = path.read_bytes()
        try:
            record = Record.from_json(parse_strict(data))
            same = record.object_bytes == data and path.name == f"{record.digest}.json"
        except (CommonsError, KeyError, TypeError, ValueError) as error:
            raise _refused(f"{path.name} is no record", "malformed") from error
        if not same or record.kind not in ("item", "collection", "run", "region-set"):
            raise _refused(f"{path.name} is no record a package may hold", "malformed")
        found.append(record)
    if not any(record.kind == "item" for record in found):
        raise _refused("the package holds no item", "malformed")
    return sorted(found, key=lambda record: (record.kind, record.id, record.version))


def _objects(staged: Path, records: list[Record]) -> dict[str, Path]:
    """Return the objects of a package by key: those its records name, and no others."""
    named = {key for record in records for key in _keys(record)}
    found: dict[str, Path] = {}
    folder = staged / "objects"
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        key = place.name
        if key not in named:
            raise _refused(f"no record of the package names object {key[:80]}", "extra-file")
        split_key(key)
        if (digest := digest_of_path(place)) != digest_in(key):
            raise IntegrityError(key, expected=digest_in(key), found=digest)
        _judge(place)
        found[key] = place
    return found


def _keys(record: Record) -> list[str]:
    if record.kind == "item":
        hrefs = [str(asset.get("href", "")) for asset in record.body["assets"].values()]
        return [
            href.removeprefix("/objects/") for href in hrefs if href.startswith("/objects/")
        ]
    return [record.body["output"]] if record.body.get("output") else []


def _judge(place: Path) -> None:
    """Return when an object begins as its name says, so that no library guesses another format.

    Raises:
        RefusedFileError: it does not, or a tree is no Zarr store of known codecs.
    """
    if place.is_dir():
        if place.suffix != ".zarr" or not (place / "zarr.json").is_file():
            raise _refused(f"{place.name[:80]} is no Zarr store", "format-mismatch")
        for file in place.rglob("zarr.json"):
            if strange := _codecs(parse_strict(file.read_bytes())) - _CODECS:
                raise _refused(f"codec {min(strange)[:40]!r}", "codec-forbidden")
        return
    begins = _BEGINS.get(place.suffix)
    with place.open("rb") as opened:
        first = opened.read(16)
    if begins is not None and not first.startswith(begins):
        raise _refused(f"{place.name[:90]} does not begin as its name says", "format-mismatch")


def _codecs(value: Any) -> set[str]:
    """Return the names of all codecs in a Zarr document, at any depth."""
    if isinstance(value, list):
        return set().union(*(_codecs(each) for each in value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        if key in ("codecs", "index_codecs") and isinstance(inner, list):
            found |= {str(c.get("name")) if isinstance(c, dict) else str(c) for c in inner}
        if key != "attributes":
            found |= _codecs(inner)
    return found


def _without_outlines_of_ours(
    node: Node, records: list[Record]
) -> tuple[list[Record], list[str]]:
    """Return the records without those items that only go along and are here otherwise.

    Which outlines a node computes with is its own matter; the items a package is made of conflict.
    """
    along = {str(r.body.get("item", "")) for r in records if r.kind == "region-set"}
    items = {record.id: record for record in records if record.kind == "item"}
    kept = []
    if set(items) - along:
        for name in sorted(along & set(items)):
            here = node.catalog.version("item", name)
            # Of several versions the newest stands last.
            if here is not None and here != (items[name].version, items[name].digest):
                kept.append(name)
    left = [r for r in records if not (r.kind == "item" and r.id in kept)]
    return left, kept


def _known_assets(node: Node, records: list[Record], objects: dict[str, Path]) -> None:
    """Return when every object that items and runs name is in the package or here already."""
    for record in records:
        if record.kind == "item" and any(
            not str(asset.get("href", "")).startswith("/objects/")
            for asset in record.body["assets"].values()
        ):
            raise _refused(f"item {record.id} names bytes elsewhere", "external-reference")
        for key in _keys(record):
            split_key(key)
            if key not in objects:
                try:
                    node.store.verify(key)
                except NotFoundError as error:
                    raise _damaged([f"objects/{key} (missing)"]) from error


def _publish(node: Node, records: list[Record]) -> Imported:
    """Make the records visible in one transaction."""
    done = Imported()
    of: dict[str, list[Record]] = {}
    for record in records:
        of.setdefault(record.kind, []).append(record)
    with node.catalog.transaction() as tx:
        _publish_items(node, tx, of, done)
        for name, digest, state in done.items:
            if state == "published":
                tx.note("item-unpack", "item", name, {"digest": digest})
        for record in of.get("region-set", ()):
            if node.catalog.version("region-set", record.id) is None:
                tx.revise(record)
        for record in of.get("run", ()):
            if reason := _why_not(node, record):
                done.left_out.append((record.id, reason))
                continue
            tx.put(record)
            if output := record.body.get("output"):
                rows = read_observations(node.store.path(output))
                tx.put_observations(record.id, output, rows)
            done.runs.append(record.id)
    return done


def _publish_items(
    node: Node, tx: SqliteTransaction, of: dict[str, list[Record]], done: Imported
) -> None:
    given = {record.id: record for record in of.get("collection", ())}
    # Before their items: what these ask for is worked out with owner and rule of the collection.
    fresh = {record.body["collection"] for record in of["item"]}
    fresh -= {id_ for id_ in fresh if node.catalog.version("collection", id_) is not None}
    for id_ in sorted(fresh):
        if id_ not in given:
            raise _lacking(id_)
        tx.revise(_widened(given[id_], of["item"]))
    latest: dict[str, tuple[Record, bool]] = {}
    for record in of["item"]:
        known = node.catalog.version("item", record.id)
        if known is None or record.version >= known[0]:
            latest[record.id] = record, tx.put(record)
    joining: dict[str, list[Record]] = {}
    for name, (record, new) in sorted(latest.items()):
        done.items.append((name, record.digest, "published" if new else "unchanged"))
        if new and record.body["collection"] not in fresh:
            joining.setdefault(record.body["collection"], []).append(record)
    for id_, items in joining.items():
        # The label stays: a package does not open what is closed here.
        old = stored_record(node, "collection", id_)
        if old is None:
            raise _lacking(id_)
        tx.revise(_widened(old, items))


def _widened(collection: Record, items: list[Record]) -> Record:
    """Return the first version of a collection around those of the items that are its own."""
    body = collection.body
    for item in items:
        if item.body["collection"] == collection.id:
            body = widen(body, item.body)
    return Record("collection", collection.id, body, 1, collection.access, collection.links)


def _lacking(collection: str) -> RefusedFileError:
    return _refused(f"the package lacks collection {collection[:80]!r}", "malformed")


def _why_not(node: Node, run: Record) -> str:
    """Return what a run rests on that is neither here nor in the package, or nothing."""
    for ref in run.body.get("inputs", ()):
        if node.catalog.version("item", ref["item"]) is None:
            return f"needs item {ref['item']}"
    wanted = run.body["regions"]["id"]
    here = node.catalog.version("region-set", wanted) is not None
    return "" if here else f"needs region set {wanted}"


def _text(source: _Source, name: str) -> str:
    with source.read(name) as file:
        data: bytes = file.read(_TAGS_BYTES + 1)
    if len(data) > _TAGS_BYTES:
        raise _refused(f"{name} is over {_TAGS_BYTES} bytes", "declared-too-large")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"{name} is no UTF-8", "malformed") from error


def _digest(source: _Source, name: str) -> str:
    with source.read(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(name: str) -> None:
    """Return when a path stays inside and is spelt in one way only."""
    if not _NAME.fullmatch(name) or {".", "..", ""} & set(name.split("/")):
        raise _refused(f"path {name[:80]!r} leaves the package or is no plain one", "bad-path")


def _check_size(files: int, size: int, limits: Limits) -> None:
    if size > limits.archive_bytes:
        raise _refused(f"{size} bytes, at most {limits.archive_bytes}", "declared-too-large")
    if files > limits.archive_members * 100:
        raise _refused(f"{files} files are too many", "declared-too-large")


def _damaged(names: list[str]) -> IntegrityError:
    some = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return IntegrityError("the package", expected="the bytes of its manifest", found=some)


def _refused(message: str, code: str) -> RefusedFileError:
    return RefusedFileError(message, code=code)
