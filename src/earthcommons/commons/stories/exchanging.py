"""From a finding to a need to candidates: the story of the exchange on a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from earthcommons.catalog import RecordQuery
from earthcommons.errors import NotFoundError
from earthcommons.exchange import confirm, draft, rank, read_offers
from earthcommons.model.outlook import Report
from earthcommons.model.party import OPERATOR, Party
from earthcommons.model.record import Access, Link, Record
from earthcommons.model.technology import Candidate, Need, Offer

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons.node import Node

__all__ = ["Imported", "candidates", "confirm_need", "draft_need", "import_offers"]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many offers an import added, and how many were there as they are."""

    new: int
    unchanged: int


def import_offers(node: Node, file: Path) -> Imported:
    """Publish every offer of a JSON Lines file, in one transaction.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: a line is refused; nothing is published then.
    """
    if not file.is_file():
        raise NotFoundError(f"there is no file of offers {file.name!r}")
    new = unchanged = 0
    with node.catalog.transaction() as tx:
        for offer in read_offers(file):
            if tx.revise(Record("offer", offer.id, offer.as_json())):
                new += 1
            else:
                unchanged += 1
    return Imported(new, unchanged)


def draft_need(node: Node, report: str, statement: str) -> Need:
    """Draft a need from a finding of a published report, visible to the node's staff only.

    Raises:
        NotFoundError: no such report, finding or template.
        InvalidInputError: the finding is not checked.
    """
    found = Report.from_json(node.catalog.get("report", report, OPERATOR))
    finding = next((s for s in found.statements if s.key == statement), None)
    if finding is None:
        keys = ", ".join(s.key for s in found.statements)
        raise NotFoundError(f"report {report} has no statement {statement!r}; it has {keys}")
    need = draft(finding)
    if node.catalog.version("need", need.id) is None:
        _store(node, need)
    return need


def confirm_need(node: Node, need_id: str, by: str) -> Need:
    """Publish a drafted need in a person's name.

    Raises:
        NotFoundError: no such need.
        ConflictError: it is published already.
        InvalidInputError: nobody is named.
    """
    need = confirm(Need.from_json(node.catalog.get("need", need_id, OPERATOR)), by)
    _store(node, need)
    return need


def candidates(
    node: Node, need_id: str, *, limit: int = 10, party: Party | None = None
) -> list[Candidate]:
    """Return candidates for a need, those to read first in front.

    Offers are found by any of the need's words; criteria and order are those of `exchange`.

    Raises:
        NotFoundError: no need visible to the party has that id.
    """
    need = Need.from_json(node.catalog.get("need", need_id, party))
    found: dict[str, tuple[Offer, float]] = {}
    for word in need.terms:
        page = node.catalog.records(RecordQuery("offer", text=word, limit=200), party)
        for body in page.bodies:
            offer = Offer.from_json(orjson.loads(body))
            # A word few offers use says more than one that many use.
            weight = 1.0 / max(page.matched or 1, 1)
            known = found.get(offer.id, (offer, 0.0))
            found[offer.id] = (offer, round(known[1] + weight, 12))
    return rank(need, sorted(found.values(), key=lambda pair: pair[0].id))[:limit]


def _store(node: Node, need: Need) -> None:
    links = (Link("drawn-from", "statement", need.trigger),)
    access: Access = "open" if need.state == "published" else "steward"
    with node.catalog.transaction() as tx:
        tx.revise(Record("need", need.id, need.as_json(), access=access, links=links))
