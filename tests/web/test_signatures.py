"""Who corrected, withdrew or recalled a record: readers are told its group, stewards who it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.web.access_node import Desk, desk

from earthcommons.commons.stories.recalling import recall
from earthcommons.commons.stories.withdrawing import add_erratum, withdraw
from earthcommons.model import OPERATOR, Record, Text
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "snow/open"
# Who asks, with which scopes, and whether they are told the account. A key without the scope `read`
# reads as the public does.
READERS = [
    (("",), False), (("eve",), False), (("mei",), False), (("sam",), False),
    (("ann", "steward"), False),
    (("ann",), True), (("ben",), True), (("ben", "read"), True), (("root",), True),
]  # fmt: skip


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str, str]]:
    """A node on which ann corrected and recalled an item, and withdrew another."""
    kept = desk(tmp_path_factory.mktemp("signatures"))
    node = kept.node
    with node.catalog.transaction() as tx:
        body = {**node.catalog.get("item", NAME, OPERATOR), "id": "gone", "assets": {}}
        tx.put(Record("item", "snow/gone", body))
    ann = node.catalog.people.party("ann")
    assert ann is not None
    with acting_as(ann):
        erratum = add_erratum(node, "item", NAME, Text("Depths are in cm.", "单位为厘米。"))
        recalled = str(recall(node, "item", NAME, "Depths are in cm.")["id"])
        add_erratum(node, "item", "snow/gone", Text("All wrong.", "全部有误。"))
        withdraw(node, "item", "snow/gone", "error")
    yield kept, erratum, recalled
    node.catalog.close()


@pytest.mark.parametrize(("who", "told"), READERS)
def test_the_account_is_told_to_stewards_of_the_record_and_operators_alone(
    life: tuple[Desk, str, str], who: tuple[str, ...], told: bool
) -> None:
    kept, erratum, recalled = life
    client = kept.at(*who)
    notices = [
        client.get(f"/api/records/item/{NAME}/versions").json()["errata"][0],
        client.get(f"/api/records/erratum/{erratum}/versions/1").json(),
        client.get(f"/api/recalls/{recalled}").json(),
        client.get("/stac/collections/snow/items/gone").json()["stub"],
        client.get("/api/records/item/snow/gone/versions/1").json()["stub"],
        client.get("/api/records/item/snow/gone/versions/2").json()["stub"],
    ]
    for notice in notices:
        assert notice["publisher"] == "hydro"
        assert notice.get("by") == ("ann" if told else None)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("who", "told"), READERS)
def test_pages_name_the_group_to_readers_and_the_account_to_stewards(
    life: tuple[Desk, str, str], who: tuple[str, ...], told: bool, lang: str
) -> None:
    kept, _, recalled = life
    group = {"en": "Hydrology", "zh": "水文"}[lang]
    for path in (f"data/{NAME}", f"recalls/{recalled}", "data/snow/gone"):
        text = kept.at(*who).get(f"/{lang}/{path}").text
        main = text[text.index("<main") : text.index("</main>")]
        assert bool(re.search(r"\bann\b", main)) is told, path
        assert (group in main) is not told, path


def test_what_is_stored_keeps_the_account_and_its_digest(life: tuple[Desk, str, str]) -> None:
    kept, erratum, recalled = life
    sql = kept.node.catalog._file.connection()
    for kind, id_ in (("erratum", erratum), ("recall", recalled), ("item", "snow/gone")):
        body = sql.execute(
            "SELECT body FROM record WHERE kind = ? AND id = ? ORDER BY version DESC",
            (kind, id_),
        ).fetchone()[0]
        stored = orjson.loads(body)
        assert stored["by"] == "ann"
        assert "publisher" not in stored


def test_what_no_group_owns_is_of_the_operators(tmp_path: Path) -> None:
    kept = desk(tmp_path)
    with acting_as(OPERATOR):
        with kept.node.catalog.transaction() as tx:
            body = kept.node.catalog.get("collection", "snow")
            tx.revise(Record("collection", "snow", {**body, "ec:owner": ""}))
        made = recall(kept.node, "item", NAME, "Wrong.")
    assert (made["by"], made["publisher"]) == ("operator", "")
    shown = kept.at("ann").get(f"/api/recalls/{made['id']}").json()
    assert (shown.get("by"), shown["publisher"]) == (None, "")
    assert "by the operators of this node" in kept.at().get(f"/en/recalls/{made['id']}").text
    kept.node.catalog.close()
