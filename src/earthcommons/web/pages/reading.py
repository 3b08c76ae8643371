"""How to read an item's data in Python, R and QGIS: code that runs as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_VARIABLE", "reading"]

# The environment variable that the code reads a key from, so that no key stands in a script.
KEY_VARIABLE = "EARTHCOMMONS_KEY"


def reading(
    item: Mapping[str, Any], base: str, *, guarded: bool = False
) -> list[tuple[str, str]]:
    """Return how to read an item's data: (tool, lines); nothing when its address is withheld.

    Args:
        item: STAC item as the reader sees it.
        base: address of the node.
        guarded: whether the bytes are for some only; the code then sends a key.
    """
    asset = item["assets"].get("data")
    if asset is None or not str(asset.get("href", "")).startswith("/objects/"):
        return []
    url, kind = f"{base}{asset['href']}", str(asset.get("type", ""))
    if "zarr" in kind:
        return _zarr(url, asset, guarded=guarded)
    if "tiff" in kind:
        return _raster(url, guarded=guarded)
    if "parquet" in kind:
        return _table(url, url.endswith(".geo.parquet"), guarded=guarded)
    return [("curl", _curl(url, guarded=guarded))]


def _raster(url: str, *, guarded: bool) -> list[tuple[str, str]]:
    if not guarded:
        return [
            ("Python", f'import rioxarray\nrioxarray.open_rasterio("{url}")'),
            ("R", f'library(terra)\nrast("/vsicurl/{url}")'),
            ("QGIS", f"Layer > Add Layer > Add Raster Layer > Protocol: HTTP(S)\n{url}"),
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
    return [("Python", python), ("R", r), ("QGIS", _qgis_key("Raster", url))]


def _zarr(url: str, asset: Mapping[str, Any], *, guarded: bool) -> list[tuple[str, str]]:
    bands = asset.get("bands") or ({"name": ""},)
    name = str(bands[0].get("name", ""))
    pick = f'["{name}"]' if name else ""
    if not guarded:
        python = f'import xarray as xr\nxr.open_zarr("{url}", consolidated=False){pick}'
        r = f"library(stars)\nread_mdim('ZARR:\"/vsicurl/{url}\"')"
        gdal = f"gdalmdiminfo 'ZARR:\"/vsicurl/{url}\"'"
        return [("Python", python), ("R", r), ("GDAL", gdal)]
    python = (
        "import os\nimport xarray as xr\n"
        f'headers = {{"Authorization": "Bearer " + os.environ["{KEY_VARIABLE}"]}}\n'
        f'xr.open_zarr("{url}", consolidated=False,\n'
        f'             storage_options={{"client_kwargs": {{"headers": headers}}}}){pick}'
    )
    r = (
        "library(stars)\n"
        f'key <- Sys.getenv("{KEY_VARIABLE}")\n'
        'Sys.setenv(GDAL_HTTP_HEADERS = paste("Authorization: Bearer", key))\n'
        f"read_mdim('ZARR:\"/vsicurl/{url}\"')"
    )
    gdal = (
        f'GDAL_HTTP_HEADERS="Authorization: Bearer ${KEY_VARIABLE}" \\\n'
        f"  gdalmdiminfo 'ZARR:\"/vsicurl/{url}\"'"
    )
    return [("Python", python), ("R", r), ("GDAL", gdal)]


def _table(url: str, geographic: bool, *, guarded: bool) -> list[tuple[str, str]]:
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
    if guarded:
        r = (
            "library(arrow)\n"
            f'key <- paste("Bearer", Sys.getenv("{KEY_VARIABLE}"))\n'
            "file <- tempfile()\n"
            f'download.file("{url}", file, mode = "wb", headers = c(Authorization = key))\n'
            "read_parquet(file)"
        )
        return [("Python", python), ("R", r), ("QGIS", _qgis_key("Vector", url))]
    return [
        ("Python", python),
        ("R", f'library(arrow)\nread_parquet("{url}")'),
        ("QGIS", f"Layer > Add Layer > Add Vector Layer > Protocol: HTTP(S)\n{url}"),
    ]


def _qgis_key(what: str, url: str) -> str:
    return (
        "Settings > Options > Authentication > Add > API Header\n"
        "Header: Authorization    Value: Bearer <key>\n"
        f"Layer > Add Layer > Add {what} Layer > Protocol: HTTP(S)\n{url}"
    )


def _curl(url: str, *, guarded: bool) -> str:
    header = f' -H "Authorization: Bearer ${KEY_VARIABLE}"' if guarded else ""
    return f'curl -fLO{header} "{url}"'
