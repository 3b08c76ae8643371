"""The tables of the embedded catalogue."""

from __future__ import annotations

__all__ = ["CHANGE_KEPT", "SCHEMA", "SCHEMA_VERSION"]

SCHEMA_VERSION = 1

# `record.k` is the rowid every other table hangs on. `item_box` holds one row an item, two where
# the item crosses the antimeridian (rowid 2k and 2k + 1); its time axis is in 30-day units because
# an R*Tree whose axes differ by orders of magnitude splits badly.
SCHEMA = """
CREATE TABLE record (
  k INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
  digest TEXT NOT NULL, access TEXT NOT NULL, current INTEGER NOT NULL, body BLOB NOT NULL,
  UNIQUE (kind, id, version)
) STRICT;
CREATE UNIQUE INDEX record_current ON record (kind, id) WHERE current;

CREATE TABLE item (
  k INTEGER PRIMARY KEY REFERENCES record, name TEXT NOT NULL UNIQUE,
  collection TEXT NOT NULL, id TEXT NOT NULL, access TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL,
  west REAL, south REAL, east REAL, north REAL
) STRICT;
CREATE INDEX item_newest ON item (last DESC, name, access, first);
CREATE INDEX item_collection ON item (collection, last DESC, name, access, first);
CREATE TABLE item_count (
  collection TEXT NOT NULL, access TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (collection, access)
) STRICT, WITHOUT ROWID;
CREATE TABLE asset (
  href TEXT NOT NULL, k INTEGER NOT NULL REFERENCES record, PRIMARY KEY (href, k)
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
SCHEMA += CHANGE_KEPT
