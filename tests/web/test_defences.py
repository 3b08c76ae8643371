"""Each defence taken away by itself: a check of the matrix, or one here, must then find it."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.web.matrix_node import MatrixNode, build
from tests.web.policy_table import TABLE
from tests.web.test_matrix import counts, leaks, statuses

from earthcommons.catalog import Catalog, catalog, history, search
from earthcommons.commons.stories import editing, marks, submitting, tracing, withdrawing
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as, acting_party, require
from earthcommons.web import identity, throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.web.policy_table import Line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixNode]:
    made = build(tmp_path_factory.mktemp("defences"))
    yield made
    made.node.catalog.close()


@contextmanager
def without(world: MatrixNode, *changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Serve the node with something replaced."""
    with pytest.MonkeyPatch.context() as patch:
        for place, name, put in changes:
            patch.setattr(place, name, put)
        world.restart()
        with world.client:
            yield


def lines(*paths: str, method: str = "GET") -> tuple[Line, ...]:
    found = tuple(line for line in TABLE if line.path in paths and line.method == method)
    assert len(found) == len(paths)
    return found


def for_all(name: str) -> tuple[Any, str, Any]:
    """Let a read of the catalogue be asked by the operator, whoever asks."""
    real: Callable[..., Any] = getattr(Catalog, name)

    def asked(self: Catalog, *args: Any, **more: Any) -> Any:
        with acting_as(OPERATOR):
            return real(self, *args, **more)

    return Catalog, name, asked


_ITEM = "/stac/collections/{collection}/items/{item}"
_AT = "/api/records/{kind}/{name:path}"
_OBSERVATION = "/api/observations/{id}"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("body", "/api/reports/{key}"), ("body", _ITEM), ("items", "/stac/search"),
        ("facets", "/stac/aggregate"), ("records", "/api/offers"), ("all", "/stac/collections"),
        ("all", "/api/alerts"), ("all", "/api/watches"), ("all", "/api/reports"),
        ("all", "/api/needs"), ("all", "/api/drafts"), ("all", "/{lang:lang}/alerts"),
        ("observations", "/api/observations"), ("observations", "/api/observations.csv"),
        ("observation", _OBSERVATION), ("has_asset", "/objects/{key}"),
        ("has_asset", "/objects/{key}/{inner:path}"), ("newest_changes", "/{lang:lang}/node"),
        ("items", "/{lang:lang}/data"), ("all", "/{lang:lang}/reports"),
    ],
)  # fmt: skip
def test_each_read_is_limited_by_itself(world: MatrixNode, name: str, path: str) -> None:
    asked = lines(path)
    assert statuses(world, "public", asked) == leaks(world, "public", asked) == []
    with without(world, for_all(name)):
        assert statuses(world, "public", asked) or leaks(world, "public", asked)


@pytest.mark.parametrize("name", ["items", "facets", "count"])
def test_each_count_is_limited_by_itself(world: MatrixNode, name: str) -> None:
    assert counts(world, "public") == []
    with without(world, for_all(name)):
        assert counts(world, "public")


def test_the_labels_of_a_party_limit_everything(world: MatrixNode) -> None:
    def all_labels(self: Catalog, party: Any = None) -> tuple[str, ...]:
        rows = self._connection().execute("SELECT label FROM label")
        return tuple(sorted({"open", *(row[0] for row in rows)}))

    with without(world, (Catalog, "visible", all_labels)):
        assert statuses(world, "public", lines(_ITEM))
        assert leaks(world, "public", lines("/stac/search", "/stac/collections"))
        assert counts(world, "public")


def test_withheld_assets_are_taken_out_of_an_item(world: MatrixNode) -> None:
    def whole(sql: Any, k: int, body: bytes, visible: Any) -> bytes:
        return body

    asked = lines("/stac/search", _ITEM)
    assert leaks(world, "public", asked) == []
    for place in (catalog, search):
        with without(world, (place, "present", whole)):
            assert leaks(world, "public", asked), place


def test_withheld_assets_are_taken_out_of_a_version(world: MatrixNode) -> None:
    asked = lines(f"{_AT}/versions/{{version}}")

    def found(who: str) -> list[str]:
        path = "/api/records/item/zqnobytescoll/zqnobytesras/versions/2"
        return [path] if "/objects/" in world.ask(who, "GET", path).text else []

    assert leaks(world, "public", asked) == found("public") == []
    with without(world, (history, "without_withheld", lambda item, withheld: item)):
        assert found("public")


