"""Bands are declared by their order, columns by their names, and none stands for another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.commons.stories.draft_variables import as_declared, by_order, paired


def body(form: str, seen: list[Any], declared: list[Any], **more: Any) -> dict[str, Any]:
    found = {"format": form, "variables": seen} if form else {}
    return {"seen": found, "metadata": {"variables": declared}, "files": [], **more}


def test_the_second_declared_name_is_that_of_the_second_band() -> None:
    seen = [{"name": "b1", "unit": "m"}, {"name": "b2", "unit": ""}]
    told = as_declared(
        body("geotiff", seen, [{"name": "depth"}, {"name": "age", "unit": "days"}])
    )
    assert told == [{"name": "depth", "unit": "m"}, {"name": "age", "unit": "days"}]


def test_a_band_without_a_unit_does_not_lend_its_place_to_the_next() -> None:
    seen = [{"name": "b1", "unit": ""}, {"name": "b2", "unit": ""}]
    declared = [{"name": "depth"}, {"name": "age", "unit": "days"}]
    assert as_declared(body("geotiff", seen, declared)) == []
    unread = body("", [], declared, files=[{"name": "A.TIF"}])
    assert by_order(unread)
    assert as_declared(unread) == []


@pytest.mark.parametrize(("unit", "kind"), [("name", "string"), ("date", "date"), ("m", None)])
def test_a_column_has_the_type_its_cells_show_only_where_it_measures_nothing(
    unit: str, kind: str | None
) -> None:
    seen = [{"name": "x", "unit": "", "datatype": kind or "integer"}]
    (told,) = as_declared(body("csv", seen, [{"name": "x", "unit": unit}]))
    assert told.get("datatype") == kind
    (said,) = as_declared(
        body("csv", seen, [{"name": "x", "unit": unit, "datatype": "number"}])
    )
    assert said["datatype"] == "number"


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(NAMES, NAMES)
def test_every_variable_seen_and_every_one_declared_stands_in_one_row(
    seen: list[str], declared: list[str]
) -> None:
    rows = paired(
        body(
            "netcdf",
            [{"name": name, "unit": ""} for name in seen],
            [{"name": name} for name in declared],
        )
    )
    assert [found["name"] for found, _ in rows if found] == seen
    assert sorted(said["name"] for _, said in rows if said) == sorted(declared)
    assert all(found["name"] == said["name"] for found, said in rows if found and said)
