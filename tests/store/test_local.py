from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import IntegrityError, InvalidInputError, NotFoundError, UpstreamError
from earthcommons.store import LocalStore, digest_in

if TYPE_CHECKING:
    from pathlib import Path


def test_bytes_are_found_under_their_digest_and_stored_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    # The digest of no bytes, as FIPS 180-4 gives it.
    key = store.put_bytes(b"", ".json")
    assert key == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.json"
    assert store.put_bytes(b"", ".json") == key
    assert list(store.all_keys()) == [key]
    assert store.read(key) == b""


@given(data=st.binary(max_size=200))
def test_what_was_put_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("store"))
    assert store.read(store.put_bytes(data, "")) == data


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    key = store.put_bytes(b"value", "")
    place = store.path(key)
    place.chmod(0o644)
    place.write_bytes(b"valuf")
    with pytest.raises(IntegrityError) as damaged:
        store.verify(key)
    assert damaged.value.expected == digest_in(key)
    with pytest.raises(IntegrityError):
        store.read(key)


def test_a_tree_is_named_by_its_files_and_a_lost_file_is_seen(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    keys = []
    for _ in range(2):
        with store.stage() as folder:
            tree = folder / "t"
            (tree / "c").mkdir(parents=True)
            (tree / "zarr.json").write_text("{}")
            (tree / "c" / "0").write_bytes(b"chunk")
            keys.append(store.put_tree(tree, ".zarr"))
    assert keys[0] == keys[1]
    assert store.size(keys[0]) == 7
    store.verify(keys[0])
    (store.path(keys[0]) / "c" / "0").unlink()
    with pytest.raises(IntegrityError):
        store.verify(keys[0])


def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UpstreamError, match="No space"):
        store.put_bytes(b"x", ".json")
    assert list(store.all_keys()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "key", ["../x", "ab", "A" * 64, "a" * 64 + "/x", "a" * 64 + ".x.y.z", ""]
)
def test_what_is_no_key_never_becomes_a_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInputError):
        LocalStore(tmp_path).path(key)


def test_an_object_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        LocalStore(tmp_path).path("a" * 64)
