"""What a node's folder must be before anything runs on it: closed to others, used by one server."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from earthcommons.commons.findings import Said
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.store import open_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["alone", "check_modes", "first_of", "in_use", "loose_modes"]

_LOCK = "server.lock"
_NAMED = 3


def loose_modes(root: Path) -> list[Said]:
    """Return what of a node others on this machine could change or read.

    The folder itself and its catalogue, writable by all; keys and secrets, readable by any but
    their owner; and a folder that belongs to another user than the one who runs this.
    """
    places = (root, root / "objects", root / "catalog.sqlite", root / "node.toml")
    found = [
        Said("all-may-write", {"name": path.name})
        for path in places
        if path.exists() and path.stat().st_mode & stat.S_IWOTH
    ]
    owner = root.stat().st_uid
    if owner != os.geteuid() != 0:
        facts = {"name": root.name, "owner": owner, "user": os.geteuid()}
        found.append(Said("other-owner", facts))
    keys = root / "keys"
    secrets = sorted(keys.rglob("*")) if keys.is_dir() else []
    for path in [*secrets, *root.glob("*.key"), *root.glob("*.secret")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        # A public half may be read by everybody.
        if path.is_file() and path.suffix != ".pub" and mode & 0o077:
            facts = {"name": path.relative_to(root), "mode": f"{mode:04o}"}
            found.append(Said("secret-readable", facts))
    return found


def check_modes(root: Path) -> None:
    """Return when nobody else can change the node or read its secrets.

    Raises:
        InvalidInputError: somebody can; the first places are named, and how many more there are.
    """
    if found := first_of(loose_modes(root)):
        raise InvalidInputError("; ".join(each.text() for each in found), code="open-to-others")


def first_of(found: list[Said]) -> tuple[Said, ...]:
    """Return the first of what was found, and how many more there are: a line can be read."""
    more = len(found) - _NAMED
    return (*found[:_NAMED], *((Said("and-more", {"count": more}),) if more > 0 else ()))


@contextmanager
def alone(root: Path, what: str) -> Iterator[None]:
    """Hold the node for one server, migration or rebuild; ends with the process however it ends.

    Commands that read or publish need not ask: SQLite lets one writer in at a time, and objects
    never change.

    Raises:
        ConflictError: another process holds it; the message says which.
    """
    import fcntl

    descriptor = open_lock(root / _LOCK)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise ConflictError(
                f"{root.name} is in use by {holder or 'another process'}: stop it, or use"
                " another folder",
                code="node-in-use",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def in_use(root: Path) -> bool:
    """Return whether a server, a migration or a rebuild holds the node now."""
    import fcntl

    try:
        descriptor = os.open(root / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
