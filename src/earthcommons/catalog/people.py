"""Accounts, groups, keys and sessions: what lives in the catalogue alone, beside the audit log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model.party import Party
from earthcommons.policy import OPEN, acting_party, moment, parse_label, require
from earthcommons.trust import (
    KeyText,
    digest_secret,
    hash_password,
    is_password,
    new_key,
    new_token,
    same_secret,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from earthcommons.catalog.reader import Reader
    from earthcommons.catalog.writing import SqliteTransaction

__all__ = ["PEOPLE_SCHEMA", "SCOPES", "Account", "ApiKey", "Group", "People"]

SCOPES = ("read", "submit", "steward", "admin")
_ROLES = ("contributor", "reviewer", "steward")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED = ("public", "operator")
KEY_DAYS_MOST = 366

PEOPLE_SCHEMA = """
CREATE TABLE account (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, password TEXT NOT NULL, issuer TEXT NOT NULL,
  subject TEXT NOT NULL, active INTEGER NOT NULL, made TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_elsewhere ON account (issuer, subject) WHERE issuer <> '';
CREATE TABLE team (
  id TEXT PRIMARY KEY, title_en TEXT NOT NULL, title_zh TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
  account TEXT NOT NULL REFERENCES account, what TEXT NOT NULL, value TEXT NOT NULL,
  since TEXT NOT NULL, PRIMARY KEY (account, what, value)
) STRICT, WITHOUT ROWID;
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
class Account:
    """Somebody with a name on this node.

    Attributes:
        issuer: address of the identity provider they sign in with; empty for a local password.
        roles, groups, licences: what they hold.
    """

    id: str
    name: str
    issuer: str
    active: bool
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    licences: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Group:
    """People who may read, or who own and care for, the same data."""

    id: str
    title_en: str
    title_zh: str


class People:
    """Who there is on this node and what they hold; every change is a line of the audit log."""

    def __init__(
        self,
        reader: Callable[[], Reader],
        transaction: Callable[[], AbstractContextManager[SqliteTransaction]],
    ) -> None:
        self._reader = reader
        self._transaction = transaction

    # Accounts.

    def add(
        self, id_: str, name: str, *, password: str = "", issuer: str = "", subject: str = ""
    ) -> Account:
        """Make an account, with a local password or with a subject at an identity provider.

        Raises:
            InvalidInputError: the id or the password does not fit.
            ConflictError: the id, or the subject, has an account.
        """
        if not _ID.fullmatch(id_) or id_ in _RESERVED:
            raise InvalidInputError(
                f"{id_[:60]!r}: an account's id has a-z, 0-9, '.', '_', '-', 64 at most,"
                " and begins and ends with a letter or digit",
                code="bad-id",
            )
        if not 0 < len(name) <= 200 or not name.isprintable():
            raise InvalidInputError("a name has 1 to 200 printable characters")
        require("administer", OPEN, f"account {id_}")
        hashed = hash_password(password) if password or not issuer else ""
        with self._transaction() as tx:
            taken = tx.sql.execute(
                "SELECT 1 FROM account WHERE id = ? OR (issuer <> '' AND issuer = ?"
                " AND subject = ?)",
                (id_, issuer, subject),
            ).fetchone()
            if taken:
                raise ConflictError(f"there is an account {id_!r} already", code="exists")
            tx.sql.execute(
                "INSERT INTO account VALUES (?,?,?,?,?,1,?)",
                (id_, name, hashed, issuer, subject, _now()),
            )
            tx.note("account-add", "account", id_, {"issuer": issuer})
        return self.account(id_)

    def account(self, id_: str) -> Account:
        """Return an account.

        Raises:
            NotFoundError: there is none of that id.
        """
        row = self._reader().execute(
            "SELECT id, name, issuer, active FROM account WHERE id = ?", (id_,)
        )
        found = row.fetchone()
        if found is None:
            raise NotFoundError(f"there is no account {id_[:60]!r}")
        held = self._held(id_)
        id_, name, issuer, active = found
        mine = (held["role"], held["group"], held["licence"])
        return Account(id_, name, issuer, bool(active), *mine)

    def accounts(self) -> list[Account]:
        """Return all accounts in order of id; operators may ask.

        Raises:
            AccessDeniedError: the acting party is none.
        """
        require("administer", OPEN, "the accounts")
        rows = self._reader().execute("SELECT id FROM account ORDER BY id").fetchall()
        return [self.account(row[0]) for row in rows]

    def set_password(self, id_: str, password: str) -> None:
        """Set a local password; sessions of the account end.

        Raises:
            NotFoundError: there is no such account.
            InvalidInputError: the password does not fit.
        """
        self.account(id_)
        _require_self(id_)
        hashed = hash_password(password)
        with self._transaction() as tx:
            tx.sql.execute("UPDATE account SET password = ? WHERE id = ?", (hashed, id_))
            tx.sql.execute("DELETE FROM session WHERE account = ?", (id_,))
            tx.note("account-password", "account", id_, {})

    def set_active(self, id_: str, active: bool) -> None:
        """Open or close an account; closing ends its sessions and keys at once.

        Raises:
            NotFoundError: there is no such account.
        """
        self.account(id_)
        require("administer", OPEN, f"account {id_}")
        with self._transaction() as tx:
            tx.sql.execute("UPDATE account SET active = ? WHERE id = ?", (active, id_))
            if not active:
                tx.sql.execute("DELETE FROM session WHERE account = ?", (id_,))
                tx.sql.execute("UPDATE api_key SET revoked = 1 WHERE account = ?", (id_,))
            tx.note("account-open" if active else "account-close", "account", id_, {})

    # What they hold.

    def grant(self, id_: str, role: str) -> None:
        """Give a role: `operator`, or `contributor`, `reviewer`, `steward` with `:GROUP` or `:*`.

        Raises:
            NotFoundError: there is no such account or group.
            InvalidInputError: there is no such role.
            AccessDeniedError: the acting party may not give it.
        """
        self._check_role(role)
        _require_giver(role)
        self._hold(id_, "role", role, "role-grant")

    def withdraw(self, id_: str, role: str) -> None:
        """Take a role away; the next request no longer has it."""
        _require_giver(role)
        self._let_go(id_, "role", role, "role-withdraw")

    def join(self, id_: str, group: str) -> None:
        """Let an account read what a group may read.

        Raises:
            NotFoundError: there is no such account or group.
        """
        self.group(group)
        require("manage", OPEN, f"group {group}", owner=group)
        self._hold(id_, "group", group, "group-join")

    def leave(self, id_: str, group: str) -> None:
        """End that."""
        require("manage", OPEN, f"group {group}", owner=group)
        self._let_go(id_, "group", group, "group-leave")

    def accept(self, id_: str, licence: str) -> None:
        """Record that an account accepts a licence, with the moment.

        Raises:
            AccessDeniedError: another asks, or a key without the scope `admin`.
            InvalidInputError: the licence's name does not fit.
        """
        parse_label(f"licence:{licence}")
        _require_self(id_)
        _require_hand("accepts no licence")
        self._hold(id_, "licence", licence, "licence-accept")

    # Groups.

    def add_group(self, id_: str, title_en: str, title_zh: str = "") -> Group:
        """Make a group.

        Raises:
            InvalidInputError: the id does not fit.
            ConflictError: there is one of that id.
        """
        parse_label(f"group:{id_}")
        require("administer", OPEN, f"group {id_}")
        with self._transaction() as tx:
            if tx.sql.execute("SELECT 1 FROM team WHERE id = ?", (id_,)).fetchone():
                raise ConflictError(f"there is a group {id_!r} already", code="exists")
            tx.sql.execute(
                "INSERT INTO team VALUES (?,?,?)", (id_, title_en, title_zh or title_en)
            )
            tx.note("group-add", "group", id_, {})
        return self.group(id_)

    def group(self, id_: str) -> Group:
        """Return a group.

        Raises:
            NotFoundError: there is none of that id.
        """
        row = self._reader().execute("SELECT * FROM team WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no group {id_[:60]!r}")
        return Group(*row)

    def groups(self) -> list[Group]:
        """Return all groups in order of id."""
        rows = self._reader().execute("SELECT * FROM team ORDER BY id")
        return [Group(*row) for row in rows]

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
        self.account(id_)
        _require_self(id_)
        _require_hand("makes no key")
        held = acting_party().scopes
        if held is not None and not held >= set(scopes):
            raise AccessDeniedError("a key gives no scope it does not have")
        if not scopes or set(scopes) - set(SCOPES):
            raise InvalidInputError(f"scopes: one or more of {', '.join(SCOPES)}")
        if not 1 <= days <= KEY_DAYS_MOST:
            raise InvalidInputError(f"a key lives 1 to {KEY_DAYS_MOST} days")
        key = new_key()
        expires = _text(moment() + timedelta(days=days))
        with self._transaction() as tx:
            tx.sql.execute(
                "INSERT INTO api_key VALUES (?,?,?,?,?,?,?,0)",
                (
                    *(key.name, id_, digest_secret(key.secret), " ".join(sorted(scopes))),
                    *(note[:200], _now(), expires),
                ),
            )
            tx.note("key-issue", "key", key.name, {"account": id_, "scopes": sorted(scopes)})
        return key

    def keys(self, id_: str = "") -> list[ApiKey]:
        """Return the keys of an account, or of all; an operator, or whose they are, may ask.

        Raises:
            AccessDeniedError: the acting party is neither.
        """
        _require_self(id_)
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
        _require_self(found[0].account)
        _require_hand("ends no key")
        with self._transaction() as tx:
            tx.sql.execute("UPDATE api_key SET revoked = 1 WHERE name = ?", (name,))
            tx.note("key-revoke", "key", name, {})

    # From a proof to a party.

    def party(self, id_: str, scopes: frozenset[str] | None = None) -> Party | None:
        """Return the party an open account is now, or None."""
        row = (
            self._reader()
            .execute("SELECT 1 FROM account WHERE id = ? AND active", (id_,))
            .fetchone()
        )
        if row is None:
            return None
        held = self._held(id_)
        return Party(
            id_,
            frozenset(held["role"]),
            frozenset(held["group"]),
            frozenset(held["licence"]),
            scopes,
        )

    def by_password(self, id_: str, password: str) -> Party | None:
        """Return the party whose password this is, or None; both take the same time."""
        row = (
            self._reader()
            .execute("SELECT password FROM account WHERE id = ? AND active", (id_,))
            .fetchone()
        )
        right = is_password(password, row[0] if row else "")
        return self.party(id_) if right else None

    def by_key(self, key: KeyText) -> Party | None:
        """Return the party a key speaks for, within its scopes, or None."""
        row = (
            self._reader()
            .execute(
                "SELECT digest, account, scopes FROM api_key"
                " WHERE name = ? AND NOT revoked AND expires > ?",
                (key.name, _now()),
            )
            .fetchone()
        )
        right = same_secret(key.secret, row[0] if row else "0" * 64)
        return self.party(row[1], frozenset(row[2].split())) if row and right else None

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
        return self.party(row[0]) if row else None

    # Sessions.

    def open_session(self, id_: str, hours: int = 12) -> str:
        """Return the secret of a new session; ended ones are forgotten on the way."""
        token = new_token()
        with self._transaction() as tx:
            tx.sql.execute("DELETE FROM session WHERE expires <= ?", (_now(),))
            tx.sql.execute(
                "INSERT INTO session VALUES (?,?,?)",
                (digest_secret(token), id_, _text(moment() + timedelta(hours=hours))),
            )
            tx.note("sign-in", "account", id_, {})
        return token

    def by_session(self, token: str) -> Party | None:
        """Return the party of an open session, or None."""
        row = (
            self._reader()
            .execute(
                "SELECT account FROM session WHERE digest = ? AND expires > ?",
                (digest_secret(token[:100]), _now()),
            )
            .fetchone()
        )
        return self.party(row[0]) if row else None

    def end_session(self, token: str) -> None:
        """End a session."""
        with self._transaction() as tx:
            tx.sql.execute(
                "DELETE FROM session WHERE digest = ?", (digest_secret(token[:100]),)
            )

    def _check_role(self, role: str) -> None:
        name, _, group = role.partition(":")
        if role == "operator" or (name in _ROLES and group == "*"):
            return
        if name not in _ROLES or not group:
            raise InvalidInputError(
                f"{role[:60]!r} is no role; there are operator, contributor:GROUP,"
                " reviewer:GROUP and steward:GROUP"
            )
        self.group(group)

    def _held(self, id_: str) -> dict[str, tuple[str, ...]]:
        held: dict[str, list[str]] = {"role": [], "group": [], "licence": []}
        for what, value in self._reader().execute(
            "SELECT what, value FROM held WHERE account = ? ORDER BY what, value", (id_,)
        ):
            held[what].append(value)
        return {what: tuple(values) for what, values in held.items()}

    def _hold(self, id_: str, what: str, value: str, action: str) -> None:
        self.account(id_)
        with self._transaction() as tx:
            added = tx.sql.execute(
                "INSERT OR IGNORE INTO held VALUES (?,?,?,?)", (id_, what, value, _now())
            )
            if added.rowcount:
                tx.note(action, "account", id_, {what: value})

    def _let_go(self, id_: str, what: str, value: str, action: str) -> None:
        with self._transaction() as tx:
            gone = tx.sql.execute(
                "DELETE FROM held WHERE account = ? AND what = ? AND value = ?",
                (id_, what, value),
            )
            if gone.rowcount:
                tx.note(action, "account", id_, {what: value})


def _require_self(id_: str) -> None:
    """Return when the acting party is that account, or an operator."""
    if acting_party().id != id_:
        require("administer", OPEN, f"account {id_}")


def _require_hand(refusal: str) -> None:
    """Return when the acting party is there in person, or its key may act on accounts."""
    scopes = acting_party().scopes
    if scopes is not None and "admin" not in scopes:
        raise AccessDeniedError(f"a key without the scope admin {refusal}")


def _require_giver(role: str) -> None:
    """Return when the acting party may give or take a role: stewards below their own."""
    name, _, group = role.partition(":")
    if name in ("contributor", "reviewer") and group != "*":
        require("manage", OPEN, f"group {group}", owner=group)
    else:
        require("administer", OPEN, f"role {role}")


def _now() -> str:
    return _text(moment())


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
