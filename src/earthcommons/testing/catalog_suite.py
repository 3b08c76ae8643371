"""The suite every catalogue passes, whatever keeps its rows.

A backend's tests subclass it and give it a catalogue:

    class TestMine(CatalogSuite):
        @pytest.fixture
        def catalog(self, tmp_path): ...
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from earthcommons.catalog import ItemQuery, SortKey, parse_filter
from earthcommons.errors import ConflictError, InvalidInputError, NotFoundError
from earthcommons.model import BBox, Record
from earthcommons.model.party import OPERATOR
from earthcommons.testing.scenes import scene

if TYPE_CHECKING:
    from earthcommons.catalog import Catalog

__all__ = ["CatalogSuite"]

_DAY = 86_400


def put(catalog: Catalog, *records: Record) -> None:
    """Write records in one transaction."""
    with catalog.transaction() as tx:
        for record in records:
            tx.put(record)


def walk(catalog: Catalog, **asked: Any) -> list[str]:
    """Return the names of all matches, page by page."""
    seen: list[str] = []
    token = ""
    while True:
        page = catalog.items(ItemQuery(token=token, **asked))
        seen += page.names
        token = page.token
        if not token:
            return seen


class CatalogSuite:
    """Subclass it, override the fixture `catalog` with an empty catalogue."""

    @pytest.fixture
    def catalog(self) -> Catalog:
        """Return an empty catalogue."""
        raise NotImplementedError

    def test_a_record_is_returned_byte_for_byte_and_once(self, catalog: Catalog) -> None:
        """Writing it again changes nothing; other content is refused; a failed block is undone."""
        record = scene("c/a", title="湖泊")
        put(catalog, record)
        put(catalog, record)
        assert catalog.body("item", "c/a") == record.body_bytes
        assert len(catalog.changes()) == 1
        with pytest.raises(ConflictError):
            put(catalog, scene("c/b"), scene("c/a", title="other"))
        with pytest.raises(NotFoundError):
            catalog.body("item", "c/b")

    def test_a_revision_takes_the_place_of_the_version_before(self, catalog: Catalog) -> None:
        """It is found by its own words, place and time alone."""
        put(catalog, scene("c/a", (0, 0, 1, 1), 1, title="first"))
        with catalog.transaction() as tx:
            assert tx.revise(scene("c/a", (50, 0, 51, 1), 900, title="second"))
            assert not tx.revise(scene("c/a", (50, 0, 51, 1), 900, title="second"))
        for gone in ({"bbox": BBox(0, 0, 1, 1)}, {"text": "first"}, {"last": 2 * _DAY}):
            assert walk(catalog, **gone) == []
        for held in ({"bbox": BBox(50, 0, 51, 1)}, {"text": "second"}, {"ids": ("a",)}):
            assert walk(catalog, **held) == ["c/a"]

    @pytest.mark.parametrize("edge", [-180.0, -179.9999999, 0.1, 179.9999999, 180.0])
    def test_boxes_are_exact_at_every_edge(self, catalog: Catalog, edge: float) -> None:
        """Also at 180 degrees and the poles, where coordinates of 32 bits would round."""
        boxes = {
            "c/touches": (edge, -90.0, edge, -89.9999999),
            "c/crosses": (179.5, 89.0, -179.5, 90.0),
            "c/nowhere": None,
        }
        put(catalog, *(scene(name, box) for name, box in boxes.items()))
        for box in (
            BBox(edge, -90, edge, -90),
            BBox(170, 80, -170, 90),
            BBox(-180, -90, 180, 90),
        ):
            expected = {
                name
                for name, held in boxes.items()
                if held is not None and _touch(BBox(*held), box)
            }
            assert set(walk(catalog, bbox=box)) == expected

    def test_pages_are_newest_first_then_by_name_and_end(self, catalog: Catalog) -> None:
        """However the question narrows, and whatever comes in meanwhile."""
        names = [f"{c}/i{n}" for n, c in itertools.product(range(4), "ba")]
        put(catalog, *(scene(name, day=int(name[-1])) for name in names))
        expected = sorted(sorted(names), key=lambda name: -int(name[-1]))
        for asked in (
            {},
            {"bbox": BBox(0, 0, 1, 1)},
            {"text": "scene"},
            {"collections": ("a", "b")},
        ):
            assert walk(catalog, limit=3, **asked) == expected
        first = catalog.items(ItemQuery(limit=3))
        put(catalog, scene("a/late", day=99), scene("a/early", day=-99))
        rest = catalog.items(ItemQuery(limit=100, token=first.token)).names
        assert [*first.names, *rest] == [*expected, "a/early"]

    def test_time_is_a_closed_range_also_of_what_lasts_for_years(
        self, catalog: Catalog
    ) -> None:
        """An item that lasts is found by every day of it."""
        put(
            catalog,
            scene("c/long", day=0, days=4000),
            scene("c/month", day=100, days=31),
            scene("c/day", day=120),
        )
        assert walk(catalog, first=131 * _DAY, last=131 * _DAY) == ["c/long", "c/month"]
        assert walk(catalog, first=131 * _DAY + 1, last=200 * _DAY) == ["c/long"]
        assert walk(catalog, last=100 * _DAY) == ["c/long", "c/month"]
        assert walk(catalog, first=4001 * _DAY) == []

    @pytest.mark.parametrize(
        ("text", "found"),
        [("湖泊", True), ("泊变", True), ("湖变", False), ("LAKE", True), ("lak", True),
         ("nothing,lake", True), ("nothing lake", False), ('"lake" OR "zz', False)],
    )  # fmt: skip
    def test_words_are_found_in_english_and_chinese(
        self, catalog: Catalog, text: str, *, found: bool
    ) -> None:
        """Chinese by any two characters in a row, English by the beginning of a word."""
        put(catalog, scene("c/a", title="Lake change 湖泊变化"))
        assert (walk(catalog, text=text) == ["c/a"]) is found

    def test_any_order_ends_with_what_lacks_the_key(self, catalog: Catalog) -> None:
        """In either direction, page by page."""
        clouds: list[dict[str, Any]] = [{"eo:cloud_cover": 3.0}, {}, {"eo:cloud_cover": 1.5}]
        clouds.append({"eo:cloud_cover": 3.0})
        put(
            catalog,
            *(scene(f"c/i{n}", **cloud) for n, cloud in enumerate(clouds)),
        )
        for down, expected in ((False, ["2", "0", "3", "1"]), (True, ["0", "3", "2", "1"])):
            order = (SortKey("eo:cloud_cover", descending=down),)
            assert [n[-1] for n in walk(catalog, sort=order, limit=1)] == expected

    def test_a_filter_is_exact_and_only_ever_a_value(self, catalog: Catalog) -> None:
        """Comparisons, shapes, and a text made to break out of a statement."""
        put(catalog, *(scene(f"c/i{n}", (n, 0, n + 0.5, 1), gsd=n) for n in range(4)))
        for text, expected in (
            ("gsd BETWEEN 1 AND 2", ["c/i1", "c/i2"]),
            ("S_INTERSECTS(geometry, POINT(2.2 0.5))", ["c/i2"]),
            ("title = ''' OR 1=1 --'", []),
        ):
            assert walk(catalog, filter=parse_filter(text)) == expected

    def test_what_may_not_be_seen_is_in_no_answer(self, catalog: Catalog) -> None:
        """Not in pages, counts, facets or words; a page token of one view is none of another."""
        put(
            catalog,
            scene("c/seen", license="CC0-1.0"),
            scene("c/more", license="CC0-1.0"),
            scene("c/hidden", title="secret", access="steward", license="MIT"),
        )
        for asked in ({}, {"bbox": BBox(0, 0, 1, 1)}, {"ids": ("hidden", "seen", "more")}):
            page = catalog.items(ItemQuery(**asked))
            assert page.matched == len(page.bodies) == 2
        assert catalog.items(ItemQuery(text="secret")).matched == 0
        assert set(catalog.facets(ItemQuery())["licence"]) == {"CC0-1.0"}
        assert catalog.items(ItemQuery(), OPERATOR).matched == 3
        token = catalog.items(ItemQuery(limit=1), OPERATOR).token
        with pytest.raises(InvalidInputError) as refused:
            catalog.items(ItemQuery(limit=1, token=token))
        assert refused.value.code == "bad-token"

    def test_bodies_are_canonical_json(self, catalog: Catalog) -> None:
        """So that a digest of what is served can be checked."""
        put(catalog, scene("c/a", gsd=10.0, title="é"))
        (body,) = catalog.items(ItemQuery()).bodies
        assert orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) == body
        assert b'"gsd":10,' in body


def _touch(one: BBox, other: BBox) -> bool:
    return any(
        a[0] <= b[2] and a[2] >= b[0] and a[1] <= b[3] and a[3] >= b[1]
        for a in one.parts()
        for b in other.parts()
    )
