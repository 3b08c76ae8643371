"""Items as a package others can check without us: a BagIt bag, or an RO-Crate.

Both hold the same: `records/<sha256>.json`, the canonical records of items, their collection, the
runs that used them, those runs' region sets and the items these are drawn in, as far as the party
may have them; `objects/<key>`, the bytes they name; and `ro-crate-metadata.json`, which says what
all of it is.
"""

from __future__ import annotations

import json
import mimetypes
import shutil
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import orjson

from earthcommons.catalog import ItemQuery
from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model.canonical import digest_of, parse_strict
from earthcommons.model.record import Record
from earthcommons.store import file_digest, files_of_tree, storing

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["METADATA", "PackageForm", "Packed", "package", "stored_record"]

PackageForm = Literal["bagit", "ro-crate", "ro-crate-1.2"]
METADATA = "ro-crate-metadata.json"
_PAGE = 500
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Packed:
    """What a package holds."""

    place: Path
    form: PackageForm
    items: tuple[str, ...]
    runs: tuple[str, ...]
    files: int
    bytes: int


def package(node: Node, name: str, form: PackageForm, out: Path, party: Party) -> Packed:
    """Write a package of an item, or of a collection's items, as far as the party may have them.

    Args:
        node: the node.
        name: `collection/item`, or a collection.
        form: `bagit`, `ro-crate` (of version 1.1) or `ro-crate-1.2`.
        out: a folder to make, or a file whose name ends in `.zip`.
        party: who asks; what it may not see is not there, what it may not fetch is refused.

    Raises:
        InvalidInputError: no such form.
        NotFoundError: nothing visible has that name, or an object is missing.
        AccessDeniedError: the party sees an item but may not fetch all of it, in all versions.
        IntegrityError: an object is damaged.
        ConflictError: something has that name already.
        UpstreamError: the disk is full (`storage`).
    """
    if form not in get_args(PackageForm):
        raise InvalidInputError(f"--as {form!r}: there are {', '.join(get_args(PackageForm))}")
    if out.exists():
        raise ConflictError(f"{out.name} is there already")
    contents = _Contents(node, party)
    for item in _items(node, name, party):
        contents.add_item(item)
    payload = contents.payload
    version = "1.2" if form == "ro-crate-1.2" else "1.1"
    payload[METADATA] = _metadata(contents, name, version)
    files = _bag(payload, node.settings.name, name) if form == "bagit" else payload
    # Beside its place, so that it gets its name in one step, whole or not at all.
    staged = out.with_name(f".{out.name}.part")
    try:
        with storing():
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(staged, ignore_errors=True)
            _zip(files, staged, out.stem) if out.suffix == ".zip" else _folder(files, staged)
            staged.rename(out)
    finally:
        shutil.rmtree(staged) if staged.is_dir() else staged.unlink(missing_ok=True)
    return Packed(
        out,
        form,
        tuple(contents.items),
        tuple(contents.runs),
        len(files),
        sum(_size(content) for content in files.values()),
    )


