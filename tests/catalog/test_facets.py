"""Facets count what is visible and matches, exactly, or say between which bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.catalog import Catalog, ItemQuery, facets
from earthcommons.catalog.queries import Matched
from earthcommons.model import OPERATOR, BBox, Record
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOALS = "https://metadata.un.org/sdg"


def item(n: int, **more: Any) -> Record:
    body: dict[str, Any] = {
        "type": "Feature", "id": f"i{n}", "collection": "ab"[n % 2],
        "bbox": [n, 0, n + 0.5, 1], "geometry": None,
        "properties": {
            "datetime": f"{2000 + n % 3}-06-01T00:00:00Z", "license": "CC0-1.0",
            "themes": [{"scheme": GOALS, "concepts": [{"id": "6.6"}]},
                       {"scheme": "https://example.org/themes",
                        "concepts": [{"id": "lakes"}, {"id": "ice"}][: 1 + n % 2]}],
            "ec:regions": ["m49:404"] if n < 3 else ["m49:404", "m49:008"],
        },
        "assets": {"data": {"href": "/x", "type": "image/tiff; application=geotiff",
                            "roles": ["data"]},
                   "preview": {"href": "/p", "type": "image/png", "roles": ["thumbnail"]}},
    }  # fmt: skip
    return Record("item", f"{body['collection']}/i{n}", body, **more)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    with made.transaction() as tx:
        for n in range(6):
            tx.put(item(n))
        tx.put(item(6, access="steward"))
    yield made
    made.close()


def counts(found: facets.Facets, name: str) -> dict[str, int | None]:
    return {value: count.exact for value, count in found[name].items()}


def test_six_items_worked_out_by_hand(catalog: Catalog) -> None:
    found = catalog.facets(ItemQuery())
    assert counts(found, "theme") == {"lakes": 6, "ice": 3}
    assert counts(found, "sdg") == {"6.6": 6}
    assert counts(found, "format") == {"image/tiff": 6}
    assert counts(found, "licence") == {"CC0-1.0": 6}
    assert counts(found, "region") == {"m49:404": 6, "m49:008": 3}
    assert counts(found, "year") == {"2000": 2, "2001": 2, "2002": 2}
    assert counts(catalog.facets(ItemQuery(), OPERATOR), "theme") == {"lakes": 7, "ice": 3}


def test_a_place_a_collection_and_a_revision_are_followed(catalog: Catalog) -> None:
    west = catalog.facets(ItemQuery(bbox=BBox(0, 0, 2, 1)))
    assert counts(west, "theme") == {"lakes": 3, "ice": 1}
    assert counts(catalog.facets(ItemQuery(collections=("b",))), "theme") == {
        "lakes": 3,
        "ice": 3,
    }
    changed = item(0)
    changed.body["properties"]["license"] = "MIT"
    with catalog.transaction() as tx:
        tx.revise(changed)
    assert counts(catalog.facets(ItemQuery()), "licence") == {"CC0-1.0": 5, "MIT": 1}


def test_what_was_cut_short_is_flagged_and_holds(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "FACETED", 2)
    found = catalog.facets(ItemQuery(first=0))
    assert found["theme"]["lakes"] == Matched(2, 6)
    assert found["theme"]["lakes"].exact is None
