"""Zonal means of all countries over many steps: this package against its honest peers.

    .venv/bin/python benchmarks/zonal.py --peers /tmp/bench-env [--steps 48] [--repeats 5]

Every peer gets its best call: exactextract reads a dozen bands in one call; the sparse products
use the same fractions as ours, with scipy's CSR matrix (from the peers' environment) and with
numpy alone. Each repeat times every way on the same data in turn; ratios are medians over pairs.
The weights, measured once for any number of steps, are reported apart and then shared out.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import shapely.geometry
from affine import Affine
from exactextract import exact_extract
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pairing import describe_machine
from shapely.geometry.base import BaseGeometry

import earthcommons
from earthcommons.kernels.zonal import weighted_sums
from earthcommons.zones.coverage import Coverage, coverage

PACKED = Path("commons/demonstration/pack/regions/countries_un.geojson")
BANDS_A_CALL = 12


def main() -> None:
    options = _options()
    describe_machine()
    if options.peers:
        # Last on the path: only what this environment lacks comes from there, here scipy.
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        sys.path.append(str(options.peers / "lib" / version / "site-packages"))
    regions = _regions(options.regions)
    rows, columns = 720, 1440
    grid = GeoBox((rows, columns), Affine(0.25, 0, -180, 0, -0.25, 90), "EPSG:4326")
    rng = np.random.default_rng(0)
    cube = 15 + 8 * rng.standard_normal((options.steps, rows, columns), dtype=np.float32)
    cube[:, rng.random((rows, columns)) < 0.3] = np.nan
    cube[rng.random(cube.shape) < 0.02] = np.nan
    flat = cube.reshape(options.steps, -1)

    started = time.perf_counter()
    cover = coverage(regions, grid)
    weights_s = time.perf_counter() - started
    started = time.perf_counter()
    plan = cover.plan
    plan_s = time.perf_counter() - started
    started = time.perf_counter()
    weighted_sums(plan, flat[:1])
    first_s = time.perf_counter() - started

    names = ("earthcommons", "numpy", "numba", "exactextract", "scipy")
    print("versions ", ", ".join(f"{n} {metadata.version(n)}" for n in names if _installed(n)))
    print(
        f"data      {options.steps} steps of {rows} x {columns} float32, 30 % fixed and 2 % moving"
        f" gaps; {len(regions)} zones, {len(cover.indices)} weights"
    )
    print(
        f"once      weights {weights_s:.3f} s, layout {plan_s:.3f} s, first call {first_s:.3f} s"
    )

    ways: dict[str, Callable[[], NDArray[np.float64]]] = {
        "earthcommons, 1 thread": lambda: _ours(cover, flat, 1),
        "earthcommons, all threads": lambda: _ours(cover, flat, 0),
        f"exactextract, {BANDS_A_CALL} bands a call": lambda: _peer(regions, cube),
    }
    if _installed("scipy"):
        ways["exactextract + scipy CSR"] = _scipy(cover, flat)
    else:
        print("scipy     not installed: that row is left out")
    ways["numpy CSR (add.reduceat)"] = lambda: _numpy(cover, flat)
    memory = "numpy sum of the cube (bandwidth)"
    ways[memory] = lambda: np.array(flat.sum(axis=1))
    spent = _report(ways, options.repeats, memory)
    _distances(spent, options.steps, weights_s + plan_s, flat.nbytes / options.steps)


def _ours(cover: Coverage, flat: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
    sums = weighted_sums(cover.plan, flat, threads=threads)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = sums.value / sums.weight
    return means


def _peer(
    regions: list[tuple[str, BaseGeometry]], cube: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Means weighted by true area, a dozen bands in each call, of at most one dozen bands."""
    heights = coverage([], GeoBox(cube.shape[1:], Affine(0.25, 0, -180, 0, -0.25, 90), 4326))
    area = np.repeat(heights.row_areas_km2[:, None], cube.shape[2], axis=1)
    extent = (-180, -90, 180, 90)
    sources = [
        NumPyRasterSource(band, *extent, name=f"band{k:02}")
        for k, band in enumerate(cube[:BANDS_A_CALL])
    ]
    weight = NumPyRasterSource(area, *extent)
    found = exact_extract(sources, Shapes(regions), ["weighted_mean"], weights=weight)
    names = sorted(found[0]["properties"])
    return np.array([[f["properties"][name] for f in found] for name in names], np.float64)


class Shapes(FeatureSource):  # type: ignore[misc]
    """Regions handed over as well-known binary, which exactextract reads fastest."""

    def __init__(self, regions: list[tuple[str, BaseGeometry]]) -> None:
        super().__init__()
        self.binary = [shape.wkb for _, shape in regions]

    def count(self) -> int:
        return len(self.binary)

    def __iter__(self) -> Iterator[Feature]:
        return map(Shape, self.binary)

    def srs_wkt(self) -> None:
        return None


