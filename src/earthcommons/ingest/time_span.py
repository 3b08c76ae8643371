"""What time the steps of a cube cover: by their bounds, or as their regularity says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["covered", "span_of"]

_SECOND, _DAY = np.timedelta64(1, "s"), np.timedelta64(1, "D")
_MONTH, _YEAR = (28, 31), (365, 366)


def span_of(dataset: xr.Dataset, names: list[str]) -> tuple[str, str] | None:
    """Return the first and the last second of what the time coordinates so named cover.

    Args:
        dataset: decoded, with the bounds of its coordinates if it has any.
        names: coordinates; those that hold no times count for nothing.

    Source:
        CF Conventions 1.12, 7.1 (bounds) and 7.4 (climatology).
    """
    spans = [
        _bounds(dataset, name) or covered(dataset[name].values)
        for name in names
        if dataset[name].dtype.kind == "M" and dataset[name].size
    ]
    if not spans:
        return None
    first, end = min(start for start, _ in spans), max(end for _, end in spans)
    return str(first), str(max(first, end - _SECOND))


def covered(times: np.ndarray[Any, Any]) -> tuple[np.datetime64, np.datetime64]:
    """Return start and end of what steps at these times cover, to the second.

    The last of regular steps has the length of the others: steps of about a month or a year, in
    whose midst or at whose end the times may stand, are whole months and years; others begin at
    their time. Two steps are regular where they are a year, a month, a day or less apart. A
    single step, and the last of irregular ones, counts as its day.

    Args:
        times: dims (time), datetime64 without NaT; at least one.
    """
    steps = np.unique(times.astype("M8[s]"))
    first, last = steps[0], steps[-1]
    gaps = np.diff(steps)
    if gaps.size and (found := _calendar(steps, gaps)):
        return found
    if gaps.size and (gaps == gaps[0]).all() and (gaps.size > 1 or gaps[0] <= _DAY):
        gap = gaps[0]
        # Times in the midst of a day or an hour stand for the whole of it.
        unit = _DAY if not gap % _DAY else gap if not _DAY % gap else _SECOND
        return _floor(first, unit), _floor(last, unit) + gap
    return _floor(first, _DAY), _floor(last, _DAY) + _DAY


def _calendar(
    steps: np.ndarray[Any, Any], gaps: np.ndarray[Any, Any]
) -> tuple[np.datetime64, np.datetime64] | None:
    """Return what steps of equally many months cover, or None where they are not such."""
    months = steps.astype("M8[M]")
    counts = np.diff(months).astype("i8")
    count = counts[0]
    if not count or (counts != count).any():
        return None
    if (steps == months).all() and (count in (1, 12) or len(steps) > 2):
        return _seconds(months[0]), _seconds(months[-1] + count)
    for size, (least, most), unit in ((1, _MONTH, "M"), (12, _YEAR, "Y")):
        if count == size and (gaps >= least * _DAY).all() and (gaps <= most * _DAY).all():
            whole = steps.astype(f"M8[{unit}]")
            return _seconds(whole[0]), _seconds(whole[-1] + 1)
    return None


def _bounds(dataset: xr.Dataset, name: str) -> tuple[np.datetime64, np.datetime64] | None:
    attrs = {**dataset[name].encoding, **dataset[name].attrs}
    bounds = dataset.variables.get(attrs.get("bounds") or attrs.get("climatology"))
    if bounds is None or bounds.dtype.kind != "M" or bounds.shape != (dataset[name].size, 2):
        return None
    values = bounds.values.astype("M8[s]")
    if np.isnat(values).any() or values.min() >= values.max():
        return None
    return values.min(), values.max()


def _floor(time: np.datetime64, unit: np.timedelta64) -> np.datetime64:
    zero = np.datetime64(0, "s")
    return _seconds(zero + (time - zero) // unit * unit)


def _seconds(time: Any) -> np.datetime64:
    found: np.datetime64 = time.astype("M8[s]")
    return found
