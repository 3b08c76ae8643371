"""A STAC item that somebody else wrote: judged whole, mended where the meaning is plain.

Nothing is fetched: what an extension's schema says is not asked of its address.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.ingest.foreign_geometry import (
    check_bbox,
    check_place,
    mend_geometry,
    unrolled,
)
from earthcommons.ingest.limits import Limits
from earthcommons.model.canonical import canonical_bytes, parse_strict
from earthcommons.model.declaration import check_id

__all__ = ["check_item"]

_TIME = re.compile(
    r"(\d{4,5})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?"
)
# Extensions whose members this platform writes, reads or passes on knowingly.
_EXTENSIONS = frozenset(
    f"https://stac-extensions.github.io/{name}/"
    for name in (
        "file", "projection", "raster", "datacube", "classification", "table", "processing", "eo",
        "scientific", "version", "view", "sat", "sar", "timestamps", "render", "themes", "grid",
        "mgrs", "contacts", "alternate-assets", "storage", "authentication", "web-map-links",
    )
)  # fmt: skip
_SCHEMES = ("http", "https", "s3")
_EARLIEST = 1800


def check_item(
    data: bytes | dict[str, Any], limits: Limits | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return a STAC item fit to be kept, and what was mended or is doubtful.

    Args:
        data: JSON bytes, or an object already parsed strictly.
        limits: budgets of bytes and vertices; the defaults where left out.

    Returns:
        The item, times in UTC, geometry by RFC 7946, and warnings, each `code: words`.

    Raises:
        InvalidInputError: `bad-json` for JSON two parsers could read differently, `bad-id`,
            `bad-time`, `bad-href`, `bad-bbox`, `invalid-geometry`, `axis-order`,
            `declared-too-large`, or `invalid-item` for a member that is not there or of another
            type.

    Source:
        STAC 1.1.0 item specification; RFC 7946; RFC 3339.
    """
    limits = limits or Limits()
    raw = data if isinstance(data, bytes) else canonical_bytes(data)
    value = parse_strict(raw, limit=limits.json_bytes)
    if not isinstance(value, dict) or value.get("type") != "Feature":
        raise RefusedFileError("an item is an object with type Feature", code="invalid-item")
    warnings: list[str] = []
    item = dict(value)
    _check_names(item)
    item["properties"] = _times(_member(item, "properties", dict), warnings)
    _check_assets(item)
    for link in _member(item, "links", list, []):
        if not isinstance(link, dict) or not isinstance(link.get("rel"), str):
            raise RefusedFileError("a link without rel", code="invalid-item")
        _check_href(link.get("href"), f"link {link['rel'][:40]!r}")
    _place(item, limits, warnings)
    warnings += _unknown_extensions(item)
    return item, warnings


