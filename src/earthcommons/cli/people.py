"""Commands about people and rules: account, group, role, key, access, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import InvalidInputError

__all__ = ["add_to"]

account = typer.Typer(no_args_is_help=True, help="Accounts of this node, and what they hold.")
group = typer.Typer(no_args_is_help=True, help="Groups that read or own data together.")
key = typer.Typer(no_args_is_help=True, help="Keys for programs: scoped, expiring, revocable.")
access = typer.Typer(no_args_is_help=True, help="Who may find, fetch and build upon data.")
audit = typer.Typer(no_args_is_help=True, help="The append-only log of who did what.")

Id = Annotated[str, typer.Argument(help="Id of the account.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, each in (
        ("account", account), ("group", group), ("key", key), ("access", access),
        ("audit", audit),
    ):  # fmt: skip
        app.add_typer(each, name=name)


@account.command("add")
def account_add(
    id_: Id,
    name: Annotated[str, typer.Option(help="Name of the person or service.")],
    node: NodeDir = DEFAULT_NODE,
    issuer: Annotated[str, typer.Option(help="Identity provider they sign in with.")] = "",
    subject: Annotated[str, typer.Option(help="Their subject there.")] = "",
    password: Annotated[
        bool, typer.Option(help="Ask for a local password (read from the terminal or stdin).")
    ] = False,
) -> None:
    """Make an account; without --password it is used by keys or by an identity provider."""
    word = _password() if password else ""
    if not issuer and not word:
        # An account that only keys speak for: nobody knows this word.
        from earthcommons.trust import new_token

        word = new_token()
    made = opened(node).catalog.people.add(
        id_, name, password=word, issuer=issuer, subject=subject
    )
    print(f"account {made.id} made")


@account.command("list")
def account_list(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """List accounts with what they hold."""
    found = opened(node).catalog.people.accounts()
    if json:
        show([{name: getattr(a, name) for name in a.__slots__} for a in found])
        return
    rows = [
        (a.id, a.name, "open" if a.active else "closed", " ".join(a.roles), " ".join(a.groups))
        for a in found
    ]
    table(("account", "name", "state", "roles", "groups"), rows)


@account.command("password")
def account_password(id_: Id, node: NodeDir = DEFAULT_NODE) -> None:
    """Set a local password, read from the terminal or stdin; sessions end."""
    opened(node).catalog.people.set_password(id_, _password())
    print(f"password of {id_} set")


@account.command("close")
def account_close(id_: Id, node: NodeDir = DEFAULT_NODE) -> None:
    """Close an account: its sessions and keys end at once."""
    opened(node).catalog.people.set_active(id_, active=False)
    print(f"account {id_} closed")


@account.command("open")
def account_open(id_: Id, node: NodeDir = DEFAULT_NODE) -> None:
    """Open a closed account again; its keys stay revoked."""
    opened(node).catalog.people.set_active(id_, active=True)
    print(f"account {id_} open")


@account.command("grant")
def account_grant(id_: Id, role: str, node: NodeDir = DEFAULT_NODE) -> None:
    """Give a role: operator, or contributor, reviewer or steward with :GROUP."""
    opened(node).catalog.people.grant(id_, role)
    print(f"{id_} is {role}")


@account.command("withdraw")
def account_withdraw(id_: Id, role: str, node: NodeDir = DEFAULT_NODE) -> None:
    """Take a role away; the next request no longer has it."""
    opened(node).catalog.people.withdraw(id_, role)
    print(f"{id_} is not {role}")


@group.command("add")
def group_add(
    id_: Annotated[str, typer.Argument(help="Id of the group.")],
    title: Annotated[str, typer.Option(help="Title in English.")],
    node: NodeDir = DEFAULT_NODE,
    title_zh: Annotated[str, typer.Option(help="Title in Chinese.")] = "",
) -> None:
    """Make a group."""
    made = opened(node).catalog.people.add_group(id_, title, title_zh)
    print(f"group {made.id} made")


@group.command("list")
def group_list(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """List groups."""
    found = opened(node).catalog.people.groups()
    if json:
        show([{"id": g.id, "title": {"en": g.title_en, "zh": g.title_zh}} for g in found])
        return
    table(("group", "title", "in Chinese"), [(g.id, g.title_en, g.title_zh) for g in found])


@group.command("join")
def group_join(group_id: str, account_id: str, node: NodeDir = DEFAULT_NODE) -> None:
    """Let an account read what the group may read."""
    opened(node).catalog.people.join(account_id, group_id)
    print(f"{account_id} is in {group_id}")


@group.command("leave")
def group_leave(group_id: str, account_id: str, node: NodeDir = DEFAULT_NODE) -> None:
    """End that."""
    opened(node).catalog.people.leave(account_id, group_id)
    print(f"{account_id} is not in {group_id}")


@key.command("issue")
def key_issue(
    account_id: str,
    scope: Annotated[list[str], typer.Option(help="read, submit, steward or admin; repeat.")],
    node: NodeDir = DEFAULT_NODE,
    days: Annotated[int, typer.Option(help="Days until it ends, 366 at most.")] = 90,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a key and print it: this is the only time it is shown."""
    made = opened(node).catalog.credentials.issue_key(account_id, tuple(scope), days, note)
    print(made.reveal())


