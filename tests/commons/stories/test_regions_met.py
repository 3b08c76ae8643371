"""Data are found by region: by those an item's footprint meets, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapely
from rasterio.transform import from_origin
from tests.ingest.conftest import declare

from earthcommons.catalog import ItemQuery, parse_filter
from earthcommons.commons import Node, make_node
from earthcommons.commons.demonstration.build import declaration_of
from earthcommons.commons.demonstration.sources import load_pieces, pack_path
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.ingesting import take_in
from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.regions_met import MOST, regions_met
from earthcommons.ingest.publish import Wish, ingest
from earthcommons.model import Period
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Record
from earthcommons.policy import acting_as
from earthcommons.zones.region_sets import WORLD, load_region_set, region_set_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("as_operator")

COUNTRIES = "regions/ec-countries-un"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """A node that knows the countries and nothing else."""
    node = make_node(tmp_path_factory.mktemp("regions") / "node")
    piece = next(piece for piece in load_pieces() if f"regions/{piece.id}" == COUNTRIES)
    with acting_as(OPERATOR):
        ingest(pack_path(piece), declaration_of(piece), node.catalog, node.store)
        with node.catalog.transaction() as tx:
            tx.put(region_set_record(node.catalog.get("item", COUNTRIES), node.store))
    return node


def box(*edges: float) -> dict[str, Any]:
    return dict(shapely.geometry.mapping(shapely.box(*edges)))


def test_a_footprint_meets_the_countries_it_lies_over_and_no_neighbour(node: Node) -> None:
    met = regions_met(node)
    assert met(box(6.46, 0.0, 6.77, 0.42)) == ["m49:678"]
    # The corner where Kenya, Uganda and South Sudan meet, and the middle of Lake Victoria's shore.
    assert met(box(33.9, 4.1, 34.1, 4.3)) == ["m49:404", "m49:728", "m49:800"]
    assert met(box(-30, 20, -29, 21)) == []
    assert met(None) == []


def test_what_meets_every_country_meets_the_world_and_a_hemisphere_names_none(
    node: Node,
) -> None:
    met = regions_met(node)
    assert met(box(-180, -90, 180, 90)) == [WORLD]
    assert met(box(-180, 0, 180, 90)) == []


def test_each_named_region_is_met_by_its_own_shape(node: Node) -> None:
    met, regions = (
        regions_met(node),
        load_region_set("ec:countries-un", node.catalog, node.store),
    )
    shaped = {id_: r.geometry for id_, r in regions.regions.items() if r.geometry is not None}
    assert len(shaped) > MOST
    for id_, geometry in sorted(shaped.items())[::9]:
        assert geometry is not None
        inside = shapely.point_on_surface(geometry).buffer(1e-4)
        assert id_ in met(dict(shapely.geometry.mapping(inside)))


def test_an_item_that_is_published_is_found_and_counted_by_region(
    node: Node, geotiff: Callable[..., Path]
) -> None:
    here = geotiff("here.tif", transform=from_origin(6.5, 0.4, 0.02, 0.02))
    for name, told in (("met", {}), ("said", {"ec:regions": ["basin-7"]})):
        ingest(
            here, declare(name), node.catalog, node.store,
            wish=Wish(properties=told), regions=regions_met(node),
        )  # fmt: skip
    assert regions_of(node, "c/met") == ["m49:678"]
    assert regions_of(node, "c/said") == ["basin-7"]
    wanted = parse_filter("a_contains(\"ec:region\", ('m49:678'))")
    assert node.catalog.items(ItemQuery(filter=wanted)).names == ("c/met",)


def test_every_way_to_publish_names_the_regions(
    node: Node, geotiff: Callable[..., Path], tmp_path: Path
) -> None:
    source = geotiff("rain.tif", transform=from_origin(6.5, 0.4, 0.02, 0.02))
    recipe = Recipe(
        {
            "collection": "rain",
            "licence": "CC0-1.0",
            "attribution": "x",
            "period": Period.year(2020),
        }
    )
    outcomes = take_in(node, [source], recipe)
    assert [one.state for one in outcomes] == ["published"], outcomes
    assert regions_of(node, outcomes[0].item) == ["m49:678"]


def regions_of(node: Node, name: str) -> Any:
    return node.catalog.get("item", name)["properties"].get("ec:regions")


def test_a_region_set_that_not_everybody_finds_is_not_asked(node: Node) -> None:
    place = box(6.46, 0.0, 6.77, 0.42)
    set_rule(node, "item", COUNTRIES, Rule(find="registered"))
    try:
        assert regions_met(node)(place) == []
    finally:
        set_rule(node, "item", COUNTRIES, Rule())
    assert regions_met(node)(place) == ["m49:678"]


def test_a_region_set_known_by_name_only_keeps_nothing_from_being_published(
    tmp_path: Path,
) -> None:
    bare = make_node(tmp_path / "bare")
    body = {"id": "ec:gone", "item": "regions/ec-gone", "sha256": "0" * 64, "regions": []}
    with bare.catalog.transaction() as tx:
        tx.put(Record("region-set", "ec:gone", body))
    assert regions_met(bare)(box(0, 0, 1, 1)) == []
    bare.catalog.close()
