"""How to read an item's data in Python, R and QGIS: code that runs as it stands.

GDAL, and with it R and QGIS, reads this platform's sharded Zarr from version 3.13 on only, and
Parquet where it was built with Arrow, which Debian's is not, nor has R a package for it there.
R and QGIS are given the file that the data were made of where it is one they all read.
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
    "Raster file": (
        "Layer > Add Layer > Add Raster Layer > File: the file that came",
        "图层 > 添加图层 > 添加栅格图层 > 文件：所下载的文件",
    ),
    "Vector file": (
        "Layer > Add Layer > Add Vector Layer > File: the file that came",
        "图层 > 添加图层 > 添加矢量图层 > 文件：所下载的文件",
    ),
    "rc": (
        (
            "# Or without a copy, where QGIS has GDAL 3.7 or later: in the file\n"
            "# .gdal/gdalrc of your home folder, before QGIS starts:"
        ),
        (
            "# 或不下载（需QGIS的GDAL为3.7或更高版本）：启动QGIS前，在用户主目录的\n"
            "# .gdal/gdalrc 文件中写入："
        ),
    ),
    "then": ("# Then:", "# 然后："),
    "parquet": (
        "# Parquet, where QGIS's GDAL has the driver for it (Debian's has not):",
        "# Parquet，需QGIS的GDAL含Parquet驱动（Debian的不含）：",
    ),
    "origin": ("# The file that the data were made of:", "# 数据的来源文件："),
    "cran": (
        '# The package arrow comes from CRAN: install.packages("arrow")',
        '# arrow包来自CRAN：install.packages("arrow")',
    ),
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
        return _zarr(url, asset, _source(item, base, (".nc",)), zh, guarded=guarded)
    if "tiff" in kind:
        return _raster(url, zh, guarded=guarded)
    if "parquet" in kind:
        geographic = url.endswith(".geo.parquet")
        source = _source(item, base, (".geojson", ".gpkg") if geographic else (".csv",))
        return _table(url, geographic, source, zh, guarded=guarded)
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


def _source(item: Mapping[str, Any], base: str, endings: tuple[str, ...]) -> tuple[str, bool]:
    """Return the file that an item was made of, and whether it asks for more itself.

    The address is empty where there is none with such an ending, or it is withheld.
    """
    asset = item["assets"].get("source") or {}
    href = str(asset.get("href", ""))
    there = href.startswith("/objects/") and href.endswith(endings)
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
            ("QGIS", f"{_curl(file, guarded=closed)}\n{_SAID['Raster file'][zh]}"),
        ]
    return [*found, ("GDAL", f"{_SAID['gdal'][zh]}\n{gdal}")]


def _table(
    url: str, geographic: bool, source: tuple[str, bool], zh: int, *, guarded: bool
) -> list[tuple[str, str]]:
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
    file, closed = source[0], guarded or source[1]
    parquet = f"{_SAID['parquet'][zh]}\n{_qgis('Vector', url, zh, guarded=guarded)}"
    if not file:
        r = _downloaded(url, ".parquet", "arrow", "read_parquet(file)", guarded=guarded)
        return [("Python", python), ("R", f"{_SAID['cran'][zh]}\n{r}"), ("QGIS", parquet)]
    ending = file[file.rindex(".") :]
    r = _downloaded(file, ending, *_R_READS[ending], guarded=closed)
    steps = f"{_SAID['origin'][zh]}\n{_qgis('Vector', file, zh, guarded=closed)}"
    return [("Python", python), ("R", f"{_SAID['origin'][zh]}\n{r}"), ("QGIS", steps)]


# What R reads such a file with: the package, where one is needed, and the call. Cells of a CSV
# that are absent are the ones that the table made of it has none for.
_CSV = (
    'read.csv(file, check.names = FALSE, strip.white = TRUE, fileEncoding = "UTF-8-BOM",\n'
    '         na.strings = c("", "NA", "NaN", "nan", "null"))'
)
_R_READS = {
    ".csv": ("", _CSV),
    # Not terra: it refuses layers whose shapes are of several kinds.
    ".geojson": ("sf", "st_read(file)"),
    ".gpkg": ("sf", "st_read(file)"),
}


def _downloaded(url: str, ending: str, library: str, read: str, *, guarded: bool) -> str:
    """Return R that brings a file here and reads it."""
    get = f'download.file("{url}", file, mode = "wb"'
    key = ""
    if guarded:
        key = f'key <- paste("Bearer", Sys.getenv("{KEY_VARIABLE}"))\n'
        get += ",\n              headers = c(Authorization = key)"
    load = f"library({library})\n" if library else ""
    return f'{load}{key}file <- tempfile(fileext = "{ending}")\n{get})\n{read}'


def _qgis(what: str, url: str, zh: int, *, guarded: bool) -> str:
    steps = f"{_SAID[what][zh]}\n{url}"
    if not guarded:
        return steps
    parts = urlsplit(url)
    # Stated for this host alone: a setting for all would send the key to every other host too.
    # Older ones know settings for one host, but not this one among them.
    return (
        f"{_curl(url, guarded=True)}\n{_SAID[f'{what} file'][zh]}\n"
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