@key.command("list")
def key_list(
    account_id: Annotated[str, typer.Argument(help="Of this account only.")] = "",
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """List keys; secrets are not kept."""
    found = opened(node).catalog.credentials.keys(account_id)
    if json:
        show([{name: getattr(k, name) for name in k.__slots__} for k in found])
        return
    rows = [
        (
            k.name,
            k.account,
            " ".join(k.scopes),
            k.expires,
            "revoked" if k.revoked else "",
            k.note,
        )
        for k in found
    ]
    table(("key", "account", "scopes", "ends", "", "note"), rows)


@key.command("revoke")
def key_revoke(name: str, node: NodeDir = DEFAULT_NODE) -> None:
    """End a key at once."""
    opened(node).catalog.credentials.revoke_key(name)
    print(f"key {name} revoked")


@access.command("show")
def access_show(name: str, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Show the rule of a collection, or of an item named collection/item."""
    from earthcommons.commons.stories.access import rule_of

    found = rule_of(opened(node), "item" if "/" in name else "collection", name)
    if json:
        show(found)
        return
    stated, force = found["stated"], found["in_force"]
    print(f"{name}, owned by {found['owner'] or 'the operators'}")
    rows = [(f, stated[f] or "as fetch", force[f]) for f in ("find", "fetch", "derive")]
    table(("who may", "stated", "in force"), rows)


@access.command("set")
def access_set(
    name: str,
    node: NodeDir = DEFAULT_NODE,
    find: Annotated[str, typer.Option(help="Label of who may find it.")] = "open",
    fetch: Annotated[str, typer.Option(help="Label of who may have its bytes.")] = "open",
    derive: Annotated[
        str, typer.Option(help="Label of who may see what is computed from it.")
    ] = "",
    why: Annotated[str, typer.Option(help="Reason, for the audit log.")] = "",
) -> None:
    """State a rule: open, registered, licence:ID, group:ID, after:TIME, joined by + or ' & '."""
    from earthcommons.commons.stories.access import Rule, set_rule

    kind = "item" if "/" in name else "collection"
    changed = set_rule(opened(node), kind, name, Rule(find, fetch, derive or None), why=why)  # type: ignore[arg-type]
    print(f"{name}: {'rule set' if changed else 'unchanged'}")


@access.command("owner")
def access_owner(
    collection: str,
    group_id: Annotated[str, typer.Argument(help="Group; '' for the operators alone.")],
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Hand a collection to a group, whose stewards care for it."""
    from earthcommons.commons.stories.access import set_owner

    set_owner(opened(node), collection, group_id)
    print(f"{collection} is owned by {group_id or 'the operators'}")


@audit.command("log")
def audit_log(
    node: NodeDir = DEFAULT_NODE,
    id_: Annotated[str, typer.Option("--id", help="Of this record only.")] = "",
    after: Annotated[int, typer.Option(help="After this line.")] = 0,
    limit: Annotated[int, typer.Option(help="How many lines.")] = 100,
    json: AsJson = False,
) -> None:
    """Print lines of the audit log, oldest first."""
    found = opened(node).catalog.audit_log(after=after, id_=id_, limit=limit)
    if json:
        show([{name: getattr(r, name) for name in r.__slots__} for r in found])
        return
    rows = [(str(r.seq), r.at, r.who, r.action, r.kind, r.id) for r in found]
    table(("line", "when", "who", "did", "to", ""), rows)


@audit.command("verify")
def audit_verify(
    node: NodeDir = DEFAULT_NODE,
    head: Annotated[
        str,
        typer.Option(
            help="A head kept earlier, LINE:DIGEST, or a backup that keeps one: shows a cut tail."
        ),
    ] = "",
) -> None:
    """Walk the chain of the audit log, and print its head."""
    catalog = opened(node).catalog
    count = catalog.verify_audit(_head(head) if head else None)
    print(f"{count} lines, each follows the last; head {count}:{catalog.audit_head()[1]}")


def _head(text: str) -> tuple[int, str]:
    from earthcommons.commons.stories.backup_heads import read_head
    from earthcommons.commons.stories.restoring import kept_head

    if not Path(text).exists():
        return read_head(text)
    head = kept_head(Path(text))
    if head is None:
        raise InvalidInputError(f"--head: the backup {text} was made before backups kept one")
    return head


def _password() -> str:
    import sys
    from getpass import getpass

    if sys.stdin.isatty():
        word = getpass("Password: ")
        if word != getpass("Again: "):
            raise InvalidInputError("the two do not agree")
        return word
    return sys.stdin.readline().rstrip("\n")
