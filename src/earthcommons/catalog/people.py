"""Who there is on a node and what they hold: accounts, groups, roles, licences accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model.party import Party
from earthcommons.policy import OPEN, acting_party, moment, parse_label, require
from earthcommons.trust import hash_password

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from earthcommons.catalog.reader import Reader
    from earthcommons.catalog.writing import SqliteTransaction

__all__ = [
    "PEOPLE_SCHEMA",
    "Account",
    "Group",
    "People",
    "require_hand",
    "require_self",
    "timestamp",
]

_ROLES = ("contributor", "reviewer", "steward")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED = ("public", "operator")

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
                (id_, name, hashed, issuer, subject, timestamp(moment())),
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
        require_self(id_)
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
        """Take a role away; the next request no longer has it.

        Raises:
            NotFoundError: there is no such account or group.
            InvalidInputError: there is no such role.
            AccessDeniedError: the acting party may not take it.
        """
        self._check_role(role)
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
        """End that.

        Raises:
            NotFoundError: there is no such account or group.
        """
        self.group(group)
        require("manage", OPEN, f"group {group}", owner=group)
        self._let_go(id_, "group", group, "group-leave")

    def accept(self, id_: str, licence: str) -> None:
        """Record that an account accepts a licence, with the moment.

        Raises:
            AccessDeniedError: another asks, or a key without the scope `admin`.
            InvalidInputError: the licence's name does not fit.
        """
        parse_label(f"licence:{licence}")
        require_self(id_)
        require_hand("accepts no licence")
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

    # What an account may now.

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
                "INSERT OR IGNORE INTO held VALUES (?,?,?,?)",
                (id_, what, value, timestamp(moment())),
            )
            if added.rowcount:
                tx.note(action, "account", id_, {what: value})

    def _let_go(self, id_: str, what: str, value: str, action: str) -> None:
        # A name that is misspelt would keep what it was to lose, and nobody would be told.
        self.account(id_)
        with self._transaction() as tx:
            gone = tx.sql.execute(
                "DELETE FROM held WHERE account = ? AND what = ? AND value = ?",
                (id_, what, value),
            )
            if gone.rowcount:
                tx.note(action, "account", id_, {what: value})


def require_self(id_: str) -> None:
    """Return when the acting party is that account, or an operator.

    Raises:
        AccessDeniedError: it is neither.
    """
    if acting_party().id != id_:
        require("administer", OPEN, f"account {id_}")


def require_hand(refusal: str) -> None:
    """Return when the acting party is there in person, or its key may act on accounts.

    Raises:
        AccessDeniedError: it is a key without the scope `admin`.
    """
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


def timestamp(at: datetime) -> str:
    """Return a moment as the tables of people keep it: as text, in UTC, to be compared."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
