"""What people do in the access matrix: notices, recalls, drafts, keys, uploads, needs, offers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from tests.web.matrix_cases import OWNER, Case, Thing
from tests.web.matrix_items import collection_id

from earthcommons.commons.stories import reviewing, submitting, uploading
from earthcommons.commons.stories.withdrawing import add_erratum, withdraw
from earthcommons.model import Link, Need, Offer, Record, Text
from earthcommons.model.party import OPERATOR, Party
from earthcommons.policy import OPEN, acting_as

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["draft", "exchange", "life", "own_things"]


def life(node: Node, case: Case) -> list[Thing]:
    """A correction notice, a recall, a tombstone, and a region set made of the item."""
    collection, item = collection_id(case), case.word("ras")
    name = f"{collection}/{item}"
    recall = f"rcl-{case.word('rcl')}"
    body = {
        "id": recall, "about": {"kind": "item", "id": name, "state": "corrected", "version": 2},
        "reason": case.word("why"), "made": "2020-01-01T00:00:00Z", "by": "ann", "touched": [],
    }  # fmt: skip
    gone = case.word("gone")
    left = {
        **node.catalog.get("item", name, OPERATOR), "id": gone, "assets": {},
    }  # fmt: skip
    with acting_as(OPERATOR):
        notice = add_erratum(node, "item", name, Text(case.word("err"), "勘误"))
        with node.catalog.transaction() as tx:
            about = (Link("recalls-from", "item", name),)
            tx.put(Record("recall", recall, body, access=case.item_label, links=about))
            there = (Link("in", "collection", collection),)
            tx.put(
                Record("item", f"{collection}/{gone}", left, access=case.item_find, links=there)
            )
        withdraw(node, "item", f"{collection}/{gone}", "error", note=case.word("note"))
    named = {"collection": collection, "item": gone, "kind": "item",
             "name": f"{collection}/{gone}", "version": "1", "asset": "data"}  # fmt: skip
    return [
        Thing("erratum", {"kind": "erratum", "name": notice}, case.item_label,
              marks=(notice, case.word("err"))),
        Thing("recall", {"id": recall}, case.item_label, marks=(recall, case.word("why"))),
        Thing("gone", named, case.item_label, owner=OWNER, marks=(gone, case.word("note")),
              gone=True),
        _regions(node, case, name),
    ]  # fmt: skip


def _regions(node: Node, case: Case, item: str) -> Thing:
    name, word = f"ec:{case.word('set')}", case.word("land")
    body = {
        "id": name, "version": "1", "sha256": "e" * 64, "worldview": "un",
        "item": "regions/ec-places", "disclaimer": {"en": word, "zh": word}, "known_limits": [],
        "regions": [{"id": f"ec:{word}", "names": {"en": word, "zh": word}, "kind": "place",
                     "iso3": None, "groups": [], "members": []}],
    }  # fmt: skip
    links = (Link("drawn-from", "item", item),)
    with node.catalog.transaction() as tx:
        tx.put(Record("region-set", name, body, links=links))
    return Thing("region-set", {"name": name, "set": name}, case.derived_label,
                 marks=(name, word))  # fmt: skip


def draft(node: Node, case: Case) -> Thing:
    mei = Party("mei", frozenset({"contributor:hydro"}))
    word = case.word("draft")
    with acting_as(mei):
        # A contributor who may not find the collection cannot begin there.
        label = case.collection_label
        where = collection_id(case) if label == OPEN else case.word("newcoll")
        body = submitting.start_draft(node, where, word, group=OWNER)
        said = {"title": {"en": word, "zh": word}}
        submitting.edit_draft(node, body["id"], said)
        reviewing.comment(node, body["id"], case.word("comment"))
    return Thing(
        "draft", {"id": body["id"], "name": "f"}, f"account:mei@{OWNER}", owner=OWNER,
        marks=(body["id"], word, case.word("comment")), author="mei",
    )  # fmt: skip


def own_things(node: Node) -> list[Thing]:
    """A key and an upload of one account."""
    with acting_as(OPERATOR):
        (key_name,) = (key.name for key in node.catalog.credentials.keys("mei"))
    with acting_as(Party("mei", frozenset({"contributor:hydro"}))):
        upload = uploading.begin_upload(node, 10, "zqupload.bin")
    return [
        Thing("key", {"name": key_name}, "account:mei", marks=(key_name,)),
        # Not even an operator looks into an upload.
        Thing(
            "upload",
            {"id": upload.id},
            "account:mei",
            marks=(upload.id, "zqupload"),
            author="mei",
            alone=True,
        ),
    ]


def exchange(node: Node) -> list[Thing]:
    found = []
    lamp = Offer(
        id="reg:zqlamp", kinds=("software",), title="Lamp", language="en",
        source={"system": "registry", "id": "lamp"}, link="https://lamp.example/",
        terms=("lamp",),
    )  # fmt: skip
    hidden = dataclasses.replace(lamp, id="reg:zqhidden", title="zqhidden lamp")
    for offer, access in ((lamp, OPEN), (hidden, "steward")):
        with node.catalog.transaction() as tx:
            tx.put(Record("offer", offer.id, offer.as_json(), access=access))
        found.append(Thing("offer", {"id": offer.id}, access, marks=(offer.id,)))
    states: tuple[tuple[Literal["published", "draft"], str], ...]
    states = (("published", OPEN), ("draft", "steward"))
    for state, access in states:
        word = f"zqneed{state}"
        need = Need(
            key=word, title={"en": word, "zh": word}, problem={"en": "P.", "zh": "问"},
            region="m49:900", trigger="stm-x", goals=(7,), terms=("lamp",),
            must=({"key": "licence"},), success={"en": "S.", "zh": "成"}, state=state,
            confirmed_by="A. Person" if state == "published" else "",
        )  # fmt: skip
        with node.catalog.transaction() as tx:
            tx.put(Record("need", need.id, need.as_json(), access=access))
        found.append(Thing("need", {"id": need.id, "kind": "need", "name": need.id}, access,
                           marks=(need.id, word)))  # fmt: skip
    return found
