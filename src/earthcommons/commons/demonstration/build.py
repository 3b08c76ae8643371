"""Build the demonstration node: every piece enters through the same `ingest` a user calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from earthcommons.commons.demonstration.sources import Piece, load_pieces, pack_path
from earthcommons.commons.node import Node, make_node
from earthcommons.commons.stories.computing import compute_indicator
from earthcommons.commons.stories.exchanging import (
    candidates,
    confirm_need,
    draft_need,
    import_offers,
)
from earthcommons.commons.stories.mapping import publish_sst_anomaly
from earthcommons.commons.stories.regions_met import regions_met
from earthcommons.commons.stories.reporting import build_report
from earthcommons.commons.stories.watching import run_watches
from earthcommons.indicators import INDICATOR_KEYS
from earthcommons.ingest import ingest
from earthcommons.model.declaration import Declaration, ProvidersFile, VariableDeclaration
from earthcommons.model.indicator import Text
from earthcommons.model.party import OPERATOR
from earthcommons.model.period import Period
from earthcommons.model.technology import Need
from earthcommons.policy import acting_as
from earthcommons.settings import Settings
from earthcommons.zones.region_sets import region_set_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Step", "build"]

_MEASURED = ("raster", "cube", "table", "vector")
# Collections of several pieces; the others are called what their one piece is.
_COLLECTIONS = {
    "glcnmo-2008": Text(
        "Land cover, trees and elevation, 2008 (GLCNMO)", "2008年土地覆盖、树木与高程（GLCNMO）"
    ),
    "ersst-v5": Text("Sea-surface temperature (ERSST v5)", "海表温度（ERSST第5版）"),
    "nsidc-sea-ice-index": Text("Sea-ice extent (NSIDC)", "海冰范围（NSIDC）"),
    "black-marble-kenya": Text("Night lights of Kenya", "肯尼亚夜间灯光"),
    "worldcover-sao-tome": Text(
        "Land cover of São Tomé and Príncipe, 10 m", "圣多美和普林西比土地覆盖，10米"
    ),
    "regions": Text("Regions, outlines and places", "区域、界线与地点"),
}
_REGION_SETS = ("regions/ec-countries-un", "regions/ec-places")
# A region set is drawn, not observed; the year its first version was drawn stands for its time.
_DRAWN = Period.year(2026)
_REPORTS = ("KEN", "STP", "world")
_CONFIRMED_BY = "the demonstration's steward"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a build is: `done` of `total` steps, and what the last one did."""

    done: int
    total: int
    text: str


def build(root: Path) -> Iterator[Step]:
    """Build the node in `root` step by step; a second build changes nothing.

    Raises:
        CommonsError: a piece was refused or an indicator could not be computed.
    """
    node = make_node(root, Settings(name="Node A"))
    work = _plan(node)
    for n, (text, step) in enumerate(work, start=1):
        with acting_as(OPERATOR):
            outcome = step()
        yield Step(n, len(work), f"{text}: {outcome}")


def _plan(node: Node) -> list[tuple[str, Callable[[], str]]]:
    pieces = {piece.id: piece for piece in load_pieces()}
    measured = [piece for piece in pieces.values() if piece.kind in _MEASURED]
    # Regions first: what comes after says which of them it meets.
    drawn = {item.rpartition("/")[2] for item in _REGION_SETS}
    places, others = (
        [
            (piece.title["en"], partial(_ingest, node, piece))
            for piece in measured
            if (piece.id in drawn) is first
        ]
        for first in (True, False)
    )
    name = [(item, partial(_name_regions, node, item)) for item in _REGION_SETS]
    compute = [(f"indicator {key}", partial(_compute, node, key)) for key in INDICATOR_KEYS]
    tell: list[tuple[str, Callable[[], str]]] = [
        ("map of sea-surface temperature anomalies", partial(publish_sst_anomaly, node)),
        ("watches", lambda: f"{len(run_watches(node))} lines"),
        ("outlook reports", partial(_report, node)),
        ("technology offers", partial(_offers, node, pieces["technology-offers"])),
        ("need and candidates", partial(_need, node)),
    ]
    return [*places, *name, *others, *compute, *tell]


def _ingest(node: Node, piece: Piece) -> str:
    return ingest(
        *(pack_path(piece), declaration_of(piece), node.catalog, node.store),
        collection_title=_COLLECTIONS.get(piece.collection),
        collection_description=_COLLECTIONS.get(piece.collection),
        regions=regions_met(node),
    ).state


def _name_regions(node: Node, item: str) -> str:
    record = region_set_record(node.catalog.get("item", item), node.store)
    with node.catalog.transaction() as tx:
        return "published" if tx.revise(record) else "unchanged"


def _compute(node: Node, key: str) -> str:
    rows = compute_indicator(node, key).observations
    given = sum(row.value is not None for row in rows)
    return f"{given} values, {len(rows) - given} missing or withheld with their reason"


def _report(node: Node) -> str:
    made = [build_report(node, key) for key in _REPORTS]
    return f"{sum(len(report.statements) for report in made)} statements in {len(made)} reports"


def _offers(node: Node, piece: Piece) -> str:
    done = import_offers(node, pack_path(piece))
    return f"{done.new} imported, {done.unchanged} unchanged"


def _need(node: Node) -> str:
    need = draft_need(node, "KEN", "lights-split")
    known = Need.from_json(node.catalog.get("need", need.id, OPERATOR))
    if known.state == "draft":
        confirm_need(node, need.id, _CONFIRMED_BY)
    return f"{len(candidates(node, need.id))} candidates for {need.id}"


def declaration_of(piece: Piece) -> Declaration:
    """Return what the table of sources declares of a piece, in the words of `ingest`."""
    return Declaration(
        item=piece.id,
        collection=piece.collection,
        title=Text(**piece.title),
        description=Text(**piece.description),
        period=Period.parse(piece.period) if piece.period else _DRAWN,
        licence=piece.licence,
        licence_url=piece.licence_url,
        attribution=piece.attribution,
        nature=piece.nature,
        variables=tuple(
            VariableDeclaration(
                name=variable.name,
                unit=variable.unit,
                meaning=variable.meaning["en"],
                dims=variable.dims,
                classes={
                    value: {
                        "title": words["en"],
                        "title_zh": words["zh"],
                        "color_hint": words["color_hint"],
                    }
                    for value, words in variable.classes.items()
                },
                datatype=variable.datatype,
            )
            for variable in piece.variables
        ),
        providers=tuple(
            ProvidersFile(p.name, p.sha256, p.source, p.url, p.doi) for p in piece.providers
        ),
        derivation=piece.derivation,
        crs=piece.crs if piece.kind == "raster" else "",
        bbox=piece.bbox,
    )
