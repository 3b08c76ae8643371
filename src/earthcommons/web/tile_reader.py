"""From an item's asset to the picture of one tile, through rio-tiler."""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.cube import asset_key, open_array
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.render.ramps import colormap_for_tiles, ramp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from earthcommons.store import ObjectStore

__all__ = ["MAX_ZOOM", "Layer", "TileReader", "coloured"]

MAX_ZOOM = 18
_SIZE = 256
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class Layer:
    """What is drawn and how: an asset, a variable, a step of it, a ramp between two limits."""

    key: str
    item: Mapping[str, Any]
    band: Mapping[str, Any]
    number: int
    step: str
    ramp: str
    low: float
    high: float

    @classmethod
    def of(cls, item: Mapping[str, Any], values: Mapping[str, str]) -> Layer:
        """Return the layer that the parameters of a request ask for.

        Raises:
            NotFoundError: the item has no raster, or no such variable.
            InvalidInputError: an unknown ramp or unfit limits.
        """
        key = asset_key(item)
        bands = item["assets"]["data"].get("bands", [])
        wanted = values.get("variable", "")
        found = [
            (n, band) for n, band in enumerate(bands, start=1) if wanted in ("", band["name"])
        ]
        if not found:
            raise NotFoundError(f"item {item['id']} has no map variable {wanted[:40]!r}")
        number, band = found[0]
        figures = band.get("statistics", {})
        low = _limit(values, "low", figures.get("minimum", 0.0))
        high = _limit(values, "high", figures.get("maximum", 1.0))
        if not low < high:
            raise InvalidInputError(f"low {low:g} is not below high {high:g}")
        name = values.get("ramp", "viridis")
        ramp(name)
        return cls(key, item, band, number, values.get("step", ""), name, low, high)

    @property
    def identity(self) -> list[Any]:
        """What makes two layers draw the same picture."""
        return [self.key, self.band["name"], self.step, self.ramp, self.low, self.high]

    @property
    def title(self) -> str:
        """Title of the item."""
        return str(self.item["properties"]["title"])

    @property
    def attribution(self) -> str:
        """Attribution of the item."""
        return str(self.item["properties"]["ec:attribution"])

    @property
    def bounds(self) -> list[float]:
        """West, south, east, north [degrees]."""
        return list(self.item["bbox"])

    @property
    def classes(self) -> list[dict[str, Any]]:
        """The legend of a categorical band, each class with a colour; or nothing."""
        return coloured(self.band.get("classification:classes", []))

    def legend(self) -> dict[str, Any]:
        """Return what a legend shows: classes with colours, or limits and colours of the ramp."""
        if self.classes:
            return {"unit": "class", "classes": self.classes}
        shades = ramp(self.ramp).classes(7)
        return {
            "unit": self.band["unit"],
            "low": self.low,
            "high": self.high,
            "colours": list(shades),
        }


