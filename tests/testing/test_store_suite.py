"""The shipped suite of stores would catch a store that breaks its promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from earthcommons.model.canonical import digest_of
from earthcommons.store import LocalStore
from earthcommons.testing.store_suite import StoreSuite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Trusting(LocalStore):
    """Gives out whatever bytes are there."""

    def verify(self, key: str) -> None:
        self.path(key)


class Unordered(LocalStore):
    """Lists what it has the other way round."""

    def all_keys(self, suffix: str = "") -> list[str]:  # type: ignore[override]
        return sorted(super().all_keys(suffix), reverse=True)


class Salted(LocalStore):
    """Names an object by something else than its bytes."""

    def put_bytes(self, data: bytes, suffix: str) -> str:
        return super().put_bytes(data + b"salt", suffix)


def flip(root: Path) -> Callable[[str], None]:
    def damage(key: str) -> None:
        place = root / "objects" / key[:2] / key
        place.chmod(0o644)
        place.write_bytes(b"\0" + place.read_bytes()[1:])

    return damage


def test_a_store_that_compares_nothing_is_caught(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        StoreSuite().test_a_flipped_byte_is_seen_and_not_served_again(
            Trusting(tmp_path), lambda: Trusting(tmp_path), flip(tmp_path)
        )


def test_a_store_that_lists_in_another_order_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        StoreSuite().test_keys_come_in_order_and_by_suffix(Unordered(tmp_path))


def test_a_store_that_names_by_other_bytes_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        StoreSuite().test_bytes_are_found_under_their_digest_and_stored_once(Salted(tmp_path))
    assert digest_of(b"salt") + ".json" in list(LocalStore(tmp_path).all_keys())
