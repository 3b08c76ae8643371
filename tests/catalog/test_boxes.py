from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import boxes
from earthcommons.catalog.boxes import insert_boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FOUND = (
    "SELECT r FROM item_box WHERE x0 <= ? AND x1 >= ? AND y0 <= ? AND y1 >= ?"
    " AND t0 <= ? AND t1 >= ?"
)


def tree() -> sqlite3.Connection:
    sql = sqlite3.connect(":memory:", isolation_level=None)
    sql.execute("PRAGMA page_size = 8192")
    sql.execute("CREATE VIRTUAL TABLE item_box USING rtree (r, x0, x1, y0, y1, t0, t1)")
    return sql


@pytest.fixture
def sql() -> Iterator[sqlite3.Connection]:
    with closing(tree()) as connection:
        yield connection


def scattered(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    low = rng.uniform((-180, -90, 300), (179, 89, 460), (count, 3))
    high = low + rng.uniform(0, (1, 1, 0.5), (count, 3))
    return np.stack((low, high), -1).reshape(count, 6)


def check(sql: sqlite3.Connection) -> str:
    return str(sql.execute("SELECT rtreecheck('item_box')").fetchone()[0])


def found(sql: sqlite3.Connection, asked: NDArray[np.float64]) -> set[int]:
    w, e, s, n, first, last = asked.tolist()
    return {row[0] for row in sql.execute(FOUND, (e, w, n, s, last, first))}


def meets(edges: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = np.all(
        (edges[:, ::2] <= asked[1::2]) & (edges[:, 1::2] >= asked[::2]), axis=1
    )
    return there


def nodes(sql: sqlite3.Connection) -> int:
    return int(sql.execute("SELECT count(*) FROM item_box_node").fetchone()[0])


def test_a_tree_filled_by_nodes_and_by_sqlite_in_turn_finds_what_brute_force_finds(
    sql: sqlite3.Connection,
) -> None:
    rng = np.random.default_rng(1)
    all_rows, all_edges = np.empty(0, np.int64), np.empty((0, 6))
    for count in (7, 1200, 3, 40, 2500, 999, 5000):
        rows = 2 * np.arange(len(all_rows), len(all_rows) + count)
        edges = scattered(rng, count)
        insert_boxes(sql, rows, edges)
        assert check(sql) == "ok"
        all_rows, all_edges = np.append(all_rows, rows), np.append(all_edges, edges, axis=0)
        for asked in scattered(rng, 20) + np.array([-6, 6, -6, 6, -4, 4]):
            there = found(sql, asked)
            assert set(all_rows[meets(all_edges, asked)].tolist()) <= there
            # Edges are rounded outward to 24 bits, by less than this.
            wider = asked + np.array([-1e-4, 1e-4] * 3)
            assert there <= set(all_rows[meets(all_edges, wider)].tolist())
    for row in all_rows[::3].tolist():
        sql.execute("DELETE FROM item_box WHERE r = ?", (row,))
    assert check(sql) == "ok"
    kept = np.delete(all_rows, np.s_[::3])
    assert {row[0] for row in sql.execute("SELECT r FROM item_box")} == set(kept.tolist())


def test_a_leaf_holds_boxes_that_lie_close_together(
    sql: sqlite3.Connection,
) -> None:
    edges = scattered(np.random.default_rng(2), 8000)
    insert_boxes(sql, np.arange(8000), edges)
    # 8000 boxes of 41 a leaf, the nodes above them, and the root.
    assert nodes(sql) == 196 + 5 + 1
    sizes = [
        np.ptp(boxes._cells_of([row[0]])["edges"].astype(float), axis=0)[[0, 2, 4]]
        for row in sql.execute("SELECT data FROM item_box_node")
    ]
    # Of a world of 360 by 180 degrees by 160 units, the usual leaf holds a sixth along each side.
    assert (np.median(sizes, axis=0) < np.array([360, 180, 160]) / 4).all()


@pytest.mark.parametrize("written", [2, 3, 51])
def test_a_tree_of_many_levels_is_one_of_sqlites_own(
    sql: sqlite3.Connection, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "_WRITTEN", written)
    monkeypatch.setattr(boxes, "_LEAST", 1)
    rng = np.random.default_rng(3)
    for n, count in enumerate((1, 60, 60, 200)):
        insert_boxes(sql, 1000 * n + np.arange(count), scattered(rng, count))
        assert check(sql) == "ok"
        sql.execute("INSERT INTO item_box VALUES (?,0,1,0,1,400,401)", (1000 * n + 999,))
        assert check(sql) == "ok"
    assert sql.execute("SELECT count(*) FROM item_box").fetchone() == (325,)


def test_few_boxes_beside_many_leaves_go_in_one_by_one(
    sql: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    insert_boxes(sql, np.arange(4100), scattered(rng, 4100))
    before = sql.execute("SELECT data FROM item_box_node WHERE nodeno = 1").fetchone()
    monkeypatch.setattr(boxes, "_LEAST", 1)
    monkeypatch.setattr(boxes, "_LEAVES_BESIDE", 2)
    full = nodes(sql)
    insert_boxes(sql, 5000 + np.arange(2000), scattered(rng, 2000))
    # Whole leaves would have been 49 more, and no more.
    assert nodes(sql) - full != 49
    insert_boxes(sql, 8000 + np.arange(0), np.empty((0, 6)))
    assert before != sql.execute("SELECT data FROM item_box_node WHERE nodeno = 1").fetchone()
    assert check(sql) == "ok"


def test_nodes_of_another_size_are_left_to_sqlite() -> None:
    with closing(sqlite3.connect(":memory:")) as sql:
        sql.execute("PRAGMA page_size = 512")
        sql.execute("CREATE VIRTUAL TABLE item_box USING rtree (r, x0, x1, y0, y1, t0, t1)")
        insert_boxes(sql, np.arange(1500), scattered(np.random.default_rng(5), 1500))
        assert check(sql) == "ok"
        assert sql.execute("SELECT count(*) FROM item_box").fetchone() == (1500,)


def test_a_number_that_is_there_already_is_refused(sql: sqlite3.Connection) -> None:
    edges = scattered(np.random.default_rng(6), 3000)
    insert_boxes(sql, np.arange(1500), edges[:1500])
    with pytest.raises(sqlite3.IntegrityError):
        insert_boxes(sql, 1000 + np.arange(1500), edges[1500:])


COORDINATE = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_box_in_the_tree_is_no_smaller_than_it_was(sides: list[tuple[float, float]]) -> None:
    edges = np.array([edge for side in sides for edge in sorted(side)])[None]
    kept = boxes._single(edges).astype(np.float64)
    assert (kept[:, ::2] <= edges[:, ::2]).all()
    assert (kept[:, 1::2] >= edges[:, 1::2]).all()
    assert (abs(kept - edges) <= abs(edges) * 2**-23 + 1e-44).all()
