"""Each defence taken away by itself: a check of the matrix, or one here, must then find it."""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.matrix_cases import parties
from tests.web.matrix_checks import counts, hidden_marks, leaks, statuses
from tests.web.matrix_node import MatrixNode, build
from tests.web.policy_table import TABLE, expected

from earthcommons.catalog import Catalog, catalog, credentials, history, people, search
from earthcommons.commons.stories import (
    access,
    editing,
    marks,
    recalling,
    reviewing,
    submitting,
    tracing,
    withdrawing,
)
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as, acting_party, moment, require, satisfies
from earthcommons.web import identity, log_lines, stac, throttle
from earthcommons.web.pages import rule_page, steward
from earthcommons.web.pages.site import Site
from earthcommons.web.transactions_tags import tagged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.web.policy_table import Line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixNode]:
    made = build(tmp_path_factory.mktemp("defences"))
    yield made
    made.close()
    made.node.catalog.close()


@contextmanager
def without(world: MatrixNode, *changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Serve the node with something replaced."""
    with pytest.MonkeyPatch.context() as patch:
        for place, name, put in changes:
            patch.setattr(place, name, put)
        world.restart()
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
        ("described", "/stac/collections/{collection}/queryables"),
    ],
)  # fmt: skip
def test_each_read_is_limited_by_itself(world: MatrixNode, name: str, path: str) -> None:
    asked = lines(path)
    assert statuses(world, "public", asked) == leaks(world, "public", asked) == []
    with without(world, for_all(name)):
        assert statuses(world, "public", asked, first=True) or leaks(world, "public", asked)


@pytest.mark.parametrize("name", ["items", "facets", "count"])
def test_each_count_is_limited_by_itself(world: MatrixNode, name: str) -> None:
    assert counts(world, "public") == []
    with without(world, for_all(name)):
        assert counts(world, "public")


def test_the_labels_of_a_party_limit_everything(world: MatrixNode) -> None:
    def all_labels(self: Catalog, party: Any = None) -> tuple[str, ...]:
        rows = self._file.connection().execute("SELECT label FROM label")
        return tuple(sorted({"open", *(row[0] for row in rows)}))

    with without(world, (Catalog, "visible", all_labels)):
        assert statuses(world, "public", lines(_ITEM), first=True)
        searches = lines("/stac/search", "/stac/collections")
        assert leaks(world, "public", searches, first=True)
        assert counts(world, "public")


def test_withheld_assets_are_taken_out_of_an_item(world: MatrixNode) -> None:
    def whole(sql: Any, k: int, body: bytes, visible: Any) -> bytes:
        return body

    asked = lines("/stac/search", _ITEM)
    assert leaks(world, "public", asked) == []
    for place in (catalog, search):
        with without(world, (place, "present", whole)):
            assert leaks(world, "public", asked, first=True), place


def test_withheld_assets_are_taken_out_of_a_version(world: MatrixNode) -> None:
    asked = lines(f"{_AT}/versions/{{version}}")

    def found(who: str) -> list[str]:
        path = "/api/records/item/zqnobytescoll/zqnobytesras/versions/2"
        return [path] if "/objects/" in world.ask(who, "GET", path).text else []

    assert leaks(world, "public", asked) == found("public") == []
    with without(world, (history, "without_withheld", lambda item, withheld: item)):
        assert found("public")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ((history, "_is_whole", lambda *_: True), f"{_AT}/versions"),
        ((history, "_is_whole", lambda *_: True), "/api/citation/{collection}/{item}"),
        ((history, "_is_whole", lambda *_: True), "/{lang:lang}/data/{collection}/{item}"),
        ((history, "_is_whole", lambda *_: True), "/{lang:lang}/node"),
        ((stac, "tagged", lambda answer, tag, **_: tagged(answer, tag)), _ITEM),
    ],
)
def test_no_digest_of_a_record_is_shown_to_who_sees_a_part_of_it(
    world: MatrixNode, change: tuple[Any, str, Any], path: str
) -> None:
    asked = lines(path)
    assert leaks(world, "public", asked) == []
    with without(world, change):
        assert leaks(world, "public", asked, first=True)


def test_a_past_version_asks_for_what_the_present_one_asks_for(world: MatrixNode) -> None:
    def present(sql: Any, kind: str, id_: str, asker: Any) -> history._Present:
        return history._Present("open", "", "open")

    asked = lines(f"{_AT}/versions/{{version}}")
    assert statuses(world, "public", asked) == []
    changes = ((history, "_present", present), (marks, "may_know", lambda *_: True))
    with without(world, *changes):
        assert statuses(world, "public", asked, first=True)


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
        assert leaks(world, "public", asked, first=True)


@pytest.mark.parametrize("who", ["eve", "oto"])
def test_what_is_done_asks_for_a_role_of_the_owner(world: MatrixNode, who: str) -> None:
    asked = lines(_ITEM, f"{_ITEM.removesuffix('/items/{item}')}", method="PUT")
    assert statuses(world, who, asked) == []
    with without(world, (editing, "require", lambda *asked, **more: None)):
        assert statuses(world, who, asked, first=True)


def test_a_key_does_no_more_than_its_scopes(world: MatrixNode) -> None:
    asked = lines(f"{_AT}/withdraw", f"{_AT}/errata", method="POST")
    assert statuses(world, "reader", asked) == []

    def unscoped(*asked: Any, **more: Any) -> None:
        require(*asked, **more, party=dataclasses.replace(acting_party(), scopes=None))

    with without(world, (withdrawing, "require", unscoped)):
        assert statuses(world, "reader", asked, first=True)


def test_a_draft_is_edited_by_its_author_alone(world: MatrixNode) -> None:
    asked = lines("/api/drafts/{id}", method="PATCH")
    assert statuses(world, "ann", asked) == []
    with without(world, (submitting, "_require_author", lambda body: None)):
        assert statuses(world, "ann", asked, first=True)


def test_a_key_that_was_revoked_speaks_for_nobody(world: MatrixNode) -> None:
    asked = lines("/stac/conformance")
    assert statuses(world, "revoked", asked) == []
    with without(world, (credentials.Credentials, "by_key", lambda self, key: OPERATOR)):
        assert statuses(world, "revoked", asked, first=True)


def _signed_in(world: MatrixNode) -> dict[str, str]:
    return {"cookie": f"ec_session={world.node.catalog.credentials.open_session('ann', 1)}"}


def crossed(world: MatrixNode) -> int:
    """Return what another site's form is answered, sent with a person's session."""
    headers = {**_signed_in(world), "origin": "https://evil.example"}
    with world.dry():
        path = "/api/me/licences"
        answer = world.ask("public", "POST", path, {"licence": "by-sa"}, **headers)
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
        answer = world.ask("public", "GET", path, **headers)
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
    return {world.ask("public", "POST", "/api/session", sent).status_code for _ in range(8)}


def test_guessing_is_slowed_down(world: MatrixNode) -> None:
    with without(world):
        assert guessed(world) == {401, 429}
    with without(world, (throttle.Throttle, "check", lambda self, name: None)):
        assert guessed(world) == {401}


def kept(world: MatrixNode, who: str, shown: str = "/") -> list[str]:
    """Return the pictures and bytes an operator was just given that a party gets as well.

    They are drawn, read and kept by then: only who asks may decide.
    """
    found: list[str] = []
    for line in TABLE:
        if line.method != "GET" or line.path not in _KEPT or not line.path.startswith(shown):
            continue
        for thing in world.things:
            if thing.kind not in line.kinds:
                continue
            at = line.address(thing.names)
            drawn = world.ask("root", "GET", at)
            said = expected(line, parties()[who], thing, moment())
            if drawn.status_code != 200 or said == "allowed":
                continue
            tag = {"if-none-match": drawn.headers.get("etag", '"none"')}
            for headers in ({}, tag):
                answer = world.ask(who, "GET", at, **headers)
                if answer.status_code < 400 or answer.content == drawn.content:
                    found.append(f"{answer.status_code} {at}")
    return found


_KEPT = (
    "/tiles/{collection}/{item}/{asset}/{z}/{x}/{y}.png",
    "/tiles/{collection}/{item}/{asset}/tilejson.json",
    "/tiles/{collection}/{item}/{asset}/legend.json", "/objects/{key}",
    "/objects/{key}/{inner:path}", "/figures/series/{indicator}/{region}.{lang}.svg",
    "/figures/map/{indicator}.{lang}.svg", "/{lang:lang}/reports/{key}",
    "/reports/{key}.{lang}.pdf", "/{lang:lang}/regions/{name}",
)  # fmt: skip


def remembered(place: Any, name: str) -> tuple[Any, str, Any]:
    """Let what a read answered to one asker be answered to the next."""
    real, answers = getattr(place, name), {}

    def read(self: Any, *args: Any) -> Any:
        if args not in answers or isinstance(answers[args], bool):
            answers[args] = real(self, *args) or answers.get(args)
        return answers[args]

    return place, name, read


@pytest.mark.parametrize("who", ["public", "eve", "liu"])
def test_what_was_drawn_for_one_is_not_shown_to_another(world: MatrixNode, who: str) -> None:
    with without(world):
        assert kept(world, who) == []


@pytest.mark.parametrize(
    ("place", "name", "shown"),
    [
        (Catalog, "body", "/tiles/"), (Catalog, "has_asset", "/objects/"),
        (Site, "run_of", "/figures/series/"), (Site, "run_of", "/figures/map/"),
        (Catalog, "body", "/{lang:lang}/regions/"),
    ],
)  # fmt: skip
def test_each_picture_asks_before_it_looks_among_those_kept(
    world: MatrixNode, place: Any, name: str, shown: str
) -> None:
    with without(world, remembered(place, name)):
        assert kept(world, "public", shown)


def keyed(world: MatrixNode) -> set[int]:
    """Return what is answered where a key stands in an address, alone and beside a header."""
    key = world.headers["gus"]["authorization"].removeprefix("Bearer ")
    asked = (f"/stac/search?api_key={key}", f"/stac/collections/{key}", f"/en/data?q={key}")
    return {
        world.ask(who, "GET", path).status_code for path in asked for who in ("public", "gus")
    }


def test_a_key_in_an_address_is_refused(world: MatrixNode) -> None:
    with without(world):
        assert keyed(world) == {400}
        answer = world.ask("public", "GET", f"/en/data?key={_text_of(world, 'gus')}")
        assert "key-in-url" in answer.text
        assert _text_of(world, "gus") not in answer.text + str(answer.headers)
    with without(world, (identity, "_KEY_IN_URL", re.compile(rb"(?!)"))):
        assert keyed(world) != {400}


def _text_of(world: MatrixNode, who: str) -> str:
    return world.headers[who]["authorization"].removeprefix("Bearer ")


def logged(world: MatrixNode) -> list[str]:
    """Return the secrets that a line of the log would hold."""
    secret = _text_of(world, "gus")
    found = []
    for text in (f"/x?key={secret}", f"/l/{secret[16:]}", f"Bearer {secret[16:]}"):
        record = logging.LogRecord("uvicorn", logging.INFO, "", 0, "GET %s", (text,), None)
        found += [text for _ in range(secret[16:] in log_lines.JsonLines().format(record))]
    return found


def test_the_log_holds_no_secret(world: MatrixNode) -> None:
    assert logged(world) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "redacted", lambda text: text)
        assert len(logged(world)) == 3


def linked(world: MatrixNode, who: str, name: str) -> list[str]:
    """Return the arrows at a visible thing that name something hidden."""
    party = parties()[who]
    assert party is not None
    marks, found = hidden_marks(world, party), []
    with acting_as(party):
        for thing in world.things:
            if "kind" not in thing.names:
                continue
            if not satisfies(party, thing.label, moment()):
                continue
            at = (thing.names["kind"], thing.names["name"])
            for link in getattr(world.node.catalog, name)(*at):
                found += [f"{at} {link}" for mark in marks if mark in link.id]
    return found


@pytest.mark.parametrize("name", ["links_to", "links_from"])
def test_an_arrow_at_what_one_sees_names_nothing_hidden(world: MatrixNode, name: str) -> None:
    assert [linked(world, who, name) for who in ("public", "gus", "liu")] == [[], [], []]
    with without(world, for_all(name)):
        assert linked(world, "public", name)


def changed(world: MatrixNode, who: str) -> list[str]:
    """Return the changes told to a party of records it may not find."""
    party = parties()[who]
    assert party is not None
    marks = hidden_marks(world, party)
    with acting_as(party):
        told = world.node.catalog.changes(limit=10_000)
    return [change.id for change in told for mark in marks if mark in change.id]


def test_the_change_log_names_nothing_hidden(world: MatrixNode) -> None:
    assert [changed(world, who) for who in ("public", "gus", "ann")] == [[], [], []]
    with without(world, for_all("changes")):
        assert changed(world, "public")


@functools.cache
def acts(world: MatrixNode, who: str, *, first: bool = False) -> list[str]:
    """Return every answer to a party's act that is not what the policy says."""
    asked = [line for line in TABLE if line.action not in ("read", "fetch")]
    return statuses(world, who, asked, first=first)


@pytest.mark.parametrize(
    ("place", "name", "who"),
    [
        (access, "require", "oto"), (editing, "require", "oto"), (recalling, "require", "oto"),
        (submitting, "require", "oto"), (reviewing, "require", "reader"),
        (withdrawing, "require", "oto"),
        (submitting, "_require_author", "ann"), (people, "require", "ann"),
        (catalog, "require", "ann"), (steward, "require", "oto"), (rule_page, "require", "oto"),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)  # fmt: skip
def test_no_act_is_without_its_own_question(
    world: MatrixNode, place: Any, name: str, who: str
) -> None:
    assert acts(world, who) == []
    with without(world, (place, name, lambda *asked, **more: None)):
        assert acts.__wrapped__(world, who, first=True)
