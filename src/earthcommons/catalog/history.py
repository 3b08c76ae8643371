"""Versions of a record: which there were, what one said, what was in force at a moment.

A past version is read by whoever may read the present one and meets what the past one asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.item_rows import address_part
from earthcommons.catalog.labelling import stated_labels
from earthcommons.catalog.presenting import signed, without_withheld
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
from earthcommons.policy import OPEN, STAFF, acting_party, combine, own, satisfies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from earthcommons.model.party import Party

__all__ = [
    "Asker",
    "Version",
    "at_moment",
    "gone",
    "items_at",
    "owner_of",
    "past",
    "serves_past",
    "versions",
]


# Numbers beyond this are none that SQLite can be asked for.
_MOST_VERSIONS = 2**62


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record.

    Attributes:
        digest: SHA-256 of the record; empty where the asker sees a part of it only, since it
            would confirm a guess of the rest.
        made: when it was published, RFC 3339; empty where an older program did not keep it.
        state: `current`, `past` or `withdrawn`.
    """

    version: int
    digest: str
    made: str
    state: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and when."""

    party: Party
    at: datetime

    def may(self, label: str) -> bool:
        """Return whether they satisfy a label."""
        return satisfies(self.party, label, self.at)


def versions(sql: sqlite3.Connection, kind: str, id_: str, asker: Asker) -> list[Version]:
    """Return all versions of a record the asker may see now, oldest first.

    Raises:
        NotFoundError: nothing visible has that kind and id.
    """
    here = _present(sql, kind, id_, asker)
    asks = _assets_now(sql, kind, id_)
    rows = sql.execute(
        "SELECT version, digest, made, current, gone, own, body FROM record"
        " WHERE kind = ? AND id = ? ORDER BY version",
        (kind, id_),
    )
    return [
        Version(
            version,
            digest if _is_whole(sql, kind, id_, body, text, here, asks, asker) else "",
            made,
            "current" if current else "withdrawn" if away else "past",
        )
        for version, digest, made, current, away, text, body in rows.fetchall()
        if asker.may(own(stated_labels(text)[0], here.owner))
    ]


def past(
    sql: sqlite3.Connection, kind: str, id_: str, version: int, asker: Asker
) -> dict[str, Any]:
    """Return one version of a record, as the asker may see it.

    Raises:
        NotFoundError: nothing visible has that kind, id and version.
        GoneError: that version is a tombstone, or the record was withdrawn for good.
    """
    here = _present(sql, kind, id_, asker)
    owner = here.owner
    if abs(version) >= _MOST_VERSIONS:
        raise NotFoundError(f"{kind} {id_[:120]!r} has no such version")
    row = sql.execute(
        "SELECT body, own, gone FROM record WHERE kind = ? AND id = ? AND version = ?",
        (kind, id_, version),
    ).fetchone()
    if row is None or not asker.may(own(stated_labels(row[1])[0], owner)):
        raise NotFoundError(f"{kind} {id_[:120]!r} has no version {version}")
    body: dict[str, Any] = orjson.loads(row[0])
    if row[2]:
        raise _gone(kind, id_, _told(sql, kind, signed(body, owner, acting_party()), asker.may))
    if stub := gone(sql, kind, id_, asker.may):
        raise _gone(kind, id_, stub)
    if kind != "item":
        return body
    asks = _assets_now(sql, kind, id_)
    return without_withheld(body, _withheld(body, row[1], here, asks, asker))


def _assets_now(sql: sqlite3.Connection, kind: str, id_: str) -> dict[str, str]:
    """Return what assets of the present version of an item ask for, by their names."""
    if kind != "item":
        return {}
    rows = sql.execute(
        "SELECT a.name, a.access FROM asset a JOIN record r ON r.k = a.k"
        " WHERE r.kind = 'item' AND r.id = ? AND r.current",
        (id_,),
    )
    return dict(rows.fetchall())


def _withheld(
    item: dict[str, Any], stated: str, here: _Present, now: Mapping[str, str], asker: Asker
) -> dict[str, str]:
    """Return what the assets of a version ask for that are withheld from the asker."""
    # A past asset asks for all that the present one of its name asks for: closing it closes both.
    asks = combine(here.find, here.fetch, own(stated_labels(stated)[1], here.owner))
    labels = {
        name: combine(asks, own(asset.get("ec:access", OPEN), here.owner), now.get(name, OPEN))
        for name, asset in item.get("assets", {}).items()
    }
    return {name: label for name, label in labels.items() if not asker.may(label)}


def _is_whole(
    sql: sqlite3.Connection,
    kind: str,
    id_: str,
    stored: bytes,
    stated: str,
    here: _Present,
    now: Mapping[str, str],
    asker: Asker,
) -> bool:
    """Return whether the asker is shown all of a version."""
    body: dict[str, Any] = orjson.loads(stored)
    if kind == "item" and _withheld(body, stated, here, now, asker):
        return False
    if kind == "run":
        inputs = {ref["item"] for ref in body.get("inputs", ())}
        return all(asker.may(_label_now(sql, "item", item) or STAFF) for item in inputs)
    if "by" not in body:
        return True
    about = body.get("about") or {"kind": kind, "id": id_}
    told = signed(body, owner_of(sql, about["kind"], about["id"]), asker.party)
    return body.keys() <= _told(sql, kind, told, asker.may).keys()


def at_moment(sql: sqlite3.Connection, kind: str, id_: str, moment: str) -> int:
    """Return the version that was the last one at a moment (RFC 3339, UTC).

    Raises:
        NotFoundError: there was none yet.
        InvalidInputError: the node did not keep times then (`unknown-time`).
    """
    row = sql.execute(
        "SELECT max(version), max(made = '') FROM record"
        " WHERE kind = ? AND id = ? AND made <= ?",
        (kind, id_, moment),
    ).fetchone()
    if row[0] is None:
        raise NotFoundError(f"there was no {kind} {id_[:120]!r} at {moment[:19]}Z")
    later = sql.execute(
        "SELECT 1 FROM record WHERE kind = ? AND id = ? AND version > ?", (kind, id_, row[0])
    ).fetchone()
    if row[1] and later is not None:
        raise InvalidInputError(
            f"{kind} {id_[:120]!r} has versions of which this node does not know the time",
            code="unknown-time",
        )
    return int(row[0])


def items_at(
    sql: sqlite3.Connection, collection: str, moment: str, after: str, limit: int, asker: Asker
) -> list[dict[str, Any]]:
    """Return the items of a collection as they were at a moment, in order of id.

    Args:
        sql: the catalogue.
        collection: which collection.
        moment: RFC 3339, UTC.
        after: id after which the page begins.
        limit: how many at most.
        asker: who asks.
    """
    found: list[dict[str, Any]] = []
    last = f"{collection}/{after}"
    while len(found) < limit:
        rows = sql.execute(
            "SELECT id, max(version) FROM record WHERE kind = 'item' AND id > ? AND id < ?"
            " AND made <= ? GROUP BY id ORDER BY id LIMIT ?",
            (last, f"{collection}0", moment, limit),
        ).fetchall()
        for name, version in rows:
            try:
                found.append(past(sql, "item", name, version, asker))
            except NotFoundError:
                continue
        if len(rows) < limit:
            break
        last = rows[-1][0]
    return found[:limit]


def gone(
    sql: sqlite3.Connection, kind: str, id_: str, may: Callable[[str], bool]
) -> dict[str, Any] | None:
    """Return the stub of a withdrawn record when it may be known, else None.

    It goes into an error, which meets whoever acts: they are told who did it as they may know.
    """
    row = sql.execute(
        "SELECT body, access FROM record WHERE kind = ? AND id = ? AND gone AND access <> ''",
        (kind, id_),
    ).fetchone()
    if row is None or not may(row[1]):
        return None
    stub = signed(orjson.loads(row[0]), owner_of(sql, kind, id_), acting_party())
    return _told(sql, kind, stub, may)


def _told(
    sql: sqlite3.Connection, kind: str, stub: dict[str, Any], may: Callable[[str], bool]
) -> dict[str, Any]:
    """Return a stub without the name of a successor that may not be known."""
    after = stub.get("successor")
    if after is None or may(_label_now(sql, kind, after) or STAFF):
        return stub
    return {name: value for name, value in stub.items() if name != "successor"}


def _label_now(sql: sqlite3.Connection, kind: str, id_: str) -> str:
    """Return the find label of a record that is there or was withdrawn; empty of none."""
    row = sql.execute(
        "SELECT access FROM record WHERE kind = ? AND id = ? AND (current OR gone)"
        " AND access <> '' ORDER BY version DESC LIMIT 1",
        (kind, id_),
    ).fetchone()
    return "" if row is None else str(row[0])


def _gone(kind: str, id_: str, stub: dict[str, Any]) -> GoneError:
    return GoneError(f"{kind} {id_[:120]!r} was withdrawn", stub)


class _Present(NamedTuple):
    """The labels in force of what a record is now, and its owner."""

    find: str
    owner: str
    fetch: str


def _present(sql: sqlite3.Connection, kind: str, id_: str, asker: Asker) -> _Present:
    row = sql.execute(
        "SELECT access, fetch FROM record WHERE kind = ? AND id = ? AND (current OR gone)"
        " AND access <> '' ORDER BY version DESC LIMIT 1",
        (kind, id_),
    ).fetchone()
    if row is None or not asker.may(row[0]):
        raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
    return _Present(str(row[0]), owner_of(sql, kind, id_), str(row[1]))


def owner_of(sql: sqlite3.Connection, kind: str, id_: str) -> str:
    """Return the group that owns a collection, or the collection of an item; else none."""
    if kind not in ("collection", "item"):
        return ""
    row = sql.execute(
        "SELECT json_extract(body, '$.\"ec:owner\"') FROM record WHERE kind = 'collection'"
        " AND id = ? AND (current OR gone) AND access <> '' ORDER BY version DESC LIMIT 1",
        (id_.partition("/")[0],),
    ).fetchone()
    return (row[0] or "") if row else ""


def serves_past(
    sql: sqlite3.Connection, href: str, labels: tuple[str, ...], asker: Asker
) -> bool:
    """Return whether a past version the asker may see has an asset at that address.

    Args:
        sql: the catalogue.
        href: address of the asset.
        labels: labels in force that the asker satisfies.
        asker: who asks.
    """
    marks = ",".join("?" * len(labels))
    rows = sql.execute(
        "SELECT r.id, r.version FROM address a JOIN record r ON r.k = a.k AND NOT r.current"
        " JOIN record n ON n.kind = r.kind AND n.id = r.id AND (n.current OR n.gone)"
        f" AND n.access IN ({marks}) AND n.fetch IN ({marks}),"
        " json_each(r.body, '$.assets') e"
        " LEFT JOIN asset s ON s.k = n.k AND s.name = e.key"
        f" WHERE a.part = ? AND coalesce(s.access, 'open') IN ({marks})"
        " AND json_extract(e.value, '$.href') = ?",
        (*labels, *labels, address_part(href), *labels, href),
    ).fetchall()
    for name, version in rows:
        try:
            assets = past(sql, "item", name, version, asker)["assets"].values()
        except NotFoundError:
            continue
        if any(asset["href"] == href for asset in assets):
            return True
    return False
