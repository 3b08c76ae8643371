"""Boxes of many items written into the R*Tree as whole nodes.

SQLite looks for the best leaf for each box it is given, and so writes pages all over the tree. The
boxes of thousands of items are sorted into leaves here instead (sort-tile-recursive), which
are appended; then the nodes above all leaves, a fortieth of the tree, are made anew. What is left
is a tree like SQLite's own, which it reads and goes on with.

Source: "Database Format of R-Tree Tables" in SQLite's rtree.c; Leutenegger, Lopez and Edgington
1997, "STR: a simple and efficient algorithm for R-tree packing". GDAL fills the trees of
GeoPackages in the same way.
"""

from __future__ import annotations

from functools import cache
from itertools import chain, count, islice
from typing import TYPE_CHECKING

from earthcommons.catalog.item_rows import INSERT_BOX

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    # An entry of a node: the number of a box or of a node below, and the edges of that.
    Cells = NDArray[np.void]

__all__ = ["insert_boxes"]

# SQLite puts no more entries into a node, however long a page is; written are four fifths, or the
# first box that comes alone would split the leaf it goes to.
_MOST, _WRITTEN = 51, 41
_ROOT = 1
# Which node holds a box, and which a node.
_HOLDS_BOX = "INSERT INTO item_box_rowid VALUES (?,?)"
_HOLDS_NODE = "INSERT OR REPLACE INTO item_box_parent VALUES (?,?)"
# Fewer boxes cost less one by one. So do those that need few leaves beside the leaves there are.
_LEAST, _LEAVES_BESIDE = 1_000, 64


