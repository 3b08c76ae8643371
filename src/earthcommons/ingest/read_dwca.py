"""Darwin Core archive in, GeoParquet of its core out. Runs in the jail; see `jail`.

Source:
    TDWG, Darwin Core text guide (meta.xml).
"""

from __future__ import annotations

import csv
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.features_out import finish_features

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_XML_BYTES = 2**20
_CORES = ("Occurrence", "Event")
_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
_TEXT = "{http://rs.tdwg.org/dwc/text/}"


@dataclass(frozen=True, slots=True)
class _Core:
    """How the core's file is written, and which column is which term."""

    file: Path
    encoding: str
    separator: str
    quote: str
    skip: int
    terms: dict[int, str]
    defaults: dict[str, str]
    identifier: int
    row_type: str


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.parquet` with one point for each record of the core.

    Properties keep the names of the terms (`scientificName`, `eventDate`) and the texts of the
    file; terms without text in a record are left out. A record without coordinates, or with some
    that cannot be on Earth, has no geometry and is counted in `ec:records_without_place`.

    Raises:
        RefusedFileError: meta.xml is no plain XML, no core of occurrences or events, a file that
            is not there, uneven rows, no record with a place.
    """
    root = folder / task["source"]
    document = _parse(root / "meta.xml")
    core = _core(root, document)
    rows: list[dict[str, str]] = []
    shapes: list[Any] = []
    days: list[str] = []
    for row in _records(core, limits):
        rows.append(row)
        shapes.append(_point(row))
        days.extend(_days(row.get("eventDate", "")))
    if not rows:
        raise RefusedFileError("the core holds no record", code="malformed")
    unplaced = sum(shape is None for shape in shapes)
    extensions = [
        {"rowType": node.get("rowType", ""), "rows": _count(root, node)}
        for node in document.findall(f"{_TEXT}extension")
    ]
    return finish_features(
        folder,
        task,
        rows,
        shapes,
        period=(min(days), max(days)) if days else None,
        more={
            "ec:core": core.row_type,
            "ec:extensions": extensions,
            "ec:records_without_place": unplaced,
        },
        stated=_coverage(root, document),
    )


def _coverage(root: Path, document: Element) -> list[float] | None:
    """Return the one bbox that the description of the dataset states, if it does.

    Source:
        Ecological Metadata Language 2.2, boundingCoordinates.
    """
    name = document.get("metadata", "")
    if name not in {path.name for path in root.iterdir() if path.is_file()}:
        return None
    try:
        found = list(_parse(root / name).iter("boundingCoordinates"))
        edges = ("west", "south", "east", "north")
        texts = [found[0].findtext(f"{edge}BoundingCoordinate", "") for edge in edges]
        return [float(text) for text in texts] if len(found) == 1 else None
    except (RefusedFileError, IndexError, ValueError):
        # Records are read by what meta.xml says: its description need not be any good.
        return None


def _parse(file: Path) -> Element:
    from defusedxml import ElementTree  # type: ignore[import-untyped]
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

    if file.stat().st_size > _XML_BYTES:
        raise RefusedFileError("meta.xml of over 1 MiB", code="declared-too-large")
    try:
        found: Element = ElementTree.fromstring(file.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise RefusedFileError(
            "meta.xml defines entities or points at another document",
            code="external-reference",
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RefusedFileError(
            f"meta.xml is not XML: {error}"[:200], code="malformed"
        ) from error
    return found


def _core(root: Path, document: Element) -> _Core:
    node = document.find(f"{_TEXT}core")
    if node is None:
        raise RefusedFileError("meta.xml names no core", code="malformed")
    row_type = node.get("rowType", "").rpartition("/")[2]
    if row_type not in _CORES:
        raise RefusedFileError(
            f"a core of {row_type[:40] or 'nothing'}: occurrences and events are read",
            code="format-mismatch",
        )
    terms, defaults = {}, {}
    for field in node.findall(f"{_TEXT}field"):
        name = field.get("term", "").rpartition("/")[2]
        if index := field.get("index"):
            terms[_number(index)] = name
        elif default := field.get("default"):
            defaults[name] = default
    if len(terms) > 1000 or len(set(terms.values())) != len(terms):
        raise RefusedFileError("meta.xml repeats a term, or has too many", code="malformed")
    place = node.find(f"{_TEXT}id")
    quote = _unescaped(node.get("fieldsEnclosedBy", '"'))
    separator = _unescaped(node.get("fieldsTerminatedBy", ","))
    if len(separator) != 1 or len(quote) > 1:
        raise RefusedFileError("fields end with more than one character", code="malformed")
    return _Core(
        _file(root, node), node.get("encoding") or "UTF-8", separator, quote,
        _number(node.get("ignoreHeaderLines", "0")), terms, defaults,
        _number(place.get("index", "0")) if place is not None else 0, row_type,
    )  # fmt: skip


def _file(root: Path, node: Element) -> Path:
    found = [(place.text or "").strip() for place in node.iter(f"{_TEXT}location")]
    if len(found) != 1:
        raise RefusedFileError("a core of several files is not read", code="malformed")
    # The unpacked folder holds regular files only; a name that leads out of it is none of them.
    if found[0] not in {path.name for path in root.iterdir() if path.is_file()}:
        raise RefusedFileError(f"the archive lacks {found[0][:80]!r}", code="part-missing")
    return root / found[0]


def _records(core: _Core, limits: Limits) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 20)
    options: Any = {"quotechar": core.quote} if core.quote else {"quoting": csv.QUOTE_NONE}
    width = max(core.terms, default=0) + 1
    try:
        with core.file.open(encoding=core.encoding, newline="") as file:
            rows = csv.reader(file, delimiter=core.separator, strict=True, **options)
            for n, cells in enumerate(rows, start=1):
                if n <= core.skip or not cells:
                    continue
                if n > limits.rows:
                    raise RefusedFileError(
                        f"over {limits.rows} rows", code="declared-too-large"
                    )
                if len(cells) < width:
                    raise RefusedFileError(
                        f"row {n} has {len(cells)} cells, meta.xml names {width}",
                        code="malformed",
                    )
                named = {
                    name: cells[i].strip() for i, name in core.terms.items() if cells[i].strip()
                }
                yield {**core.defaults, "id": cells[core.identifier], **named}
    except (UnicodeDecodeError, LookupError) as error:
        raise RefusedFileError(
            f"the core is not {core.encoding[:20]}", code="bad-encoding"
        ) from error
    except csv.Error as error:
        raise RefusedFileError(f"not a table: {error}", code="malformed") from error


def _count(root: Path, node: Element) -> int:
    file = _file(root, node)
    quote = _unescaped(node.get("fieldsEnclosedBy", '"')).encode()
    total, inside = 0, False
    with file.open("rb") as lines:
        for line in lines:
            # A line that ends within quotes goes on in the next.
            inside ^= bool(quote) and bool(line.count(quote) % 2)
            total += bool(line.strip()) and not inside
    return max(0, total - _number(node.get("ignoreHeaderLines", "0")))


def _point(row: dict[str, str]) -> Any:
    import shapely

    try:
        lon, lat = float(row["decimalLongitude"]), float(row["decimalLatitude"])
    except (KeyError, ValueError):
        return None
    return shapely.Point(lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None


def _days(text: str) -> list[str]:
    """Return first and last day of an event: of a day, a month, a year, or of what lies between."""
    found = [_DAY.match(part) for part in text.split("/")[:2]]
    days: list[str] = []
    for match in found:
        if not match or not 1500 <= int(match[1]) <= 2200:
            return days
        year, month, day = (int(part) if part else 0 for part in match.groups())
        try:
            first = date(year, month or 1, day or 1)
            last = date(year, month or 12, day or monthrange(year, month or 12)[1])
        except ValueError:
            return days
        days += [first.isoformat(), last.isoformat()]
    return days


def _unescaped(text: str) -> str:
    for written, meant in _ESCAPES.items():
        text = text.replace(written, meant)
    return text


def _number(text: str) -> int:
    try:
        return min(max(int(text), 0), 10_000)
    except ValueError as error:
        raise RefusedFileError(
            f"meta.xml: {text[:20]!r} is no number", code="malformed"
        ) from error
