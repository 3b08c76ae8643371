"""A node kept as it is: what changed in it since, and how it is put back."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["About", "Kept", "Name", "Rows", "rows_of"]

# Kind and id of a record.
Name = tuple[str, str]
_PEOPLE = {"account": 0, "held": 0, "api_key": 1, "session": 1}


@dataclass(frozen=True)
class Rows:
    """All that a node holds which a request may change; what follows from records is left out."""

    records: dict[Name, tuple[Any, ...]]
    links: frozenset[tuple[Name, Name]]
    observations: frozenset[tuple[Any, ...]]
    people: frozenset[tuple[str, tuple[Any, ...]]]
    teams: frozenset[tuple[Any, ...]]
    audit: dict[int, dict[str, Any]]
    log: dict[int, Name]
    files: frozenset[tuple[str, int]]

    def resting(self, name: Name) -> set[Name]:
        """Return what leads to a record by links, whatever they say."""
        found: set[Name] = set()
        waiting = {name}
        while waiting:
            waiting = {a for a, b in self.links if b in waiting} - found
            found |= waiting
        return found


@dataclass(frozen=True)
class About:
    """What a request is about: who asks, whose account, the record, or an upload."""

    account: str
    whose: str = ""
    name: Name = ("", "")
    upload: str = ""

    @property
    def above(self) -> Name:
        """The collection that an item is in."""
        return "collection", self.name[1].partition("/")[0] if self.name[0] == "item" else ""


def rows_of(node: Node) -> Rows:
    """Return what a node holds now."""
    sql = node.catalog._file.connection()
    records: dict[Name, tuple[Any, ...]] = {}
    for kind, id_, *row in sql.execute(
        "SELECT kind, id, version, digest, gone, own, access, fetch, derive FROM record"
        " WHERE current OR gone ORDER BY version"
    ):
        records[kind, id_] = tuple(row)
    links = sql.execute("SELECT from_kind, from_id, to_kind, to_id FROM link").fetchall()
    people = [
        (table, tuple(row))
        for table in _PEOPLE
        for row in sql.execute(f"SELECT * FROM {table}")  # noqa: S608
    ]
    said = sql.execute("SELECT seq, row FROM audit").fetchall()
    log = sql.execute("SELECT seq, kind, id FROM change").fetchall()
    return Rows(
        records,
        frozenset(((a, b), (c, d)) for a, b, c, d in links),
        frozenset(map(tuple, sql.execute("SELECT id, body FROM observation"))),
        frozenset(people),
        frozenset(map(tuple, sql.execute("SELECT * FROM team"))),
        {seq: json.loads(row) for seq, row in said},
        {seq: (kind, id_) for seq, kind, id_ in log},
        frozenset(_files(node.root)),
    )


def _files(root: Path) -> set[tuple[str, int]]:
    found, cut = set(), len(str(root)) + 1
    for folder, _, names in os.walk(root):
        for name in names:
            place = f"{folder}/{name}"
            if not place.startswith("catalog.sqlite", cut):
                # A lock's size says nothing, and an object's is its name's.
                fixed = name.endswith(".lock") or place.startswith("objects", cut)
                found.add((place[cut:], 0 if fixed else Path(place).stat().st_size))
    return found


class Kept:
    """A copy of a node's catalogue and files, to put them back from."""

    def __init__(self, node: Node, beside: Path) -> None:
        """Keep a node as it is, in a folder on the same disk."""
        self._node, self._beside = node, beside
        self._path = node.root / "catalog.sqlite"
        node.catalog._file.close()
        shutil.copytree(node.root, beside, copy_function=self._keep)
        self.rows = rows_of(node)
        self._found = self.rows.files

    def put_back(self) -> None:
        """Put back what `changes` found: the catalogue's file is replaced by its copy."""
        file = self._node.catalog._file
        file.close()
        for tail in ("-wal", "-shm"):
            self._path.with_name(self._path.name + tail).unlink(missing_ok=True)
        fresh = self._path.with_name("catalog.sqlite.fresh")
        shutil.copyfile(self._beside / self._path.name, fresh)
        fresh.replace(self._path)
        for name, _ in self._found - self.rows.files:
            (self._node.root / name).unlink()
        for name, _ in self.rows.files - self._found:
            place = self._node.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            self._keep(str(self._beside / name), str(place))

    def _keep(self, source: str, target: str) -> None:
        # Objects never change: a second name for them is a copy.
        (os.link if "/objects/" in source else shutil.copyfile)(source, target)

    def changes(self, about: About) -> tuple[set[str], set[Name]]:
        """Return what is other than it was, in words, and the records that are.

        `self`, `above` (its collection), `resting` (what leads to it) and `new KIND` may change by
        what a request is for; a word in capitals says that something else did.
        """
        before, now = self.rows, rows_of(self._node)
        self._found = now.files
        touched = {
            name
            for name in before.records.keys() | now.records.keys()
            if before.records.get(name) != now.records.get(name)
        }
        linked = {pair[0] for pair in before.links ^ now.links} - touched
        words = {f"LINKS of {name}" for name in linked}
        resting = before.resting(about.name)
        for name in touched:
            words.add(f"{_relation(name, about, resting, before)}{_how(name, before, now)}")
        words |= _told(before, now, about, touched)
        words |= _of_people(before, now, about)
        words |= _of_files(before, now, about)
        if before.observations - now.observations:
            words.add("OBSERVATIONS lost")
        if now.observations - before.observations:
            words.add("observations")
        return words, touched


