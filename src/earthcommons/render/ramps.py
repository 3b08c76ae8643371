"""Colours by meaning: named ramps, class breaks, legends. All are safe for colour-blind readers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earthcommons.errors import InvalidInputError, NotFoundError

RGBA = tuple[int, int, int, int]
STEPS = 256
TRANSPARENT: RGBA = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Anchor colours, evenly spaced, joined by straight lines in sRGB.

    Args:
        name: what tiles, legends and charts call it.
        anchors: `#rrggbb`, from low to high.
        kind: `sequential`, `diverging` (the middle is a true zero) or `categorical`.
        source: where the colours come from.
    """

    name: str
    anchors: tuple[str, ...]
    kind: str
    source: str

    def __post_init__(self) -> None:
        if self.kind not in {"sequential", "diverging", "categorical"}:
            raise InvalidInputError(f"ramp {self.name} is of unknown kind {self.kind!r}")
        if len(self.anchors) < 2:
            raise InvalidInputError(f"ramp {self.name} has fewer than two colours")
        for anchor in self.anchors:
            _rgb(anchor)

    def at(self, share: float) -> str:
        """Colour `#rrggbb` at `share` of the way from low (0) to high (1).

        Raises:
            InvalidInputError: the share is not within 0 and 1.
        """
        if not 0 <= share <= 1:
            raise InvalidInputError(f"share of ramp {self.name} is {share}, not within 0 and 1")
        red, green, blue = self._table(np.array([share]))[0]
        return f"#{red:02x}{green:02x}{blue:02x}"

    def colours(self, values: npt.ArrayLike, low: float, high: float) -> npt.NDArray[np.uint8]:
        """Colour every value.

        Args:
            values: any dims, any unit; NaN or infinite where not observed.
            low: value of the first colour; smaller values take it too.
            high: value of the last colour; larger values take it too.

        Returns:
            RGBA, dims of `values` + (4,), [0-255]; fully transparent where not observed.

        Raises:
            InvalidInputError: the limits do not rise, or a diverging ramp is not centred on 0.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidInputError(f"limits of ramp {self.name} are {low} and {high}")
        # A ramp whose white is not zero would paint warming as cooling.
        if self.kind == "diverging" and not math.isclose(low, -high, rel_tol=1e-9):
            raise InvalidInputError(
                f"ramp {self.name} turns at zero: limits {low} and {high} are not opposite"
            )
        array = np.asarray(values, dtype=np.float64)
        seen = np.isfinite(array)
        share = np.clip((np.where(seen, array, low) - low) / (high - low), 0, 1)
        result = np.zeros((*array.shape, 4), dtype=np.uint8)
        result[..., :3] = self._table(share)
        result[..., 3] = np.where(seen, 255, 0)
        result[~seen] = TRANSPARENT
        return result

    def classes(self, count: int) -> tuple[str, ...]:
        """`count` colours for class breaks; categorical ramps give their first `count`.

        Raises:
            InvalidInputError: fewer than one, or more categories than the ramp has.
        """
        if count < 1:
            raise InvalidInputError(f"{count} classes asked of ramp {self.name}")
        if self.kind == "categorical":
            if count > len(self.anchors):
                raise InvalidInputError(
                    f"ramp {self.name} tells {len(self.anchors)} categories apart, not {count}"
                )
            return self.anchors[:count]
        if count == 1:
            return (self.at(0.5),)
        return tuple(self.at(i / (count - 1)) for i in range(count))

    def _table(self, share: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        stops = np.linspace(0, 1, len(self.anchors))
        anchors = np.array([_rgb(anchor) for anchor in self.anchors], dtype=np.float64)
        parts = [np.interp(share, stops, anchors[:, band]) for band in range(3)]
        return np.rint(np.stack(parts, axis=-1)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Legend:
    """Class edges with their colours: `breaks` are n + 1 rising edges, `colours` are n.

    Classes are closed below and open above; values beyond the ends fall in the end classes.
    """

    unit: str
    breaks: tuple[float, ...]
    colours: tuple[str, ...]
    n: int
    title: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.breaks) != len(self.colours) + 1 or not self.colours:
            raise InvalidInputError(
                f"{len(self.breaks)} breaks do not bound {len(self.colours)} colours"
            )
        if any(high <= low for low, high in zip(self.breaks, self.breaks[1:], strict=False)):
            raise InvalidInputError(f"breaks do not rise: {self.breaks}")
        for colour in self.colours:
            _rgb(colour)

    def colour_of(self, value: float | None) -> str | None:
        """Colour of the class holding `value`; None where not observed."""
        if value is None or not math.isfinite(value):
            return None
        index = 0
        while index < len(self.colours) - 1 and value >= self.breaks[index + 1]:
            index += 1
        return self.colours[index]

    def as_json(self, lang: str) -> dict[str, object]:
        """What the portal's `<ec-map legend>` reads."""
        return {
            "title": self.title.get(lang, self.title.get("en", "")),
            "unit": self.unit,
            "breaks": list(self.breaks),
            "colours": list(self.colours),
            "n": self.n,
        }


