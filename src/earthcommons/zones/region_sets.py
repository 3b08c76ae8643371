"""Region sets, read from the vector item they were published as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.cube import asset_key, read_features
from earthcommons.errors import InvalidInputError
from earthcommons.model.record import Link, Record
from earthcommons.model.region import Region, RegionSet
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from earthcommons.catalog import Catalog
    from earthcommons.model.party import Party
    from earthcommons.store import ObjectStore

__all__ = ["WORLD", "load_region_set", "region_set_record"]

WORLD = "m49:001"
_MEMBER = "ec:region_set"
_LANGUAGES = ("en", "zh", "fr", "es", "ru", "ar")


def region_set_record(item: Mapping[str, Any], store: ObjectStore) -> Record:
    """Return the record that makes a vector item known as a region set.

    Its body names every region and group, without geometry, so that a name is looked up without
    reading polygons.

    Raises:
        InvalidInputError: the item carries no `ec:region_set` member.
    """
    features = read_features(item, store)
    facts = features.members.get(_MEMBER)
    if not isinstance(facts, dict):
        raise InvalidInputError(f"item {item['id']} carries no {_MEMBER}")
    regions = [_region(properties) for properties in features.properties]
    members: dict[str, list[str]] = {}
    for region in regions:
        for group in region.groups:
            members.setdefault(group, []).append(region.id)
    for group in facts.get("groups", ()):
        if found := members.get(group["id"]):
            found_ids = tuple(sorted(found))
            regions.append(Region(group["id"], _names(group), "group", members=found_ids))
    name = f"{item['collection']}/{item['id']}"
    body = {
        **facts,
        "item": name,
        "sha256": digest_in(asset_key(item)),
        "regions": [region.as_json() for region in regions],
    }
    return Record("region-set", facts["id"], body, links=(Link("drawn-in", "item", name),))


def load_region_set(
    id_: str,
    catalog: Catalog,
    store: ObjectStore,
    party: Party | None = None,
    *,
    geometry: bool = True,
) -> RegionSet:
    """Return a region set with its groups, and with its geometries unless they are not wanted.

    Raises:
        NotFoundError: no such set is published.
    """
    body = catalog.get("region-set", id_, party)
    shapes: dict[str, BaseGeometry] = {}
    if geometry:
        features = read_features(catalog.get("item", body["item"], party), store)
        named = zip(features.properties, features.geometries, strict=True)
        shapes = {properties["id"]: shape for properties, shape in named}
    regions = {
        row["id"]: Region(
            id=row["id"],
            names=row["names"],
            kind=row["kind"],
            geometry=shapes.get(row["id"]),
            iso3=row["iso3"],
            groups=tuple(row["groups"]),
            members=tuple(row["members"]),
        )
        for row in body["regions"]
    }
    return RegionSet(
        id=body["id"],
        version=str(body["version"]),
        digest=body["sha256"],
        worldview=body.get("worldview", ""),
        regions=regions,
        disclaimer=body.get("disclaimer", {}),
        known_limits=tuple(body.get("known_limits", ())),
    )


def _region(properties: Mapping[str, Any]) -> Region:
    return Region(
        id=properties["id"],
        names=_names(properties),
        kind=properties["kind"],
        iso3=properties.get("iso3"),
        groups=tuple(properties.get("groups", ())),
    )


def _names(properties: Mapping[str, Any]) -> dict[str, str]:
    named = {lang: properties.get(f"name_{lang}") for lang in _LANGUAGES}
    return {lang: name for lang, name in named.items() if name}
