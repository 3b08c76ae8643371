"""Accounts, groups, keys, sessions, and the audit line of each change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog import Catalog
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model import OPERATOR, PUBLIC, Party
from earthcommons.policy import acting_as
from earthcommons.store import LocalStore
from earthcommons.trust import KeyText, read_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORD = "a long pass phrase"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "catalog.sqlite", LocalStore(tmp_path))
    with acting_as(OPERATOR):
        made.people.add_group("hydro", "Hydrology", "水文")
        made.people.add("mei", "Mei", password=WORD)
        yield made
    made.close()


def test_a_password_opens_its_account_alone(catalog: Catalog) -> None:
    found = catalog.people.by_password("mei", WORD)
    assert found is not None
    assert found.id == "mei"
    assert catalog.people.by_password("mei", WORD + "x") is None
    assert catalog.people.by_password("nobody", WORD) is None


def test_the_file_holds_no_password_key_or_session(catalog: Catalog, tmp_path: Path) -> None:
    key = catalog.people.issue_key("mei", ("read",), 30)
    token = catalog.people.open_session("mei")
    catalog.close()
    held = b"".join(file.read_bytes() for file in tmp_path.glob("catalog.sqlite*"))
    for secret in (WORD, key.secret, token):
        assert secret.encode() not in held


def test_a_role_taken_away_is_gone_with_the_next_question(catalog: Catalog) -> None:
    people = catalog.people
    people.grant("mei", "steward:hydro")
    token = people.open_session("mei")
    before = people.by_session(token)
    assert before is not None
    assert before.roles == {"steward:hydro"}
    people.withdraw("mei", "steward:hydro")
    after = people.by_session(token)
    assert after is not None
    assert after.roles == frozenset()


def test_a_key_speaks_within_its_scopes_until_it_ends(catalog: Catalog) -> None:
    people = catalog.people
    with acting_as(OPERATOR, at=NOW):
        key = people.issue_key("mei", ("submit", "read"), 2, "laptop")
        found = people.by_key(key)
        assert found is not None
        assert found.scopes == frozenset(("read", "submit"))
        assert read_key(key.reveal()) == key
        wrong = KeyText(key.name, key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B"))
        assert people.by_key(wrong) is None
        assert people.by_key(KeyText("0" * 12, key.secret)) is None
    with acting_as(OPERATOR, at=NOW + timedelta(days=2, seconds=1)):
        assert people.by_key(key) is None


def test_a_revoked_key_and_a_closed_account_end_at_once(catalog: Catalog) -> None:
    people = catalog.people
    first, second = (people.issue_key("mei", ("read",), 5) for _ in range(2))
    people.revoke_key(first.name)
    assert people.by_key(first) is None
    token = people.open_session("mei")
    people.set_active("mei", active=False)
    assert people.by_key(second) is None
    assert people.by_session(token) is None
    assert people.by_password("mei", WORD) is None


def test_a_new_password_ends_the_sessions(catalog: Catalog) -> None:
    token = catalog.people.open_session("mei")
    catalog.people.set_password("mei", WORD + " again")
    assert catalog.people.by_session(token) is None


def test_a_subject_has_one_account(catalog: Catalog) -> None:
    people = catalog.people
    people.add("li", "Li", issuer="https://id.example", subject="42")
    found = people.by_subject("https://id.example", "42")
    assert found is not None
    assert found.id == "li"
    assert people.by_subject("https://other.example", "42") is None
    assert people.by_subject("", "") is None
    assert people.by_password("li", "") is None
    with pytest.raises(ConflictError):
        people.add("li2", "Li", issuer="https://id.example", subject="42")


@pytest.mark.parametrize("id_", ["", "A", "../x", "public", "operator", "a" * 65, "-a", "a\n"])
def test_an_id_that_could_mean_something_else_is_refused(catalog: Catalog, id_: str) -> None:
    with pytest.raises(InvalidInputError):
        catalog.people.add(id_, "Somebody", password=WORD)


@pytest.mark.parametrize(
    "role", ["root", "steward", "steward:", "operator:hydro", "member:hydro"]
)
def test_an_unknown_role_is_refused(catalog: Catalog, role: str) -> None:
    with pytest.raises(InvalidInputError):
        catalog.people.grant("mei", role)
    with pytest.raises(NotFoundError):
        catalog.people.grant("mei", "steward:nowhere")


def test_nobody_gives_themselves_anything(catalog: Catalog) -> None:
    people = catalog.people
    people.add("eve", "Eve", password=WORD)
    eve = people.party("eve")
    assert eve is not None
    tries = (
        lambda: people.grant("eve", "operator"),
        lambda: people.grant("eve", "steward:hydro"),
        lambda: people.grant("eve", "contributor:hydro"),
        lambda: people.join("eve", "hydro"),
        lambda: people.add("bob", "Bob", password=WORD),
        lambda: people.add_group("eves", "Eve's"),
        lambda: people.set_password("mei", WORD + "!"),
        lambda: people.set_active("mei", active=False),
        lambda: people.issue_key("mei", ("read",), 1),
        lambda: people.accept("mei", "cc-by-nc-4.0"),
        lambda: people.withdraw("mei", "steward:hydro"),
    )
    before = catalog.audit_head()
    with acting_as(eve):
        for each in tries:
            with pytest.raises(AccessDeniedError):
                each()
        people.accept("eve", "cc-by-nc-4.0")
        mine = people.issue_key("eve", ("read",), 1)
    assert catalog.audit_head()[0] == before[0] + 2
    key = people.by_key(mine)
    assert key is not None
    with acting_as(key):
        for each in (
            lambda: people.issue_key("eve", ("read",), 1),
            lambda: people.accept("eve", "odbl-1.0"),
            lambda: people.revoke_key(mine.name),
        ):
            with pytest.raises(AccessDeniedError, match="scope admin"):
                each()
    strong = Party("eve", scopes=frozenset({"read", "admin"}))
    with acting_as(strong):
        people.issue_key("eve", ("read",), 1)
        with pytest.raises(AccessDeniedError, match="gives no scope"):
            people.issue_key("eve", ("read", "submit"), 1)
        people.revoke_key(mine.name)


def test_a_steward_brings_people_into_the_own_group_alone(catalog: Catalog) -> None:
    people = catalog.people
    people.add_group("bio", "Biology")
    people.add("li", "Li", password=WORD)
    people.grant("mei", "steward:hydro")
    mei = people.party("mei")
    assert mei is not None
    with acting_as(mei):
        people.grant("li", "contributor:hydro")
        people.join("li", "hydro")
        for role in ("steward:hydro", "contributor:bio", "contributor:*"):
            with pytest.raises(AccessDeniedError):
                people.grant("li", role)
    assert people.account("li").roles == ("contributor:hydro",)


def test_each_change_is_a_line_with_who_did_it(catalog: Catalog) -> None:
    with acting_as(OPERATOR, at=NOW):
        catalog.people.grant("mei", "steward:hydro")
        catalog.people.grant("mei", "steward:hydro")
    lines = catalog.audit_log()
    assert [line.action for line in lines] == ["group-add", "account-add", "role-grant"]
    assert lines[-1].who == "operator"
    assert lines[-1].at == "2026-11-22T12:00:00Z"
    assert lines[-1].detail == {"role": "steward:hydro"}
    assert catalog.verify_audit() == 3


def test_an_audit_line_cannot_be_changed_and_a_forced_change_is_found(
    catalog: Catalog, tmp_path: Path
) -> None:
    import sqlite3

    head = catalog.audit_head()
    catalog.people.grant("mei", "reviewer:hydro")
    file = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    for statement in ("UPDATE audit SET row = '{}'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            file.execute(statement)
    file.execute("DROP TRIGGER audit_fixed")
    file.execute("DROP TRIGGER audit_kept")
    file.execute("UPDATE audit SET row = replace(row, 'mei', 'eve') WHERE seq = 2")
    with pytest.raises(IntegrityError, match="line 2"):
        catalog.verify_audit()
    file.execute("UPDATE audit SET row = replace(row, 'eve', 'mei') WHERE seq = 2")
    assert catalog.verify_audit(head) == 3
    file.execute("DELETE FROM audit WHERE seq >= 2")
    assert catalog.verify_audit() == 1
    with pytest.raises(IntegrityError, match="line 2"):
        catalog.verify_audit(head)
    file.close()


def test_what_lives_in_the_catalogue_alone_goes_on_in_another(
    catalog: Catalog, tmp_path: Path
) -> None:
    fresh = Catalog(tmp_path / "fresh.sqlite", LocalStore(tmp_path))
    catalog.close()
    fresh.adopt(tmp_path / "catalog.sqlite")
    assert fresh.people.by_password("mei", WORD) is not None
    assert fresh.verify_audit() == 2
    assert fresh.visible(PUBLIC) == ("open",)
    with acting_as(OPERATOR):
        fresh.people.grant("mei", "operator")
    assert fresh.verify_audit() == 3