def insert_boxes(
    sql: sqlite3.Connection, rows: NDArray[np.int64], edges: NDArray[np.float64]
) -> None:
    """Put boxes into `item_box`.

    Args:
        sql: in a transaction.
        rows: their numbers, rising; none is there yet.
        edges: dims (box, 6): west, east, south, north in degrees, first and last in `time_unit`.
    """
    root, last = sql.execute(
        "SELECT data, (SELECT max(nodeno) FROM item_box_node) FROM item_box_node"
        " WHERE nodeno = ?",
        (_ROOT,),
    ).fetchone()
    as_known = len(root) == _node().itemsize
    if as_known and len(rows) >= max(_LEAST, last // _LEAVES_BESIDE * _WRITTEN):
        _append(sql, _cells(rows, _single(edges)), root, last + 1)
        return
    columns = (rows.tolist(), *(column.tolist() for column in edges.T))
    sql.executemany(INSERT_BOX, zip(*columns, strict=True))


def _append(sql: sqlite3.Connection, boxes: Cells, root: bytes, free: int) -> None:
    import numpy as np

    if _depth(root):
        leaves, above = _leaves(sql, root)
    else:
        # What the root holds itself goes into leaves with the others.
        leaves, above = _cells_of([root])[:0], []
        boxes = np.concatenate([boxes, _cells_of([root])])
        sql.execute("DELETE FROM item_box_rowid")
    numbers = chain(above, count(free))
    inserted = _write(sql, _HOLDS_BOX, boxes, numbers)
    children, depth = np.concatenate([leaves, inserted]), 1
    while len(children) > _WRITTEN:
        children, depth = _write(sql, _HOLDS_NODE, children, numbers), depth + 1
    _write(sql, _HOLDS_NODE, children, iter([_ROOT]), depth)
    left = [(number,) for number in islice(numbers, len(above)) if number < free]
    for table in ("item_box_node", "item_box_parent"):
        sql.executemany(f"DELETE FROM {table} WHERE nodeno = ?", left)


def _leaves(sql: sqlite3.Connection, root: bytes) -> tuple[Cells, list[int]]:
    """Return the entries that name the leaves, and the numbers of the nodes in between."""
    cells, above = _cells_of([root]), list[int]()
    for _ in range(_depth(root) - 1):
        listed = cells["number"].tolist()
        found = "SELECT data FROM item_box_node WHERE nodeno = ?"
        cells = _cells_of([sql.execute(found, (number,)).fetchone()[0] for number in listed])
        above += listed
    return cells, above


def _write(
    sql: sqlite3.Connection, holds: str, cells: Cells, numbers: Iterator[int], depth: int = 0
) -> Cells:
    """Write entries as nodes, and by `holds` in which node each is; return the nodes' entries."""
    import numpy as np

    cells = cells[_tiled(cells["edges"])]
    size = -(-len(cells) // _WRITTEN)
    nodes = np.zeros(size, _node())
    nodes["depth"] = depth
    nodes["count"] = _WRITTEN
    nodes["count"][-1] = len(cells) - _WRITTEN * (size - 1)
    padded = np.zeros(size * _WRITTEN, cells.dtype)
    padded[: len(cells)] = cells
    nodes["cells"][:, :_WRITTEN] = padded.reshape(size, _WRITTEN)
    mine = np.fromiter(islice(numbers, size), np.int64, size)
    sql.executemany(
        "INSERT OR REPLACE INTO item_box_node VALUES (?,?)",
        zip(mine.tolist(), (node.tobytes() for node in nodes), strict=True),
    )
    held, holders = cells["number"].astype(np.int64), np.repeat(mine, _WRITTEN)[: len(cells)]
    order = np.argsort(held)
    sql.executemany(
        holds,
        zip(held[order].tolist(), holders[order].tolist(), strict=True),
    )
    starts = np.arange(0, len(cells), _WRITTEN)
    edges = np.empty((size, 6), np.float32)
    edges[:, ::2] = np.minimum.reduceat(cells["edges"][:, ::2], starts)
    edges[:, 1::2] = np.maximum.reduceat(cells["edges"][:, 1::2], starts)
    return _cells(mine, edges)


def _tiled(edges: NDArray[Any]) -> NDArray[np.int64]:
    """Return an order in which each `_WRITTEN` boxes after one another lie close together.

    Slabs by the first axis, in each bars by the second, in each bar by the third.
    """
    import numpy as np

    x, y, t = ((edges[:, n] + edges[:, n + 1]).astype(np.float32) for n in (0, 2, 4))
    sides = max(1, round((len(edges) / _WRITTEN) ** (1 / 3)))
    bar = _WRITTEN * sides
    slab = np.empty(len(edges), np.int64)
    slab[np.argsort(x, kind="stable")] = np.arange(len(edges)) // (bar * sides)
    bars = np.empty(len(edges), np.int64)
    # A slab holds a whole number of bars, so that these count on from slab to slab.
    bars[np.lexsort((y, slab))] = np.arange(len(edges)) // bar
    return np.lexsort((t, bars))


def _single(edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return edges as the tree keeps them, each box no smaller than it was."""
    import numpy as np

    near = edges.astype(np.float32)
    outward = np.array([-1, 1] * 3, np.float32)
    inside = (near - edges) * outward < 0
    return np.where(inside, np.nextafter(near, outward * np.float32(np.inf)), near)


def _cells(numbers: NDArray[np.int64], edges: NDArray[np.float32]) -> Cells:
    import numpy as np

    cells = np.empty(len(numbers), _node()["cells"].base)
    cells["number"], cells["edges"] = numbers, edges
    return cells


def _cells_of(nodes: list[bytes]) -> Cells:
    import numpy as np

    read = np.frombuffer(b"".join(nodes), _node())
    return np.concatenate([node["cells"][: node["count"]] for node in read])


def _depth(root: bytes) -> int:
    return int.from_bytes(root[:2])


@cache
def _node() -> np.dtype[np.void]:
    """Return how a node lies in its bytes."""
    import numpy as np

    cell = np.dtype([("number", ">i8"), ("edges", ">f4", (6,))])
    return np.dtype([("depth", ">u2"), ("count", ">u2"), ("cells", cell, (_MOST,))])
