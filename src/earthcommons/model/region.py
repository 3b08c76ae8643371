"""Places numbers are about: named regions, in named and versioned sets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

__all__ = ["Region", "RegionSet"]


@dataclass(frozen=True, slots=True)
class Region:
    """One place. A group has `members` and no geometry of its own."""

    id: str
    names: Mapping[str, str]
    kind: str
    geometry: BaseGeometry | None = field(default=None, repr=False, compare=False)
    iso3: str | None = None
    groups: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    def name(self, lang: str) -> str:
        """Return the name in `lang`, else in English, else the id."""
        return self.names.get(lang) or self.names.get("en") or self.id

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, without geometry."""
        return {
            "id": self.id,
            "names": dict(self.names),
            "kind": self.kind,
            "iso3": self.iso3,
            "groups": list(self.groups),
            "members": list(self.members),
        }


@dataclass(frozen=True)
class RegionSet:
    """Regions that were drawn together: one version, one worldview, one digest."""

    id: str
    version: str
    digest: str
    worldview: str
    regions: Mapping[str, Region]
    disclaimer: Mapping[str, str] = field(default_factory=dict)
    known_limits: tuple[Mapping[str, str], ...] = ()

    def find(self, name: str) -> Region:
        """Return the region called by its id, its M49 digits or its ISO 3166 alpha-3 code.

        Raises:
            NotFoundError: no region of the set has that name.
        """
        region = self.regions.get(name)
        if region is None and re.fullmatch(r"\d{3}", name):
            region = self.regions.get(f"m49:{name}")
        if region is None and re.fullmatch(r"[A-Z]{3}", name):
            region = next((r for r in self.regions.values() if r.iso3 == name), None)
        if region is None:
            raise NotFoundError(f"{self.id} {self.version} has no region {name[:40]!r}")
        return region

    def with_geometry(self) -> tuple[Region, ...]:
        """Return the regions drawn as polygons or points, in order of id."""
        return tuple(
            self.regions[key]
            for key in sorted(self.regions)
            if self.regions[key].geometry is not None
        )

    def groups(self) -> tuple[Region, ...]:
        """Return the groups, in order of id."""
        return tuple(r for _, r in sorted(self.regions.items()) if r.members)
