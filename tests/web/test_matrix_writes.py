"""Every write carried out, on the matrix's node, which is put back after each.

Who may: what changes is what the route's entry in `matrix_writes.py` says, of the record it names
and of nothing else; the audit log names who asked; the answer holds no word of what they may not
find; searches, facets, lists, the change log and the things' own addresses show others what the
rule in force then lets them find, and nothing else of theirs changed. Who may not: nothing changes.

Not all is carried out: a group's steward acts in the six cases whose labels lie at different
places, on forms in two; the others act, or are refused, in one. EARTHCOMMONS_TRIALS=all does all.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.matrix_carried import Carried
from tests.web.matrix_node import build
from tests.web.matrix_writes import WRITES
from tests.web.policy_table import routes_of
from tests.web.test_defences import without

from earthcommons.catalog import history, labelling
from earthcommons.catalog.labelling import Labelling
from earthcommons.commons.stories import drafts, editing, reviewing, submitting, withdrawing
from earthcommons.ingest import publish

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE = ("GET", "HEAD", "OPTIONS")
_ROUTES = tuple(dict.fromkeys((write.method, write.path) for write in WRITES))
_ITEM = "/stac/collections/{collection}/items/{item}"
_AT = "/api/records/{kind}/{name:path}"
_DRAFT = "/api/drafts/{id}"


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carried]:
    root = tmp_path_factory.mktemp("writes")
    world = build(root)
    (root / "files").mkdir()
    yield Carried(world, root / "files")
    world.close()
    world.node.catalog.close()


def test_every_writing_route_says_what_it_may_change(carried: Carried) -> None:
    writing = {route for route in routes_of(carried.world.app) if route[0] not in _SAFE}
    assert writing - set(_ROUTES) == set(), "say in matrix_writes.py what this may change"
    assert set(_ROUTES) - writing == set()


def test_every_write_is_carried_out_by_somebody_and_refused_to_somebody(
    carried: Carried,
) -> None:
    for write in WRITES:
        said = {cell.said for cell in carried.cells((write,))}
        assert "allowed" in said, write
        assert said - {"allowed"} or not write.must or not write.judged, write


@pytest.mark.parametrize(("method", "path"), _ROUTES, ids=lambda part: part)
def test_a_write_does_what_it_says_there_alone_and_shows_it_to_whom_it_may(
    carried: Carried, method: str, path: str
) -> None:
    writes = [write for write in WRITES if (write.method, write.path) == (method, path)]
    assert [fault for cell in carried.cells(writes) for fault in carried.faults(cell)] == []


def test_the_node_is_put_back_as_it_was_after_a_write(carried: Carried) -> None:
    before = carried.world.state()
    writes = [write for write in WRITES if write.path in (f"{_AT}/recall", "/api/uploads")]
    done = [cell for cell in carried.cells(writes) if cell.said == "allowed"]
    assert [carried.faults(cell) for cell in (done[0], done[-1])] == [[], []]
    assert carried.world.state() == before


def _nothing(*asked: Any, **more: Any) -> None:
    return None


@pytest.mark.parametrize(
    ("place", "name", "put", "method", "path", "seen"),
    [
        (editing, "require", _nothing, "PUT", _ITEM, "refused, and does"),
        (withdrawing, "require", _nothing, "POST", f"{_AT}/withdraw", "refused, and does"),
        (submitting, "_require_author", _nothing, "PATCH", _DRAFT, "refused, and does"),
        (submitting, "_require_reader", _nothing, "POST", "/api/drafts", "refused, and does"),
        (reviewing, "reviewable", lambda node, id_: node.catalog.get("draft", id_), "POST",
         f"{_DRAFT}/decline", "refused, and does"),
        (labelling, "_ABOUT", (), "POST", f"{_AT}/errata", "shows ('log of erratum'"),
        (Labelling, "_relabel_derived", _nothing, "PUT", f"{_AT}/access", "after it"),
        (drafts, "combine", lambda label: "open", "POST", "/api/drafts", "shows ('draft'"),
        (history, "_told", lambda sql, kind, stub, may: stub, "POST", f"{_AT}/withdraw",
         "tells zqstaffras"),
        (publish, "acting_as", nullcontext, "POST", f"{_DRAFT}/accept",
         "does ['AUDIT by operator'] besides"),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)  # fmt: skip
def test_a_write_without_its_defence_is_found(
    carried: Carried, place: Any, name: str, put: Any, method: str, path: str, seen: str
) -> None:
    writes = [write for write in WRITES if (write.method, write.path) == (method, path)]
    with without(carried.world, (place, name, put)):
        found = (fault for cell in carried.cells(writes) for fault in carried.faults(cell))
        assert any(seen in fault for fault in found)


def test_a_rule_that_reaches_further_than_its_record_is_found(carried: Carried) -> None:
    real = Labelling.spread

    def further(self: Labelling, kind: str, id_: str, *faces: Any, **more: Any) -> None:
        real(self, kind, id_, *faces, **more)
        self._sql.execute(
            "UPDATE record SET access = 'open' WHERE id = 'zqstaffcoll/zqstaffras'"
        )

    writes = [write for write in WRITES if write.path == f"{_AT}/access"]
    with without(carried.world, (Labelling, "spread", further)):
        found = [fault for cell in carried.cells(writes[:1]) for fault in carried.faults(cell)]
    assert any(
        "OTHER ('item', 'zqstaffcoll/zqstaffras') relabelled" in fault for fault in found
    )
