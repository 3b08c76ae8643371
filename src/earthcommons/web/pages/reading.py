"""How to read an item's data in Python, R and QGIS: code that runs as it stands.

GDAL, and with it R and QGIS, reads this platform's sharded Zarr from version 3.13 on only; until
they have it, R and QGIS are given the file that the Zarr was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from earthcommons.policy import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_VARIABLE", "reading"]

# The environment variable that the code reads a key from, so that no key stands in a script.
KEY_VARIABLE = "EARTHCOMMONS_KEY"


# What a person reads beside code: QGIS's menus as it names them, in both languages.
_SAID: dict[str, tuple[str, str]] = {
    "Raster": (
        "Layer > Add Layer > Add Raster Layer > Protocol: HTTP(S)",
        "图层 > 添加图层 > 添加栅格图层 > 协议：HTTP(S)",
    ),
    "Vector": (
        "Layer > Add Layer > Add Vector Layer > Protocol: HTTP(S)",
        "图层 > 添加图层 > 添加矢量图层 > 协议：HTTP(S)",
    ),
    "file": (
        "Layer > Add Layer > Add Raster Layer > File: the file that came",
        "图层 > 添加图层 > 添加栅格图层 > 文件：所下载的文件",
    ),
    "rc": (
        "# In the file .gdal/gdalrc of your home folder, before QGIS starts:",
        "# 启动QGIS前，在用户主目录的 .gdal/gdalrc 文件中写入：",
    ),
    "then": ("# Then:", "# 然后："),
    "parquet": ("# GDAL with its Parquet driver", "# 需含Parquet驱动的GDAL"),
    "gdal": ("# GDAL 3.13 or later", "# GDAL 3.13或更高版本"),
}


def reading(
    item: Mapping[str, Any], base: str, *, guarded: bool = False, lang: str = "en"
) -> list[tuple[str, str]]:
    """Return how to read an item's data: (tool, lines); nothing when its address is withheld.

    Args:
        item: STAC item as the reader sees it.
        base: address of the node.
        guarded: whether the bytes are for some only; the code then sends a key.
        lang: language of what is no code.
    """
    zh = int(lang == "zh")
    asset = item["assets"].get("data")
    if asset is None or not str(asset.get("href", "")).startswith("/objects/"):
        return []
    url, kind = f"{base}{asset['href']}", str(asset.get("type", ""))
    if "zarr" in kind:
        return _zarr(url, asset, _source(item, base), zh, guarded=guarded)
    if "tiff" in kind:
        return _raster(url, zh, guarded=guarded)
    if "parquet" in kind:
        return _table(url, url.endswith(".geo.parquet"), zh, guarded=guarded)
    return [("curl", _curl(url, guarded=guarded))]


def _raster(url: str, zh: int, *, guarded: bool) -> list[tuple[str, str]]:
    if not guarded:
        return [
            ("Python", f'import rioxarray\nrioxarray.open_rasterio("{url}")'),
            ("R", f'library(terra)\nrast("/vsicurl/{url}")'),
            ("QGIS", _qgis("Raster", url, zh, guarded=False)),
        ]
    python = (
        "import os\nimport rasterio\nimport rioxarray\n"
        f'key = os.environ["{KEY_VARIABLE}"]\n'
        'with rasterio.Env(GDAL_HTTP_HEADERS=f"Authorization: Bearer {key}"):\n'
        f'    data = rioxarray.open_rasterio("{url}").load()'
    )
    r = (
        "library(terra)\n"
        f'key <- Sys.getenv("{KEY_VARIABLE}")\n'
        'setGDALconfig("GDAL_HTTP_HEADERS", paste("Authorization: Bearer", key))\n'
        f'rast("/vsicurl/{url}")'
    )
    return [("Python", python), ("R", r), ("QGIS", _qgis("Raster", url, zh, guarded=True))]


def _source(item: Mapping[str, Any], base: str) -> tuple[str, bool]:
    """Return the netCDF file that an item was made of, and whether it asks for more itself.

    The address is empty where there is none, or it is withheld.
    """
    asset = item["assets"].get("source") or {}
    href = str(asset.get("href", ""))
    there = href.startswith("/objects/") and href.endswith(".nc")
    return f"{base}{href}" if there else "", asset.get("ec:access", OPEN) != OPEN


def _zarr(
    url: str, asset: Mapping[str, Any], source: tuple[str, bool], zh: int, *, guarded: bool
) -> list[tuple[str, str]]:
    bands = asset.get("bands") or ({"name": ""},)
    name = str(bands[0].get("name", ""))
    pick = f'["{name}"]' if name else ""
    python = f'import xarray as xr\nxr.open_zarr("{url}", consolidated=False){pick}'
    gdal = f"gdalinfo 'ZARR:\"/vsicurl/{url}\":/{name}'"
    if guarded:
        python = (
            "import os\nimport xarray as xr\n"
            f'headers = {{"Authorization": "Bearer " + os.environ["{KEY_VARIABLE}"]}}\n'
            f'xr.open_zarr("{url}", consolidated=False,\n'
            f'             storage_options={{"client_kwargs": {{"headers": headers}}}}){pick}'
        )
        gdal = f'GDAL_HTTP_HEADERS="Authorization: Bearer ${KEY_VARIABLE}" \\\n  {gdal}'
    found = [("Python", python)]
    file, closed = source[0], guarded or source[1]
    if file:
        found += [
            ("R", _downloaded(file, ".nc", "terra", "rast(file)", guarded=closed)),
            ("QGIS", f"{_curl(file, guarded=closed)}\n{_SAID['file'][zh]}"),
        ]
    return [*found, ("GDAL", f"{_SAID['gdal'][zh]}\n{gdal}")]


def _table(url: str, geographic: bool, zh: int, *, guarded: bool) -> list[tuple[str, str]]:
    reader = "geopandas" if geographic else "pandas"
    send = (
        f'request = urllib.request.Request("{url}")\n'
        f'request.add_header("Authorization", "Bearer " + os.environ["{KEY_VARIABLE}"])\n'
        if guarded
        else f'request = "{url}"\n'
    )
    python = (
        f"import io\n{'import os' + chr(10) if guarded else ''}import urllib.request\n"
        f"import {reader}\n{send}"
        "with urllib.request.urlopen(request) as answer:\n"
        f"    table = {reader}.read_parquet(io.BytesIO(answer.read()))"
    )
    return [
        ("Python", python),
        ("R", _downloaded(url, ".parquet", "arrow", "read_parquet(file)", guarded=guarded)),
        ("QGIS", f"{_SAID['parquet'][zh]}\n{_qgis('Vector', url, zh, guarded=guarded)}"),
    ]


def _downloaded(url: str, ending: str, library: str, read: str, *, guarded: bool) -> str:
    """Return R that brings a file here and reads it."""
    get = f'download.file("{url}", file, mode = "wb"'
    key = ""
    if guarded:
        key = f'key <- paste("Bearer", Sys.getenv("{KEY_VARIABLE}"))\n'
        get += ",\n              headers = c(Authorization = key)"
    return f'library({library})\n{key}file <- tempfile(fileext = "{ending}")\n{get})\n{read}'


def _qgis(what: str, url: str, zh: int, *, guarded: bool) -> str:
    steps = f"{_SAID[what][zh]}\n{url}"
    if not guarded:
        return steps
    parts = urlsplit(url)
    # Stated for this host alone: a setting for all would send the key to every other host too.
    return (
        f"{_SAID['rc'][zh]}\n"
        "[credentials]\n"
        "[.earthcommons]\n"
        f"path=/vsicurl/{parts.scheme}://{parts.netloc}/\n"
        "GDAL_HTTP_HEADERS=Authorization: Bearer <key>\n"
        f"{_SAID['then'][zh]}\n{steps}"
    )


def _curl(url: str, *, guarded: bool) -> str:
    header = f' -H "Authorization: Bearer ${KEY_VARIABLE}"' if guarded else ""
    return f'curl -fLO{header} "{url}"'