def _relation(name: Name, about: About, resting: set[Name], before: Rows) -> str:
    if name == about.name:
        return "self"
    if name not in before.records:
        return f"new {name[0]}"
    if name == about.above:
        return "above"
    inside = name[0] == "item" and about.name == ("collection", name[1].partition("/")[0])
    return "resting" if inside or name in resting else f"OTHER {name}"


def _how(name: Name, before: Rows, now: Rows) -> str:
    was, is_ = before.records.get(name), now.records.get(name)
    if was is None:
        return ""
    if is_ is None:
        return " LOST"
    if is_[0] == was[0]:
        return " relabelled" if is_[:4] == was[:4] else " REWRITTEN"
    return " withdrawn" if is_[2] else " revised"


def _told(before: Rows, now: Rows, about: About, touched: set[Name]) -> set[str]:
    """Return what the logs say besides: each line names who asked and what was touched."""
    words = set()
    if any(now.audit.get(seq) != row for seq, row in before.audit.items()):
        words.add("AUDIT changed")
    for seq in now.audit.keys() - before.audit.keys():
        row = now.audit[seq]
        words.add(f"audit {row['action']}")
        if row["who"] != about.account:
            words.add(f"AUDIT by {row['who']}")
        kinds = {"account", "key", "group", "link"}
        if (row["kind"], row["id"]) not in touched | {about.name} and row["kind"] not in kinds:
            words.add(f"AUDIT of {row['kind']} {row['id']}")
    if any(now.log.get(seq) != name for seq, name in before.log.items()):
        words.add("LOG changed")
    words |= {
        f"LOG of {now.log[seq]}"
        for seq in now.log.keys() - before.log.keys()
        if now.log[seq] not in touched
    }
    return words


def _of_people(before: Rows, now: Rows, about: About) -> set[str]:
    words = {"team" for _ in now.teams ^ before.teams}
    for table, row in before.people ^ now.people:
        whose = row[_PEOPLE[table]]
        mine = whose == (about.whose or about.account)
        words.add(table if mine else f"{table} OF {whose}")
    return words


def _of_files(before: Rows, now: Rows, about: About) -> set[str]:
    words = set()
    for name, _ in before.files ^ now.files:
        head, _, rest = name.partition("/")
        if head == "objects":
            words.add("objects" if (name, 0) in now.files else "OBJECT lost")
        elif head == "uploads":
            id_ = rest.partition("/")[0]
            known = any(each.startswith(f"uploads/{id_}/") for each, _ in before.files)
            mine = id_ == about.upload or not known or rest.endswith(".lock")
            words.add("upload" if mine else f"UPLOAD {id_}")
        else:
            words.add("link key" if head == "keys" else f"FILE {name}")
    return words