def test_a_past_version_asks_for_what_the_present_one_asks_for(world: MatrixNode) -> None:
    def present(sql: Any, kind: str, id_: str, asker: Any) -> tuple[str, str, str]:
        return "open", "", "open"

    asked = lines(f"{_AT}/versions/{{version}}")
    assert statuses(world, "public", asked) == []
    changes = ((history, "_present", present), (marks, "may_know", lambda *_: True))
    with without(world, *changes):
        assert statuses(world, "public", asked)


def test_a_run_does_not_name_its_closed_inputs(world: MatrixNode) -> None:
    asked = lines(f"{_AT}/versions/{{version}}")
    assert leaks(world, "public", asked) == []
    named = (tracing, "without_closed_inputs", lambda node, kind, body: body)
    with without(world, named):
        assert any("run" in fault for fault in leaks(world, "public", asked))


def test_a_trace_does_not_name_its_closed_inputs(world: MatrixNode) -> None:
    def read_by_all(self: Catalog, kind: str, id_: str, party: Any = None) -> dict[str, Any]:
        return self.whole(kind, id_)[0]

    asked = lines(f"{_OBSERVATION}/trace")
    assert leaks(world, "public", asked) == []
    with without(world, (Catalog, "get", read_by_all)):
        assert leaks(world, "public", asked)


@pytest.mark.parametrize("who", ["eve", "oto"])
def test_what_is_done_asks_for_a_role_of_the_owner(world: MatrixNode, who: str) -> None:
    asked = lines(_ITEM, f"{_ITEM.removesuffix('/items/{item}')}", method="PUT")
    assert statuses(world, who, asked) == []
    with without(world, (editing, "require", lambda *asked, **more: None)):
        assert statuses(world, who, asked)


def test_a_key_does_no_more_than_its_scopes(world: MatrixNode) -> None:
    asked = lines(f"{_AT}/withdraw", f"{_AT}/errata", method="POST")
    assert statuses(world, "reader", asked) == []

    def unscoped(*asked: Any, **more: Any) -> None:
        require(*asked, **more, party=dataclasses.replace(acting_party(), scopes=None))

    with without(world, (withdrawing, "require", unscoped)):
        assert statuses(world, "reader", asked)


def test_a_draft_is_edited_by_its_author_alone(world: MatrixNode) -> None:
    asked = lines("/api/drafts/{id}", method="PATCH")
    assert statuses(world, "ann", asked) == []
    with without(world, (submitting, "_require_author", lambda body: None)):
        assert statuses(world, "ann", asked)


def test_a_key_that_was_revoked_speaks_for_nobody(world: MatrixNode) -> None:
    asked = lines("/stac/conformance")
    assert statuses(world, "revoked", asked) == []
    people = type(world.node.catalog.people)
    with without(world, (people, "by_key", lambda self, key: OPERATOR)):
        assert statuses(world, "revoked", asked)


def _signed_in(world: MatrixNode) -> dict[str, str]:
    return {"cookie": f"ec_session={world.node.catalog.people.open_session('ann', 1)}"}


def crossed(world: MatrixNode) -> int:
    """Return what another site's form is answered, sent with a person's session."""
    headers = {**_signed_in(world), "origin": "https://evil.example"}
    with world.dry():
        path = "/api/me/licences"
        answer = world.client.post(path, json={"licence": "by-sa"}, headers=headers)
    return answer.status_code


def test_another_site_does_nothing_with_a_session(world: MatrixNode) -> None:
    with without(world):
        assert crossed(world) == 403
    with without(world, (identity, "same_site", lambda headers, node: True)):
        assert crossed(world) != 403


def shared(world: MatrixNode) -> list[str]:
    """Return the answers to one asker that a shared cache may hand to another."""
    found = []
    headers = _signed_in(world)
    key = next(t.names["key"] for t in world.of("object") if t.case == "grouped")
    for path in ("/stac/search", "/en/", f"/objects/{key}", "/api/me"):
        answer = world.client.get(path, headers=headers)
        if "no-store" not in answer.headers.get("cache-control", ""):
            found.append(path)
    return found


def test_no_shared_cache_keeps_what_one_asker_sees(world: MatrixNode) -> None:
    with without(world):
        assert shared(world) == []
    with without(world, (identity, "_kept_apart", lambda headers, personal: headers)):
        assert shared(world)


def guessed(world: MatrixNode) -> set[int]:
    """Return what somebody is answered who guesses a password again and again."""
    sent = {"account": "nobody", "password": "a guess"}
    client = TestClient(world.app, base_url=world.node.settings.url)
    return {client.post("/api/session", json=sent).status_code for _ in range(8)}


def test_guessing_is_slowed_down(world: MatrixNode) -> None:
    with without(world):
        assert guessed(world) == {401, 429}
    with without(world, (throttle.Throttle, "check", lambda self, name: None)):
        assert guessed(world) == {401}
