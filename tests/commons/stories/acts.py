"""Acts done to a node, for tests of faults and of many at once: what there is to see of each.

And what must hold of every node, whatever came in between: `sound`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.commons.stories.conftest import add_item, add_run
from tests.commons.stories.drafting import METADATA
from tests.files import snow
from tests.ingest.conftest import geotiff
from tests.web.access_node import collection, item

from earthcommons.catalog import Catalog, ItemQuery, rebuild
from earthcommons.commons import open_node
from earthcommons.commons.stories import bulk_writing, submitting
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.bulk import import_items
from earthcommons.commons.stories.collecting import collect
from earthcommons.commons.stories.drafts import drafts
from earthcommons.commons.stories.editing import current_tag, patch
from earthcommons.commons.stories.publishing import accept, look_into
from earthcommons.commons.stories.recalling import recall
from earthcommons.commons.stories.restoring import restore
from earthcommons.commons.stories.uploading import begin_upload, find_upload, receive
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import CommonsError, GoneError
from earthcommons.model import PUBLIC, Party, Record
from earthcommons.policy import acting_as
from earthcommons.runs import read_observations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from earthcommons.commons import Node

__all__ = ["ACTS", "MEI", "SAM", "Act", "accept_draft", "accepted", "sound", "with_draft",
           "with_items"]  # fmt: skip

MEI, SAM = (
    Party("mei", frozenset({"contributor:hydro"})),
    Party("sam", frozenset({"reviewer:hydro"})),
)
BYTES = b"0123456789" * 9


@dataclass(frozen=True)
class Act:
    """Something done to a node.

    Attributes:
        prepare: makes the node that it is done to.
        do: does it; done already, it may say so with an error of ours.
        seen: what there is to see of it, as a value.
        between: what may be seen after a fault, besides nothing and all of it.
        every: which of its steps are tried: each, each second, …
    """

    prepare: Callable[[Node, Path], None]
    do: Callable[[Node], object]
    seen: Callable[[Node], Any]
    between: tuple[Any, ...] = ()
    every: int = 1


def sound(node: Node, scratch: Path) -> None:
    """Assert that catalogue, audit chain, objects and a rebuild from them agree."""
    assert node.catalog.check() == "ok"
    node.catalog.verify_audit()
    for key in node.store.all_keys():
        node.store.verify(key)
    scratch.unlink(missing_ok=True)
    fresh = Catalog(scratch, node.store)
    rebuild(
        fresh, node.store, lambda key: read_observations(node.store.path(key)),
        node.catalog.settled,
    )  # fmt: skip
    assert set(node.catalog.dump()) <= set(fresh.dump())
    fresh.close()
    with node.catalog.transaction() as tx:
        log = [row[0] for row in tx.sql.execute("SELECT seq FROM change ORDER BY seq")]
    assert log == list(range(1, len(log) + 1))


def with_items(node: Node, _: Path) -> None:
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", collection("snow")))
        for n in range(5):
            tx.put(Record("item", f"snow/i{n}", item(f"i{n}")))


def with_draft(node: Node, tmp_path: Path) -> None:
    node.catalog.people.add_group("hydro", "Hydrology")
    with acting_as(MEI):
        id_ = submitting.start_draft(node, "snow", "s", group="hydro")["id"]
        submitting.add_file(node, id_, snow(tmp_path / "snow.tif"), "snow.tif")
        submitting.edit_draft(node, id_, METADATA)
        look_into(node, id_)
        submitting.submit(node, id_)


def accept_draft(node: Node) -> None:
    (draft,) = drafts(node)
    with acting_as(SAM):
        accept(node, draft["id"])


def accepted(node: Node) -> Any:
    (draft,) = drafts(node)
    return draft["state"], node.catalog.version("item", "snow/s") is not None


def _import(node: Node) -> None:
    import_items(node, node.root / "items.ndjson", batch=3)


def _import_by_copy(node: Node) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_writing, "_COPY_FROM", 0)
        patch.setattr(Catalog, "size", lambda _: 0)
        import_items(node, node.root / "items.ndjson")


def _with_lines(node: Node, tmp_path: Path) -> None:
    with_items(node, tmp_path)
    rows = [orjson.dumps(item(f"n{n}")) for n in range(6)]
    (node.root / "items.ndjson").write_bytes(b"\n".join(rows))


def _count(node: Node) -> Any:
    page = node.catalog.items(ItemQuery(limit=100))
    assert page.matched == len(page.names) == node.catalog.count("item")
    return page.matched


def _title(node: Node) -> Any:
    body = node.catalog.get("item", "snow/i1")
    return body["properties"]["title"], node.catalog.versions("item", "snow/i1")[-1].version


def _withdrawn(node: Node) -> Any:
    try:
        node.catalog.body("item", "snow/i1")
    except GoneError as gone:
        return gone.stub["reason"], len(node.catalog.versions("item", "snow/i1"))
    return ""


def _seen_by_all(node: Node) -> Any:
    """Return whether everybody sees the collection; of its items all or none."""
    with acting_as(PUBLIC):
        items = node.catalog.items(ItemQuery(limit=100)).matched
        there = bool(node.catalog.all("collection"))
    assert items == (5 if there else 0)
    return there


def _begun(node: Node, _: Path) -> None:
    with acting_as(MEI):
        (node.root / "upload-id").write_text(begin_upload(node, len(BYTES), "a.tif").id)


def _send(node: Node) -> None:
    id_ = (node.root / "upload-id").read_text()
    with acting_as(MEI):
        at = find_upload(node, id_).offset
        with receive(node, id_, at) as piece:
            piece.write(BYTES[at:])
            piece.close(whole=True)


def _received(node: Node) -> Any:
    with acting_as(MEI):
        upload = find_upload(node, (node.root / "upload-id").read_text())
    return node.store.read(upload.key) == BYTES if upload.finished else upload.offset


def _with_run(node: Node, tmp_path: Path) -> None:
    add_item(node, geotiff.__wrapped__(tmp_path), "first", 3)  # type: ignore[attr-defined]
    add_run(node)
    withdraw(node, "item", "c/first", "error")


def _recalled(node: Node) -> Any:
    series = node.catalog.version("series", "tree-cover") is None
    found = node.catalog.all("recall")
    touched = {(each["kind"], each["outcome"]) for body in found for each in body["touched"]}
    return series, touched >= {("run", "struck")}


def _with_orphans(node: Node, tmp_path: Path) -> None:
    with_items(node, tmp_path)
    for n in range(3):
        key = node.store.put_bytes(bytes([n]) * 99, ".tif")
        os.utime(node.store.path(key), (0, 0))


def _orphans(node: Node) -> Any:
    log = node.catalog.audit_log(limit=10_000)
    told = {line.id for line in log if line.action == "object-collect"}
    left = list(node.store.all_keys(".tif"))
    # Nothing is gone without a line.
    assert len(told) + len(set(left) - told) == 3
    return len(left)


def _backed_up(node: Node) -> Any:
    place = node.root.parent / (node.root.name + "-copy")
    target = node.root.parent / (node.root.name + "-restored")
    try:
        restore(place, target)
    except CommonsError:
        return False
    again = open_node(target)
    same = list(again.catalog.dump()) == list(node.catalog.dump())
    again.catalog.close()
    shutil.rmtree(target)
    return same


ACTS = {
    "accept": Act(with_draft, accept_draft, accepted, every=2),
    "import": Act(_with_lines, _import, _count, between=(8,), every=2),
    "import by a copy": Act(_with_lines, _import_by_copy, _count),
    "patch": Act(
        with_items,
        lambda node: patch(
            node, "item", "snow/i1", {"properties": {"title": "new"}},
            current_tag(node, "item", "snow/i1"),
        ),
        _title,
    ),
    "withdraw": Act(
        with_items,
        lambda node: withdraw(node, "item", "snow/i1", "error"),
        _withdrawn,
    ),
    "rule": Act(
        with_items,
        lambda node: set_rule(node, "collection", "snow", Rule("registered")),
        _seen_by_all,
    ),
    "upload": Act(_begun, _send, _received, between=(len(BYTES),)),
    "recall": Act(
        _with_run,
        lambda node: recall(node, "item", "c/first", "A test."),
        _recalled,
        between=((True, False),),
    ),
    "collect": Act(
        _with_orphans, lambda node: collect(node, remove=True), _orphans, between=(1, 2)
    ),
    "backup": Act(
        with_items,
        lambda node: backup(node, node.root.parent / (node.root.name + "-copy")),
        _backed_up,
        every=3,
    ),
}  # fmt: skip
