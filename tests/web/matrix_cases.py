"""What the access matrix is made of: cases of labels, things, and the parties who ask.

What each thing asks for is worked out here from the labels as stated, by the policy's own algebra
and without the catalogue: the matrix compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely

from earthcommons.model.party import PUBLIC, Party
from earthcommons.policy import OPEN, combine, own

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["CASES", "COUNTRIES", "OWNER", "PLACES", "SCOPES", "Case", "Thing", "parties"]


OWNER = "hydro"


SCOPES = frozenset({"read", "submit", "steward", "admin"})


COUNTRIES: dict[str, tuple[str, str, BaseGeometry]] = {
    f"m49:{900 + n}": (f"Country {n}", f"国家{n}", shapely.box(n, 0, n + 1, 1))
    for n in range(22)
}


PLACES: dict[str, tuple[str, str, BaseGeometry]] = {
    "ec:nino34": ("Niño", "尼诺", shapely.box(-170, -5, -120, 5))
}


@dataclass(frozen=True, slots=True)
class Case:
    """The labels that one collection, its item and the item's source file state."""

    name: str
    indicator: str
    find: str = OPEN
    derive: str | None = None
    item_find: str = OPEN
    item_fetch: str = OPEN
    source: str = OPEN

    @property
    def n(self) -> int:
        return next(n for n, case in enumerate(CASES) if case.name == self.name)

    @property
    def collection_label(self) -> str:
        return own(self.find, OWNER)

    @property
    def item_label(self) -> str:
        return combine(self.collection_label, own(self.item_find, OWNER))

    @property
    def data_label(self) -> str:
        return combine(self.item_label, own(self.item_fetch, OWNER))

    @property
    def source_label(self) -> str:
        return combine(self.data_label, own(self.source, OWNER))

    @property
    def derived_label(self) -> str:
        above = self.find if self.derive is None else self.derive
        return combine(
            own(above, OWNER), own(self.item_find, OWNER), own(self.item_fetch, OWNER)
        )

    def word(self, kind: str) -> str:
        """A word that stands in this thing of this case and nowhere else."""
        return f"zq{self.name}{kind}"


CASES = (
    Case("opened", "warming"),
    Case("past", "land-use", "after:2001-01-01T00:00:00Z"),
    Case("signed", "green-cover-by-elevation", "registered"),
    Case("licensed", "land-cover-share", "licence:by-nc"),
    Case("grouped", "tree-cover", "group:basin"),
    Case("coming", "night-lights", "after:2999-01-01T00:00:00Z"),
    Case("staff", "sst-anomaly", "steward"),
    Case("oneitem", "sea-ice-extent", item_find="group:basin"),
    Case("oneasset", "lake-ice-duration", source="group:basin"),
    Case("nobytes", "stream-nitrate", item_fetch="licence:by-nc"),
    Case("released", "trout-abundance", "group:basin", derive=OPEN),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something a route can address.

    Attributes:
        kind: which sort of address it has.
        names: what stands in for the parameters of a path.
        label: label under which it is found.
        needs: label of its bytes, for those who fetch them.
        owner: group that owns it; empty when only operators do.
        marks: texts that whoever may not find it never reads.
        secrets: texts that whoever may not fetch it never reads.
        author: account that wrote it, which alone edits it.
        gone: whether it was withdrawn.
        alone: whether not even an operator finds what another has written.
        case: the case it stands for; empty for what stands outside them.
    """

    kind: str
    names: dict[str, str]
    label: str
    needs: str = OPEN
    owner: str = ""
    marks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    author: str = ""
    gone: bool = False
    alone: bool = False
    case: str = ""


def parties() -> dict[str, Party | None]:
    """Return who asks, by name, and what they hold; None for a key that is no longer valid."""
    held = {
        "eve": Party("eve"),
        "gus": Party("gus", groups=frozenset({"basin"})),
        "liu": Party("liu", licences=frozenset({"by-nc"})),
        "mei": Party("mei", frozenset({"contributor:hydro"})),
        "sam": Party("sam", frozenset({"reviewer:hydro"})),
        "ann": Party("ann", frozenset({"steward:hydro"})),
        "oto": Party("oto", frozenset({"steward:ice"})),
        "root": Party("root", frozenset({"operator"})),
    }
    with_keys: dict[str, Party | None] = {
        name: Party(name, party.roles, party.groups, party.licences, SCOPES)
        for name, party in held.items()
    }
    ann = held["ann"]
    return {
        "public": PUBLIC,
        **with_keys,
        "reader": Party("ann", ann.roles, scopes=frozenset({"read"})),
        "sender": Party("ann", ann.roles, scopes=frozenset({"submit"})),
        "revoked": None,
        "expired": None,
        # An ended session is nobody's.
        "ended": PUBLIC,
        "browser": held["gus"],
    }
