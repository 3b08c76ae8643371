"""What lets somebody in as an account: a password, a key, a session, a provider's subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from earthcommons.catalog.people import require_hand, require_self, timestamp
from earthcommons.errors import AccessDeniedError, InvalidInputError, NotFoundError
from earthcommons.policy import acting_party, moment
from earthcommons.trust import (
    KeyText,
    digest_secret,
    is_password,
    new_key,
    new_token,
    same_secret,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from earthcommons.catalog.people import People
    from earthcommons.catalog.reader import Reader
    from earthcommons.catalog.writing import SqliteTransaction
    from earthcommons.model.party import Party

__all__ = ["CREDENTIALS_SCHEMA", "KEY_DAYS_MOST", "SCOPES", "ApiKey", "Credentials"]

SCOPES = ("read", "submit", "steward", "admin")
KEY_DAYS_MOST = 366

CREDENTIALS_SCHEMA = """
CREATE TABLE api_key (
  name TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account, digest TEXT NOT NULL,
  scopes TEXT NOT NULL, note TEXT NOT NULL, made TEXT NOT NULL, expires TEXT NOT NULL,
  revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  digest TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account, expires TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: never with its secret."""

    name: str
    account: str
    scopes: tuple[str, ...]
    note: str
    made: str
    expires: str
    revoked: bool


class Credentials:
    """Proofs that somebody is an account; of each secret a digest is kept.

    Who the accounts are and what they hold is left to `People`, asked anew with each proof.
    """

    def __init__(
        self,
        people: People,
        reader: Callable[[], Reader],
        transaction: Callable[[], AbstractContextManager[SqliteTransaction]],
    ) -> None:
        self._people = people
        self._reader = reader
        self._transaction = transaction

    # Keys.

    def issue_key(
        self, id_: str, scopes: tuple[str, ...], days: int, note: str = ""
    ) -> KeyText:
        """Make a key of an account; its secret is returned once and kept as a digest.

        Raises:
            NotFoundError: there is no such account.
            AccessDeniedError: another asks, or a key without the scope `admin`.
            InvalidInputError: an unknown scope, or a life of no day or over 366.
        """
        self._people.account(id_)
        require_self(id_)
        require_hand("makes no key")
        held = acting_party().scopes
        if held is not None and not held >= set(scopes):
            raise AccessDeniedError("a key gives no scope it does not have")
        if not scopes or set(scopes) - set(SCOPES):
            raise InvalidInputError(f"scopes: one or more of {', '.join(SCOPES)}")
        if not 1 <= days <= KEY_DAYS_MOST:
            raise InvalidInputError(f"a key lives 1 to {KEY_DAYS_MOST} days")
        key = new_key()
        expires = timestamp(moment() + timedelta(days=days))
        with self._transaction() as tx:
            tx.sql.execute(
                "INSERT INTO api_key VALUES (?,?,?,?,?,?,?,0)",
                (
                    *(key.name, id_, digest_secret(key.secret), " ".join(sorted(scopes))),
                    *(note[:200], timestamp(moment()), expires),
                ),
            )
            tx.note("key-issue", "key", key.name, {"account": id_, "scopes": sorted(scopes)})
        return key

    def keys(self, id_: str = "") -> list[ApiKey]:
        """Return the keys of an account, or of all; an operator, or whose they are, may ask.

        Raises:
            AccessDeniedError: the acting party is neither.
            NotFoundError: there is no such account.
        """
        require_self(id_)
        if id_:
            self._people.account(id_)
        return self._keys(id_)

    def _keys(self, id_: str) -> list[ApiKey]:
        rows = self._reader().execute(
            "SELECT name, account, scopes, note, made, expires, revoked FROM api_key"
            " WHERE ? IN ('', account) ORDER BY made, name",
            (id_,),
        )
        return [
            ApiKey(name, account, tuple(scopes.split()), said, made, expires, bool(revoked))
            for name, account, scopes, said, made, expires, revoked in rows
        ]

    def revoke_key(self, name: str) -> None:
        """End a key at once.

        Raises:
            AccessDeniedError: another asks, or a key without the scope `admin`.
            NotFoundError: there is no such key.
        """
        found = [key for key in self._keys("") if key.name == name]
        if not found:
            raise NotFoundError(f"there is no key {name[:60]!r}")
        require_self(found[0].account)
        require_hand("ends no key")
        with self._transaction() as tx:
            tx.sql.execute("UPDATE api_key SET revoked = 1 WHERE name = ?", (name,))
            tx.note("key-revoke", "key", name, {})

    # From a proof to a party.

    def by_password(self, id_: str, password: str) -> Party | None:
        """Return the party whose password this is, or None; both take the same time."""
        row = (
            self._reader()
            .execute("SELECT password FROM account WHERE id = ? AND active", (id_,))
            .fetchone()
        )
        right = is_password(password, row[0] if row else "")
        return self._people.party(id_) if right else None

    def by_key(self, key: KeyText) -> Party | None:
        """Return the party a key speaks for, within its scopes, or None."""
        row = (
            self._reader()
            .execute(
                "SELECT digest, account, scopes FROM api_key"
                " WHERE name = ? AND NOT revoked AND expires > ?",
                (key.name, timestamp(moment())),
            )
            .fetchone()
        )
        right = same_secret(key.secret, row[0] if row else "0" * 64)
        return self._people.party(row[1], frozenset(row[2].split())) if row and right else None

    def of_key(self, name: str) -> Party | None:
        """Return the party a key speaks for while it is neither revoked nor past its time.

        It proves nothing: for what was given on the word of that key.
        """
        row = (
            self._reader()
            .execute(
                "SELECT account, scopes FROM api_key"
                " WHERE name = ? AND NOT revoked AND expires > ?",
                (name, timestamp(moment())),
            )
            .fetchone()
        )
        return self._people.party(row[0], frozenset(row[1].split())) if row else None

    def by_subject(self, issuer: str, subject: str) -> Party | None:
        """Return the party of an identity provider's subject, or None."""
        row = (
            self._reader()
            .execute(
                "SELECT id FROM account WHERE issuer = ? AND subject = ? AND issuer <> ''",
                (issuer, subject),
            )
            .fetchone()
        )
        return self._people.party(row[0]) if row else None

    # Sessions.

    def open_session(self, id_: str, hours: int = 12) -> str:
        """Return the secret of a new session; ended ones are forgotten on the way."""
        token = new_token()
        with self._transaction() as tx:
            tx.sql.execute("DELETE FROM session WHERE expires <= ?", (timestamp(moment()),))
            tx.sql.execute(
                "INSERT INTO session VALUES (?,?,?)",
                (digest_secret(token), id_, timestamp(moment() + timedelta(hours=hours))),
            )
            tx.note("sign-in", "account", id_, {})
        return token

    def by_session(self, token: str) -> Party | None:
        """Return the party of an open session, or None."""
        row = (
            self._reader()
            .execute(
                "SELECT account FROM session WHERE digest = ? AND expires > ?",
                (digest_secret(token[:100]), timestamp(moment())),
            )
            .fetchone()
        )
        return self._people.party(row[0]) if row else None

    def end_session(self, token: str) -> None:
        """End a session."""
        with self._transaction() as tx:
            tx.sql.execute(
                "DELETE FROM session WHERE digest = ?", (digest_secret(token[:100]),)
            )