class Shape(Feature):  # type: ignore[misc]
    def __init__(self, binary: bytes) -> None:
        super().__init__()
        self.binary = binary

    def geometry(self) -> bytes:
        return self.binary

    def fields(self) -> list[str]:
        return []


def _scipy(cover: Coverage, flat: NDArray[np.float32]) -> Callable[[], NDArray[np.float64]]:
    sparse = import_module("scipy.sparse")

    shape = (len(cover.zone_ids), flat.shape[1])
    matrix = sparse.csr_matrix((cover.areas_km2, cover.indices, cover.indptr), shape=shape)

    def run() -> NDArray[np.float64]:
        means = []
        for step in flat:
            seen = ~np.isnan(step)
            total = matrix @ np.where(seen, step, 0).astype(np.float64)
            with np.errstate(invalid="ignore"):
                means.append(total / (matrix @ seen.astype(np.float64)))
        return np.array(means)

    return run


def _numpy(cover: Coverage, flat: NDArray[np.float32]) -> NDArray[np.float64]:
    filled = np.flatnonzero(np.diff(cover.indptr))
    means = np.full((len(flat), len(cover.zone_ids)), np.nan)
    for k, step in enumerate(flat):
        values = step[cover.indices].astype(np.float64)
        seen = ~np.isnan(values)
        total = np.add.reduceat(
            cover.areas_km2 * np.where(seen, values, 0), cover.indptr[filled]
        )
        weight = np.add.reduceat(cover.areas_km2 * seen, cover.indptr[filled])
        with np.errstate(invalid="ignore"):
            means[k, filled] = total / weight
    return means


def _report(
    ways: dict[str, Callable[[], Any]], repeats: int, memory: str
) -> dict[str, list[float]]:
    """Time every way in turn, print medians, return the seconds a step of each."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, run in ways.items():
            started = time.perf_counter()
            results[name] = run()
            # A way that does a dozen bands a call is timed on one call.
            done = len(results[name])
            spent[name].append((time.perf_counter() - started) / done)
    ours = next(iter(ways))
    reference = results[ours]
    print(f"\n{'way':36} {'ms a step':>10} {'ratio to ours':>14} {'largest difference':>20}")
    for name, times in spent.items():
        off = ""
        if name != memory:
            part = reference[: len(results[name])]
            off = f"{np.nanmax(np.abs(results[name] - part) / np.abs(part)):.1e}"
        milliseconds = statistics.median(times) * 1e3
        print(f"{name:36} {milliseconds:10.3f} {_ratio(times, spent[ours]):14.2f} {off:>20}")
    return spent


def _distances(
    spent: dict[str, list[float]], steps: int, once_s: float, step_bytes: float
) -> None:
    """Print how far ours is from the limits it was given."""
    ours, both, peer, *_ = spent.values()
    memory = list(spent.values())[-1]
    factor = _ratio(peer, ours)
    print(
        f"\nexactextract: {factor:.1f} times ours on 1 thread, {_ratio(peer, both):.1f} on all"
    )
    for count in (steps, 240):
        shared = [time_s + once_s / count for time_s in ours]
        print(f"  the weights shared out over {count} steps: {_ratio(peer, shared):.1f} times")
    for limit, word in ((20, "required"), (30, "aimed at")):
        print(f"  {limit} times {word}: {'reached' if factor >= limit else 'NOT reached'}")
    speed = step_bytes / statistics.median(memory) / 2**30
    print(
        f"memory: summing the whole cube reads {speed:.1f} GiB/s on 1 thread; ours takes"
        f" {_ratio(ours, memory):.2f} times as long on 1 thread, {_ratio(both, memory):.2f} on all"
        " (limit: 2)"
    )


def _ratio(times: list[float], base: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(times, base, strict=True))


def _installed(name: str) -> bool:
    return find_spec(name) is not None


def _regions(path: Path | None) -> list[tuple[str, BaseGeometry]]:
    source = path or Path(earthcommons.__file__).parent / PACKED
    if not source.is_file():
        raise SystemExit(f"{source} is not there; name a GeoJSON file with --regions")
    features = json.loads(source.read_text(encoding="utf-8"))["features"]
    shapes = [(str(k), shapely.geometry.shape(f["geometry"])) for k, f in enumerate(features)]
    valid = [(name, shape) for name, shape in shapes if shape.is_valid and shape.area > 0]
    if len(valid) < len(shapes):
        print(f"regions   {len(shapes) - len(valid)} without a valid polygon left out")
    return valid


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--regions", type=Path, help="GeoJSON polygons in EPSG:4326")
    parser.add_argument(
        "--peers", type=Path, help="virtual environment of the peers, for scipy"
    )
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