@dataclass
class _Contents:
    """What goes into a package: bytes, or the place of an object, by path."""

    node: Node
    party: Party
    payload: dict[str, bytes | Path] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    outlines: dict[str, dict[str, Any]] = field(default_factory=dict)
    _known: set[tuple[str, str]] = field(default_factory=set)
    _batched: dict[str, bytes] = field(default_factory=dict)

    def add_item(self, item: dict[str, Any]) -> None:
        """Add an item in all its versions, its bytes, its collection and the runs that used it."""
        name = f"{item['collection']}/{item['id']}"
        self.items[name] = self._add_bytes(name)
        for link in self.node.catalog.links_to("item", name, self.party):
            if (link.rel, link.kind) == ("used", "run"):
                self._add_run(link.id)

    def _add_bytes(self, name: str) -> dict[str, Any]:
        """Add an item in all its versions, its bytes and its collection; return its body."""
        current = self._add_record("item", name)
        for asset in sorted(current.body["assets"]):
            href = current.body["assets"][asset]["href"]
            if not self.node.catalog.has_asset(href, self.party):
                raise AccessDeniedError(f"you may not fetch asset {asset!r} of item {name}")
            self._add_object(href.rsplit("/", 1)[-1])
        self._add_record("collection", current.body["collection"], history=False)
        return current.body

    def _add_outlines(self, name: str) -> None:
        """Add the item a region set is drawn in: without it no number can be computed again."""
        if name in self.outlines or name in self.items:
            return
        before, known = dict(self.payload), set(self._known)
        try:
            self.outlines[name] = self._add_bytes(name)
        except (NotFoundError, AccessDeniedError):
            # What the party may not have, whole or in part, is no part of what it is given.
            self.payload, self._known = before, known

    def _add_run(self, run: str) -> None:
        if run in self.runs:
            return
        try:
            body = self._add_record("run", run).body
            regions = self._add_record("region-set", body["regions"]["id"], history=False)
        except (NotFoundError, AccessDeniedError):
            # A run that the party may not have is no part of what it is given.
            return
        self._add_outlines(str(regions.body.get("item", "")))
        if body.get("output"):
            self._add_object(body["output"])
        self.runs[run] = body

    def _add_record(self, kind: str, id_: str, *, history: bool = True) -> Record:
        """Add a record, its earlier versions first; return the current one."""
        seen = self.node.catalog.body(kind, id_, self.party)
        version = self.node.catalog.version(kind, id_)
        if version is None:
            raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
        record = self._record(version[1])
        if record.body_bytes != seen:
            raise AccessDeniedError(f"you may not have all of {kind} {id_}")
        if (kind, id_) in self._known:
            return record
        self._known.add((kind, id_))
        versions = self._earlier(kind, id_) if history and record.version > 1 else []
        for older in (*versions, record):
            if older is not record:
                self._add_past(older)
            self.payload[f"records/{older.digest}.json"] = older.object_bytes
        return record

    def _add_past(self, older: Record) -> None:
        """Add the bytes of an earlier version, which a record without them would point at."""
        kind, id_, version = older.kind, older.id, older.version
        try:
            seen = self.node.catalog.past(kind, id_, version, self.party)
        except NotFoundError as error:
            raise AccessDeniedError(f"you may not have version {version} of {id_}") from error
        if seen.get("ec:withheld"):
            raise AccessDeniedError(f"you may not fetch all of version {version} of {id_}")
        for asset in seen["assets"].values() if kind == "item" else ():
            if asset["href"].startswith("/objects/"):
                self._add_object(asset["href"].rsplit("/", 1)[-1])

    def _earlier(self, kind: str, id_: str) -> list[Record]:
        file = (self.node.root / "catalog.sqlite").resolve().as_uri()
        with closing(sqlite3.connect(f"{file}?mode=ro", uri=True, timeout=30)) as sql:
            rows = sql.execute(
                "SELECT digest FROM record WHERE kind = ? AND id = ? AND NOT current"
                " ORDER BY version",
                (kind, id_),
            ).fetchall()
        return [self._record(str(digest)) for (digest,) in rows]

    def _record(self, digest: str) -> Record:
        if digest not in self._batched and not self._own_object(digest):
            self._batched.update(_batches(self.node))
        data = self._batched.get(digest) or self.node.store.read(f"{digest}.record")
        return Record.from_json(parse_strict(data))

    def _own_object(self, digest: str) -> bool:
        try:
            self.node.store.path(f"{digest}.record")
        except NotFoundError:
            return False
        return True

    def _add_object(self, key: str) -> None:
        if f"objects/{key}" in self.payload:
            return
        store = self.node.store
        place = store.path(key)
        store.verify(key)
        if not place.is_dir():
            self.payload[f"objects/{key}"] = place
            return
        for file in files_of_tree(place):
            self.payload[f"objects/{key}/{file.relative_to(place).as_posix()}"] = file


def stored_record(node: Node, kind: str, id_: str) -> Record | None:
    """Return the current record as its object has it, unlimited by policy; None without one."""
    version = node.catalog.version(kind, id_)
    if version is None:
        return None
    try:
        data = node.store.read(f"{version[1]}.record")
    except NotFoundError:
        data = _batches(node)[version[1]]
    return Record.from_json(parse_strict(data))


def _batches(node: Node) -> dict[str, bytes]:
    """Return the records that share an object, by digest."""
    return {
        digest_of(line): line
        for key in node.store.all_keys(BATCH_SUFFIX)
        for line in unpack(key, node.store.read(key))
    }


def _items(node: Node, name: str, party: Party) -> list[dict[str, Any]]:
    if "/" in name:
        return [node.catalog.get("item", name, party)]
    node.catalog.body("collection", name, party)
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = node.catalog.items(
            ItemQuery(collections=(name,), limit=_PAGE, token=token), party
        )
        found += [orjson.loads(body) for body in page.bodies]
        token = page.token
        if not token:
            return found


