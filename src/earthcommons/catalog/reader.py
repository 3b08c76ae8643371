"""One connection to the catalogue's file: its functions, its pragmas, its time limit."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.model.geodesy import BBox, Edges

__all__ = ["READ_LIMIT_S", "Reader", "open_reader", "was_ended"]

READ_LIMIT_S = 10.0
_STEPS = 20_000
# Most searches run on the main thread of a server; forty others share what is left.
_CACHE_KB, _THREAD_CACHE_KB = 48_000, 8_000


class Reader(sqlite3.Connection):
    """A connection that knows the shapes of the filter it runs and when it must end."""

    shapes: tuple[Any, ...] = ()
    holds: Callable[[str | None], bool] | None = None
    box: BBox | None = None
    place: Any = None
    until: float = float("inf")
    followed: tuple[sqlite3.Cursor, ...] = ()

    def follow(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        """Return a cursor to be read bit by bit; it is closed when the bounded read ends."""
        cursor = self.cursor().execute(statement, values)
        self.followed = (*self.followed, cursor)
        return cursor

    def ask(
        self,
        shapes: tuple[Any, ...],
        holds: Callable[[str | None], bool] | None = None,
        box: BBox | None = None,
    ) -> None:
        """Set the shapes the statements to come name by number, the test of words, the place."""
        if shapes:
            import shapely

            shapely.prepare(shapes)
        self.shapes, self.holds = shapes, holds
        self.box, self.place = box, None

    @contextmanager
    def whole(self) -> Iterator[Reader]:
        """Yield the connection for statements that all read one moment of the catalogue."""
        if self.in_transaction:
            yield self
            return
        self.execute("BEGIN")
        try:
            yield self
        finally:
            self.execute("COMMIT")

    @contextmanager
    def bounded(self, seconds: float = READ_LIMIT_S) -> Iterator[Reader]:
        """Yield the connection for a read of one moment that ends in time or is ended.

        Raises:
            UpstreamError: the read took over `seconds` (`query-timeout`).
        """
        until = time.monotonic() + seconds
        try:
            with self.whole():
                self.until = until
                try:
                    yield self
                finally:
                    self.until = float("inf")
                    self.ask(())
                    for cursor in self.followed:
                        cursor.close()
                    self.followed = ()
        except sqlite3.OperationalError as error:
            if not was_ended(error):
                raise
            if time.monotonic() <= until:
                raise KeyboardInterrupt from error
            raise UpstreamError(
                f"the search took over {seconds:g} s: narrow it", code="query-timeout"
            ) from error


def was_ended(error: BaseException) -> bool:
    """Return whether a statement was ended by what watches it: its time, or Ctrl-C.

    Ctrl-C that comes while the watch runs is lost there: whoever set no time raises it again.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, sqlite3.OperationalError) and code == sqlite3.SQLITE_INTERRUPT


def open_reader(file: Path) -> Reader:
    """Return a connection to the catalogue's file, made for one thread."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=30, factory=Reader)
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",
        f"cache_size = -{_CACHE_KB if _is_main() else _THREAD_CACHE_KB}",
        "temp_store = MEMORY",
        "case_sensitive_like = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")

    def spatial(body: bytes, predicate: str, number: int) -> int | None:
        import shapely

        footprint = orjson.loads(body).get("geometry")
        if footprint is None:
            # Where nothing lies anywhere, nothing is known of how it lies.
            return None
        # One that is none lies nowhere: it spoils no search for the others.
        geometry: Any = shapely.from_geojson(orjson.dumps(footprint), on_invalid="ignore")
        if geometry is None:
            return None
        shape = connection.shapes[number]
        if predicate == "intersects":
            return int(bool(shapely.intersects(shape, geometry)))
        return int(bool(getattr(shapely, predicate)(geometry, shape)))

    def meets(body: bytes) -> int:
        import shapely

        item = orjson.loads(body)
        footprint = item.get("geometry") or {}
        # Where there is none, or its longitudes leave open on which side of 180° it lies (it is
        # not cut there, RFC 7946, 3.1.9), its box is all that is known.
        uncut = footprint.get("type") in ("Polygon", "LineString")
        if not footprint or (uncut and item["bbox"][0] > item["bbox"][len(item["bbox"]) // 2]):
            return 1
        if connection.place is None:
            assert connection.box is not None  # noqa: S101
            connection.place = shapely.union_all([_drawn(p) for p in connection.box.parts()])
            shapely.prepare(connection.place)
        geometry: Any = shapely.from_geojson(orjson.dumps(footprint), on_invalid="ignore")
        return int(bool(shapely.intersects(connection.place, geometry)))

    def words(text: str | None) -> bool:
        assert connection.holds is not None  # noqa: S101
        return connection.holds(text)

    connection.create_function("ec_words", 1, words, deterministic=False)
    connection.create_function("ec_meets", 1, meets, deterministic=False)
    connection.create_function("ec_spatial", 3, spatial, deterministic=False)
    connection.create_function(
        "ec_fold", 1, lambda text: text.casefold() if isinstance(text, str) else text
    )
    connection.set_progress_handler(lambda: int(time.monotonic() > connection.until), _STEPS)
    return connection


def _drawn(edges: Edges) -> Any:
    """Return the shape of a box, which may be a line or a point."""
    import shapely

    west, south, east, north = edges
    if west == east or south == north:
        ends = [(west, south), (east, north)]
        return shapely.Point(west, south) if ends[0] == ends[1] else shapely.LineString(ends)
    return shapely.box(west, south, east, north)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
