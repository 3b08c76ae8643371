"""Back up a running node: the catalogue first, then every object it can name.

A backup is a folder `objects/` that grows by digest and `snapshots/<time>/` with the catalogue, the
small files of the node and a manifest; or a tar file of the same layout with one snapshot.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.replacing import open_named
from earthcommons.commons.stories.backup_heads import head_in, lost_of
from earthcommons.commons.stories.backup_places import Archive, Folder, Target
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.errors import CommonsError, ConflictError, IntegrityError, InvalidInputError
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.store import Turns, corrupt, digest_in, file_digest, files_of_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from earthcommons.commons.node import Node, Unopened

__all__ = ["FORMAT", "Backup", "backup", "between_backups"]

FORMAT = "earthcommons-backup/1"
_CATALOG = "catalog.sqlite"
# Made again when missing, staged, or about this node's own disk: nothing a restored node needs.
_LEFT_OUT = frozenset({"objects", "tmp", "cache", "suspect.json"})
_PASSING = (".lock", ".restoring", "-wal", "-shm", "-journal")


@dataclass(slots=True)
class Backup:
    """What a backup holds.

    Attributes:
        place: folder or tar file.
        snapshot: name of the snapshot: its time.
        changes: last sequence number of the change log in it.
        objects, copied: objects it holds, and how many were not there before.
        bytes: bytes copied.
        damaged: objects left out because the node's bytes are not those promised.
        audit_head: head of the audit log in it, `LINE:DIGEST`; empty where there is no log.
        audit_lost: what is amiss when the log no longer holds the head of the last backup.
    """

    place: Path
    snapshot: str
    changes: int
    objects: int = 0
    copied: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    audit_head: str = ""
    audit_lost: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "place": str(self.place),
            "snapshot": self.snapshot,
            "changes": self.changes,
            "objects": self.objects,
            "copied": self.copied,
            "bytes": self.bytes,
            "damaged": self.damaged,
            "audit_head": self.audit_head,
            "audit_lost": self.audit_lost,
        }


def backup(
    node: Node | Unopened, place: Path, *, link: bool = False, verify: bool = False
) -> Backup:
    """Back up a node while it is in use; return what the backup holds.

    The catalogue is copied first, by SQLite's own backup: an object is durable before the row
    that names it, so every object the copy can name is in the store when the objects are
    listed after it, and none is removed meanwhile (`between_backups`). Each object is hashed
    while it is copied; one that an earlier snapshot of the folder holds is not copied again.

    Args:
        node: the node; of an earlier schema it need not be opened.
        place: a folder, made when it is not there, or a file whose name ends in `.tar`.
        link: name the same bytes instead of copying them: quick, and no help against a bad disk.
        verify: read again what earlier snapshots copied, and copy anew what is damaged.

    Raises:
        InvalidInputError: the place lies inside the node, or linking into an archive.
        ConflictError: the tar file is there already.
    """
    place = place.resolve()
    if place.is_relative_to(node.root.resolve()):
        raise InvalidInputError(f"{place.name}: a backup inside the node is lost with it")
    if link and place.suffix == ".tar":
        raise InvalidInputError("an archive holds copies: leave out --link")
    target: Target = Archive(place) if place.suffix == ".tar" else Folder(place, link=link)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with _turns(node.root).among(), node.store.stage() as scratch:
        snapshot = scratch / "snapshot"
        snapshot.mkdir(mode=0o700)
        done = Backup(place, stamp, _copy_catalogue(node.root / _CATALOG, snapshot / _CATALOG))
        done.audit_head = head_in(snapshot / _CATALOG)
        with closing(FixityLog(node.root)) as log:
            before = log.last("backup")
        if before is not None and before[2].get("audit_head"):
            done.audit_lost = lost_of(snapshot / _CATALOG, before[2]["audit_head"])
        _copy_small(node.root, snapshot)
        with target.writing():
            manifest = {
                "format": FORMAT,
                "node": node.settings.name,
                "made": stamp,
                "schema": _schema(snapshot / _CATALOG),
                "changes": done.changes,
                "files": [_entry(snapshot, file) for file in files_of_tree(snapshot)],
                "objects": _copy_objects(node, target, done, verify=verify),
                "damaged": done.damaged,
                "audit_head": done.audit_head,
            }
            data = canonical_bytes(manifest)
            (snapshot / "manifest.json").write_bytes(data)
            (snapshot / "manifest.sha256").write_text(digest_of(data), encoding="utf-8")
            target.seal(stamp, snapshot)
    with closing(FixityLog(node.root)) as log:
        log.event("backup", **done.as_json())
    return done


@contextmanager
def between_backups(root: Path) -> Iterator[None]:
    """Let no backup of a node begin; a backup would name what is removed as damaged.

    Raises:
        ConflictError: a backup runs (`backup-runs`).
    """
    turns = _turns(root)
    try:
        with turns.alone(wait=False):
            yield
    except BlockingIOError as error:
        raise ConflictError(
            "a backup of this node runs: remove nothing until it has ended", code="backup-runs"
        ) from error


def _turns(root: Path) -> Turns:
    return Turns(root / "backup.lock")


def _copy_objects(
    node: Node | Unopened, target: Target, done: Backup, *, verify: bool
) -> list[Any]:
    """Copy the objects of a node; return the manifest's lines `[key, bytes, files of a tree]`."""
    held, lines = target.held(), []
    for key in node.store.all_keys():
        line = held.get(key)
        if line is None or not target.has(line, verify=verify):
            try:
                line = _copy_object(node, key, target)
            except CommonsError as error:
                if isinstance(error, IntegrityError):
                    node.store.mark(key, error.found)
                done.damaged.append(key)
                continue
            done.copied += 1
            done.bytes += line[1]
        done.objects += 1
        lines.append(line)
    return lines


