"""Fixity: read every object again, set the damaged aside, put good copies in their place."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.errors import CommonsError, IntegrityError, InvalidInputError, NotFoundError
from earthcommons.model.canonical import digest_of
from earthcommons.store import LocalStore, digest_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from earthcommons.commons.node import Node
    from earthcommons.store import ObjectStore

__all__ = [
    "FixityLog",
    "Scrub",
    "ScrubPlan",
    "asset_addresses",
    "copies_at",
    "needed_keys",
    "scrub",
    "with_z",
]

LOG_FILE = "fixity.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS verified (
  key TEXT PRIMARY KEY, at TEXT NOT NULL, bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS event_fixed BEFORE UPDATE ON event
  BEGIN SELECT raise(ABORT, 'the fixity log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
  BEGIN SELECT raise(ABORT, 'the fixity log is append-only'); END;
"""
_COMMIT_EVERY = 200
_SECONDS = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class ScrubPlan:
    """Which objects a scrub reads.

    Attributes:
        before: only objects not verified since this time; None reads all.
        sample: read about one object in so many, chosen by key; 1 reads all.
        limit_bytes: stop after so many bytes; the next scrub goes on with those not read.
    """

    before: datetime | None = None
    sample: int = 1
    limit_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise InvalidInputError(f"sample {self.sample}: one object in at least 1")
        if self.limit_bytes is not None and self.limit_bytes < 1:
            raise InvalidInputError(f"limit of {self.limit_bytes} bytes: need at least 1")


