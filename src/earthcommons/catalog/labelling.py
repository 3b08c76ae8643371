"""The labels in force: a record's own, those of its collection, those of what it rests on.

Three faces: `find`, who may know the record exists and read it; `fetch`, who may have the bytes of
its assets; `derive`, who may see what was computed from it. An item's labels ask for all that its
collection's ask for; a run asks for what its inputs' `derive` asks for, and so does every alert and
report that rests on the run. A notice about a record is found by whoever finds that. Where a label
changes, what follows from it changes in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.policy import OPEN, combine, own, parse_label

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from earthcommons.model.record import Record

__all__ = ["INHERITED", "Faces", "Labelling", "stated_labels"]

# Links from a record to what it rests on; each hands its `derive` label on.
INHERITED = (
    "used",
    "current",
    "rests-on",
    "raised-by",
    "watches",
    "over",
    "drawn-in",
    "drawn-from",
)
# Links from a notice to what it is about: whoever may find that may find the notice.
_ABOUT = ("corrects", "recalls-from")
_FOLLOWED = (*INHERITED, *_ABOUT)


@dataclass(frozen=True, slots=True)
class Faces:
    """The three labels in force for one record."""

    find: str = OPEN
    fetch: str = OPEN
    derive: str = OPEN

    def guard(self, assets: Iterable[str]) -> bool:
        """Return whether bytes, or an asset of one of these labels, ask for more than finding."""
        return self.fetch != self.find or any(label != self.find for label in assets)


_OPEN = Faces()


@dataclass(frozen=True, slots=True)
class _Own:
    """What a record states itself; `derive` is None where it leaves that to the others."""

    find: str
    fetch: str
    derive: str | None

    @classmethod
    def of(cls, record: Record) -> _Own:
        stated = record.body.get("ec:access") or {}
        derive = stated.get("derive")
        found = cls(record.access, stated.get("fetch", OPEN), derive)
        for label in (found.find, found.fetch, found.derive or OPEN):
            parse_label(label)
        return found

    @property
    def text(self) -> str:
        """The stored form; empty when everything is open."""
        if self == _OWN_OPEN:
            return ""
        return orjson.dumps([self.find, self.fetch, self.derive]).decode()

    @classmethod
    def parse(cls, text: str) -> _Own:
        return cls(*orjson.loads(text)) if text else _OWN_OPEN


_OWN_OPEN = _Own(OPEN, OPEN, None)


def stated_labels(own_text: str) -> tuple[str, str, str | None]:
    """Return find, fetch and derive as a record states them, from the index's `own` column."""
    stated = _Own.parse(own_text)
    return stated.find, stated.fetch, stated.derive


