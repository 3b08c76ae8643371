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
from earthcommons.web.tile_cells import TILE_SIZE, Step, tile_bounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from earthcommons.store import ObjectStore

__all__ = ["MAX_ZOOM", "Layer", "TileReader", "coloured"]

MAX_ZOOM = 18
# Around one value alone a range of so little of it is drawn.
_SLACK = 1e-6
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class Layer:
    """What is drawn and how: an asset, a variable, a step of it, a ramp between two limits.

    Attributes:
        alone: the one value that all cells have; the limits are then drawn around it.
    """

    key: str
    item: Mapping[str, Any]
    band: Mapping[str, Any]
    number: int
    step: str
    ramp: str
    low: float
    high: float
    alone: float | None = None

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
        alone = low if low == high and not {"low", "high"} & set(values) else None
        if alone is not None:
            slack = abs(alone) * _SLACK or 1.0
            low, high = alone - slack, alone + slack
        if not low < high:
            raise InvalidInputError(f"low {low:g} is not below high {high:g}")
        name = values.get("ramp", "viridis")
        ramp(name)
        return cls(key, item, band, number, values.get("step", ""), name, low, high, alone)

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
        if self.alone is not None:
            shade = ramp(self.ramp).classes(3)[1]
            only = {"low": self.alone, "high": self.alone, "colours": [shade]}
            return {"unit": self.band["unit"], **only}
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
    image: Any
    outside: type[Exception]
    unreadable: type[Exception]


_IMPORTING = threading.Lock()


def _readers() -> _Readers:
    # Seconds to import, so not at start-up; and two first tiles at once would import it by halves.
    with _IMPORTING:
        from rasterio.errors import RasterioError
        from rio_tiler.errors import TileOutsideBounds
        from rio_tiler.io import Reader
        from rio_tiler.models import ImageData

        return _Readers(Reader, ImageData, TileOutsideBounds, RasterioError)


class TileReader:
    """Draws tiles, keeping the steps of cubes it opened last in memory."""

    def __init__(self, store: ObjectStore, most_steps: int = 256) -> None:
        # rasterio silences this while it warps, for the process: two threads undo each other.
        warnings.filterwarnings("ignore", message="Dataset has no geotransform")
        self._store = store
        self._most = most_steps
        self._steps: OrderedDict[tuple[str, str, str], Step] = OrderedDict()
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
        values = image.array.astype("f8").filled(layer.low)
        image.array = np.ma.masked_array(values, image.array.mask)
        image.rescale(in_range=((layer.low, layer.high),))
        colours = colormap_for_tiles(ramp(layer.ramp))
        return bytes(image.render(img_format="PNG", colormap=colours, zlevel=1))

    def _read(self, readers: _Readers, layer: Layer, z: int, x: int, y: int) -> Any:
        path = self._store.path(layer.key)
        if path.is_dir():
            return readers.image(self._step(layer).under(z, x, y)[None])
        with readers.raster(path.as_posix()) as source:
            if source.dataset.crs.is_geographic and not _on_one_side(source.dataset.bounds):
                return readers.image(_over_180(source.dataset, layer.number, z, x, y)[None])
            return source.tile(
                x, y, z, tilesize=TILE_SIZE, indexes=layer.number, resampling_method="nearest"
            )

    def _step(self, layer: Layer) -> Step:
        name = (layer.key, layer.band["name"], layer.step)
        with self._lock:
            if name not in self._steps:
                self._steps[name] = _one_step(layer, self._store)
                if len(self._steps) > self._most:
                    self._steps.popitem(last=False)
            return self._steps[name]


def _one_step(layer: Layer, store: ObjectStore) -> Step:
    """Return one step of a cube in memory."""
    array = open_array(layer.item, store, layer.band["name"])
    for dim in array.dims[:-2]:
        labels = [str(value) for value in array[dim].values]
        n = next((n for n, label in enumerate(labels) if label.startswith(layer.step)), None)
        if n is None:
            raise NotFoundError(f"{dim} has no step {layer.step[:40]!r}")
        array = array.isel({dim: n if layer.step else len(labels) - 1})
    return Step.of(array)


def _on_one_side(bounds: Any) -> bool:
    """Whether longitudes keep within ±180, to a thousandth of a degree."""
    return bool(bounds.left >= -180.001 and bounds.right <= 180.001)


def _over_180(source: Any, number: int, z: int, x: int, y: int) -> np.ma.MaskedArray[Any, Any]:
    """Return a tile of a raster whose longitudes run beyond 180°, dims (y, x): from both sides."""
    from affine import Affine
    from rasterio.enums import ColorInterp
    from rasterio.transform import from_bounds
    from rasterio.vrt import WarpedVRT

    target = from_bounds(*tile_bounds(z, x, y), TILE_SIZE, TILE_SIZE)
    # The band that tells where pixels are: of a picture its own, else one that is added.
    kinds = source.colorinterp
    own = 1 + kinds.index(ColorInterp.alpha) if ColorInterp.alpha in kinds else 0
    shown = np.zeros((TILE_SIZE, TILE_SIZE), source.dtypes[number - 1])
    hidden = np.ones_like(shown, bool)
    for turn in (-360, 0, 360):
        if source.bounds.left + turn >= 180 or source.bounds.right + turn <= -180:
            continue
        moved = Affine.translation(turn, 0) * source.transform
        with WarpedVRT(
            source, src_transform=moved, crs="EPSG:3857", transform=target,
            width=TILE_SIZE, height=TILE_SIZE, add_alpha=not own,
        ) as warped:  # fmt: skip
            values, there = warped.read([number, own or warped.count])
        new = hidden & (there != 0)
        shown[new], hidden[new] = values[new], False
    return np.ma.masked_array(shown, hidden)


def _class_colours(layer: Layer) -> dict[int, tuple[int, int, int, int]]:
    return {
        int(entry["value"]): (*bytes.fromhex(entry["color_hint"]), 255)
        for entry in layer.classes
    }


@lru_cache(maxsize=1)
def _empty() -> bytes:
    from rio_tiler.utils import render

    blank: bytes = render(np.zeros((4, TILE_SIZE, TILE_SIZE), "u1"), img_format="PNG")
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
