"""Restore a backup into an empty folder: all of it read and compared, or nothing put in place."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.commons.stories.backup import FORMAT
from earthcommons.commons.stories.backup_heads import check_chain, read_head
from earthcommons.commons.stories.backup_places import Source, open_source, pour, restores_of
from earthcommons.commons.stories.fixity import FixityLog, asset_addresses
from earthcommons.errors import (
    CommonsError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model.canonical import canonical_bytes, digest_of, parse_strict
from earthcommons.store import digest_in, is_full, split_key, storing, sync_folder, sync_tree

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Restored", "kept_head", "restore"]

_CATALOG, _SETTINGS = "catalog.sqlite", "node.toml"
_BUCKET = re.compile(r"\s*store_(url|endpoint)\s*=")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore put in place: all of it read and compared with its digest.

    Attributes:
        changes: last sequence number of the change log.
        without: objects that are damaged and were left out, as asked for.
        audit: what is amiss with the audit log, restored all the same as asked for.
    """

    root: Path
    snapshot: str
    schema: int
    changes: int
    objects: int
    files: int
    without: tuple[str, ...] = ()
    audit: str = ""


def restore(
    place: Path, root: Path, snapshot: str = "", *, without_damaged: bool = False
) -> Restored:
    """Restore a backup into an empty folder, or not at all.

    Every file and object is compared with its digest while it is copied beside the folder, then
    the catalogue is checked and asked for every object it names; only then it takes the name.

    Args:
        place: a backup: a folder or a `.tar` file.
        root: where the node is to be; must not exist, or be empty.
        snapshot: which one; the newest without it.
        without_damaged: leave damaged objects out instead of refusing; a reader of one is told
            that it is not there, and `scrub --from` puts it back where a copy is found. An audit
            log that is no whole chain, or lacks the head kept with it, is restored all the same.

    Raises:
        NotFoundError: no backup is there.
        ConflictError: the folder is not empty.
        IntegrityError: something is damaged or lacking; all of it is named.
        UpstreamError: the disk is full (`storage`); nothing is restored.
    """
    root = root.resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ConflictError(f"{root.name} is not empty: restore into an empty folder")
    with storing(), closing(open_source(place)) as source:
        manifest, name = _manifest(source, snapshot)
        staged = root.with_name(root.name + ".restoring")
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True, mode=0o700)
        try:
            bad_files, bad = _take_all(source, f"snapshots/{name}", manifest, staged)
            if not bad_files:
                bad |= _lacking(staged, {key for key, _, _ in manifest["objects"]} - bad)
            if bad_files or (bad and not without_damaged):
                raise _damaged(place, [*bad_files, *sorted(bad)])
            amiss = _amiss(staged, manifest)
            if amiss and not without_damaged:
                raise _damaged(place, [amiss])
            _keep_objects_here(staged / _SETTINGS)
            (staged / "tmp").mkdir(exist_ok=True)
            (staged / "objects").mkdir(exist_ok=True)
            with closing(FixityLog(staged)) as log:
                log.event("restored", place=str(place), snapshot=name, without=sorted(bad))
            sync_tree(staged)
            if root.exists():
                root.rmdir()
            staged.rename(root)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    sync_folder(root.parent)
    if not bad:
        _note_restore(place, name)
    return Restored(
        root,
        name,
        manifest["schema"],
        manifest["changes"],
        len(manifest["objects"]),
        len(manifest["files"]),
        tuple(sorted(bad)),
        amiss,
    )


def kept_head(place: Path, snapshot: str = "") -> tuple[int, str] | None:
    """Return the head of the audit log that a backup kept; None where it kept none.

    Args:
        place: a backup: a folder or a `.tar` file.
        snapshot: which one; the newest without it.

    Raises:
        NotFoundError: no backup is there.
        IntegrityError: its manifest is damaged.
    """
    with closing(open_source(place)) as source:
        manifest, _ = _manifest(source, snapshot)
    head = manifest.get("audit_head")
    return read_head(head) if head else None


def _amiss(staged: Path, manifest: dict[str, Any]) -> str:
    """Return what is wrong with the restored audit log; empty when it holds its head."""
    head = manifest.get("audit_head")
    return check_chain(staged / _CATALOG, head) if head else ""


def _keep_objects_here(settings: Path) -> None:
    """Let a node that kept its objects in a bucket read those that were restored.

    They lie in its folder now; the bucket may be gone, or serve the node that was backed up, and
    two nodes must not write below one prefix.
    """
    if not settings.exists():
        return
    lines = settings.read_text("utf-8").splitlines(keepends=True)
    kept = [f"# restored into the folder; was: {n}" if _BUCKET.match(n) else n for n in lines]
    if kept != lines:
        settings.write_text("".join(kept), "utf-8")