def breaks(
    values: Sequence[float | None], n: int, *, around_zero: bool = False
) -> tuple[float, ...]:
    """Round class edges that hold all values: steps of 1, 2, 2.5 or 5 times a power of ten.

    Args:
        values: any unit; None and NaN are left out.
        n: classes wished for; between half and all of them are given.
        around_zero: make the edges symmetric about zero, for a diverging ramp.

    Returns:
        Rising edges; the first is at most the smallest value, the last at least the largest.

    Raises:
        InvalidInputError: no value is finite, or `n` is below 1.
    """
    seen = [float(v) for v in values if v is not None and math.isfinite(v)]
    if not seen:
        raise InvalidInputError("no value to draw class breaks from")
    if n < 1:
        raise InvalidInputError(f"{n} classes asked for")
    low, high = min(seen), max(seen)
    if around_zero:
        high = max(abs(low), abs(high))
        low = -high
    if low == high:
        # One value still needs a class: a step of its own size around it.
        reach = abs(low) / 2 or 0.5
        low, high = low - reach, high + reach
    for step in _round_steps((high - low) / n):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= max(n, 2 if around_zero or first < 0 < last else 1):
            return tuple(_clean(i * step) for i in range(first, last + 1))
    raise InvalidInputError(f"no round breaks between {low} and {high}")


def legend(
    values: Sequence[float | None],
    ramp: Ramp,
    unit: str,
    *,
    n: int = 6,
    title: dict[str, str] | None = None,
) -> Legend:
    """Legend of `values` in `ramp`, with round breaks; `n` of it counts the observed values.

    Raises:
        InvalidInputError: no value is finite.
    """
    seen = [v for v in values if v is not None and math.isfinite(v)]
    edges = breaks(seen, n, around_zero=ramp.kind == "diverging")
    return Legend(unit, edges, ramp.classes(len(edges) - 1), len(seen), title or {})


def colormap_for_tiles(ramp: Ramp) -> dict[int, RGBA]:
    """The ramp as rio-tiler's colour map: 256 opaque entries, byte to RGBA.

    No entry is transparent: nodata is masked by the tile's own mask, not by a colour.
    """
    if ramp.kind == "categorical":
        table = [_rgb(ramp.anchors[i % len(ramp.anchors)]) for i in range(STEPS)]
    else:
        colours = ramp._table(np.linspace(0, 1, STEPS))  # noqa: SLF001
        table = [(int(red), int(green), int(blue)) for red, green, blue in colours]
    return {i: (*colour, 255) for i, colour in enumerate(table)}


def ramp(name: str) -> Ramp:
    """The ramp called `name`.

    Raises:
        NotFoundError: no ramp has that name.
    """
    try:
        return RAMPS[name]
    except KeyError:
        raise NotFoundError(f"ramp {name!r} is not one of {', '.join(sorted(RAMPS))}") from None


def _rgb(colour: str) -> tuple[int, int, int]:
    digits = colour.removeprefix("#")
    try:
        if len(colour) != 7 or len(digits) != 6:
            raise InvalidInputError(f"colour is {colour!r}, not #rrggbb")
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    except ValueError as error:
        raise InvalidInputError(f"colour is {colour!r}, not #rrggbb") from error


def _round_steps(least: float) -> list[float]:
    power = math.floor(math.log10(least))
    sizes = [m * 10.0**p for p in (power, power + 1) for m in (1, 2, 2.5, 5)]
    # A hair of slack: 0.1 * 3 is not 0.3.
    return [size for size in sizes if size >= least * (1 - 1e-9)]


def _clean(value: float) -> float:
    return float(f"{value:.12g}") + 0.0


_VIRIDIS = (
    "#440154", "#482475", "#414487", "#355f8d", "#2a788e",
    "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip
_CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
    "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip

RAMPS: dict[str, Ramp] = {
    each.name: each
    for each in (
        Ramp("viridis", _VIRIDIS, "sequential", "van der Walt and Smith 2015 (CC0), samples"),
        Ramp("cividis", _CIVIDIS, "sequential", "Nuñez, Anderton and Renslow 2018, samples"),
        Ramp(
            "temperature",
            ("#053061", "#2166ac", "#67a9cf", "#d1e5f0", "#ffffff",
             "#fddbc7", "#ef8a62", "#b2182b", "#67001f"),
            "diverging",
            "RdBu of ColorBrewer (Harrower and Brewer 2003), white at zero",
        ),
        Ramp(
            "water",
            ("#543005", "#8c510a", "#d8b365", "#f6e8c3", "#ffffff",
             "#c7eae5", "#5ab4ac", "#01665e", "#003c30"),
            "diverging",
            "BrBG of ColorBrewer (Harrower and Brewer 2003), white at zero",
        ),
        Ramp(
            "lights",
            ("#0b0f1a", "#2b2540", "#6b3f4f", "#b86b3c", "#f0b44c", "#fff6d6"),
            "sequential",
            "own: night ground to lamp white, lightness rising throughout",
        ),
        Ramp(
            "okabe-ito",
            ("#0072b2", "#e69f00", "#009e73", "#cc79a7",
             "#56b4e9", "#d55e00", "#f0e442", "#000000"),
            "categorical",
            "Okabe and Ito 2008, Color Universal Design",
        ),
    )
}  # fmt: skip