def _metadata(contents: _Contents, name: str, version: str) -> bytes:
    """Return the RO-Crate metadata: what each file is, whose it is, and what was computed."""
    items = contents.items
    first: dict[str, Any] = next(iter(items.values()), {"properties": {}})
    licences: dict[str, dict[str, Any]] = {}
    for item in (contents.outlines | items).values():
        licence = _licence(item["properties"])
        licences[licence["@id"]] = licence
    files = [_file(path, content) for path, content in sorted(contents.payload.items())]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": _title(contents, name),
        "description": str(
            first["properties"].get("description") or f"Items of {name} with their evidence."
        ),
        "datePublished": _today(),
        "identifier": name,
        "license": [{"@id": id_} for id_ in sorted(licences)],
        "hasPart": [{"@id": entry["@id"]} for entry in files],
        "mentions": [{"@id": f"#{run}"} for run in sorted(contents.runs)],
    }
    about = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": f"https://w3id.org/ro/crate/{version}"},
    }
    actions = [_action(run, body, contents) for run, body in sorted(contents.runs.items())]
    graph = [about, root, *files, *(licences[id_] for id_ in sorted(licences)), *actions]
    value = {"@context": f"https://w3id.org/ro/crate/{version}/context", "@graph": graph}
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def _title(contents: _Contents, name: str) -> str:
    if name in contents.items:
        return str(contents.items[name]["properties"].get("title", name))
    return str(contents.node.catalog.get("collection", name, contents.party).get("title", name))


def _licence(properties: dict[str, Any]) -> dict[str, Any]:
    name = str(properties.get("ec:licence_name", "no licence stated"))
    url = str(properties.get("ec:licence_url") or "")
    if not url:
        words = "".join(c if c.isalnum() or c in ".-" else "-" for c in name)
        url = f"https://spdx.org/licenses/{name}" if words == name else f"#licence-{words}"
    attribution = str(properties.get("ec:attribution", ""))
    entity = {"@id": url, "@type": "CreativeWork", "name": name}
    return entity | ({"description": f"Attribution: {attribution}"} if attribution else {})


def _file(path: str, content: bytes | Path) -> dict[str, Any]:
    digest = digest_of(content) if isinstance(content, bytes) else file_digest(content)
    guess = mimetypes.guess_type(path)[0] or "application/octet-stream"
    kind = "record" if path.startswith("records/") else "object"
    return {
        "@id": path,
        "@type": "File",
        "name": f"{kind} {path.rsplit('/', 1)[-1]}",
        "contentSize": str(_size(content)),
        "encodingFormat": guess,
        "sha256": digest,
    }


def _action(run: str, body: dict[str, Any], contents: _Contents) -> dict[str, Any]:
    """Return a run as the action that made its observations from its inputs."""
    used = []
    for ref in body.get("inputs", ()):
        item = contents.items.get(ref["item"])
        if item is not None and ref["asset"] in item["assets"]:
            key = item["assets"][ref["asset"]]["href"].rsplit("/", 1)[-1]
            used += [path for path in contents.payload if path.startswith(f"objects/{key}")]
    return {
        "@id": f"#{run}",
        "@type": "CreateAction",
        "name": f"{body['method']}@{body['method_version']}",
        "object": [{"@id": path} for path in sorted(used)],
        "result": [{"@id": f"objects/{body['output']}"}] if body.get("output") else [],
    }


def _bag(payload: dict[str, bytes | Path], node: str, name: str) -> dict[str, bytes | Path]:
    """Return the payload as a BagIt 1.0 bag (RFC 8493)."""
    total = sum(_size(content) for content in payload.values())
    manifest = "".join(
        f"{digest_of(content) if isinstance(content, bytes) else file_digest(content)}"
        f"  data/{path}\n"
        for path, content in sorted(payload.items())
    )
    info = {
        "Source-Organization": node,
        "External-Identifier": name,
        "Bagging-Date": _today(),
        "Bag-Software-Agent": "earthcommons",
        "Payload-Oxum": f"{total}.{len(payload)}",
    }
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": "".join(
            f"{key}: {' '.join(value.split())}\n" for key, value in info.items()
        ).encode(),
        "manifest-sha256.txt": manifest.encode(),
    }
    sums = "".join(f"{digest_of(data)}  {tag}\n" for tag, data in sorted(tags.items()))
    data = {f"data/{path}": content for path, content in payload.items()}
    return {**tags, "tagmanifest-sha256.txt": sums.encode(), **data}


def _folder(files: dict[str, bytes | Path], folder: Path) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            place.write_bytes(content)
        else:
            shutil.copyfile(content, place)


def _zip(files: dict[str, bytes | Path], place: Path, top: str) -> None:
    with zipfile.ZipFile(place, "w", allowZip64=True) as archive:
        for path, content in sorted(files.items()):
            # A fixed date: the package says nothing about when it was written.
            info = zipfile.ZipInfo(f"{top}/{path}", _STAMP)
            info.external_attr = 0o644 << 16
            if isinstance(content, bytes):
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
                continue
            info.file_size = content.stat().st_size
            with content.open("rb") as read, archive.open(info, "w") as write:
                shutil.copyfileobj(read, write, 2**20)


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
