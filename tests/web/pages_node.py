"""A tiny node for the pages' tests: its records are written by hand, nothing is computed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import xarray as xr
from shapely.geometry import Point, box

from earthcommons import __version__
from earthcommons.commons import Node, make_node
from earthcommons.indicators import find_indicator
from earthcommons.ingest import ingest
from earthcommons.model import (
    Declaration,
    InputRef,
    Link,
    Need,
    Observation,
    Offer,
    Period,
    Record,
    Run,
    Text,
    VariableDeclaration,
)
from earthcommons.settings import Settings
from earthcommons.web.pages.sea_map import ITEM as SEA

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

__all__ = ["add_sea", "build", "need_id"]

Row = tuple[str, str, dict[str, str], float | None, dict[str, Any]]
_DIGEST = "a" * 64
_SQUARE = json.loads(shapely.to_geojson(box(33, -4, 41, 5)))
_STATUS = {"tree-cover": "proxy", "night-lights": "proxy", "warming": "model"}
_COUNTRIES = {
    "m49:404": ("Kenya", "肯尼亚", "KEN"),
    "m49:678": ("São Tomé", "圣多美", "STP"),
} | {f"m49:{900 + n}": (f"Country {n} <b>", f"国家{n}", None) for n in range(22)}
_PLACES: dict[str, tuple[str, str, BaseGeometry]] = {
    "ec:nino34": ("Niño 3.4 region", "尼诺3.4区", box(-170, -5, -120, 5)),
    "ec:arctic": ("Arctic", "北极", box(-180, 31, 180, 90)),
    "ec:antarctic": ("Antarctic", "南极", Point(0, -80)),
}


def build(root: Path, port: int = 8000) -> Node:
    """Make the node: regions, six series, a watch with its alert, a need with offers."""
    node = make_node(root, Settings(port=port))
    _regions(node)
    for key, rows in _series().items():
        _publish(node, key, rows)
    _watch(node)
    _exchange(node)
    return node


def add_sea(node: Node, work: Path) -> None:
    """Publish a small cube of anomalies, so that the map has months to step through."""
    months = np.array(["2015-10-01", "2015-11-01", "2015-12-01"], "M8[ns]")
    lat, lon = np.arange(88.0, -90, -4), np.arange(0.0, 360, 4)
    warm = 2.5 * np.exp(-((lat / 10) ** 2))[None, :, None] * np.ones((3, 1, len(lon)))
    cube = xr.Dataset(
        {"sst_anomaly": (("time", "lat", "lon"), warm.astype("f4"))},
        {
            "time": months,
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )
    cube["sst_anomaly"].attrs = {"units": "delta_degC"}
    cube.to_netcdf(work / "anomaly.nc", engine="h5netcdf")
    collection, _, item = SEA.partition("/")
    declared = Declaration(
        item=item, collection=collection, title=Text("Anomaly", "距平"),
        description=Text("Generated for a test.", "为测试生成。"),
        period=Period.parse("2015-10/2016-01"), licence="CC0-1.0", attribution="nobody",
        nature="derived", variables=(VariableDeclaration("sst_anomaly", "delta_degC"),),
    )  # fmt: skip
    ingest(work / "anomaly.nc", declared, node.catalog, node.store)


def need_id(node: Node) -> str:
    """Return the id of the node's one need."""
    return str(node.catalog.all("need")[0]["id"])


def _series() -> dict[str, list[Row]]:
    trees: list[Row] = [
        (id_, "2008", {"measure": "level"}, 10.0 + n, {"valid_share": 0.98, "cells": 425.0})
        for n, id_ in enumerate(_COUNTRIES)
        if id_ != "m49:678"
    ]
    few = "coverage: 0.4 valid cells, fewer than 30"
    trees.append(("m49:678", "2008", {"measure": "level"}, None, {"reason": few, "cells": 0.4}))
    lights: list[Row] = [
        ("m49:404", str(2020 + n), {"measure": "sum"}, value, {})
        for n, value in enumerate((100.0, 110.0, 140.0, 157.0))
    ]
    for measure, value in (
        ("change", 57.0), ("change-both-lit", 40.0), ("change-newly-lit", 18.0),
        ("change-gone-dark", -1.0), ("relative-change", 57.0),
    ):  # fmt: skip
        unit = "percent" if measure == "relative-change" else "nW/cm2/sr"
        lights.append(("m49:404", "2020/2024", {"measure": measure}, value, {"unit": unit}))
    warming: list[Row] = [
        ("m49:404", "2036/2066", {"measure": "change", "scenario": s}, v, {})
        for s, v in (("ssp126", 0.92), ("ssp585", 1.43))
    ]
    built = {"class": "built-up"}
    cover: list[Row] = [
        ("m49:678", "2020", {"measure": "area", **built}, 11.3, {"reason": "product v100"}),
        ("m49:678", "2021", {"measure": "area", **built}, 15.5, {"reason": "product v200"}),
    ]
    why = "v100 to v200 is another algorithm: the difference is no change of the land"
    cover.append(
        ("m49:678", "2020/2022", {"measure": "change", **built}, None, {"reason": why})
    )
    return {
        "tree-cover": trees,
        "night-lights": lights,
        "warming": warming,
        "land-cover-share": cover,
        "sst-anomaly": _nino(),
        "sea-ice-extent": [*_ice("ec:arctic", 9, 2012), *_ice("ec:antarctic", 7, 2023)],
    }


