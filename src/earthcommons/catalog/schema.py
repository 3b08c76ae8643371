"""The tables of the embedded catalogue."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from earthcommons.catalog.audit import AUDIT_KEPT, AUDIT_SCHEMA
from earthcommons.catalog.credentials import CREDENTIALS_SCHEMA
from earthcommons.catalog.people import PEOPLE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KEPT_TABLES", "KEPT_TRIGGERS", "SCHEMA", "SCHEMA_VERSION", "statements"]

SCHEMA_VERSION = 4

# `record.k` is the rowid every other table hangs on. `item_box` holds one row an item, two where
# the item crosses the antimeridian (rowid 2k and 2k + 1); its time axis is in 30-day units because
# an R*Tree whose axes differ by orders of magnitude splits badly. `access` is always the label in
# force (`labelling`), `own` what the record states itself, `label` every label ever in force, and
# `guarded` says that an item has an asset which asks for more than the item.
# `item_newest` and `item_collection` hold all that a walk in order of time tests; `item_long` the
# items of over 31 days, so that a walk may begin 31 days after the time asked for. `plain` says
# that each `"href":"/` of the body is an asset's, `boxed` that the footprint is the box
# (`item_rows`); `props` keeps what can be asked of an item beside its columns. `tags` numbers each
# set of themes, goals, formats, licence and regions that occurs, and `tally` counts items by it;
# who inserts items adds to both. The row of an item in `words` is numbered by time, newest first
# (`text.words_row`). `asset` holds the assets that state a label of their own; `address` finds the
# records, past ones too, with an asset at an address here (`item_rows`).
SCHEMA = """
CREATE TABLE record (
  k INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
  digest TEXT NOT NULL, current INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
  made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), own TEXT NOT NULL,
  access TEXT NOT NULL, fetch TEXT NOT NULL, derive TEXT NOT NULL, body BLOB NOT NULL,
  UNIQUE (kind, id, version)
) STRICT;
CREATE TABLE label (label TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX record_current ON record (kind, id) WHERE current;

CREATE TABLE item (
  k INTEGER PRIMARY KEY REFERENCES record, name TEXT NOT NULL,
  collection TEXT NOT NULL, id TEXT NOT NULL, access TEXT NOT NULL, guarded INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL,
  west REAL, south REAL, east REAL, north REAL,
  plain INTEGER NOT NULL, boxed INTEGER NOT NULL, tags INTEGER NOT NULL REFERENCES tags,
  cloud REAL, gsd REAL, platform TEXT, props TEXT NOT NULL,
  UNIQUE (id, collection)
) STRICT;
CREATE INDEX item_newest ON item
  (last DESC, name, access, first, collection, west, south, east, north, tags, boxed);
CREATE INDEX item_collection ON item
  (collection, last DESC, name, access, first, west, south, east, north, tags, boxed);
CREATE INDEX item_long ON item
  (last DESC, name, access, first, collection, west, south, east, north, tags, boxed)
  WHERE last - first > 2678400;
CREATE INDEX item_unplaced ON item (collection, access) WHERE west IS NULL;
CREATE INDEX item_cloud ON item (cloud, name) WHERE cloud IS NOT NULL;
CREATE TABLE tags (tags INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE tally (
  collection TEXT NOT NULL, access TEXT NOT NULL, tags INTEGER NOT NULL, year INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (collection, access, tags, year)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tally_removed AFTER DELETE ON item BEGIN
  UPDATE tally SET n = n - 1 WHERE collection = old.collection AND access = old.access
    AND tags = old.tags AND year = CAST(strftime('%Y', old.last, 'unixepoch') AS INTEGER);
END;
CREATE TRIGGER tally_relabelled AFTER UPDATE OF access ON item BEGIN
  UPDATE tally SET n = n - 1 WHERE collection = old.collection AND access = old.access
    AND tags = old.tags AND year = CAST(strftime('%Y', old.last, 'unixepoch') AS INTEGER);
  INSERT INTO tally VALUES (new.collection, new.access, new.tags,
    CAST(strftime('%Y', new.last, 'unixepoch') AS INTEGER), 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TABLE item_count (
  collection TEXT NOT NULL, access TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (collection, access)
) STRICT, WITHOUT ROWID;
CREATE TABLE asset (
  k INTEGER NOT NULL REFERENCES record, name TEXT NOT NULL,
  own TEXT NOT NULL, access TEXT NOT NULL, PRIMARY KEY (k, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE address (
  part INTEGER NOT NULL, k INTEGER NOT NULL REFERENCES record, PRIMARY KEY (part, k)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE item_box USING rtree (r, x0, x1, y0, y1, t0, t1);

CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "unicode61 remove_diacritics 2");

CREATE TABLE observation (
  k INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run TEXT NOT NULL,
  indicator TEXT NOT NULL, region TEXT NOT NULL, first TEXT NOT NULL, period TEXT NOT NULL,
  dimensions TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX observation_order ON observation (indicator, region, first, period, dimensions);
CREATE INDEX observation_place ON observation (region, first, period, dimensions, indicator);
CREATE INDEX observation_run ON observation (run);

CREATE TABLE link (
  from_kind TEXT NOT NULL, from_id TEXT NOT NULL, rel TEXT NOT NULL,
  to_kind TEXT NOT NULL, to_id TEXT NOT NULL,
  PRIMARY KEY (from_kind, from_id, rel, to_kind, to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_back ON link (to_kind, to_id);

CREATE TABLE change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL,
  version INTEGER NOT NULL, digest TEXT NOT NULL
) STRICT;
CREATE TRIGGER change_fixed BEFORE UPDATE ON change
  BEGIN SELECT raise(ABORT, 'the change log is append-only'); END;
"""
CHANGE_KEPT = """CREATE TRIGGER change_kept BEFORE DELETE ON change
  BEGIN SELECT raise(ABORT, 'the change log is append-only'); END;
"""
SCHEMA += CHANGE_KEPT + PEOPLE_SCHEMA + CREDENTIALS_SCHEMA + AUDIT_SCHEMA

# What lives in the catalogue alone: a rebuild or a migration carries these over.
KEPT_TABLES = ("change", "account", "team", "held", "api_key", "session", "audit")
KEPT_TRIGGERS = {"change_kept": CHANGE_KEPT, "audit_kept": AUDIT_KEPT}


def statements() -> Iterator[str]:
    """Yield what makes an empty catalogue, statement by statement."""
    statement = ""
    for line in SCHEMA.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