@dataclass(slots=True)
class Scrub:
    """What a scrub found; keys by name.

    Attributes:
        read, bytes: objects and bytes read in this scrub.
        left: objects not reached before the limit of bytes.
        damaged: bytes that are not those promised, and not repaired.
        missing: objects a record needs that the store lacks, and not repaired.
        repaired: objects a good copy was put in the place of.
    """

    read: int = 0
    bytes: int = 0
    left: int = 0
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing damaged or missing is left."""
        return not self.damaged and not self.missing

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "read": self.read,
            "bytes": self.bytes,
            "left": self.left,
            "damaged": self.damaged,
            "missing": self.missing,
            "repaired": self.repaired,
        }


class FixityLog:
    """When each object was last read whole, and what happened; one file beside the catalogue.

    It is of its own file, so that a rebuild of the catalogue does not touch it.
    """

    def __init__(self, root: Path) -> None:
        self._sql = sqlite3.connect(root / LOG_FILE, isolation_level=None, timeout=30)
        self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.executescript(_SCHEMA)
        self._waiting: list[tuple[str, str, int]] = []

    def event(self, what: str, **detail: Any) -> None:
        """Append an event durably."""
        self._sql.execute(
            "INSERT INTO event (at, what, detail) VALUES (?,?,?)",
            (_now(), what, json.dumps(detail, ensure_ascii=False, sort_keys=True)),
        )

    def last(self, *what: str) -> tuple[str, str, dict[str, Any]] | None:
        """Return time, name and detail of the last event of these names, or None."""
        marks = ",".join("?" * len(what))
        row = self._sql.execute(
            f"SELECT at, what, detail FROM event WHERE what IN ({marks})"  # noqa: S608 - marks only
            " ORDER BY seq DESC LIMIT 1",
            what,
        ).fetchone()
        return None if row is None else (with_z(row[0]), row[1], json.loads(row[2]))

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return name and detail of every event, oldest first."""
        rows = self._sql.execute("SELECT what, detail FROM event ORDER BY seq")
        return [(what, json.loads(detail)) for what, detail in rows]

    def verified_at(self, key: str) -> str:
        """Return when an object was last found whole; empty when never."""
        row = self._sql.execute("SELECT at FROM verified WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def verified(self, key: str, size: int) -> None:
        """Note that an object was found whole now."""
        self._waiting.append((key, _now(), size))
        if len(self._waiting) >= _COMMIT_EVERY:
            self.settle()

    def settle(self) -> None:
        """Make the notes durable; a scrub that is killed reads at most the last few again."""
        waiting, self._waiting = self._waiting, []
        self._sql.execute("BEGIN IMMEDIATE")
        self._sql.executemany("INSERT OR REPLACE INTO verified VALUES (?,?,?)", waiting)
        self._sql.execute("COMMIT")

    def forget(self, keys: Iterable[str]) -> None:
        """Take out the notes on objects that are no more."""
        self._sql.executemany("DELETE FROM verified WHERE key = ?", [(key,) for key in keys])

    def oldest(self) -> str:
        """Return the oldest time any object was last found whole; empty without any."""
        oldest = self._sql.execute("SELECT min(at) FROM verified").fetchone()[0]
        return with_z(oldest or "")

    def close(self) -> None:
        """Settle and close."""
        if self._waiting:
            self.settle()
        self._sql.close()


def scrub(
    node: Node,
    plan: ScrubPlan | None = None,
    *,
    copies: ObjectStore | None = None,
    tell: Callable[[int, int, str], None] | None = None,
) -> Scrub:
    """Read objects whole, those longest unread first, and set aside what is damaged or missing.

    A damaged object is marked suspect before anything else happens, so that no reader is given
    it; a repaired one is unmarked after its good copy is durable. When the list of suspects cannot
    be read, every object is, whatever the plan says, and the list is written anew.

    Args:
        node: the node.
        plan: which objects; all without it.
        copies: where good copies may be; each is verified before it takes a place.
        tell: called with objects read, objects to read, and the key.
    """
    plan = plan or ScrubPlan()
    done = Scrub()
    with closing(FixityLog(node.root)) as log, node.store.suspects_anew() as anew:
        if anew:
            plan = ScrubPlan()
            log.event("list of suspects anew")
        if copies is not None:
            _mend_batches(node, copies, log, done)
        keys = [key for key in _order(node, plan, log) if key not in done.repaired]
        for number, key in enumerate(keys):
            if plan.limit_bytes is not None and done.bytes >= plan.limit_bytes:
                done.left = len(keys) - number
                break
            if tell is not None:
                tell(number, len(keys), key)
            _one(node, key, copies, log, done)
        log.event("scrub", **done.as_json())
    return done


def needed_keys(node: Node) -> set[str]:
    """Return the objects the records of a node name: assets of items and outputs of runs."""
    keys: set[str] = set()
    file = node.root / "catalog.sqlite"
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as sql:
        for href in asset_addresses(sql):
            if href.startswith("/objects/"):
                keys.add(href.split("/")[2])
        for (body,) in sql.execute("SELECT body FROM record WHERE kind = 'run'"):
            keys.add(str(json.loads(body)["output"]))
    return keys - {""}


def asset_addresses(sql: sqlite3.Connection) -> Iterator[str]:
    """Yield the addresses of all assets of all versions of items, each once."""
    rows = sql.execute(
        "SELECT DISTINCT json_extract(a.value, '$.href') FROM record r,"
        " json_each(r.body, '$.assets') a WHERE r.kind = 'item'"
    )
    for (href,) in rows:
        yield str(href)


def copies_at(place: Path) -> ObjectStore:
    """Return the objects of another node's folder, or of a backup, to repair from.

    Raises:
        NotFoundError: the folder holds no objects.
    """
    if not (place / "objects").is_dir():
        raise NotFoundError(f"{place} holds no objects: name a node's folder or a backup")
    return LocalStore(place)


def _lost_records(node: Node, keys: set[str]) -> set[str]:
    """Return the record objects that are neither there nor a line of a batch."""
    file = (node.root / "catalog.sqlite").resolve().as_uri()
    with closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as sql:
        wanted = {str(digest) for (digest,) in sql.execute("SELECT digest FROM record")}
    wanted -= {digest_in(key) for key in keys if key.endswith(".record")}
    for key in sorted(key for key in keys if key.endswith(BATCH_SUFFIX)) if wanted else ():
        # A batch that cannot be read is named itself, and its records with it.
        with suppress(CommonsError):
            wanted -= {digest_of(line) for line in unpack(key, node.store.read(key))}
    return {f"{digest}.record" for digest in wanted}


def _mend_batches(node: Node, copies: ObjectStore, log: FixityLog, done: Scrub) -> None:
    """Repair damaged batches first: whether a record is lost is known when all can be read."""
    for key in sorted(node.store.all_keys(BATCH_SUFFIX)):
        try:
            unpack(key, node.store.read(key))
        except CommonsError:
            found = Scrub()
            _one(node, key, copies, log, found)
            # One that stays damaged is met again in its turn.
            if found.sound:
                done.read, done.bytes = done.read + found.read, done.bytes + found.bytes
                done.repaired += found.repaired


def _order(node: Node, plan: ScrubPlan, log: FixityLog) -> list[str]:
    keys = set(node.store.all_keys()) | set(node.store.suspects())
    keys |= needed_keys(node) | _lost_records(node, keys)
    if plan.sample > 1:
        # By key and day: another part of the objects every day, the same one all day.
        day = datetime.now(UTC).toordinal()
        keys = {key for key in keys if (int(key[:8], 16) + day) % plan.sample == 0}
    read = {key: log.verified_at(key) for key in keys}
    if plan.before is not None:
        limit = plan.before.astimezone(UTC).strftime(_SECONDS)
        suspect = node.store.suspects()
        read = {key: at for key, at in read.items() if at < limit or key in suspect}
    return sorted(read, key=lambda key: (read[key], key))


def _one(node: Node, key: str, copies: ObjectStore | None, log: FixityLog, done: Scrub) -> None:
    before = key in node.store.suspects()
    try:
        node.store.verify(key)
    except NotFoundError:
        log.event("missing", key=key)
        if not _repair(node, key, copies, log, done):
            done.missing.append(key)
        return
    except (IntegrityError, OSError) as error:
        found = error.found if isinstance(error, IntegrityError) else f"unreadable: {error}"
        node.store.mark(key, found)
        if not before:
            log.event("suspect", key=key, found=found)
        if not _repair(node, key, copies, log, done):
            done.damaged.append(key)
        return
    size = node.store.size(key)
    done.read += 1
    done.bytes += size
    log.verified(key, size)
    if before:
        # A copy was put back by hand, or the disk misread it once; verify() took the mark away.
        log.event("found whole again", key=key)


def _repair(
    node: Node, key: str, copies: ObjectStore | None, log: FixityLog, done: Scrub
) -> bool:
    """Put a good copy in an object's place, when there is one."""
    done.read += 1
    if copies is None:
        return False
    with node.store.stage() as folder:
        good = folder / "good"
        try:
            source = copies.path(key)
            if source.is_dir():
                shutil.copytree(source, good)
            else:
                shutil.copyfile(source, good)
            node.store.mend(key, good)
        except (NotFoundError, IntegrityError) as error:
            log.event("no good copy", key=key, why=str(error))
            return False
    done.repaired.append(key)
    log.event("repaired", key=key)
    log.verified(key, node.store.size(key))
    return True


def with_z(at: str) -> str:
    """Return a moment in UTC as every moment is written; earlier programs wrote the offset."""
    return at.replace("+00:00", "Z")


def _now() -> str:
    return datetime.now(UTC).strftime(_SECONDS)