def _nino() -> list[Row]:
    rows: list[Row] = []
    for n in range(48):
        period = f"{2012 + n // 12}-{n % 12 + 1:02d}"
        anomaly = 2.68 if period == "2015-11" else round(((n * 7) % 10) / 10 - 0.5, 2)
        words = "November of 2012-2014: mean 26.73 degC; 3 years are short"
        rows.append(("ec:nino34", period, {"measure": "level"}, 26.73 + anomaly, {}))
        rows.append(("ec:nino34", period, {"measure": "anomaly"}, anomaly, {"baseline": words}))
    return rows


def _ice(region: str, month: int, lowest: int) -> list[Row]:
    rows: list[Row] = []
    words = "Month of 1981-2010, 30 values: mean 15.961, standard deviation 0.345 10^6 km2"
    for year in range(2005, 2025):
        level = 13.49 if year == lowest else 15.0 + (year % 5) / 10
        at = f"{year}-{month:02d}"
        rows.append((region, at, {"measure": "level"}, level, {}))
        rows.append((region, at, {"measure": "anomaly"}, level - 15.961, {"baseline": words}))
    return rows


def _publish(node: Node, key: str, rows: list[Row]) -> None:
    indicator = find_indicator(key)
    inputs = []
    with node.catalog.transaction() as tx:
        for name in sorted({item for need in indicator.needs for item in need.items}):
            tx.revise(Record("item", name, _item(name)))
            inputs.append(InputRef(name, "data", _DIGEST, "CC0-1.0"))
        run = Run(
            key, indicator.version, indicator.settle({}), tuple(inputs), indicator.region_set,
            "1", _DIGEST, __version__, f"{_DIGEST}.obs.parquet",
        )  # fmt: skip
        found = [_observation(run, indicator.unit, row) for row in rows]
        links = tuple(Link("used", "item", ref.item) for ref in inputs)
        tx.put(Record("run", run.id, run.as_json(), links=links))
        tx.put_observations(run.id, run.output, found)
        tx.revise(Record("series", key, {"id": key, "run": run.id}))


def _observation(run: Run, unit: str, row: Row) -> Observation:
    region, period, dimensions, value, more = row
    status: Any = _STATUS.get(run.method, "estimated")
    if value is None:
        status = "withheld" if "/" in period else "missing"
    facts = {"unit": unit, "interval_reason": "one map", **more}
    return Observation(
        indicator=run.method, region=region, period=Period.parse(period), status=status,
        run=run.id, value=value, dimensions=dimensions, **facts,
    )  # fmt: skip


def _item(name: str, href: str = f"/objects/{_DIGEST}.tif") -> dict[str, Any]:
    collection, _, item = name.partition("/")
    asset = {
        "href": href, "type": "image/tiff; application=geotiff", "file:size": 1234,
        "file:checksum": f"1220{_DIGEST}", "roles": ["data"],
        "bands": [{"name": "v", "unit": "1", "description": "a value"}],
    }  # fmt: skip
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": item, "collection": collection,
        "bbox": [33.9, -4.7, 41.9, 5.1], "geometry": _SQUARE,
        "links": [], "stac_extensions": [], "assets": {"data": asset, "source": asset},
        "properties": {
            "title": f"Item {item}", "title_zh": f"条目{item}",
            "description": "One thing. Not another.",
            "description_zh": "是一物，非他物。", "datetime": "2020-01-01T00:00:00Z",
            "start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2020-12-31T23:59:59Z",
            "ec:attribution": "Somebody & sons", "ec:nature": "observation", "ec:period": "2020",
            "ec:licence_name": "CC0-1.0", "license": "CC0-1.0", "processing:lineage": "Copied.",
            "ec:providers_files": [{"name": "f.tif", "sha256": "b" * 64, "source": "Provider"}],
        },
    }  # fmt: skip