def _copy_object(node: Node | Unopened, key: str, target: Target) -> list[Any]:
    base, place = f"objects/{key[:2]}/{key}", node.store.path(key)
    if not place.is_dir():
        size = place.stat().st_size
        target.add(base, place, digest_in(key))
        return [key, size, []]
    files: list[tuple[str, int, str]] = [
        (file.relative_to(place).as_posix(), file.stat().st_size, file_digest(file))
        for file in files_of_tree(place)
    ]
    if (found := digest_of(canonical_bytes(files))) != digest_in(key):
        raise corrupt(key, found)
    for name, _, digest in files:
        target.add(f"{base}/{name}", place / name, digest)
    return [key, sum(size for _, size, _ in files), files]


def _copy_catalogue(file: Path, copy: Path) -> int:
    """Copy the catalogue as of one moment; return the last number of its change log."""
    with (
        closing(open_named(file, partial(sqlite3.connect, timeout=30))[0]) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        row = target.execute("SELECT coalesce(max(seq), 0) FROM change").fetchone()
    copy.chmod(0o600)
    return int(row[0])


def _copy_small(root: Path, snapshot: Path) -> None:
    """Copy settings, keys and the node's other small files with their modes."""
    for path in sorted(root.iterdir()):
        name = path.name
        # The catalogue is copied already; one kept after a migration is a backup of its own.
        passing = name.startswith("catalog.") or name.endswith(_PASSING)
        if name in _LEFT_OUT or passing or path.is_symlink():
            continue
        if path.suffix == ".sqlite":
            with (
                closing(sqlite3.connect(path, timeout=30)) as source,
                closing(sqlite3.connect(snapshot / name)) as target,
            ):
                source.backup(target)
            shutil.copymode(path, snapshot / name)
        elif path.is_dir():
            shutil.copytree(path, snapshot / name)
        elif path.is_file():
            shutil.copy2(path, snapshot / name)


def _entry(folder: Path, file: Path) -> list[Any]:
    return [
        file.relative_to(folder).as_posix(),
        file.stat().st_size,
        file_digest(file),
        file.stat().st_mode & 0o777,
    ]


def _schema(file: Path) -> int:
    with closing(sqlite3.connect(file)) as sql:
        return int(sql.execute("PRAGMA user_version").fetchone()[0])
