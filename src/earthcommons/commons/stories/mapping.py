"""Maps behind an indicator, published as items of their own through the same door as any file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.commons.stories.regions_met import regions_met
from earthcommons.cube import open_array
from earthcommons.errors import NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.ingest import ingest
from earthcommons.model.declaration import Declaration, ProvidersFile, VariableDeclaration
from earthcommons.model.indicator import Text
from earthcommons.model.party import OPERATOR
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from typing import Any

    import xarray as xr

    from earthcommons.commons.node import Node

__all__ = ["SST_ANOMALY_ITEM", "monthly_anomaly", "publish_sst_anomaly"]

_SOURCE = "ersst-v5/ersst-v5"
SST_ANOMALY_ITEM = "ersst-v5/ersst-v5-anomaly"


def monthly_anomaly(values: xr.DataArray, first: int, last: int) -> xr.DataArray:
    """Return the departure from the mean of the same calendar month over the baseline years.

    Args:
        values: dims (time, lat, lon), any unit; NaN where not observed.
        first: first baseline year.
        last: last baseline year, inclusive.

    Returns:
        The same dims and unit; NaN where the value or its month's baseline is missing.
    """
    years = values["time"].dt.year
    base = values.where((years >= first) & (years <= last), drop=True)
    normal = base.groupby("time.month").mean("time")
    return values.groupby("time.month") - normal


def publish_sst_anomaly(node: Node) -> str:
    """Publish the map of monthly sea-surface temperature anomalies; return what was done.

    Raises:
        NotFoundError: the sea-surface temperatures are not on this node.
    """
    source = node.catalog.get("item", _SOURCE, OPERATOR)
    checksum = source["assets"]["data"]["file:checksum"][4:]
    lineage = f"made from the asset data of {_SOURCE}, sha256 {checksum}"
    try:
        known = node.catalog.get("item", SST_ANOMALY_ITEM, OPERATOR)
        if lineage in known["properties"]["processing:lineage"]:
            return "unchanged"
    except NotFoundError:
        pass
    settled = find_indicator("sst-anomaly").settle({})
    first, last = int(settled["baseline_first"]), int(settled["baseline_last"])
    values = open_array(source, node.store, "sst", "degC").compute()
    with node.store.stage() as work:
        file = work / "anomaly.nc"
        _dataset(monthly_anomaly(values, first, last)).to_netcdf(file, engine="h5netcdf")
        return ingest(
            *(file, _declaration(source, lineage, first, last), node.catalog, node.store),
            regions=regions_met(node),
        ).state


def _dataset(anomaly: xr.DataArray) -> xr.Dataset:
    anomaly = anomaly.drop_vars("month").astype("f4")
    anomaly.attrs = {"units": "delta_degC", "long_name": "sea-surface temperature anomaly"}
    anomaly["lat"].attrs = {"units": "degrees_north", "standard_name": "latitude"}
    anomaly["lon"].attrs = {"units": "degrees_east", "standard_name": "longitude"}
    return anomaly.to_dataset(name="sst_anomaly")


def _declaration(source: dict[str, Any], lineage: str, first: int, last: int) -> Declaration:
    properties = source["properties"]
    collection, item = SST_ANOMALY_ITEM.split("/")
    return Declaration(
        item=item,
        collection=collection,
        title=Text(
            "Sea-surface temperature anomaly, monthly, 2010-01 to 2020-08",
            "海表温度距平，逐月，2010年1月至2020年8月",
        ),
        description=Text(
            f"Departure of each month from the mean of the same month {first} to {last}. The"
            " baseline is short and contains the events; it is not a thirty-year normal.",
            f"各月相对于{first}至{last}年同月平均的偏离。基准期较短且包含事件本身，并非三十年气候平均。",
        ),
        period=Period.parse(properties["ec:period"]),
        licence=properties["ec:licence_name"],
        licence_url=properties.get("ec:licence_url", ""),
        attribution=properties["ec:attribution"],
        nature="derived",
        variables=(VariableDeclaration("sst_anomaly", "delta_degC", "anomaly"),),
        providers=tuple(ProvidersFile(**file) for file in properties["ec:providers_files"]),
        derivation=f"Monthly mean {first} to {last} taken away; {lineage}",
    )