def _regions(node: Node) -> None:
    countries: dict[str, tuple[str, str, BaseGeometry]] = {
        id_: (en, zh, box(-100 + 9 * n, -20, -92 + 9 * n, 20))
        for n, (id_, (en, zh, _)) in enumerate(_COUNTRIES.items())
    }
    groups = [
        {
            "id": "m49:002", "names": {"en": "Africa", "zh": "非洲"}, "kind": "group",
            "iso3": None, "groups": [], "members": ["m49:404", "m49:678"],
        }
    ]  # fmt: skip
    _region_set(node, "ec:countries-un", "regions/ec-countries-un", countries, groups)
    _region_set(node, "ec:places", "regions/ec-places", _PLACES, [])


def _region_set(
    node: Node,
    id_: str,
    item: str,
    shapes: dict[str, tuple[str, str, BaseGeometry]],
    groups: list[dict[str, Any]],
) -> None:
    table = pa.table(
        {
            "properties": [json.dumps({"id": key}) for key in shapes],
            "geometry": [shapely.to_wkb(shape) for _, _, shape in shapes.values()],
        }
    ).replace_schema_metadata({"members": "{}"})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    key = node.store.put_bytes(buffer.getvalue(), ".parquet")
    body = {
        "id": id_, "version": "1", "sha256": key[:64], "worldview": "un", "item": item,
        "disclaimer": {"en": "No opinion.", "zh": "不表示意见。"},
        "known_limits": [{"en": "Small islands are coarse.", "zh": "小岛屿较为粗略。"}],
        "regions": groups + [
            {
                "id": name, "names": {"en": en, "zh": zh},
                "kind": "place" if name.startswith("ec:") else "country",
                "iso3": _COUNTRIES.get(name, (0, 0, None))[2],
                "groups": ["m49:002"] if name in ("m49:404", "m49:678") else [],
                "members": [],
            }
            for name, (en, zh, _) in shapes.items()
        ],
    }  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.put(Record("item", item, _item(item, f"/objects/{key}")))
        tx.put(Record("region-set", id_, body))


def _watch(node: Node) -> None:
    watch = {
        "key": "enso", "version": "1",
        "title": {"en": "El Niño and La Niña", "zh": "厄尔尼诺与拉尼娜"},
        "indicator": "sst-anomaly", "region": "ec:nino34", "detector": "monitor.enso",
        "parameters": {"threshold": 0.5}, "rule": {"en": "Five seasons.", "zh": "五个季节。"},
        "false_alarms": {"per_year": 0.319, "low": 0.316, "high": 0.321, "level": 0.95},
    }  # fmt: skip
    rows = [row for row in _all(node, "ec:nino34") if row["period"] >= "2015-04"]
    ids = [row["id"] for row in rows if row["dimensions"] == {"measure": "anomaly"}]
    alert = {
        "id": "alert-one", "watch": "enso", "kind": "warm-episode", "severity": "very strong",
        "certainty": "observed", "region": "ec:nino34", "start": "2015-04", "end": "2015-12",
        "peak": {"period": "2015-11", "value": 2.68, "unit": "degC"}, "observations": ids,
        "facts": {"z": 3.1, "rank": 1, "earlier_years": 9},
    }  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.put(Record("watch", "enso", watch))
        tx.put(Record("alert", "alert-one", alert))


def _all(node: Node, region: str) -> list[dict[str, Any]]:
    from earthcommons.commons.stories.values import every_value

    return every_value(node, "sst-anomaly", region=region)


def _exchange(node: Node) -> None:
    offer = Offer(
        id="reg:lamp", kinds=("software",), title="Night lamp <script>", language="en",
        source={"system": "registry", "id": "lamp"}, link="javascript:alert(1)",
        terms=("night", "lights"),
    )  # fmt: skip
    need = Need(
        key="separate", title={"en": "Separate lit areas", "zh": "区分灯光区"},
        problem={"en": "The floor hides light.", "zh": "下限掩盖灯光。"}, region="m49:404",
        trigger="stm-x", goals=(7,), terms=("night",),
        must=({"key": "licence"}, {"key": "kind", "any_of": ["software"]}),
        success={"en": "Three parts.", "zh": "三部分。"}, state="published",
        confirmed_by="A. Person",
    )  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.put(Record("offer", offer.id, offer.as_json()))
        tx.put(Record("need", need.id, need.as_json()))
