"""Passwords, keys, sessions and subjects: whom they let in, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.catalog.conftest import WORD

from earthcommons.errors import AccessDeniedError, InvalidInputError, NotFoundError
from earthcommons.model import OPERATOR, Party
from earthcommons.policy import acting_as
from earthcommons.trust import KeyText, read_key

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.catalog import Catalog

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_password_opens_its_account_alone(peopled: Catalog) -> None:
    found = peopled.credentials.by_password("mei", WORD)
    assert found is not None
    assert found.id == "mei"
    assert peopled.credentials.by_password("mei", WORD + "x") is None
    assert peopled.credentials.by_password("nobody", WORD) is None


def test_the_file_holds_no_password_key_or_session(peopled: Catalog, tmp_path: Path) -> None:
    key = peopled.credentials.issue_key("mei", ("read",), 30)
    token = peopled.credentials.open_session("mei")
    peopled.close()
    held = b"".join(file.read_bytes() for file in tmp_path.glob("catalog.sqlite*"))
    for secret in (WORD, key.secret, token):
        assert secret.encode() not in held


def test_a_role_taken_away_is_gone_with_the_next_question(peopled: Catalog) -> None:
    people, credentials = peopled.people, peopled.credentials
    people.grant("mei", "steward:hydro")
    token = credentials.open_session("mei")
    before = credentials.by_session(token)
    assert before is not None
    assert before.roles == {"steward:hydro"}
    people.withdraw("mei", "steward:hydro")
    after = credentials.by_session(token)
    assert after is not None
    assert after.roles == frozenset()


def test_a_key_speaks_within_its_scopes_until_it_ends(peopled: Catalog) -> None:
    credentials = peopled.credentials
    with acting_as(OPERATOR, at=NOW):
        key = credentials.issue_key("mei", ("submit", "read"), 2, "laptop")
        found = credentials.by_key(key)
        assert found is not None
        assert found.scopes == frozenset(("read", "submit"))
        assert read_key(key.reveal()) == key
        wrong = KeyText(key.name, key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B"))
        assert credentials.by_key(wrong) is None
        assert credentials.by_key(KeyText("0" * 12, key.secret)) is None
    with acting_as(OPERATOR, at=NOW + timedelta(days=2, seconds=1)):
        assert credentials.by_key(key) is None


def test_a_revoked_key_and_a_closed_account_end_at_once(peopled: Catalog) -> None:
    people, credentials = peopled.people, peopled.credentials
    first, second = (credentials.issue_key("mei", ("read",), 5) for _ in range(2))
    credentials.revoke_key(first.name)
    assert credentials.by_key(first) is None
    token = credentials.open_session("mei")
    people.set_active("mei", active=False)
    assert credentials.by_key(second) is None
    assert credentials.by_session(token) is None
    assert credentials.by_password("mei", WORD) is None


def test_a_new_password_ends_the_sessions(peopled: Catalog) -> None:
    token = peopled.credentials.open_session("mei")
    peopled.people.set_password("mei", WORD + " again")
    assert peopled.credentials.by_session(token) is None


def test_a_subject_opens_its_account_alone(peopled: Catalog) -> None:
    credentials = peopled.credentials
    peopled.people.add("li", "Li", issuer="https://id.example", subject="42")
    found = credentials.by_subject("https://id.example", "42")
    assert found is not None
    assert found.id == "li"
    assert credentials.by_subject("https://other.example", "42") is None
    assert credentials.by_subject("", "") is None
    assert credentials.by_password("li", "") is None


def test_nobody_gives_themselves_anothers_key_or_a_wider_one(peopled: Catalog) -> None:
    people, credentials = peopled.people, peopled.credentials
    theirs = credentials.issue_key("mei", ("read",), 1)
    people.add("eve", "Eve", password=WORD)
    eve = people.party("eve")
    assert eve is not None
    before = peopled.audit_head()
    with acting_as(eve):
        for each in (
            lambda: credentials.issue_key("mei", ("read",), 1),
            lambda: credentials.revoke_key(theirs.name),
            lambda: credentials.keys("mei"),
            lambda: credentials.keys(),
        ):
            with pytest.raises(AccessDeniedError):
                each()
        mine = credentials.issue_key("eve", ("read",), 1)
        assert [key.name for key in credentials.keys("eve")] == [mine.name]
    assert peopled.audit_head()[0] == before[0] + 1
    key = credentials.by_key(mine)
    assert key is not None
    with acting_as(key):
        for each in (
            lambda: credentials.issue_key("eve", ("read",), 1),
            lambda: credentials.revoke_key(mine.name),
        ):
            with pytest.raises(AccessDeniedError, match="scope admin"):
                each()
    strong = Party("eve", scopes=frozenset({"read", "admin"}))
    with acting_as(strong):
        credentials.issue_key("eve", ("read",), 1)
        with pytest.raises(AccessDeniedError, match="gives no scope"):
            credentials.issue_key("eve", ("read", "submit"), 1)
        credentials.revoke_key(mine.name)
    assert credentials.by_key(mine) is None


@pytest.mark.parametrize(
    ("scopes", "days"), [((), 1), (("root",), 1), (("read",), 0), (("read",), 367)]
)
def test_a_key_without_known_scopes_or_a_fit_life_is_refused(
    peopled: Catalog, scopes: tuple[str, ...], days: int
) -> None:
    with pytest.raises(InvalidInputError):
        peopled.credentials.issue_key("mei", scopes, days)
    assert peopled.credentials.keys() == []


def test_nobodys_key_is_neither_made_nor_ended(peopled: Catalog) -> None:
    with pytest.raises(NotFoundError):
        peopled.credentials.issue_key("nobody", ("read",), 1)
    with pytest.raises(NotFoundError):
        peopled.credentials.revoke_key("0" * 12)


def test_keys_of_an_account_that_is_none_are_not_none_but_not_found(peopled: Catalog) -> None:
    with acting_as(OPERATOR):
        assert peopled.credentials.keys("mei") == []
        with pytest.raises(NotFoundError, match="there is no account 'perid'"):
            peopled.credentials.keys("perid")
    with acting_as(Party("sam")), pytest.raises(AccessDeniedError):
        peopled.credentials.keys("perid")