def _member(item: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    found = item.get(name, default)
    if not isinstance(found, kind):
        raise RefusedFileError(
            f"{name} is {type(found).__name__}, need {kind.__name__}", code="invalid-item"
        )
    return found


def _check_names(item: dict[str, Any]) -> None:
    for name in ("id", "collection"):
        text = item.get(name)
        if name == "collection" and text is None:
            continue
        if not isinstance(text, str):
            raise InvalidInputError(f"{name} is no text", code="bad-id")
        check_id(text, name)


def _times(properties: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    found: dict[str, datetime | None] = {}
    mended = dict(properties)
    for name in ("datetime", "start_datetime", "end_datetime", "created", "updated"):
        text = properties.get(name)
        if text is None:
            continue
        if not isinstance(text, str):
            raise RefusedFileError(f"{name} is no text", code="bad-time")
        found[name] = time = _time(text, name, warnings)
        mended[name] = time.isoformat(timespec="auto").replace("+00:00", "Z")
    start, end = found.get("start_datetime"), found.get("end_datetime")
    if "datetime" not in properties or (found.get("datetime") is None and not (start and end)):
        raise RefusedFileError(
            "datetime is lacking: give it, or null with start_datetime and end_datetime",
            code="bad-time",
        )
    if start and end and start > end:
        raise RefusedFileError(f"starts {start}, after it ends {end}", code="bad-time")
    return mended


def _time(text: str, name: str, warnings: list[str]) -> datetime:
    """Return a time in UTC by the rules of `docs/ingest.md`."""
    match = _TIME.fullmatch(text)
    if match is None or not match[8]:
        raise RefusedFileError(
            f"{name} {text[:40]!r}: need a date, a time and a zone (2020-05-31T00:00:00Z)",
            code="bad-time",
        )
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    extra = timedelta()
    if (hour, minute, second) == (24, 0, 0):
        hour, extra = 0, timedelta(days=1)
        warnings.append(f"bad-time: {name} says 24:00:00, taken as 00:00:00 of the next day")
    elif second == 60:
        second = 59
        warnings.append(f"bad-time: {name} names a leap second, taken as the second before")
    try:
        zone = "+00:00" if match[8] in "Zz" else match[8]
        micro = f"{(match[7] or '')[:6]:0<6}"
        time = datetime.fromisoformat(
            f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{micro}{zone}"
        )
        time = (time + extra).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RefusedFileError(f"{name} {text[:40]!r} is no time", code="bad-time") from error
    if time.year < _EARLIEST:
        warnings.append(f"bad-time: {name} lies before {_EARLIEST}")
    if time > datetime.now(UTC) + timedelta(days=1):
        warnings.append(f"bad-time: {name} lies in the future")
    return time


def _check_assets(item: dict[str, Any]) -> None:
    for key, asset in _member(item, "assets", dict, {}).items():
        if not isinstance(asset, dict):
            raise RefusedFileError(f"asset {key[:40]!r} is no object", code="invalid-item")
        _check_href(asset.get("href"), f"asset {key[:40]!r}")


def _check_href(href: Any, where: str) -> None:
    """Refuse an address that a browser would run, that reads this machine, or carries a secret."""
    if not isinstance(href, str) or not href or len(href) > 4096:
        raise RefusedFileError(f"{where} has no href", code="bad-href")
    odd = any(ord(char) <= 32 or ord(char) == 127 for char in href) or "\\" in href
    try:
        parts = urlsplit(href)
        secret = parts.username is not None or parts.password is not None
    except ValueError:
        odd, parts, secret = True, urlsplit(""), False
    away = bool(parts.scheme) and parts.scheme.lower() not in _SCHEMES
    # `//host` takes the scheme of the page; `..` leaves the record's own place.
    loose = not parts.scheme and (bool(parts.netloc) or ".." in parts.path.split("/"))
    nowhere = parts.scheme.lower() in _SCHEMES and not parts.netloc
    if odd or secret or away or loose or nowhere:
        raise RefusedFileError(
            f"{where}: the address is not taken; give https://host/path or a path of this node",
            code="bad-href",
        )


def _place(item: dict[str, Any], limits: Limits, warnings: list[str]) -> None:
    if "geometry" not in item:
        raise RefusedFileError(
            "geometry is lacking; null where there is none", code="invalid-item"
        )
    if item["geometry"] is None:
        if item.get("bbox") is not None:
            raise RefusedFileError("a bbox without geometry", code="bad-bbox")
        # STAC has no bbox there, not even null.
        item.pop("bbox", None)
        return
    if item.get("bbox") is None:
        raise RefusedFileError("bbox is lacking", code="bad-bbox")
    item["bbox"] = check_bbox(item["bbox"])
    meant = unrolled(item["geometry"], item["bbox"])
    item["geometry"], mended = mend_geometry(meant, limits)
    warnings += mended
    warnings += check_place(item["bbox"], item["geometry"])


def _unknown_extensions(item: dict[str, Any]) -> list[str]:
    listed = _member(item, "stac_extensions", list, [])
    if not all(isinstance(url, str) for url in listed):
        raise RefusedFileError("stac_extensions holds no address", code="invalid-item")
    return [
        f"extension-unknown: {url[:120]} was not checked"
        for url in listed
        if not url.startswith(tuple(_EXTENSIONS))
    ]