class Labelling:
    """Works out labels within one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._collections: dict[str, tuple[Faces, str]] = {}
        self._known: set[str] = set()

    def own(self, record: Record) -> str:
        """Return the record's own labels as the index keeps them.

        Raises:
            InvalidInputError: not a label (`bad-label`).
        """
        return _Own.of(record).text

    def faces(self, record: Record) -> Faces:
        """Return the labels in force for a record that is being written."""
        stated = _Own.of(record)
        if record.kind == "collection":
            found = _of_collection(stated, record.body)
            self._collections[record.id] = (found, record.body.get("ec:owner", ""))
        elif record.kind == "item":
            found = self._of_item(stated, record.body["collection"])
        else:
            found = self._of_derived(stated, [(ln.rel, ln.kind, ln.id) for ln in record.links])
        self._note(found)
        return found

    def assets(self, record: Record, faces: Faces) -> dict[str, str]:
        """Return the label in force of each asset of an item that states one of its own."""
        owner = self._collection(record.body["collection"])[1]
        labels = {
            name: combine(faces.find, faces.fetch, own(asset["ec:access"], owner))
            for name, asset in record.body.get("assets", {}).items()
            if "ec:access" in asset
        }
        for label in set(labels.values()):
            self._note(Faces(label))
        return labels

    def spread(
        self,
        kind: str,
        id_: str,
        before: Faces | None,
        after: Faces,
        *,
        handed_on: bool = False,
    ) -> None:
        """Carry changed labels on to everything that follows from a record.

        Args:
            kind: kind of the record.
            id_: its name.
            before: its labels until now; None for a new one.
            after: its labels from now on.
            handed_on: whether it is a collection with another owner than before, whose staff are
                excused from what its items and their assets ask for.
        """
        before = before or _OPEN
        if kind == "collection" and (before != after or handed_on):
            self._relabel_items(id_, handed_on=handed_on)
        if (before.find, before.derive) != (after.find, after.derive):
            self._relabel_derived([(kind, id_)])

    def _of_item(self, stated: _Own, collection: str) -> Faces:
        above, owner = self._collection(collection)
        if stated == _OWN_OPEN:
            return above
        find, fetch = own(stated.find, owner), own(stated.fetch, owner)
        if stated.derive is None:
            derive = combine(above.derive, find, fetch)
        else:
            derive = own(stated.derive, owner)
        found = combine(above.find, find)
        return Faces(found, combine(found, above.fetch, fetch), derive)

    def _of_derived(self, stated: _Own, links: list[tuple[str, str, str]]) -> Faces:
        labels = {stated.find}
        for rel, kind, id_ in links:
            if rel in INHERITED:
                labels.add(self._face("derive", kind, id_))
            elif rel in _ABOUT:
                labels.add(self._face("access", kind, id_))
        if labels == {OPEN}:
            return _OPEN
        find = combine(*sorted(labels))
        return Faces(find, find, find)

    def _face(self, column: str, kind: str, id_: str) -> str:
        row = self._sql.execute(
            # A withdrawn input still asks what it asked for.
            f"SELECT {column} FROM record WHERE kind = ? AND id = ? AND (current OR gone)"
            " AND access <> '' ORDER BY version DESC LIMIT 1",
            (kind, id_),
        ).fetchone()
        return OPEN if row is None else str(row[0])

    def _collection(self, id_: str) -> tuple[Faces, str]:
        if id_ not in self._collections:
            row = self._sql.execute(
                "SELECT access, fetch, derive, json_extract(body, '$.\"ec:owner\"') FROM record"
                " WHERE kind = 'collection' AND id = ? AND (current OR gone) AND derive <> ''"
                " ORDER BY version DESC LIMIT 1",
                (id_,),
            ).fetchone()
            # The collection of a first item is written after it, and labels it then.
            self._collections[id_] = (
                (_OPEN, "") if row is None else (Faces(*row[:3]), row[3] or "")
            )
        return self._collections[id_]

    def _note(self, faces: Faces) -> None:
        fresh = {faces.find, faces.fetch, faces.derive} - self._known
        if fresh:
            self._sql.executemany(
                "INSERT OR IGNORE INTO label VALUES (?)", [(label,) for label in fresh]
            )
            self._known |= fresh

    def _relabel_items(self, collection: str, *, handed_on: bool) -> None:
        owner = self._collection(collection)[1]
        groups = self._sql.execute(
            "SELECT r.own, r.access, r.fetch, r.derive FROM item i JOIN record r ON r.k = i.k"
            " WHERE i.collection = ? GROUP BY 1, 2, 3, 4",
            (collection,),
        ).fetchall()
        felt = False
        for text, *old in groups:
            new = self._of_item(_Own.parse(text), collection)
            if Faces(*old) == new and not handed_on:
                continue
            self._note(new)
            felt |= (old[0], old[2]) != (new.find, new.derive)
            rows = "SELECT r.k FROM item i JOIN record r ON r.k = i.k WHERE i.collection = ?"
            rows += " AND r.own = ? AND r.access = ? AND r.fetch = ? AND r.derive = ?"
            if Faces(*old) == new:
                # The item asks what it asked; of its assets some may name the owner.
                rows += " AND EXISTS (SELECT 1 FROM asset a WHERE a.k = r.k)"
            ks = [row[0] for row in self._sql.execute(rows, (collection, text, *old))]
            self._set_items(ks, new, owner)
        self._sql.execute("DELETE FROM item_count WHERE collection = ?", (collection,))
        self._sql.execute(
            "INSERT INTO item_count SELECT collection, access, count(*) FROM item"
            " WHERE collection = ? GROUP BY 1, 2",
            (collection,),
        )
        gone = self._relabel_tombstones(collection)
        if felt or gone:
            self._relabel_derived([*self._resting_on_items(collection), *gone])

    def _relabel_tombstones(self, collection: str) -> list[tuple[str, str]]:
        """Label the withdrawn items of a collection again; return those whose label changed."""
        rows = self._sql.execute(
            "SELECT k, id, own, access, fetch, derive FROM record WHERE kind = 'item'"
            " AND id > ? AND id < ? AND gone AND access <> ''",
            (f"{collection}/", f"{collection}0"),
        ).fetchall()
        changed = []
        for k, id_, text, *old in rows:
            new = self._of_item(_Own.parse(text), collection)
            if Faces(*old) != new:
                self._note(new)
                self._set_faces([k], new)
                changed.append(("item", str(id_)))
        return changed

    def _set_faces(self, ks: list[int], faces: Faces) -> None:
        self._sql.executemany(
            "UPDATE record SET access = ?, fetch = ?, derive = ? WHERE k = ?",
            ((faces.find, faces.fetch, faces.derive, k) for k in ks),
        )

    def _set_items(self, ks: list[int], faces: Faces, owner: str) -> None:
        self._set_faces(ks, faces)
        for k in ks:
            stated = self._sql.execute(
                "SELECT name, own FROM asset WHERE k = ?", (k,)
            ).fetchall()
            labels = [
                (combine(faces.find, faces.fetch, own(text, owner)), k, name)
                for name, text in stated
            ]
            self._sql.executemany(
                "UPDATE asset SET access = ? WHERE k = ? AND name = ?", labels
            )
            for label, _, _ in labels:
                self._note(Faces(label))
            guarded = faces.guard(label for label, _, _ in labels)
            self._sql.execute(
                "UPDATE item SET access = ?, guarded = ? WHERE k = ?", (faces.find, guarded, k)
            )

    def _resting_on_items(self, collection: str) -> list[tuple[str, str]]:
        marks = ",".join("?" * len(_FOLLOWED))
        sql = (
            "SELECT DISTINCT 'item', to_id FROM link WHERE to_kind = 'item'"
            f" AND rel IN ({marks}) AND to_id IN (SELECT name FROM item WHERE collection = ?)"
        )
        return list(self._sql.execute(sql, (*_FOLLOWED, collection)).fetchall())

    def _relabel_derived(self, changed: list[tuple[str, str]]) -> None:
        """Label again whatever rests on these, and what rests on that, until nothing changes."""
        marks = ",".join("?" * len(_FOLLOWED))
        waiting = list(changed)
        while waiting:
            kind, id_ = waiting.pop()
            above = self._sql.execute(
                "SELECT DISTINCT from_kind, from_id FROM link WHERE to_kind = ? AND to_id = ?"
                f" AND rel IN ({marks})",
                (kind, id_, *_FOLLOWED),
            ).fetchall()
            waiting += [name for name in above if self._relabel_one(*name)]

    def _relabel_one(self, kind: str, id_: str) -> bool:
        row = self._sql.execute(
            "SELECT k, own, access, fetch, derive FROM record"
            " WHERE kind = ? AND id = ? AND current",
            (kind, id_),
        ).fetchone()
        if row is None:
            return False
        links = self._sql.execute(
            "SELECT rel, to_kind, to_id FROM link WHERE from_kind = ? AND from_id = ?",
            (kind, id_),
        ).fetchall()
        new = self._of_derived(_Own.parse(row[1]), links)
        if Faces(*row[2:]) == new:
            return False
        self._note(new)
        self._set_faces([row[0]], new)
        return True


def _of_collection(stated: _Own, body: Mapping[str, Any]) -> Faces:
    owner = body.get("ec:owner", "")
    find = own(stated.find, owner)
    fetch = combine(find, own(stated.fetch, owner))
    derive = fetch if stated.derive is None else own(stated.derive, owner)
    return Faces(find, fetch, derive)
