"""What a draft lacks: a period, and units, that are none count as missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.commons.stories.drafting import METADATA

from earthcommons.commons.stories.completeness import lacks


def _lacking(seen: dict[str, Any] | None = None, **parts: Any) -> set[str]:
    draft = {
        "collection": "snow", "item": "s", "files": [{"name": "s.tif"}], "seen": seen or {},
        "metadata": METADATA | parts,
    }  # fmt: skip
    return {lack.field for lack in lacks(draft) if lack.level == "required"}


@pytest.mark.parametrize("period", ["winter", "2015-13", "2016/2015", "", None])
def test_a_period_that_is_none_is_missing_before_anybody_reviews_it(period: str | None) -> None:
    assert _lacking() == set()
    assert _lacking(period=period) == {"period"}


def test_a_unit_that_is_none_is_missing_and_so_is_none_at_all() -> None:
    seen = {"format": "csv", "variables": [{"name": "depth", "unit": ""}]}
    assert _lacking(seen, variables=[{"name": "depth", "unit": "furlong-ish"}]) == {"variables"}
    assert _lacking(seen, variables=[]) == {"variables"}
    assert _lacking(seen, variables=[{"name": "depth", "unit": "cm"}]) == set()


@given(st.sampled_from(["geojson", "geopackage", "shapefile", "dwca"]), st.text(min_size=1))
def test_properties_of_features_need_no_unit(kind: str, name: str) -> None:
    assert _lacking({"format": kind, "variables": [{"name": name, "unit": ""}]}) == set()
