from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.commons.stories.mapping import (
    SST_ANOMALY_ITEM,
    monthly_anomaly,
    publish_sst_anomaly,
)
from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode

    from earthcommons.commons import Node


def monthly(values: list[float]) -> xr.DataArray:
    months = np.arange("2010-01", "2013-01", dtype="M8[M]").astype("M8[ns]")
    grid = np.repeat(np.asarray(values, "f8")[:, None, None], 2, axis=2)
    return xr.DataArray(
        grid,
        dims=("time", "lat", "lon"),
        coords={"time": months[: len(values)], "lat": [0.0], "lon": [0.0, 2.0]},
    )


def test_each_month_is_compared_with_its_own_calendar_month() -> None:
    # Three years: month n is n in 2010, n + 2 in 2011, n + 10 in 2012; the baseline is 2010-2011.
    values = [n + plus for plus in (0.0, 2.0, 10.0) for n in range(12)]
    found = monthly_anomaly(monthly(values), 2010, 2011)
    np.testing.assert_allclose(found[:12], -1.0)
    np.testing.assert_allclose(found[12:24], 1.0)
    np.testing.assert_allclose(found[24:], 9.0)


def test_a_missing_value_stays_missing_and_spoils_no_other_month() -> None:
    values = [1.0] * 24
    values[3] = np.nan
    found = monthly_anomaly(monthly(values), 2010, 2011)
    assert np.isnan(found[3]).all()
    assert not np.isnan(found[[0, 1, 2, 4, 15]]).any()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-2, 35), min_size=24, max_size=24), st.floats(-50, 50))
def test_a_constant_added_everywhere_changes_no_anomaly(
    values: list[float], plus: float
) -> None:
    one = monthly_anomaly(monthly(values), 2010, 2011)
    other = monthly_anomaly(monthly([value + plus for value in values]), 2010, 2011)
    np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(one.groupby("time.month").mean("time"), 0, atol=1e-9)


def test_the_map_agrees_with_the_series_and_is_published_once(shared_pack: PackNode) -> None:
    shared_pack.observations("sst-anomaly")
    node = shared_pack.node
    publish_sst_anomaly(node)
    assert publish_sst_anomaly(node) == "unchanged"
    item = node.catalog.get("item", SST_ANOMALY_ITEM)
    assert item["properties"]["ec:nature"] == "derived"
    assert "2010 to 2019" in item["properties"]["description"]
    assert item["properties"]["processing:lineage"].startswith("Monthly mean 2010 to 2019")


def test_without_temperatures_there_is_no_map(node: Node) -> None:
    with pytest.raises(NotFoundError):
        publish_sst_anomaly(node)
