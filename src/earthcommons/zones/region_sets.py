"""Region sets, read from the vector item they were published as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.cube import asset_key, read_features
from earthcommons.errors import InvalidInputError
from earthcommons.model.party import PUBLIC, Party
from earthcommons.model.record import Link, Record
from earthcommons.model.region import Region, RegionSet
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.catalog import Catalog
    from earthcommons.store import ObjectStore

__all__ = ["WORLD", "load_region_set", "region_set_record"]

WORLD = "m49:001"
_MEMBER = "ec:region_set"
_LANGUAGES = ("en", "zh", "fr", "es", "ru", "ar")


def region_set_record(item: Mapping[str, Any], store: ObjectStore) -> Record:
    """Return the record that makes a vector item known as a region set.

    Raises:
        InvalidInputError: the item carries no `ec:region_set` member.
    """
    features = read_features(item, store)
    facts = features.members.get(_MEMBER)
    if not isinstance(facts, dict):
        raise InvalidInputError(f"item {item['id']} carries no {_MEMBER}")
    name = f"{item['collection']}/{item['id']}"
    body = {**facts, "item": name, "sha256": digest_in(asset_key(item))}
    return Record("region-set", facts["id"], body, links=(Link("drawn-in", "item", name),))


def load_region_set(
    id_: str, catalog: Catalog, store: ObjectStore, party: Party = PUBLIC
) -> RegionSet:
    """Return a region set with its geometries and its groups.

    Raises:
        NotFoundError: no such set is published.
    """
    body = catalog.get("region-set", id_, party)
    features = read_features(catalog.get("item", body["item"], party), store)
    regions: dict[str, Region] = {}
    members: dict[str, list[str]] = {}
    for properties, geometry in zip(features.properties, features.geometries, strict=True):
        groups = tuple(properties.get("groups", ()))
        region = Region(
            id=properties["id"],
            names=_names(properties),
            kind=properties["kind"],
            geometry=geometry,
            iso3=properties.get("iso3"),
            groups=groups,
        )
        regions[region.id] = region
        for group in groups:
            members.setdefault(group, []).append(region.id)
    for group in body.get("groups", ()):
        found = tuple(sorted(members.get(group["id"], ())))
        if found:
            regions[group["id"]] = Region(
                id=group["id"], names=_names(group), kind="group", members=found
            )
    return RegionSet(
        id=body["id"],
        version=str(body["version"]),
        digest=body["sha256"],
        worldview=body.get("worldview", ""),
        regions=regions,
        disclaimer=body.get("disclaimer", {}),
        known_limits=tuple(
            limit["en"] if isinstance(limit, dict) else limit
            for limit in body.get("known_limits", ())
        ),
    )


def _names(properties: Mapping[str, Any]) -> dict[str, str]:
    named = {lang: properties.get(f"name_{lang}") for lang in _LANGUAGES}
    return {lang: name for lang, name in named.items() if name}