def _manifest(source: Source, wanted: str) -> tuple[dict[str, Any], str]:
    names = source.snapshots()
    if not names or (wanted and wanted not in names):
        raise NotFoundError(f"no snapshot {wanted!r}; there are {', '.join(names) or 'none'}")
    name = wanted or names[-1]
    with source.open(f"snapshots/{name}/manifest.json") as file:
        data = file.read()
    try:
        with source.open(f"snapshots/{name}/manifest.sha256") as file:
            promised = file.read().decode("utf-8", "replace").strip()
    except OSError as error:
        raise _damaged_manifest(name) from error
    if digest_of(data) != promised:
        raise _damaged_manifest(name)
    try:
        manifest: dict[str, Any] = parse_strict(data)
        known = manifest["format"] == FORMAT
        for key, size, files in manifest["objects"]:
            split_key(key)
            for entry in files:
                _plain(entry[0])
            size + 0
        for entry in manifest["files"]:
            _plain(entry[0])
        if head := manifest.get("audit_head"):
            read_head(head)
    except (CommonsError, KeyError, TypeError, ValueError) as error:
        raise _damaged_manifest(name) from error
    if not known:
        raise InvalidInputError(f"a backup of another format; this program reads {FORMAT}")
    return manifest, name


def _take_all(
    source: Source, base: str, manifest: dict[str, Any], staged: Path
) -> tuple[list[str], set[str]]:
    """Copy everything the manifest names, comparing as it goes; return what is damaged."""
    files = [
        name
        for name, size, digest, mode in manifest["files"]
        if not _take(source, f"{base}/{name}", staged / name, (size, digest, mode))
    ]
    bad = {str(key) for key in manifest["damaged"]}
    for key, size, inner in manifest["objects"]:
        at, to = f"objects/{key[:2]}/{key}", staged / "objects" / key[:2] / key
        if not inner:
            whole = _take(source, at, to, (size, digest_in(key), 0o444))
        else:
            whole = digest_of(canonical_bytes(inner)) == digest_in(key) and all(
                _take(source, f"{at}/{name}", to / name, (part, digest, 0o644))
                for name, part, digest in inner
            )
        if not whole:
            bad.add(key)
            shutil.rmtree(to) if to.is_dir() else to.unlink(missing_ok=True)
    return files, bad


def _plain(name: str) -> None:
    if not name or name.startswith("/") or {"", ".", ".."} & set(name.split("/")):
        raise InvalidInputError(f"a backup names a file outside it: {name[:80]!r}")


def _take(source: Source, name: str, to: Path, entry: tuple[int, str, int]) -> bool:
    size, digest, mode = entry
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open(name) as read, to.open("wb") as write:
            os.fchmod(write.fileno(), mode)
            return pour(read, write) == digest and write.tell() == size
    except OSError as error:
        # Nothing is wrong with the backup when there is no room for what it holds.
        if is_full(error):
            raise
        return False
    except tarfile.TarError:
        return False


def _lacking(staged: Path, keys: set[str]) -> set[str]:
    """Return the objects that the restored catalogue names and the backup lacks.

    Raises:
        IntegrityError: the catalogue is damaged.
    """
    with closing(sqlite3.connect(staged / _CATALOG)) as sql:
        check = str(sql.execute("PRAGMA integrity_check").fetchone()[0])
        if check != "ok":
            raise IntegrityError(_CATALOG, expected="ok", found=check)
        hrefs = list(asset_addresses(sql))
        runs = sql.execute("SELECT body FROM record WHERE kind = 'run'").fetchall()
        digests = {str(row[0]) for row in sql.execute("SELECT digest FROM record")}
    needed = {href.split("/")[2] for href in hrefs if href.startswith("/objects/")}
    needed |= {json.loads(body).get("output") for (body,) in runs} - {None, ""}
    have = {digest_in(key) for key in keys if key.endswith(".record")}
    for key in keys:
        if key.endswith(BATCH_SUFFIX):
            data = (staged / "objects" / key[:2] / key).read_bytes()
            have |= {digest_of(line) for line in unpack(key, data)}
    return (needed - keys) | {f"{digest}.record" for digest in digests - have}


def _damaged(place: Path, names: list[str]) -> IntegrityError:
    some = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return IntegrityError(
        f"backup {place.name}",
        expected="every byte as it was written",
        found=f"damaged: {some}",
    )


def _damaged_manifest(name: str) -> IntegrityError:
    return IntegrityError(
        f"snapshots/{name}/manifest.json", expected="a manifest", found="other bytes"
    )


def _note_restore(place: Path, name: str) -> None:
    """Leave word in the backup, or beside its tar, that it was restored whole, for `doctor`."""
    notes = restores_of(place)
    if not os.access(notes if notes.exists() else notes.parent, os.W_OK):
        return
    line = {"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "snapshot": name}
    with notes.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
