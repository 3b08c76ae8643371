"""A node with one of everything under every label, each thing marked by words nobody else uses."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.asking import Asker
from tests.web.matrix_cases import (
    CASES,
    COUNTRIES,
    OWNER,
    PLACES,
    SCOPES,
    Case,
    Thing,
    parties,
)
from tests.web.matrix_derived import computed
from tests.web.matrix_items import collection, ingested, items
from tests.web.matrix_life import draft, exchange, life, own_things
from tests.web.pages_node import _region_set
from tests.web.policy_table import would_write

from earthcommons.commons import Node, make_node
from earthcommons.model.party import OPERATOR
from earthcommons.policy import OPEN, acting_as
from earthcommons.settings import Settings
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from tests.web.asking import Answer

__all__ = ["MatrixNode", "build"]

# What keeps the state of people and of work in hand, besides what a rebuild makes again.
_TABLES = (
    "account", "held", "team", "api_key", "session", "change", "label", "link", "tally",
    "item_count",
)  # fmt: skip


@dataclass(eq=False)
class MatrixNode:
    """The node, its application, what is on it and who asks."""

    node: Node
    things: list[Thing]
    headers: dict[str, dict[str, str]]
    app: FastAPI = field(init=False)
    client: Asker | None = None
    asked: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Serve the node anew, with nothing kept from earlier answers."""
        self.close()
        self.app = create_app(self.node)
        self.client = Asker(self.app, self.node.settings.url)

    def close(self) -> None:
        """Stop serving."""
        if self.client is not None:
            self.client.close()

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """Return the answer to a party's request."""
        assert self.client is not None
        self.asked += 1
        sent = {**self.headers[who], **headers}
        return self.client.request(method, path, headers=sent, body=body, form=form)

    def of(self, kind: str) -> Iterator[Thing]:
        """Return the things of a kind."""
        return (thing for thing in self.things if thing.kind == kind)

    def state(self) -> str:
        """Return a digest of all that the node holds: records, people, logs and files."""
        found = hashlib.sha256()
        for line in self.node.catalog.dump():
            found.update(line.encode())
        sql = self.node.catalog._file.connection()
        for table in _TABLES:
            rows = sql.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            found.update(repr(sorted(rows)).encode())
        found.update(repr(self.node.catalog.audit_head()).encode())
        for place in sorted(self.node.root.rglob("*")):
            if place.is_file() and ".sqlite" not in place.name:
                found.update(f"{place} {place.stat().st_size}".encode())
        return found.hexdigest()

    @contextmanager
    def dry(self) -> Iterator[None]:
        """Let every change go as far as it is let through, and then take it back."""
        catalog = self.node.catalog
        real = catalog.transaction

        @contextmanager
        def taken_back(**more: Any) -> Iterator[Any]:
            with real(**more) as tx:
                yield tx
                raise would_write()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(catalog, "transaction", taken_back)
            for part in (catalog.people, catalog.credentials):
                patch.setattr(part, "_transaction", taken_back)
            yield


def build(root: Path) -> MatrixNode:
    """Make the node."""
    node = make_node(root / "node", Settings(port=8124))
    headers = _people(node)
    _region_set(node, "ec:countries-un", "regions/ec-countries-un", COUNTRIES, [])
    _region_set(node, "ec:places", "regions/ec-places", PLACES, [])
    raster, cube = ingested(node, root)
    things = [
        dataclasses.replace(thing, case=case.name)
        for case in CASES
        for thing in _case(node, case, raster, cube)
    ]
    things += [
        Thing("nothing", {}, OPEN),
        Thing("nobody", {"id": "x"}, OPEN),
        Thing("group", {}, OPEN, owner=OWNER),
        Thing("node", {}, OPEN),
        *own_things(node),
        *exchange(node),
    ]
    return MatrixNode(node, things, headers)


def _people(node: Node) -> dict[str, dict[str, str]]:
    people = node.catalog.people
    headers: dict[str, dict[str, str]] = {"public": {}}
    with acting_as(OPERATOR):
        for group in ("hydro", "ice", "basin"):
            people.add_group(group, group.title())
        for name, party in parties().items():
            if party is None or name != party.id or not party.registered:
                continue
            people.add(name, name.title(), issuer="https://id.example", subject=name)
            for role in party.roles:
                people.grant(name, role)
            for group in party.groups:
                people.join(name, group)
            for licence in party.licences:
                people.accept(name, licence)
            headers[name] = _bearer(node, name, tuple(SCOPES))
        headers["reader"] = _bearer(node, "ann", ("read",))
        headers["sender"] = _bearer(node, "ann", ("submit",))
        for name in ("revoked", "expired"):
            headers[name] = _bearer(node, "ann", tuple(SCOPES))
        node.catalog.credentials.revoke_key(headers["revoked"]["authorization"].split("_")[1])
        with node.catalog.transaction() as tx:
            dead = headers["expired"]["authorization"].split("_")[1]
            tx.sql.execute(
                "UPDATE api_key SET expires = '2001-01-01T00:00:00Z' WHERE name = ?", (dead,)
            )
        for name, who, hours in (("ended", "ann", -1), ("browser", "gus", 1)):
            session = node.catalog.credentials.open_session(who, hours)
            cookie = {"cookie": f"ec_session={session}", "sec-fetch-site": "same-origin"}
            headers[name] = cookie
    return headers


def _bearer(node: Node, name: str, scopes: tuple[str, ...]) -> dict[str, str]:
    key = node.catalog.credentials.issue_key(name, scopes, 30)
    return {"authorization": f"Bearer {key.reveal()}"}


def _case(node: Node, case: Case, raster: dict[str, Any], cube: dict[str, Any]) -> list[Thing]:
    first, rest = collection(node, case), items(node, case, raster, cube)
    return [first, *rest, *computed(node, case), *life(node, case), draft(node, case)]
