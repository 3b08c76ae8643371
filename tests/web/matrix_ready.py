"""What writes need to be carried out: empty collections, drafts in every state, uploads."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.files import snow
from tests.web.access_node import collection
from tests.web.matrix_cases import SCOPES, Thing, parties
from tests.web.matrix_writes import PASSWORD
from tests.web.test_drafts_and_life import METADATA

from earthcommons.commons.stories import publishing, submitting, uploading
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR, PUBLIC, Party
from earthcommons.policy import OPEN, acting_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.web.matrix_node import MatrixNode

    from earthcommons.commons import Node

__all__ = ["party_of", "ready"]

_BASIN = "group:basin@hydro"
# Collection, author and rule of the drafts handed in; the last one's collection is a new one.
_HANDED = (
    ("zqopenedcoll", "mei", OPEN, OPEN), ("zqgroupedcoll", "ann", OPEN, _BASIN),
    ("zqfreshcoll", "mei", "group:basin", _BASIN),
)  # fmt: skip


def party_of(who: str) -> Party:
    """Return a party of the matrix, or the account that has a password."""
    if who == "pat":
        return Party("pat", scopes=SCOPES)
    return parties()[who] or PUBLIC


def ready(world: MatrixNode, root: Path) -> dict[str, list[Thing]]:
    """Make what is needed besides, and return all things of the node by what they are for."""
    node = world.node
    made: dict[str, list[Thing]] = {}
    for thing in world.things:
        made.setdefault(thing.kind, []).append(thing)
    with acting_as(OPERATOR):
        node.catalog.people.add("pat", "Pat", password=PASSWORD)
        key = node.catalog.credentials.issue_key("pat", tuple(SCOPES), 30)
        world.headers["pat"] = {"authorization": f"Bearer {key.reveal()}"}
        second = node.catalog.credentials.issue_key("mei", ("read",), 30)
    key_name = {"name": second.name}
    made["second-key"] = [Thing("key", key_name, "account:mei", marks=(second.name,))]
    made["bare"] = list(_bare(node))
    made["draft-ready"] = [_draft(node, root, "zqopenedcoll", "ready")]
    made["draft-filed"] = [_draft(node, root, "zqopenedcoll", "filed", look=False)]
    handed = []
    for where, by, rule, label in _HANDED:
        thing = _draft(node, root, where, f"for{where[2:]}", by, rule)
        with acting_as(party_of(by)):
            submitting.submit(node, thing.names["id"])
        handed.append(dataclasses.replace(thing, names={**thing.names, "find": label}))
    made["submitted"], made["submitted-new"] = handed[:2], handed[2:]
    made["upload"] = [_upload(node, who) for who in ("mei", "ann", "root")]
    data = snow(root / "u.tif", 7).read_bytes()
    made["upload-whole"] = [_upload(node, "mei", data)]
    first, whole = made["draft-ready"][0], made["upload-whole"][0]
    names = {**first.names, "upload": whole.names["id"]}
    made["draft-for-upload"] = [dataclasses.replace(first, names=names)]
    return made


def _bare(node: Node) -> Iterator[Thing]:
    for name, rule, label in (("zqbare", OPEN, OPEN), ("zqbareshut", "group:basin", _BASIN)):
        body = collection(name, **{"ec:owner": "hydro"})
        with node.catalog.transaction() as tx:
            tx.put(Record("collection", name, body, access=rule))
        names = {"collection": name, "kind": "collection", "name": name}
        yield Thing("collection", names, label, owner="hydro", marks=(name,))


def _draft(
    node: Node, root: Path, where: str, tail: str, by: str = "mei", find: str = OPEN,
    *, look: bool = True,
) -> Thing:  # fmt: skip
    word = f"zq{tail}"
    with acting_as(party_of(by)):
        id_ = submitting.start_draft(node, where, word, group="hydro")["id"]
        submitting.add_file(node, id_, snow(root / "s.tif", sum(word.encode())), "s.tif")
        said = {**METADATA, "title": {"en": word, "zh": word}}
        submitting.edit_draft(node, id_, said, rule={"find": find, "fetch": OPEN})
        if look:
            publishing.look_into(node, id_)
    return Thing("draft", {"id": id_, "name": "s.tif"}, f"account:{by}@hydro", owner="hydro",
                 marks=(id_,), author=by)  # fmt: skip


def _upload(node: Node, who: str, data: bytes = b"") -> Thing:
    with acting_as(party_of(who)):
        upload = uploading.begin_upload(node, len(data) or 10, "zqup.tif")
        if data:
            with uploading.receive(node, upload.id, 0, None) as piece:
                piece.write(data)
                piece.close(whole=True)
    return Thing("upload", {"id": upload.id}, f"account:{who}", marks=(upload.id,), author=who,
                 alone=True)  # fmt: skip
