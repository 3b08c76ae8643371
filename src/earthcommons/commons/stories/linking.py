"""Short links: whoever holds one has an asset's bytes, for as long as its giver may have them.

A link is a text signed with a key of the node; nothing is stored. It names item, asset, object, who
gave it, with which key, and when it ends, and each of these is looked at again when it is used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from earthcommons.errors import AccessDeniedError, InvalidInputError, NotFoundError
from earthcommons.policy import acting_party, moment
from earthcommons.store import split_key

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons.node import Node

__all__ = ["Given", "give_link", "use_link"]

LONGEST_S = 7 * 86_400
_LONGEST_TEXT = 2000
_HREF = "/objects/"
_TAG_BYTES = 32


@dataclass(frozen=True, slots=True)
class Given:
    """What a link opens.

    Attributes:
        item: name of the item, `collection/id`.
        asset: name of the asset.
        key: its object.
        by: account that gave the link.
        until: when it ends, UTC.
        with_key: name of the API key it was asked for with; empty when by a session.
    """

    item: str
    asset: str
    key: str
    by: str
    until: datetime
    with_key: str = ""

    @property
    def file_name(self) -> str:
        """Name to keep the bytes under."""
        suffix = split_key(self.key)[1]
        return f"{self.item.replace('/', '-')}-{self.asset}{suffix}"


def give_link(
    node: Node, item: str, asset: str, seconds: int, with_key: str = ""
) -> tuple[str, Given]:
    """Return the text of a link to an asset that the acting party may fetch, and what it opens.

    Asked for with a key (its name, not its secret), it ends with that key.

    Raises:
        NotFoundError: no visible item of that name, or no such asset.
        AccessDeniedError: the item is seen but the bytes are not for the party, or it has no
            account.
        InvalidInputError: over seven days, or an asset that is not on this node.
    """
    if not 1 <= seconds <= LONGEST_S:
        raise InvalidInputError(f"a link lives 1 to {LONGEST_S} seconds")
    party = acting_party()
    body = node.catalog.get("item", item)
    if asset in body.get("ec:withheld", ()):
        raise AccessDeniedError(f"{party.id} may not fetch {asset[:60]!r}")
    found = body["assets"].get(asset)
    if found is None:
        raise NotFoundError(f"item {item[:120]!r} has no asset {asset[:60]!r}")
    if node.catalog.people.party(party.id) is None:
        raise AccessDeniedError("links are given by accounts")
    href = str(found["href"])
    if not href.startswith(_HREF):
        raise InvalidInputError(f"asset {asset[:60]!r} is not on this node")
    ends = (moment() + timedelta(seconds=seconds)).replace(microsecond=0)
    given = Given(item, asset, href.removeprefix(_HREF), party.id, ends, with_key)
    with node.catalog.transaction() as tx:
        detail = {"asset": asset, "until": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        tx.note("link-give", "item", item, detail)
    facts = [given.item, given.asset, given.key, given.by, int(ends.timestamp())]
    facts += [with_key] if with_key else []
    said = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    return _text(_tag(_signing_key(node.root), said) + said), given


def use_link(node: Node, text: str) -> Given:
    """Return what a link opens now.

    Raises:
        NotFoundError: it is no link of this node, has ended, or its giver may no longer fetch the
            asset; which of these it is, nobody is told.
    """
    given = _read(node, text)
    if given is None or given.until <= moment():
        raise _nothing()
    if given.with_key:
        party = node.catalog.credentials.of_key(given.with_key)
    else:
        party = node.catalog.people.party(given.by)
    if (
        party is None
        or party.id != given.by
        or not node.catalog.has_asset(_HREF + given.key, party)
    ):
        raise _nothing()
    return given


def _read(node: Node, text: str) -> Given | None:
    """Return what a signed text says; None when this node did not sign it."""
    if len(text) > _LONGEST_TEXT or not text.isascii():
        raise _nothing()
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    tag, said = data[:_TAG_BYTES], data[_TAG_BYTES:]
    # Only the one spelling that was given: a text with stray characters is another text.
    if _text(data) != text or not hmac.compare_digest(_tag(_signing_key(node.root), said), tag):
        return None
    # Without a key: asked for by a session, or by an earlier program.
    item, asset, key, by, until, *with_key = _parsed(said)
    return Given(item, asset, key, by, datetime.fromtimestamp(until, UTC), *with_key)


def _parsed(said: bytes) -> Any:
    return json.loads(said)


def _tag(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, b"link:" + said, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signing_key(root: Path) -> bytes:
    """Return the node's key for links; made on first use, readable by its owner only."""
    file = root / "keys" / "link.key"
    if not file.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = file.with_name(f"link.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(32))
            out.flush()
            os.fsync(out.fileno())
        # Of two who make one at once, the first one's stands.
        try:
            file.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return file.read_bytes()


def _nothing() -> NotFoundError:
    return NotFoundError("there is no such link, or it has ended")
