"""Accounts, groups, what they hold, and the audit line of each change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.catalog.conftest import WORD

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

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_subject_has_one_account(peopled: Catalog) -> None:
    peopled.people.add("li", "Li", issuer="https://id.example", subject="42")
    with pytest.raises(ConflictError):
        peopled.people.add("li2", "Li", issuer="https://id.example", subject="42")


@pytest.mark.parametrize("id_", ["", "A", "../x", "public", "operator", "a" * 65, "-a", "a\n"])
def test_an_id_that_could_mean_something_else_is_refused(peopled: Catalog, id_: str) -> None:
    with pytest.raises(InvalidInputError):
        peopled.people.add(id_, "Somebody", password=WORD)


@pytest.mark.parametrize(
    "role", ["root", "steward", "steward:", "operator:hydro", "member:hydro"]
)
def test_an_unknown_role_is_refused(peopled: Catalog, role: str) -> None:
    with pytest.raises(InvalidInputError):
        peopled.people.grant("mei", role)
    with pytest.raises(NotFoundError):
        peopled.people.grant("mei", "steward:nowhere")


def test_nobody_gives_themselves_anything(peopled: Catalog) -> None:
    people = peopled.people
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
        lambda: people.accept("mei", "cc-by-nc-4.0"),
        lambda: people.withdraw("mei", "steward:hydro"),
    )
    before = peopled.audit_head()
    with acting_as(eve):
        for each in tries:
            with pytest.raises(AccessDeniedError):
                each()
        people.accept("eve", "cc-by-nc-4.0")
    assert peopled.audit_head()[0] == before[0] + 1
    narrow = Party("eve", scopes=frozenset({"read"}))
    with acting_as(narrow), pytest.raises(AccessDeniedError, match="scope admin"):
        people.accept("eve", "odbl-1.0")


def test_a_steward_brings_people_into_the_own_group_alone(peopled: Catalog) -> None:
    people = peopled.people
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


def test_nothing_is_taken_from_who_is_not_there_as_if_it_had_been(peopled: Catalog) -> None:
    people = peopled.people
    with acting_as(OPERATOR):
        for group, account in (("mei", "hydro"), ("hydro", "nobody"), ("hydra", "mei")):
            with pytest.raises(NotFoundError):
                people.leave(account, group)
        for account, role in (("nobody", "operator"), ("mei", "reviewer:hydra")):
            with pytest.raises(NotFoundError):
                people.withdraw(account, role)
        with pytest.raises(InvalidInputError, match="is no role"):
            people.withdraw("mei", "operater")


def test_each_change_is_a_line_with_who_did_it(peopled: Catalog) -> None:
    with acting_as(OPERATOR, at=NOW):
        peopled.people.grant("mei", "steward:hydro")
        peopled.people.grant("mei", "steward:hydro")
    lines = peopled.audit_log()
    assert [line.action for line in lines] == ["group-add", "account-add", "role-grant"]
    assert lines[-1].who == "operator"
    assert lines[-1].at == "2026-11-22T12:00:00Z"
    assert lines[-1].detail == {"role": "steward:hydro"}
    assert peopled.verify_audit() == 3


def test_an_audit_line_cannot_be_changed_and_a_forced_change_is_found(
    peopled: Catalog, tmp_path: Path
) -> None:
    import sqlite3

    head = peopled.audit_head()
    peopled.people.grant("mei", "reviewer:hydro")
    file = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    for statement in ("UPDATE audit SET row = '{}'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            file.execute(statement)
    file.execute("DROP TRIGGER audit_fixed")
    file.execute("DROP TRIGGER audit_kept")
    file.execute("UPDATE audit SET row = replace(row, 'mei', 'eve') WHERE seq = 2")
    with pytest.raises(IntegrityError, match="line 2"):
        peopled.verify_audit()
    file.execute("UPDATE audit SET row = replace(row, 'eve', 'mei') WHERE seq = 2")
    assert peopled.verify_audit(head) == 3
    file.execute("DELETE FROM audit WHERE seq >= 2")
    assert peopled.verify_audit() == 1
    with pytest.raises(IntegrityError, match="line 2"):
        peopled.verify_audit(head)
    file.close()


def test_what_lives_in_the_catalogue_alone_goes_on_in_another(
    peopled: Catalog, tmp_path: Path
) -> None:
    fresh = Catalog(tmp_path / "fresh.sqlite", LocalStore(tmp_path))
    peopled.close()
    fresh.adopt(tmp_path / "catalog.sqlite")
    assert fresh.credentials.by_password("mei", WORD) is not None
    assert fresh.verify_audit() == 2
    assert fresh.visible(PUBLIC) == ("open",)
    with acting_as(OPERATOR):
        fresh.people.grant("mei", "operator")
    assert fresh.verify_audit() == 3