def coloured(classes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return classes with `color_hint`; Okabe and Ito's in turn where nobody stated a colour."""
    palette = ramp("okabe-ito").anchors
    return [
        {
            **each,
            "color_hint": hint
            if _COLOUR.fullmatch(hint := str(each.get("color_hint", "")).removeprefix("#"))
            else palette[n % len(palette)][1:],
        }
        for n, each in enumerate(classes)
    ]


@dataclass(frozen=True, slots=True)
class _Readers:
    """What is taken from rio-tiler."""

    raster: Any
    cube: Any
    outside: type[Exception]
    unreadable: type[Exception]


_IMPORTING = threading.Lock()


def _readers() -> _Readers:
    # Seconds to import, so not at start-up; and two first tiles at once would import it by halves.
    with _IMPORTING:
        from rasterio.errors import RasterioError
        from rio_tiler.errors import TileOutsideBounds
        from rio_tiler.io import Reader
        from rio_tiler.io.xarray import XarrayReader

        return _Readers(Reader, XarrayReader, TileOutsideBounds, RasterioError)


class TileReader:
    """Draws tiles, keeping the steps of cubes it opened last in memory."""

    def __init__(self, store: ObjectStore, most_steps: int = 256) -> None:
        # A grid that ends at the poles is cut for Web Mercator; that is what we ask for.
        warnings.filterwarnings("ignore", message="Adjusting dataset latitudes")
        # rasterio silences this while it warps, for the process: two threads undo each other.
        warnings.filterwarnings("ignore", message="Dataset has no geotransform")
        self._store = store
        self._most = most_steps
        self._steps: OrderedDict[tuple[str, str, str], xr.DataArray] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, layer: Layer, z: int, x: int, y: int) -> bytes:
        """Return the PNG of a tile of 256 pixels; transparent where the layer has no data.

        Raises:
            NotFoundError: the cube has no such step, or the object is not in the store.
        """
        readers = _readers()
        try:
            image = self._read(readers, layer, z, x, y)
        except readers.outside:
            return _empty()
        except readers.unreadable:
            # Bytes that cannot be decoded are damaged, or the fault is ours: the digest tells.
            self._store.verify(layer.key)
            raise
        if layer.classes:
            return bytes(
                image.render(img_format="PNG", colormap=_class_colours(layer), zlevel=1)
            )
        # Missing pixels are NaN under the mask, which does not cast to a colour's index.
        image.array = np.ma.masked_array(image.array.filled(layer.low), image.array.mask)
        image.rescale(in_range=((layer.low, layer.high),))
        colours = colormap_for_tiles(ramp(layer.ramp))
        return bytes(image.render(img_format="PNG", colormap=colours, zlevel=1))

    def _read(self, readers: _Readers, layer: Layer, z: int, x: int, y: int) -> Any:
        path = self._store.path(layer.key)
        if path.is_dir():
            with readers.cube(self._step(layer)) as source:
                return source.tile(x, y, z, tilesize=_SIZE, reproject_method="nearest")
        with readers.raster(path.as_posix()) as source:
            return source.tile(
                x, y, z, tilesize=_SIZE, indexes=layer.number, resampling_method="nearest"
            )

    def _step(self, layer: Layer) -> xr.DataArray:
        name = (layer.key, layer.band["name"], layer.step)
        with self._lock:
            if name not in self._steps:
                self._steps[name] = _one_step(layer, self._store)
                if len(self._steps) > self._most:
                    self._steps.popitem(last=False)
            return self._steps[name]


def _one_step(layer: Layer, store: ObjectStore) -> xr.DataArray:
    """Return one step of a cube in memory, longitudes from -180 to 180, ready for rio-tiler."""
    import xarray as xr

    array = open_array(layer.item, store, layer.band["name"])
    for dim in array.dims[:-2]:
        labels = [str(value) for value in array[dim].values]
        n = next((n for n, label in enumerate(labels) if label.startswith(layer.step)), None)
        if n is None:
            raise NotFoundError(f"{dim} has no step {layer.step[:40]!r}")
        array = array.isel({dim: n if layer.step else len(labels) - 1})
    array = array.assign_coords(lon=(array["lon"] + 180) % 360 - 180).sortby("lon")
    array = array.rename(lat="y", lon="x").sortby("y", ascending=False)
    bare = xr.DataArray(
        array.values, {"y": array["y"].values, "x": array["x"].values}, ("y", "x")
    )
    ready: xr.DataArray = bare.rio.write_crs("EPSG:4326").rio.write_nodata(math.nan)
    return ready


def _class_colours(layer: Layer) -> dict[int, tuple[int, int, int, int]]:
    return {
        int(entry["value"]): (*bytes.fromhex(entry["color_hint"]), 255)
        for entry in layer.classes
    }


@lru_cache(maxsize=1)
def _empty() -> bytes:
    import numpy as np
    from rio_tiler.utils import render

    blank: bytes = render(np.zeros((4, _SIZE, _SIZE), "u1"), img_format="PNG")
    return blank


def _limit(values: Mapping[str, str], name: str, default: float) -> float:
    if name not in values:
        return float(default)
    try:
        number = float(values[name])
    except ValueError as error:
        raise InvalidInputError(f"{name} {values[name][:20]!r} is no number") from error
    if not math.isfinite(number):
        raise InvalidInputError(f"{name} {values[name][:20]!r} is not finite")
    return number
